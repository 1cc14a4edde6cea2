"""The journal of changes: each transition is one conditional statement, so only one process can win it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Select, and_, func, insert, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from cio_mcp.storage.engine import Database
from cio_mcp.storage.pauses import pause_of
from cio_mcp.storage.schema import changes

State = Literal["planned", "approved", "declined", "sending", "sent", "failed", "unknown", "verified"]

OPEN: tuple[State, ...] = ("planned", "approved")
EFFECTIVE: tuple[State, ...] = ("sent", "verified")
HOUR_SECONDS = 3600.0
UNSETTLED: tuple[State, ...] = ("sending", "unknown")


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One proposed write; times are Unix seconds, `plan` and `outcome` JSON text."""

    id: str
    workspace: str
    principal: str
    tool: str
    arguments: str
    effect: str | None
    repeat: bool
    state: State
    risk: str
    summary: str
    question: str
    plan: str
    digest: str
    planned_at: float
    expires_at: float
    asked_at: float | None = None
    drifts: int = 0
    decided_at: float | None = None
    decided_by: str | None = None
    decided_how: str | None = None
    sending_at: float | None = None
    due_at: float | None = None
    finished_at: float | None = None
    outcome: str | None = None
    baseline: str | None = None
    settle_at: float | None = None
    looks: int = 0


Claim = Literal["claimed", "paused", "not approved", "too old", "same effect", "cap reached"]
"""What came of spending an approval."""


@dataclass(frozen=True, slots=True)
class Spending:
    """What an approval is spent on: times in Unix seconds, `baseline` what was there before (JSON).

    After `until` the change counts as abandoned by whoever claimed it. `sends_an_hour` caps sends.
    """

    digest: str
    decided_since: float
    effect_since: float
    now: float
    until: float
    baseline: str | None = None
    sends_an_hour: int | None = None


