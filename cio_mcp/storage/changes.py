"""The journal's transitions: each is one conditional statement under the write lock, so only one process can win it."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any, Literal

from sqlalchemy import Connection, Integer, Row, Select, and_, cast, func, insert, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from cio_mcp.storage import change_queries
from cio_mcp.storage.change_queries import row_columns
from cio_mcp.storage.effects import Effects, same_effect, same_target
from cio_mcp.storage.engine import Database
from cio_mcp.storage.pauses import pause_in_force
from cio_mcp.storage.rows import (
    EFFECTIVE,
    OPEN,
    UNSETTLED,
    AddResult,
    ChangePage,
    ChangeRow,
    ChangeState,
    ChangeSummary,
    ClaimResult,
    ClaimTerms,
    OpenLimits,
)
from cio_mcp.storage.schema import InJson, changes

HOUR_SECONDS = 3600.0
CLOCK_SKEW_SECONDS = 60.0
"""How far ahead of this clock an approval may lie. Chosen: hosts with synchronized clocks differ by far less."""
MAX_SETTLED_AT_ONCE = 20
"""Changes that one round of reconciliation takes; the rest stays due."""
MAX_APPROVED_AT_ONCE = 8
"""Approved changes that one process carries out at once; the rest stays due."""


class Journal:
    """The changes of one workspace."""

    def __init__(self, database: Database, workspace: str) -> None:
        self._database = database
        self.workspace = workspace
        self.effects = Effects(database, workspace)
        self.approved = ApprovedChanges(database, workspace)

    async def add(self, row: ChangeRow, limits: OpenLimits | None = None) -> AddResult:
        """Write a planned change, unless too many or too large ones wait for a decision already."""
        limits = limits or OpenLimits()
        size, waiting = _size(row), _waiting(self.workspace, row.principal, row.planned_at)

        def work(db: Connection) -> AddResult:
            count, total, mine, my_size = db.execute(waiting).one()
            if mine >= limits.per_caller or my_size + size > limits.caller_bytes:
                return "caller limit"
            if count >= limits.per_workspace or total + size > limits.workspace_bytes:
                return "workspace limit"
            db.execute(insert(changes).values(**asdict(row), size=size))
            return "added"

        return await self._database.write(work)

    async def get(self, change: str) -> ChangeRow | None:
        """Read the change of that id, if there is one."""
        return await self._first(changes.c.id == change)

    async def summary(self, change: str) -> ChangeSummary | None:
        """Read the change of that id, if there is one, without its plan."""
        return await change_queries.find_summary(self._database, self.workspace, change)

    async def recent(self, *, state: ChangeState | None = None, limit: int = 20, now: float) -> ChangePage:
        """List changes newest first, without their plans; only those in a state, if one is given."""
        return await change_queries.recent(self._database, workspace=self.workspace, state=state, limit=limit, now=now)

    async def open_for(self, principal: str, tool: str, arguments: str, now: float) -> ChangeRow | None:
        """Find the open change of a caller for the same tool and arguments."""
        still = (changes.c.state.in_(OPEN), changes.c.expires_at > now)
        # Two calls at the same moment leave two: an approved one is the one to carry out.
        approved_first = (changes.c.state == "approved").desc()
        return await self._first(_call(principal, tool, arguments), *still, order=(approved_first,))

    async def unacknowledged(self, principal: str, tool: str, arguments: str, since: float) -> ChangeRow | None:
        """Find a change for the same arguments that was settled since a time without an answer to its caller.

        Somebody declined it outside, or approved it there and it was carried out without a further call.
        """
        declined = and_(changes.c.state == "declined", changes.c.finished_at.is_(None))
        unread = or_(declined, and_(changes.c.unread, changes.c.state.not_in(OPEN)))
        return await self._first(_call(principal, tool, arguments), unread, changes.c.decided_at >= since)

    async def acknowledge(self, change: str, *, now: float) -> bool:
        """Record that the caller was answered what became of a change that needs no call any more."""
        finished = func.coalesce(changes.c.finished_at, now)
        return await self._move(change, changes.c.state.not_in(OPEN), unread=False, finished_at=finished)

    async def requested_for(self, principal: str, tool: str, arguments: str, since: float) -> ChangeRow | None:
        """Find the latest change of a caller for the same tool and arguments that was requested since a time."""
        return await self._first(_call(principal, tool, arguments), changes.c.sending_at >= since)

    async def applied(self, tool: str, arguments: str) -> ChangeRow | None:
        """Find the latest change of any caller for the same tool and arguments that Customer.io accepted."""
        same = and_(changes.c.tool == tool, changes.c.arguments == arguments)
        return await self._first(same, changes.c.state.in_(EFFECTIVE))

    async def record_prompt(self, change: str, *, now: float) -> bool:
        """Record that a client has just been handed the question."""
        return await self._move(change, changes.c.state == "planned", asked_at=now)

    async def decide(
        self,
        shown: ChangeRow,
        state: Literal["approved", "declined"],
        *,
        by: str,
        how: str,
        now: float,
        until: float = 0.0,
        settle_at: float | None = None,
    ) -> bool:
        """Record a decision about exactly what was shown; False if the change no longer waits for one.

        The change does not expire before `until`: an approval in its last minute is as good as any. `settle_at` is as
        in `ApprovedChanges`.
        """
        waiting = and_(
            changes.c.state == "planned",
            changes.c.digest == shown.digest,
            changes.c.question == shown.question,
            changes.c.plan == shown.plan,
            changes.c.expires_at > now,
        )
        decision = {"state": state, "decided_at": now, "decided_by": by, "decided_how": how, "settle_at": settle_at}
        return await self._move(shown.id, waiting, **decision, expires_at=max(shown.expires_at, until))

    async def withdraw(self, change: str, *, by: str, how: str, now: float, acknowledged: bool = False) -> bool:
        """Decline an open change; `acknowledged` if its caller is answered so at once."""
        return await self._move(
            change,
            changes.c.state.in_(OPEN),
            state="declined",
            decided_at=now,
            decided_by=by,
            decided_how=how,
            finished_at=now if acknowledged else None,
        )

    async def replace_plan(self, change: str, row: ChangeRow) -> bool:
        """Put a new plan in place of one that drifted; an approval of the old one ends."""
        return await self._move(
            change,
            changes.c.state.in_(OPEN),
            state="planned",
            question=row.question,
            plan=row.plan,
            size=_size(row),
            digest=row.digest,
            summary=row.summary,
            effect=row.effect,
            target=row.target,
            form=row.form,
            input=row.input,
            risk=row.risk,
            event_id=row.event_id,
            next_step=row.next_step,
            reads_back=row.reads_back,
            drifts=row.drifts,
            asked_at=None,
            decided_at=None,
            decided_by=None,
            decided_how=None,
        )

    async def claim(self, change: str, terms: ClaimTerms) -> ClaimResult:
        """Use an approval: `approved` becomes `sending`, if fresh, for this digest, and nothing stands against it."""
        return await self._database.write(lambda db: self._claim(db, change, terms))

    async def next_send_at(self, cap: int, now: float, people: int = 1) -> float:
        """Tell when a cap of so many people an hour has room for a send to `people`; `now` where it does already."""
        sends = self._sends_since(now - HOUR_SECONDS, cap)
        reached = people
        for sending_at, count in await self._database.read(lambda db: _counted(db, sends)):
            reached += count
            if reached > cap:
                return sending_at + HOUR_SECONDS
        return now

    async def finish(
        self,
        change: str,
        state: Literal["sent", "failed", "unknown"],
        outcome: str,
        *,
        now: float,
        delivery_id: str | None = None,
        settle_at: float | None = None,
    ) -> bool:
        """Record how a request ended, and when to look into an unknown outcome."""
        ended = {"state": state, "outcome": outcome, "delivery_id": delivery_id, "finished_at": now}
        return await self._move(change, changes.c.state.in_(UNSETTLED), **ended, settle_at=settle_at)

    async def fail(self, change: str, outcome: str, *, now: float) -> bool:
        """Give up a change that was never sent."""
        return await self._move(change, changes.c.state.in_(OPEN), state="failed", outcome=outcome, finished_at=now)

    async def verify(self, change: str) -> bool:
        """Record that the new value was read back."""
        return await self._move(change, changes.c.state == "sent", state="verified")

    def _claim(self, db: Connection, change: str, terms: ClaimTerms) -> ClaimResult:
        if obstacle := self._obstacle(db, change, terms):
            return obstacle
        approved = and_(self._is(change), changes.c.state == "approved", changes.c.digest == terms.digest)
        sending = {
            "state": "sending",
            "sending_at": terms.now,
            "settle_at": terms.until,
            "baseline": terms.baseline,
            "unread": terms.unread,
        }
        claimed = db.execute(update(changes).where(approved).values(**sending)).rowcount == 1
        return "claimed" if claimed else "not approved"

    def _obstacle(self, db: Connection, change: str, terms: ClaimTerms) -> ClaimResult | None:
        if pause_in_force(db, self.workspace):
            return "paused"
        columns = changes.c["state", "digest", "decided_at", "effect", "target", "repeat", "planned_at"]
        row = db.execute(select(*columns).where(self._is(change))).one_or_none()
        if row is None or row.state != "approved" or row.digest != terms.digest:
            return "not approved"
        if not terms.decided_since <= row.decided_at <= terms.now + CLOCK_SKEW_SECONDS:
            # Where the clock was set back, an approval of ten minutes would be valid for hours.
            return "too old" if row.decided_at < terms.decided_since else "in the future"
        if repeats := self._repeats(db, change, row, terms):
            return repeats
        if terms.sends_an_hour is not None:
            sends = _counted(db, self._sends_since(terms.now - HOUR_SECONDS, terms.sends_an_hour))
            reached = terms.people + sum(count for _, count in sends)
            return "cap reached" if reached > terms.sends_an_hour else None
        return None

    def _repeats(self, db: Connection, change: str, row: Row[Any], terms: ClaimTerms) -> ClaimResult | None:
        if row.effect and self._was_sent(db, change, row, terms):
            return "same effect"
        if row.target and terms.near_since is not None:
            near = same_target(self.workspace, row.target, terms.near_since)
            another = select(changes.c.id).where(near, changes.c.id != change).limit(1)
            return "same target" if db.execute(another).first() else None
        return None

    def _was_sent(self, db: Connection, change: str, row: Row[Any], terms: ClaimTerms) -> bool:
        # Its question named what was sent until then; of what came later the person knew nothing.
        since = min(terms.effect_since, row.planned_at)
        same = same_effect(self.workspace, row.effect, since, terms.now)
        if row.repeat:
            same = and_(same, changes.c.sending_at > row.planned_at)
        return db.execute(select(changes.c.id).where(same, changes.c.id != change).limit(1)).first() is not None

    async def _first(self, *where: ColumnElement[bool], order: tuple[Any, ...] = ()) -> ChangeRow | None:
        query = select(*row_columns).where(changes.c.workspace == self.workspace, *where)
        newest = query.order_by(*order, changes.c.planned_at.desc(), changes.c.id).limit(1)
        row = await self._database.read(lambda db: db.execute(newest).mappings().one_or_none())
        return ChangeRow(**row) if row else None

    async def _move(self, change: str, condition: ColumnElement[bool], **values: Any) -> bool:
        statement = update(changes).where(self._is(change), condition).values(**values)
        return await self._database.write(lambda db: db.execute(statement).rowcount == 1)

    def _sends_since(self, since: float, most: int) -> Select[Any]:
        """When sends left and to how many people, newest first, whatever became of them; no more than `most`."""
        sends = (changes.c.workspace == self.workspace, changes.c.risk == "send", changes.c.sending_at > since)
        people = cast(InJson(changes.c.plan, "affected"), Integer)
        return select(changes.c.sending_at, people).where(*sends).order_by(changes.c.sending_at.desc()).limit(most)

    def _is(self, change: str) -> ColumnElement[bool]:
        return and_(changes.c.id == change, changes.c.workspace == self.workspace)


class ApprovedChanges:
    """The approved changes of one workspace that no call has carried out yet.

    `settle_at` of such a change says when another process may carry it out, after one that took it.
    """

    def __init__(self, database: Database, workspace: str) -> None:
        self._database = database
        self._workspace = workspace

    async def due(self, tools: Collection[str], *, since: float, now: float, but_by: str) -> Sequence[ChangeSummary]:
        """Read those of some tools that were approved since a time, except by one, and that nobody took."""
        here = and_(changes.c.workspace == self._workspace, changes.c.state == "approved", changes.c.expires_at > now)
        decided = and_(changes.c.decided_at >= since, changes.c.decided_by != but_by)
        can_be_planned = and_(changes.c.tool.in_(tools), changes.c.input.is_not(None))
        query = select(*change_queries.summary_columns).where(here, decided, _untaken(now), can_be_planned)
        few = query.order_by(changes.c.decided_at).limit(MAX_APPROVED_AT_ONCE)
        return await self._database.read(lambda db: [ChangeSummary(**row) for row in db.execute(few).mappings()])

    async def take(self, change: str, *, now: float, until: float) -> bool:
        """Take one to carry it out, until a time; False if another process was faster."""
        here = and_(changes.c.id == change, changes.c.workspace == self._workspace, changes.c.state == "approved")
        statement = update(changes).where(here, _untaken(now)).values(settle_at=until)
        return await self._database.write(lambda db: db.execute(statement).rowcount == 1)


class UnsettledChanges:
    """The unsettled changes of one workspace; `settle_at` says when each is looked at next."""

    def __init__(self, database: Database, workspace: str) -> None:
        self._database = database
        self._workspace = workspace

    async def due(self, now: float) -> Sequence[ChangeRow]:
        """Read those that are due, the longest overdue first."""
        here = and_(changes.c.workspace == self._workspace, changes.c.state.in_(UNSETTLED), changes.c.settle_at <= now)
        query = select(*row_columns).where(here).order_by(changes.c.settle_at).limit(MAX_SETTLED_AT_ONCE)
        return await self._database.read(lambda db: [ChangeRow(**row) for row in db.execute(query).mappings()])

    async def take(self, row: ChangeRow, *, until: float) -> bool:
        """Take one to settle it, until a time; False if another process was faster."""
        untouched = and_(changes.c.state == row.state, changes.c.settle_at == row.settle_at)
        return await self._write(row, untouched, settle_at=until, looks=row.looks + 1)

    async def settle(
        self,
        row: ChangeRow,
        state: Literal["sent", "failed", "unknown"],
        outcome: str,
        *,
        now: float,
        next_at: float | None,
        delivery_id: str | None = None,
    ) -> bool:
        """Record the outcome that was found, and when to look again (None: never)."""
        result = {"state": state, "outcome": outcome, "delivery_id": delivery_id, "finished_at": now}
        return await self._write(row, changes.c.state.in_(UNSETTLED), **result, settle_at=next_at)

    async def _write(self, row: ChangeRow, condition: ColumnElement[bool], **values: Any) -> bool:
        here = and_(changes.c.id == row.id, changes.c.workspace == self._workspace, condition)
        statement = update(changes).where(here).values(**values)
        return await self._database.write(lambda db: db.execute(statement).rowcount == 1)


def _counted(db: Connection, sends: Select[Any]) -> list[tuple[float, int]]:
    """Sends with the people that a cap counts; an unknown number, as of a broadcast, counts as one."""
    return [(sending_at, max(1, people or 1)) for sending_at, people in db.execute(sends)]


def _size(row: ChangeRow) -> int:
    return sum(len(text.encode()) for text in (row.plan, row.question, row.input or ""))


def _waiting(workspace: str, principal: str, now: float) -> Select[Any]:
    """How many changes wait for a decision, and their bytes: of the workspace, then of one caller."""
    count, size, mine = func.count(), func.coalesce(func.sum(changes.c.size), 0), changes.c.principal == principal
    my_size = func.coalesce(func.sum(changes.c.size).filter(mine), 0)
    waits = (changes.c.workspace == workspace, changes.c.state.in_(OPEN), changes.c.expires_at > now)
    return select(count, size, count.filter(mine), my_size).select_from(changes).where(*waits)


def _call(principal: str, tool: str, arguments: str) -> ColumnElement[bool]:
    return and_(changes.c.principal == principal, changes.c.tool == tool, changes.c.arguments == arguments)


def _untaken(now: float) -> ColumnElement[bool]:
    return or_(changes.c.settle_at.is_(None), changes.c.settle_at <= now)
