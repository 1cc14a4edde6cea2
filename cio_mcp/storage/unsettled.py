"""Changes that were requested and whose outcome is not known: found when they are due, taken by one process."""

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import and_, select, update

from cio_mcp.storage.changes import UNSETTLED, ChangeRow
from cio_mcp.storage.engine import Database
from cio_mcp.storage.schema import changes

AT_ONCE = 20
"""Changes settled in one go; the rest are due still."""


class Unsettled:
    """The unsettled changes of one workspace; `settle_at` says when each is looked at next."""

    def __init__(self, database: Database, workspace: str) -> None:
        self._database = database
        self._workspace = workspace

    async def due(self, now: float) -> Sequence[ChangeRow]:
        """Those that are due, the longest overdue first."""
        here = and_(changes.c.workspace == self._workspace, changes.c.state.in_(UNSETTLED), changes.c.settle_at <= now)
        query = select(changes).where(here).order_by(changes.c.settle_at).limit(AT_ONCE)
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
    ) -> bool:
        """Record what was found out, and when to look again (None: never)."""
        still = changes.c.state.in_(UNSETTLED)
        return await self._write(row, still, state=state, outcome=outcome, finished_at=now, settle_at=next_at)

    async def _write(self, row: ChangeRow, condition: Any, **values: Any) -> bool:
        here = and_(changes.c.id == row.id, changes.c.workspace == self._workspace, condition)
        statement = update(changes).where(here).values(**values)
        return await self._database.write(lambda db: db.execute(statement).rowcount == 1)
