"""Pauses: an operator stops all writes of a workspace, in every process at once."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from cio_mcp.storage.engine import Database
from cio_mcp.storage.schema import pauses

EVERY_WORKSPACE = "*"
"""Stands for every workspace of a database."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Since when (Unix seconds), by whom and why writes are paused; `workspace` may be `EVERY_WORKSPACE`."""

    at: float
    by: str
    reason: str | None = None
    workspace: str = EVERY_WORKSPACE


class Pauses:
    """The pauses of one workspace, or of all of them."""

    def __init__(self, database: Database, workspace: str = EVERY_WORKSPACE) -> None:
        self._database = database
        self._workspace = workspace

    async def in_force(self) -> Pause | None:
        """Read the pause in force, if there is one; one of every workspace comes first."""
        return await self._database.read(lambda db: pause_in_force(db, self._workspace))

    async def pause(self, *, by: str, now: float, reason: str | None = None) -> bool:
        """Pause all writes; False if they are paused already."""

        def work(db: Connection) -> bool:
            if pause_in_force(db, self._workspace):
                return False
            db.execute(insert(pauses).values(workspace=self._workspace, at=now, by=by, reason=reason))
            return True

        return await self._database.write(work)

    async def resume(self) -> bool:
        """Resume writes, everywhere if this stands for every workspace; False if they were not paused."""
        here = delete(pauses).where(pauses.c.workspace == self._workspace)
        statement = delete(pauses) if self._workspace == EVERY_WORKSPACE else here
        return await self._database.write(lambda db: db.execute(statement).rowcount > 0)


async def all_pauses(database: Database) -> list[Pause]:
    """List the pauses in force, the oldest first."""
    query = select(pauses).order_by(pauses.c.at)
    return await database.read(lambda db: [Pause(**row) for row in db.execute(query).mappings()])


def pause_in_force(db: Connection, workspace: str) -> Pause | None:
    """Read the pause of a workspace inside a transaction."""
    query = (
        select(pauses)
        .where(pauses.c.workspace.in_((workspace, EVERY_WORKSPACE)))
        .order_by(pauses.c.workspace != EVERY_WORKSPACE)
    )
    row = db.execute(query.limit(1)).mappings().one_or_none()
    return Pause(**row) if row else None
