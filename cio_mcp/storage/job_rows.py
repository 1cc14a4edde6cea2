"""The rows of a job: how they are stored, and read again."""

import hashlib
import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from pydantic import JsonValue
from sqlalchemy import Connection, and_, bindparam, delete, insert, select, update

from cio_mcp.storage.schema import job_rows

STAGED_AT_ONCE = 500
"""Rows that are staged in one transaction, so that other writers never wait long. Chosen."""
MAX_READ_BYTES = 600_000
"""Characters of rows that are read at once: more than one request of the Track API holds."""
READ_AT_ONCE = 200
"""Rows that the driver holds at once."""
DELETED_AT_ONCE = 2_000
"""Rows that one transaction deletes: some 10 ms."""

_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class StagedRow:
    """A row as a job's source has it: the line of its file, from 1, if it has one, and what the job sends for it.

    A row with a `problem` is never sent; its `data` is then what can be corrected.
    """

    line: int | None
    data: JsonValue
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was rejected before the job (its number is negative) or refused by Customer.io, and why.

    Without a `problem`, the job ended before it came to the row.
    """

    number: int
    line: int | None
    data: JsonValue
    problem: str | None


class StoredRows(list[JsonValue]):
    """Rows as they were staged, and in `texts` as they are stored: JSON without spaces, with sorted keys."""

    def __init__(self, texts: Sequence[str]) -> None:
        # At once: parsing thousands of short texts one by one takes four times as long.
        super().__init__(json.loads(f"[{','.join(texts)}]"))
        self.texts = texts


class RowSource(Protocol):
    """What the rows of a job are read from, once, in a worker thread."""

    def rows(self) -> Iterator[StagedRow]:
        """Read the rows in their order.

        Raises:
            UserError: they cannot be read.
        """
        ...

    def report(self) -> Mapping[str, JsonValue]:
        """What the plan shows of the rows, once all were read: kept with the job, as JSON."""
        ...


class NumberedRows:
    """Numbers the rows of a source, those that will be sent from 0, and digests them."""

    def __init__(self, source: RowSource) -> None:
        self._rows = source.rows()
        self._digest = hashlib.sha256()
        self._sum = 0
        self.total = 0
        self.rejected = 0

    def part(self) -> list[dict[str, Any]]:
        """Read the next rows, as the table has them; none are left if it is empty.

        Raises:
            UserError: as `RowSource.rows`.
        """
        return [self._number(row) for row in islice(self._rows, STAGED_AT_ONCE)]

    def digest(self, kind: str, options_json: str) -> str:
        """The SHA-256 (hex) over kind, options, and the rows that will be sent."""
        return hashlib.sha256(f"{kind}\n{options_json}\n{self._digest.hexdigest()}".encode()).hexdigest()

    def effect(self, kind: str) -> str:
        """The SHA-256 (hex) over kind and rows in any order: equal for jobs that do the same."""
        return hashlib.sha256(f"{kind}\n{self.total} {self._sum % 2**256}".encode()).hexdigest()

    def close(self) -> None:
        """Close the file behind the rows, if it is still open."""
        if isinstance(self._rows, Generator):
            self._rows.close()

    def _number(self, row: StagedRow) -> dict[str, Any]:
        data = _encode(row.data)
        if row.problem is not None:
            self.rejected += 1
            return {"number": -self.rejected, "line": row.line, "data": data, "problem": row.problem}
        line = f"{data}\n".encode(errors="surrogatepass")
        self._digest.update(line)
        self._sum += int.from_bytes(hashlib.sha256(line).digest(), "big")
        self.total += 1
        return {"number": self.total - 1, "line": row.line, "data": data, "problem": None}


def insert_rows(job: str, rows: Sequence[Mapping[str, Any]], db: Connection) -> None:
    """Store rows of a job."""
    db.execute(insert(job_rows), [{"job": job, **row} for row in rows])


def note_problems(job: str, problems: Mapping[int, str], db: Connection) -> None:
    """Note why rows were refused, by their numbers."""
    if problems:
        # One statement for all of them: one each would hold the write lock for a second where a whole batch is refused.
        here = update(job_rows).where(job_rows.c.job == job, job_rows.c.number == bindparam("refused"))
        rows = [{"refused": number, "why": problem} for number, problem in problems.items()]
        db.execute(here.values(problem=bindparam("why")), rows)


def delete_rows(job: str, db: Connection) -> int:
    """Delete the first `DELETED_AT_ONCE` rows of a job; returns how many there were."""
    first = select(job_rows.c.number).where(job_rows.c.job == job).order_by(job_rows.c.number).limit(DELETED_AT_ONCE)
    few = and_(job_rows.c.job == job, job_rows.c.number.in_(first.scalar_subquery()))
    return db.execute(delete(job_rows).where(few)).rowcount


def read_rows(db: Connection, job: str, start: int, limit: int, size: int) -> StoredRows:
    """Read rows in their order, from number `start`: up to `limit`, and until they have `size` characters."""
    here = select(job_rows.c.data).where(job_rows.c.job == job, job_rows.c.number >= start)
    texts: list[str] = []
    total = 0
    with db.execution_options(yield_per=READ_AT_ONCE).scalars(here.order_by(job_rows.c.number).limit(limit)) as found:
        for data in found:
            texts.append(data)
            total += len(data)
            if total >= size:
                break
    return StoredRows(texts)


def read_staged(db: Connection, job: str, after: int | None, limit: int) -> list[RefusedRow]:
    """Read the rows that a job has yet to send; `after` is the number of the last row of the previous page."""
    left = and_(
        job_rows.c.job == job, job_rows.c.number > (-1 if after is None else after), job_rows.c.problem.is_(None)
    )
    rows = db.execute(select(job_rows).where(left).order_by(job_rows.c.number).limit(limit)).mappings()
    return [RefusedRow(row["number"], row["line"], json.loads(row["data"]), None) for row in rows]


def read_refused(db: Connection, job: str, after: int | None, limit: int, end: int | None) -> list[RefusedRow]:
    """Read the rows that were rejected, the first one first, and then those that were refused or not done.

    `after` is the number of the last row of the previous page, `end` that of the first row which is still to be done.
    """
    here = select(job_rows).where(job_rows.c.job == job)
    number = job_rows.c.number
    rows: list[Any] = []
    if after is None or after < 0:
        rejected = here.where(number < (after or 0)).order_by(number.desc()).limit(limit)
        rows += db.execute(rejected).mappings()
    rest = here.where(number >= (0 if after is None or after < 0 else after + 1))
    rest = rest if end is None else rest.where(number < end)
    rows += db.execute(rest.order_by(number).limit(limit - len(rows))).mappings()
    return [RefusedRow(row["number"], row["line"], json.loads(row["data"]), row["problem"]) for row in rows]
