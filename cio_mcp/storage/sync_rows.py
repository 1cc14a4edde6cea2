"""What syncs have sent: a digest for each row that Customer.io accepted, so that unchanged rows are not sent again."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import NamedTuple

from pydantic import JsonValue
from sqlalchemy import Connection, Delete, and_, delete, insert, select
from sqlalchemy.sql.elements import ColumnElement

from cio_mcp.storage.engine import Database
from cio_mcp.storage.schema import sync_rows

DIGEST_BYTES = 16
READ_AT_ONCE = 1_000
WRITTEN_AT_ONCE = 1_000
"""Rows of one statement; SQLite takes 32,766 values."""


class SyncRow(NamedTuple):
    """The digests of a row: of whom it is about, and of all that it says."""

    key: bytes
    content: bytes

    @classmethod
    def of(cls, operation: Mapping[str, JsonValue]) -> "SyncRow":
        """The digests of an operation of the Track API (v2); case does not matter in an address."""
        identifiers = operation.get("identifiers")
        who: JsonValue = {
            kind: value.casefold() if kind == "email" and isinstance(value, str) else value
            for kind, value in (identifiers.items() if isinstance(identifiers, dict) else ())
        }
        return cls(_digest(who), _digest(dict(operation)))


@dataclass(slots=True)
class KnownRows:
    """All that a sync has sent, in 32 bytes a row: sorted digests, among which a row is looked up."""

    keys: bytes = b""
    contents: bytes = b""
    _seen: bytearray = field(init=False)

    def __post_init__(self) -> None:
        self._seen = bytearray(len(self))

    def __len__(self) -> int:
        return len(self.keys) // DIGEST_BYTES

    def has(self, row: SyncRow) -> bool:
        """Whether a row was sent as it is; from then on it counts as seen, whatever it said."""
        place = self._find(row.key)
        if place is None:
            return False
        self._seen[place] = True
        return self.contents[place * DIGEST_BYTES : (place + 1) * DIGEST_BYTES] == row.content

    def unseen(self) -> Iterator[bytes]:
        """The keys of rows that were sent once, and are no longer there."""
        return (self._key(place) for place in range(len(self)) if not self._seen[place])

    def _find(self, key: bytes) -> int | None:
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            found = self._key(middle)
            if found == key:
                return middle
            low, high = (middle + 1, high) if found < key else (low, middle)
        return None

    def _key(self, place: int) -> bytes:
        return self.keys[place * DIGEST_BYTES : (place + 1) * DIGEST_BYTES]


class SyncRows:
    """What the syncs of one workspace have sent."""

    def __init__(self, database: Database, workspace: str) -> None:
        self._database = database
        self._workspace = workspace

    async def known(self, sync: str) -> KnownRows:
        """Read what a sync has sent."""
        query = select(sync_rows.c.key, sync_rows.c.content).where(self._of(sync)).order_by(sync_rows.c.key)

        def work(db: Connection) -> KnownRows:
            keys, contents = bytearray(), bytearray()
            with db.execution_options(yield_per=READ_AT_ONCE).execute(query) as found:
                for key, content in found:
                    keys += key
                    contents += content
            return KnownRows(bytes(keys), bytes(contents))

        return await self._database.read(work)

    async def record(self, sync: str, rows: Iterable[SyncRow]) -> None:
        """Record what Customer.io accepted; of several rows about one customer, the last counts."""
        latest = [*{row.key: row for row in rows}.values()]
        for start in range(0, len(latest), WRITTEN_AT_ONCE):
            await self._database.write(partial(self._replace, sync, latest[start : start + WRITTEN_AT_ONCE]))

    async def forget(self, sync: str, keys: Iterable[bytes]) -> None:
        """Forget rows that are no longer there: if they come back, they are sent again."""
        gone = iter(keys)
        while part := [*islice(gone, WRITTEN_AT_ONCE)]:
            statement = delete(sync_rows).where(self._of(sync), sync_rows.c.key.in_(part))
            await self._database.write(partial(_execute, statement))

    def _of(self, sync: str) -> ColumnElement[bool]:
        return and_(sync_rows.c.workspace == self._workspace, sync_rows.c.sync == sync)

    def _replace(self, sync: str, rows: Sequence[SyncRow], db: Connection) -> None:
        db.execute(delete(sync_rows).where(self._of(sync), sync_rows.c.key.in_([row.key for row in rows])))
        db.execute(insert(sync_rows), [{"workspace": self._workspace, "sync": sync, **row._asdict()} for row in rows])


def _execute(statement: Delete, db: Connection) -> None:
    db.execute(statement)


def _digest(value: JsonValue) -> bytes:
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).digest()[:DIGEST_BYTES]