class Journal:
    """The changes of one workspace."""

    def __init__(self, database: Database, workspace: str) -> None:
        self._database = database
        self.workspace = workspace

    async def add(self, row: ChangeRow, *, most: int) -> bool:
        """Write a planned change; False if `most` of its principal's wait for a decision already."""

        def work(db: Connection) -> bool:
            mine = and_(changes.c.workspace == self.workspace, changes.c.principal == row.principal)
            waits = and_(mine, changes.c.state.in_(OPEN), changes.c.expires_at > row.planned_at)
            if db.execute(select(func.count()).select_from(changes).where(waits)).scalar_one() >= most:
                return False
            db.execute(insert(changes).values(**asdict(row)))
            return True

        return await self._database.write(work)

    async def get(self, change: str) -> ChangeRow | None:
        """The change of that id, or None."""
        found = await self._select(changes.c.id == change, limit=1)
        return found[0] if found else None

    async def recent(
        self, *, states: Sequence[State] = (), limit: int = 20, before: float | None = None
    ) -> list[ChangeRow]:
        """Changes newest first, of the given states, planned before a time."""
        wanted = [changes.c.state.in_(states)] if states else []
        older = [changes.c.planned_at < before] if before is not None else []
        return await self._select(*wanted, *older, limit=limit)

    async def open_for(self, principal: str, tool: str, arguments: str, now: float) -> ChangeRow | None:
        """The open change of a principal for the same tool and arguments."""
        still = and_(changes.c.state.in_(OPEN), changes.c.expires_at > now)
        found = await self._select(_wanted(principal, tool, arguments), still, limit=10)
        # Two calls at the same moment leave two: the one that somebody approved is the one to make.
        return next((row for row in found if row.state == "approved"), found[0] if found else None)

    async def untold(self, principal: str, tool: str, arguments: str, since: float) -> ChangeRow | None:
        """A change for the same arguments that was declined since a time, of which its principal has not heard."""
        unheard = and_(changes.c.state == "declined", changes.c.finished_at.is_(None), changes.c.decided_at >= since)
        found = await self._select(_wanted(principal, tool, arguments), unheard, limit=1)
        return found[0] if found else None

    async def told(self, change: str, *, now: float) -> bool:
        """Note that the principal has heard that a change was declined."""
        return await self._move(change, changes.c.state == "declined", finished_at=now)

    async def requested_for(self, principal: str, tool: str, arguments: str, since: float) -> ChangeRow | None:
        """The latest change of a principal for the same tool and arguments that was requested since a time."""
        same = (changes.c.principal == principal, changes.c.tool == tool, changes.c.arguments == arguments)
        found = await self._select(*same, changes.c.sending_at >= since, limit=1)
        return found[0] if found else None

    async def same_effect(self, effect: str, since: float, now: float, *, but: str = "") -> ChangeRow | None:
        """A change with the same effect that was sent since a time, is scheduled, or whose outcome is not known."""
        found = await self._select(_same_effect(self.workspace, effect, since, now), changes.c.id != but, limit=1)
        return found[0] if found else None

    async def asked(self, change: str, *, now: float) -> bool:
        """Note that a client has just been handed the question."""
        return await self._move(change, changes.c.state == "planned", asked_at=now)

    async def decide(
        self, shown: ChangeRow, state: Literal["approved", "declined"], *, by: str, how: str, now: float
    ) -> bool:
        """Record a decision about exactly what was shown; False if the change is no longer waiting for one."""
        waiting = and_(
            changes.c.state == "planned",
            changes.c.digest == shown.digest,
            changes.c.question == shown.question,
            changes.c.plan == shown.plan,
            changes.c.expires_at > now,
        )
        return await self._move(shown.id, waiting, state=state, decided_at=now, decided_by=by, decided_how=how)

    async def withdraw(self, change: str, *, by: str, how: str, now: float, told: bool = False) -> bool:
        """Decline a change that waits or was not made yet; `told` if its principal hears of it at once."""
        return await self._move(
            change,
            changes.c.state.in_(OPEN),
            state="declined",
            decided_at=now,
            decided_by=by,
            decided_how=how,
            finished_at=now if told else None,
        )

    async def redraw(self, change: str, row: ChangeRow) -> bool:
        """Put a new plan in place of one that drifted; whatever was approved is approved no longer."""
        return await self._move(
            change,
            changes.c.state.in_(OPEN),
            state="planned",
            question=row.question,
            plan=row.plan,
            digest=row.digest,
            summary=row.summary,
            effect=row.effect,
            risk=row.risk,
            drifts=row.drifts,
            asked_at=None,
            decided_at=None,
            decided_by=None,
            decided_how=None,
        )

    async def claim(self, change: str, spending: "Spending") -> Claim:
        """Spend an approval: `approved` becomes `sending`, if fresh, for this digest, and nothing stands against it."""

        def work(db: Connection) -> Claim:
            if pause_of(db, self.workspace):
                return "paused"
            row = db.execute(select(changes).where(self._is(change))).mappings().one_or_none()
            if row is None or row["state"] != "approved" or row["digest"] != spending.digest:
                return "not approved"
            if row["decided_at"] < spending.decided_since:
                return "too old"
            if row["effect"]:
                same = _same_effect(self.workspace, row["effect"], spending.effect_since, spending.now)
                if row["repeat"]:
                    # Its question told of what was sent until then; of what came later the person knew nothing.
                    same = and_(same, changes.c.sending_at > row["planned_at"])
                if db.execute(select(changes.c.id).where(same, changes.c.id != change).limit(1)).first():
                    return "same effect"
            if spending.sends_an_hour is not None:
                left = [*db.execute(self._left_since(spending.now - HOUR_SECONDS, spending.sends_an_hour))]
                if len(left) >= spending.sends_an_hour:
                    return "cap reached"
            sending = {"state": "sending", "sending_at": spending.now, "settle_at": spending.until}
            db.execute(update(changes).where(self._is(change)).values(**sending, baseline=spending.baseline))
            return "claimed"

        return await self._database.write(work)

    async def room_at(self, cap: int, now: float) -> float:
        """When there is room for one more send under a cap of so many an hour: now, where there is."""
        left = await self._database.read(lambda db: [*db.execute(self._left_since(now - HOUR_SECONDS, cap)).scalars()])
        return min(left) + HOUR_SECONDS if len(left) >= cap else now

    async def finish(
        self,
        change: str,
        state: Literal["sent", "failed", "unknown"],
        outcome: str,
        *,
        now: float,
        settle_at: float | None = None,
    ) -> bool:
        """Record how a request ended, and when to look into an outcome that is not known."""
        still = changes.c.state.in_(UNSETTLED)
        return await self._move(change, still, state=state, outcome=outcome, finished_at=now, settle_at=settle_at)

    async def fail(self, change: str, outcome: str, *, now: float) -> bool:
        """Give up a change that was never sent."""
        return await self._move(change, changes.c.state.in_(OPEN), state="failed", outcome=outcome, finished_at=now)

    async def verify(self, change: str) -> bool:
        """Record that the new value was read back."""
        return await self._move(change, changes.c.state == "sent", state="verified")

    async def _select(self, *where: ColumnElement[bool], limit: int) -> list[ChangeRow]:
        query = select(changes).where(changes.c.workspace == self.workspace, *where)
        newest = query.order_by(changes.c.planned_at.desc(), changes.c.id).limit(limit)
        return await self._database.read(lambda db: [ChangeRow(**row) for row in db.execute(newest).mappings()])

    async def _move(self, change: str, condition: ColumnElement[bool], **values: Any) -> bool:
        statement = update(changes).where(self._is(change), condition).values(**values)
        return await self._database.write(lambda db: db.execute(statement).rowcount == 1)

    def _left_since(self, since: float, most: int) -> Select[tuple[float]]:
        """When sends left, newest first, whatever became of them; no more than `most`."""
        sends = (changes.c.workspace == self.workspace, changes.c.risk == "send", changes.c.sending_at > since)
        return select(changes.c.sending_at).where(*sends).order_by(changes.c.sending_at.desc()).limit(most)

    def _is(self, change: str) -> ColumnElement[bool]:
        return and_(changes.c.id == change, changes.c.workspace == self.workspace)


def _wanted(principal: str, tool: str, arguments: str) -> ColumnElement[bool]:
    return and_(changes.c.principal == principal, changes.c.tool == tool, changes.c.arguments == arguments)


def _same_effect(workspace: str, effect: str, since: float, now: float) -> ColumnElement[bool]:
    made = and_(changes.c.state.in_(EFFECTIVE), or_(changes.c.sending_at >= since, changes.c.due_at > now))
    return and_(changes.c.workspace == workspace, changes.c.effect == effect, or_(made, changes.c.state.in_(UNSETTLED)))
