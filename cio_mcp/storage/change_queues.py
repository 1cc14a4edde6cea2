"""Changes that background work takes up: approved ones to carry out, and unsettled ones to look into."""

from collections.abc import Collection, Sequence
from typing import Any, Literal

from sqlalchemy import and_, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from cio_mcp.storage.change_queries import row_columns, summary_columns
from cio_mcp.storage.engine import Database
from cio_mcp.storage.rows import UNSETTLED, ChangeRow, ChangeSummary
from cio_mcp.storage.schema import changes

MAX_SETTLED_AT_ONCE = 20
"""Changes that one round of reconciliation takes; the rest stays due."""
MAX_APPROVED_AT_ONCE = 8
"""Approved changes that one process carries out at once; the rest stays due."""


class ApprovedChanges:
    """The approved changes of one workspace that no call has carried out yet.

    `settle_at` of such a change is the end of a lease: until then it is left to the call that waits for it, or to the
    process that took it.
    """

    def __init__(self, database: Database, workspace: str) -> None:
        self._database = database
        self._workspace = workspace

    async def due(self, tools: Collection[str], *, since: float, now: float, but_by: str) -> Sequence[ChangeSummary]:
        """Read the untaken ones of some tools that were approved since a time, except by one decider."""
        here = and_(changes.c.workspace == self._workspace, changes.c.state == "approved", changes.c.expires_at > now)
        decided = and_(changes.c.decided_at >= since, changes.c.decided_by != but_by)
        can_be_planned = and_(changes.c.tool.in_(tools), changes.c.arguments_json.is_not(None))
        query = select(*summary_columns).where(here, decided, _untaken(now), can_be_planned)
        few = query.order_by(changes.c.decided_at).limit(MAX_APPROVED_AT_ONCE)
        return await self._database.read(lambda db: [ChangeSummary(**row) for row in db.execute(few).mappings()])

    async def take(self, change: str, *, now: float, until: float) -> bool:
        """Take one to carry it out, until a time; False if another process was faster."""
        here = and_(changes.c.id == change, changes.c.workspace == self._workspace, changes.c.state == "approved")
        statement = update(changes).where(here, _untaken(now)).values(settle_at=until)
        return await self._database.write(lambda db: db.execute(statement).rowcount == 1)


class UnsettledChanges:
    """The unsettled changes of one workspace; `settle_at` says when each is looked at next.

    For one that is being sent, that is when its process counts as dead; while a process looks, it is its lease.
    """

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


def _untaken(now: float) -> ColumnElement[bool]:
    return or_(changes.c.settle_at.is_(None), changes.c.settle_at <= now)
