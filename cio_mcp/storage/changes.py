"""The journal's transitions: each is one conditional statement under the write lock, so only one process can win it."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Literal

from sqlalchemy import Connection, Select, and_, func, insert, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from cio_mcp.storage import change_queries, claims
from cio_mcp.storage.change_queries import Place, row_columns
from cio_mcp.storage.change_queues import ApprovedChanges
from cio_mcp.storage.decisions import ApprovalPhrase, DeclinePhrase
from cio_mcp.storage.effects import Effects
from cio_mcp.storage.engine import Database
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
from cio_mcp.storage.schema import changes

MAX_CREATED = 20
"""Changes that may have made something with the same ID: a segment, a webhook, an export have numbers of their own."""


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

    async def recent(
        self, *, state: ChangeState | None = None, limit: int = 20, now: float, after: Place | None = None
    ) -> ChangePage:
        """List changes newest first, without their plans; only those in a state and behind a place, if given."""
        return await change_queries.recent(
            self._database, workspace=self.workspace, state=state, limit=limit, now=now, after=after
        )

    async def open_for(self, principal: str, tool: str, arguments_digest: str, now: float) -> ChangeRow | None:
        """Find the open change of a caller for the same tool and arguments."""
        still = (changes.c.state.in_(OPEN), changes.c.expires_at > now)
        # Two calls at the same moment leave two: an approved one is the one to carry out.
        approved_first = (changes.c.state == "approved").desc()
        return await self._first(_call(principal, tool, arguments_digest), *still, order=(approved_first,))

    async def unacknowledged(self, principal: str, tool: str, arguments_digest: str, since: float) -> ChangeRow | None:
        """Find a change for the same arguments that was settled since a time without an answer to its caller.

        Somebody declined it outside, or approved it there and it was carried out without a further call.
        """
        declined = and_(changes.c.state == "declined", changes.c.finished_at.is_(None))
        unread = or_(declined, and_(changes.c.unread, changes.c.state.not_in(OPEN)))
        return await self._first(_call(principal, tool, arguments_digest), unread, changes.c.decided_at >= since)

    async def acknowledge(self, change: str, *, now: float) -> bool:
        """Record that the caller has the outcome of a change that needs no further call."""
        finished = func.coalesce(changes.c.finished_at, now)
        return await self._move(change, changes.c.state.not_in(OPEN), unread=False, finished_at=finished)

    async def requested_for(self, principal: str, tool: str, arguments_digest: str, since: float) -> ChangeRow | None:
        """Find the latest change of a caller for the same tool and arguments that was requested since a time."""
        return await self._first(_call(principal, tool, arguments_digest), changes.c.sending_at >= since)

    async def applied(self, tool: str, arguments_digest: str) -> ChangeRow | None:
        """Find the latest change of any caller for the same tool and arguments that Customer.io accepted."""
        same = and_(changes.c.tool == tool, changes.c.arguments_digest == arguments_digest)
        return await self._first(same, changes.c.state.in_(EFFECTIVE))

    async def applied_calls(self, tool: str, digests: Iterable[str]) -> dict[str, str]:
        """Find the latest applied changes of a tool: their IDs, by these digests of their arguments."""
        return await change_queries.applied_calls(self._database, self.workspace, tool, digests)

    async def created(self, principal: str, id_: str) -> list[ChangeRow]:
        """Find the latest changes of a caller that Customer.io answered with the ID of what they made, of any kind."""
        holds = changes.c.outcome.contains(f'"created": "{id_}"', autoescape=True)
        where = (changes.c.workspace == self.workspace, changes.c.principal == principal)
        query = select(*row_columns).where(*where, changes.c.state.in_(EFFECTIVE), holds)
        newest = query.order_by(changes.c.planned_at.desc(), changes.c.id).limit(MAX_CREATED)
        rows = await self._database.read(lambda db: db.execute(newest).mappings().all())
        return [ChangeRow(**row) for row in rows]

    async def record_prompt(self, change: str, *, now: float) -> bool:
        """Record that a client has just been handed the question."""
        return await self._move(change, changes.c.state == "planned", asked_at=now)

    async def approve(
        self,
        shown: ChangeRow,
        *,
        by: str,
        how: ApprovalPhrase,
        now: float,
        until: float = 0.0,
        settle_at: float | None = None,
    ) -> bool:
        """Record an approval of exactly what was shown; False if the change no longer waits for one.

        The change does not expire before `until`: an approval in its last minute is as good as any. Until
        `settle_at`, it is left to the call that waits for it; None: any server may carry it out at once.
        """
        waiting = and_(
            changes.c.state == "planned",
            changes.c.digest == shown.digest,
            changes.c.question == shown.question,
            changes.c.plan == shown.plan,
            changes.c.expires_at > now,
        )
        decision = {"state": "approved", "decided_at": now, "decided_by": by, "decided_how": how}
        return await self._move(
            shown.id, waiting, **decision, settle_at=settle_at, expires_at=max(shown.expires_at, until)
        )

    async def withdraw(
        self, change: str, *, by: str, how: DeclinePhrase, now: float, acknowledged: bool = False
    ) -> bool:
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
            arguments_json=row.arguments_json,
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
        return await self._database.write(lambda db: claims.claim(db, self.workspace, change, terms))

    async def next_send_at(self, cap: int, now: float, people: int = 1) -> float:
        """Tell when a cap of so many people an hour has room for a send to `people`; `now` where it does already."""
        return await self._database.read(lambda db: claims.next_send_at(db, self.workspace, cap, now, people))

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
        """Record how a request ended, and when to look for an unknown outcome first (`settle_at`; None: never)."""
        ended = {"state": state, "outcome": outcome, "delivery_id": delivery_id, "finished_at": now}
        return await self._move(change, changes.c.state.in_(UNSETTLED), **ended, settle_at=settle_at)

    async def fail(self, change: str, outcome: str, *, now: float) -> bool:
        """Give up a change that was never sent."""
        return await self._move(change, changes.c.state.in_(OPEN), state="failed", outcome=outcome, finished_at=now)

    async def verify(self, change: str) -> bool:
        """Record that the new value was read back."""
        return await self._move(change, changes.c.state == "sent", state="verified")

    async def _first(self, *where: ColumnElement[bool], order: tuple[Any, ...] = ()) -> ChangeRow | None:
        query = select(*row_columns).where(changes.c.workspace == self.workspace, *where)
        newest = query.order_by(*order, changes.c.planned_at.desc(), changes.c.id).limit(1)
        row = await self._database.read(lambda db: db.execute(newest).mappings().one_or_none())
        return ChangeRow(**row) if row else None

    async def _move(self, change: str, condition: ColumnElement[bool], **values: Any) -> bool:
        statement = update(changes).where(self._is(change), condition).values(**values)
        return await self._database.write(lambda db: db.execute(statement).rowcount == 1)

    def _is(self, change: str) -> ColumnElement[bool]:
        return and_(changes.c.id == change, changes.c.workspace == self.workspace)


def _size(row: ChangeRow) -> int:
    return sum(len(text.encode()) for text in (row.plan, row.question, row.arguments_json or ""))


def _waiting(workspace: str, principal: str, now: float) -> Select[Any]:
    """How many changes wait for a decision, and their bytes: of the workspace, then of one caller."""
    count, size, mine = func.count(), func.coalesce(func.sum(changes.c.size), 0), changes.c.principal == principal
    my_size = func.coalesce(func.sum(changes.c.size).filter(mine), 0)
    waits = (changes.c.workspace == workspace, changes.c.state.in_(OPEN), changes.c.expires_at > now)
    return select(count, size, count.filter(mine), my_size).select_from(changes).where(*waits)


def _call(principal: str, tool: str, arguments_digest: str) -> ColumnElement[bool]:
    return and_(
        changes.c.principal == principal, changes.c.tool == tool, changes.c.arguments_digest == arguments_digest
    )
