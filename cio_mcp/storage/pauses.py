"""The switch that stops all writes of a workspace, in every process at once."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from cio_mcp.storage.engine import Database
from cio_mcp.storage.schema import pauses

EVERY = "*"
"""Stands for every workspace of a database."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Since when (Unix seconds), by whom and why writes are stopped, and where: `workspace` may be `EVERY`."""

    at: float
    by: str
    reason: str | None = None
    workspace: str = EVERY


class Switch:
    """The switch of one workspace, or of all of them."""

    def __init__(self, database: Database, workspace: str = EVERY) -> None:
        self._database = database
        self._workspace = workspace

    async def paused(self) -> Pause | None:
        """The pause in force, if any; one of every workspace comes first."""
        return await self._database.read(lambda db: pause_of(db, self._workspace))

    async def pause(self, *, by: str, now: float, reason: str | None = None) -> bool:
        """Stop all writes; False if they are stopped already."""

        def work(db: Connection) -> bool:
            if pause_of(db, self._workspace):
                return False
            db.execute(insert(pauses).values(workspace=self._workspace, at=now, by=by, reason=reason))
            return True

        return await self._database.write(work)

    async def resume(self) -> bool:
        """Let writes go on, everywhere if this is the switch of every workspace; False if they were not stopped."""
        here = delete(pauses).where(pauses.c.workspace == self._workspace)
        statement = delete(pauses) if self._workspace == EVERY else here
        return await self._database.write(lambda db: db.execute(statement).rowcount > 0)


async def pauses_in_force(database: Database) -> list[Pause]:
    """Every pause in force, the oldest first."""
    query = select(pauses).order_by(pauses.c.at)
    return await database.read(lambda db: [Pause(**row) for row in db.execute(query).mappings()])


def pause_of(db: Connection, workspace: str) -> Pause | None:
    """The pause of a workspace, inside somebody's transaction."""
    query = select(pauses).where(pauses.c.workspace.in_((workspace, EVERY))).order_by(pauses.c.workspace != EVERY)
    row = db.execute(query.limit(1)).mappings().one_or_none()
    return Pause(**row) if row else None
