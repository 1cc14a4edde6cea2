"""Taking a person out of the journal and the event log of a workspace, a little at a time."""

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from cio_mcp.storage.bodies import bare_plan
from cio_mcp.storage.changes import OPEN, UNSETTLED, ChangeRow
from cio_mcp.storage.engine import Database
from cio_mcp.storage.schema import changes, events

ERASED = "(erased)"
WITHDRAWN = "the person it is about was forgotten"
STEP = 200
"""Changes read, or events deleted, in one transaction."""

About = Callable[[ChangeRow], bool]
"""Whether a change is about the person."""


@dataclass(frozen=True, slots=True)
class Traces:
    """How much there is of a person: changes, those of them that are open still, and events."""

    changes: int = 0
    open: int = 0
    events: int = 0


class Forgetting:
    """What one workspace keeps about a person: `about` tells the changes, `names` (id, email, cio_id) the events."""

    def __init__(self, database: Database, workspace: str, about: About, names: Collection[str]) -> None:
        self._database = database
        self._workspace = workspace
        self._about = about
        self._names = names

    async def found(self, now: float) -> Traces:
        """Count, without changing anything."""
        here = select(func.count()).select_from(events).where(self._events())
        logged = await self._database.read(lambda db: db.scalar(here) or 0)
        last, total, still_open = "", 0, 0
        while rows := await self._database.read(lambda db, last=last: self._page(db, last)):  # type: ignore[misc]  # a default binds the loop's value
            mine = [row for row in rows if row.workspace == self._workspace and self._about(row)]
            total += len(mine)
            still_open += sum(row.state in OPEN and row.expires_at > now for row in mine)
            last = rows[-1].id
        return Traces(total, still_open, logged)

    async def erase(self, *, by: str, now: float) -> Traces:
        """Erase: texts of changes become `ERASED`, open ones are withdrawn, events go; digests and states stay."""
        last, total, withdrawn = "", 0, 0
        while True:

            def work(db: Connection, last: str = last) -> tuple[list[ChangeRow], list[ChangeRow]]:
                _overwrite(db)
                rows = self._page(db, last)
                mine = [row for row in rows if row.workspace == self._workspace and self._about(row)]
                for row in mine:
                    db.execute(update(changes).where(changes.c.id == row.id).values(**self._erased(row, by, now)))
                return rows, mine

            rows, mine = await self._database.write(work)
            if not rows:
                break
            total += len(mine)
            withdrawn += sum(row.state in OPEN and row.expires_at > now for row in mine)
            last = rows[-1].id
        gone = 0
        while step := await self._database.write(self._drop):
            gone += step
        return Traces(total, withdrawn, gone)

    def _page(self, db: Connection, last: str) -> list[ChangeRow]:
        # By id alone: with the workspace in it, SQLite would sort all of them for each page.
        here = select(changes).where(changes.c.id > last)
        return [ChangeRow(**row) for row in db.execute(here.order_by(changes.c.id).limit(STEP)).mappings()]

    def _erased(self, row: ChangeRow, by: str, now: float) -> dict[str, object]:
        return {
            "summary": ERASED,
            "question": ERASED,
            "plan": bare_plan(row.risk, ERASED),
            "outcome": _without_person(row.outcome),
            "baseline": None,
            **dict(_closed(row, by, now)),
        }

    def _drop(self, db: Connection) -> int:
        _overwrite(db)
        few = select(events.c.sequence).where(self._events()).limit(STEP).scalar_subquery()
        return db.execute(delete(events).where(events.c.sequence.in_(few))).rowcount

    def _events(self) -> ColumnElement[bool]:
        names = {name.removeprefix("cio_") for name in self._names} | set(self._names)
        emails = {name.lower() for name in self._names if "@" in name}
        theirs = or_(events.c.cio_id.in_(names), events.c.person_id.in_(names), events.c.email.in_(emails))
        return (events.c.workspace == self._workspace) & theirs


def _closed(row: ChangeRow, by: str, now: float) -> Iterator[tuple[str, object]]:
    if row.state in OPEN:
        yield from {"state": "declined", "decided_at": now, "decided_by": by, "decided_how": WITHDRAWN}.items()
    if row.state in UNSETTLED:
        # Without its plan nobody can look for the effect, and it must not be taken for a plan that asks for nothing.
        yield from {"state": "unknown", "settle_at": None}.items()


def _without_person(outcome: str | None) -> str | None:
    if outcome is None:
        return None
    kept = {"message": ERASED} if json.loads(outcome).get("message") else {}
    return json.dumps(kept)


def _overwrite(db: Connection) -> None:
    """Have SQLite overwrite what it frees, so that erased text does not stay behind in the file."""
    if db.dialect.name == "sqlite":
        db.exec_driver_sql("PRAGMA secure_delete=ON")
