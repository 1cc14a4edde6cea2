"""The switch that stops all writes of a workspace, in every process at once."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from cio_mcp.storage.database import Database
from cio_mcp.storage.schema import pauses


@dataclass(frozen=True, slots=True)
class Pause:
    """Since when (Unix seconds) and by whom writes are stopped."""

    at: float
    by: str


class Switch:
    """The switch of one workspace."""

    def __init__(self, database: Database, workspace: str) -> None:
        self._database = database
        self._workspace = workspace

    async def paused(self) -> Pause | None:
        """The pause in force, if any."""
        return await self._database.read(lambda db: pause_of(db, self._workspace))

    async def pause(self, *, by: str, now: float) -> bool:
        """Stop all writes; False if they are stopped already."""

        def work(db: Connection) -> bool:
            if pause_of(db, self._workspace):
                return False
            db.execute(insert(pauses).values(workspace=self._workspace, at=now, by=by))
            return True

        return await self._database.write(work)

    async def resume(self) -> bool:
        """Let writes go on; False if they were not stopped."""
        statement = delete(pauses).where(pauses.c.workspace == self._workspace)
        return await self._database.write(lambda db: db.execute(statement).rowcount == 1)


def pause_of(db: Connection, workspace: str) -> Pause | None:
    """The pause of a workspace, inside somebody's transaction."""
    row = db.execute(select(pauses.c.at, pauses.c.by).where(pauses.c.workspace == workspace)).one_or_none()
    return Pause(row.at, row.by) if row else None
