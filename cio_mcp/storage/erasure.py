"""Erasure: the bodies of old changes, and everything about one person, a little at a time."""

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, func, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from cio_mcp.storage.change_queries import row_columns
from cio_mcp.storage.decisions import WithdrawalPhrase
from cio_mcp.storage.engine import Database
from cio_mcp.storage.rows import OPEN, UNSETTLED, ChangeRow
from cio_mcp.storage.schema import changes, events, has_body

REDUCED_AT_ONCE = 100
"""Bodies that one transaction takes out: some 10 ms."""
READ_AT_ONCE = 50
"""Changes read in one transaction: plans of up to a megabyte each."""
DELETED_AT_ONCE = 200
"""Events deleted in one transaction."""
ERASED = "(erased)"
WITHDRAWN: WithdrawalPhrase = "the data of its person was erased"

About = Callable[[ChangeRow], bool]
"""Whether a change is about the person."""


def bare_plan(risk: str, summary: str, affected: int | None = 1) -> str:
    """Write the plan (JSON) of a change without its body: its risk, one line, and how many people it is for."""
    return json.dumps({"risk": risk, "summary": summary, "affected": affected}, ensure_ascii=False)


async def reduce_old_changes(database: Database, *, before: float, now: float) -> int:
    """Reduce up to `REDUCED_AT_ONCE` changes planned before a time, of any workspace, to digest and summary.

    Returns how many. A change that is open, or whose outcome is unknown, keeps its body.
    """
    settled = or_(
        changes.c.state.not_in((*OPEN, *UNSETTLED)), and_(changes.c.state.in_(OPEN), changes.c.expires_at < before)
    )
    late = or_(changes.c.due_at.is_(None), changes.c.due_at < now)
    old = select(changes.c.id, changes.c.risk, changes.c.summary).where(
        has_body, changes.c.planned_at < before, settled, late
    )

    def work(db: Connection) -> int:
        rows = db.execute(old.order_by(changes.c.planned_at).limit(REDUCED_AT_ONCE)).all()
        for row in rows:
            reduced = {
                "question": "",
                "plan": bare_plan(row.risk, row.summary),
                "size": 0,
                "baseline": None,
                "arguments_json": None,
                "next_step": None,
            }
            db.execute(update(changes).where(changes.c.id == row.id).values(**reduced))
        return len(rows)

    return await database.write(work)


@dataclass(frozen=True, slots=True)
class ErasureCounts:
    """How much there is about a person: changes, those of them that are still open, and events."""

    changes: int = 0
    open: int = 0
    events: int = 0

    def __add__(self, other: "ErasureCounts") -> "ErasureCounts":
        return ErasureCounts(self.changes + other.changes, self.open + other.open, self.events + other.events)


class PersonEraser:
    """What one workspace keeps about a person: `about` recognizes changes, `names` (id, email, cio_id) the events."""

    def __init__(self, database: Database, workspace: str, about: About, names: Collection[str]) -> None:
        self._database = database
        self._workspace = workspace
        self._about = about
        self._names = names

    async def count(self, now: float) -> ErasureCounts:
        """Count, without changing anything."""
        here = select(func.count()).select_from(events).where(self._events())
        total = ErasureCounts(events=await self._database.read(lambda db: db.scalar(here) or 0))
        last = ""
        while rows := await self._database.read(lambda db, last=last: self._page(db, last)):  # type: ignore[misc]  # a default binds the loop's value
            total += self._count(self._mine(rows), now)
            last = rows[-1].id
        return total

    async def erase(self, *, by: str, now: float) -> ErasureCounts:
        """Erase: texts of changes become `ERASED`, open ones are withdrawn, events go; digests and states stay."""
        last, total = "", ErasureCounts()
        while True:

            def work(db: Connection, last: str = last) -> tuple[list[ChangeRow], list[ChangeRow]]:
                rows = self._page(db, last)
                mine = self._mine(rows)
                for row in mine:
                    db.execute(update(changes).where(changes.c.id == row.id).values(**_erased(row, by, now)))
                return rows, mine

            rows, mine = await self._database.erase(work)
            if not rows:
                break
            total += self._count(mine, now)
            last = rows[-1].id
        while deleted := await self._database.erase(self._delete_events):
            total += ErasureCounts(events=deleted)
        return total

    def _page(self, db: Connection, last: str) -> list[ChangeRow]:
        # By id alone: with the workspace in it, SQLite would sort all of them for each page.
        here = select(*row_columns).where(changes.c.id > last)
        return [ChangeRow(**row) for row in db.execute(here.order_by(changes.c.id).limit(READ_AT_ONCE)).mappings()]

    def _mine(self, rows: list[ChangeRow]) -> list[ChangeRow]:
        return [row for row in rows if row.workspace == self._workspace and self._about(row)]

    def _count(self, mine: list[ChangeRow], now: float) -> ErasureCounts:
        return ErasureCounts(len(mine), sum(row.state in OPEN and row.expires_at > now for row in mine))

    def _delete_events(self, db: Connection) -> int:
        few = select(events.c.sequence).where(self._events()).limit(DELETED_AT_ONCE).scalar_subquery()
        return db.execute(delete(events).where(events.c.sequence.in_(few))).rowcount

    def _events(self) -> ColumnElement[bool]:
        names = {name.removeprefix("cio_") for name in self._names} | set(self._names)
        emails = {name.lower() for name in self._names if "@" in name}
        theirs = or_(events.c.cio_id.in_(names), events.c.person_id.in_(names), events.c.email.in_(emails))
        return (events.c.workspace == self._workspace) & theirs


def _erased(row: ChangeRow, by: str, now: float) -> dict[str, object]:
    return {
        "summary": ERASED,
        "question": ERASED,
        # The number of people counts toward the hourly cap.
        "plan": bare_plan(row.risk, ERASED, _affected(row.plan)),
        "size": 0,
        "outcome": _without_person(row.outcome),
        "baseline": None,
        "arguments_json": None,
        "event_id": None,
        "delivery_id": None,
        "next_step": None,
        **dict(_closed(row, by, now)),
    }


def _affected(plan: str) -> int | None:
    try:
        affected: int | None = json.loads(plan).get("affected", 1)
    except ValueError:  # a plan that can't be read counts for one person
        return 1
    return affected


def _closed(row: ChangeRow, by: str, now: float) -> Iterator[tuple[str, object]]:
    if row.state in OPEN:
        yield from {"state": "declined", "decided_at": now, "decided_by": by, "decided_how": WITHDRAWN}.items()
    if row.state in UNSETTLED:
        # Without its plan the effect can't be looked for, and it must not be taken for a plan without calls.
        yield from {"state": "unknown", "settle_at": None}.items()


def _without_person(outcome: str | None) -> str | None:
    if outcome is None:
        return None
    kept = {"message": ERASED} if json.loads(outcome).get("message") else {}
    return json.dumps(kept)
