"""What a person finds on their desk: the changes of every workspace in the database."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.sql.elements import ColumnElement

from cio_mcp.storage.changes import OPEN, ChangeRow, State
from cio_mcp.storage.engine import Database
from cio_mcp.storage.schema import changes

MOST = 200
"""Rows that a list shows at most."""


async def waiting(database: Database, now: float) -> list[ChangeRow]:
    """The changes that wait for a decision, oldest first."""
    return await _select(database, changes.c.state == "planned", changes.c.expires_at > now)


async def recent(
    database: Database, states: Sequence[State], *, expired: bool | None, limit: int, now: float
) -> list[ChangeRow]:
    """Changes of the given states (none: any), newest first; open ones only if they expired, or not (None: both)."""
    wanted: list[ColumnElement[bool]] = [changes.c.state.in_(states)] if states else []
    if expired is not None:
        late = changes.c.expires_at <= now
        wanted.append(changes.c.state.not_in(OPEN) | (late if expired else ~late))
    newest = select(changes).where(*wanted).order_by(changes.c.planned_at.desc(), changes.c.id).limit(limit)
    return await database.read(lambda db: [ChangeRow(**row) for row in db.execute(newest).mappings()])


async def find(database: Database, change: str) -> ChangeRow | None:
    """The change of that id, in whatever workspace."""
    found = await _select(database, changes.c.id == change)
    return found[0] if found else None


async def _select(database: Database, *where: ColumnElement[bool]) -> list[ChangeRow]:
    query = select(changes).where(*where).order_by(changes.c.planned_at, changes.c.id).limit(MOST)
    return await database.read(lambda db: [ChangeRow(**row) for row in db.execute(query).mappings()])
