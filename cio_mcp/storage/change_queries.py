"""Lists of changes, of one workspace or of all in the database: columns only, never whole plans."""

from dataclasses import fields

from sqlalchemy import Connection, func, select
from sqlalchemy.sql.elements import ColumnElement

from cio_mcp.storage.engine import Database
from cio_mcp.storage.rows import OPEN, ChangePage, ChangeRow, ChangeState, ChangeSummary
from cio_mcp.storage.schema import changes

MAX_PENDING = 200
"""Rows that the list of pending changes shows; more are counted."""

row_columns = tuple(changes.c[field.name] for field in fields(ChangeRow))
"""The columns of a whole change."""
summary_columns = tuple(changes.c[field.name] for field in fields(ChangeSummary))
"""The columns of a change in a list."""


async def pending(database: Database, now: float) -> ChangePage:
    """List the changes of every workspace that wait for a decision, newest first."""
    return await recent(database, state="planned", limit=MAX_PENDING, now=now)


async def recent(
    database: Database, *, workspace: str | None = None, state: ChangeState | None = None, limit: int, now: float
) -> ChangePage:
    """List changes newest first; only those of a workspace and in a state, if given.

    Raises:
        StorageFailed: the database cannot be read.
    """
    where = [] if state is None else _in_state(state, now)
    if workspace is not None:
        where.append(changes.c.workspace == workspace)
    newest = select(*summary_columns).where(*where).order_by(changes.c.planned_at.desc(), changes.c.id).limit(limit)
    count = select(func.count()).select_from(changes).where(*where)

    def work(db: Connection) -> ChangePage:
        rows = tuple(ChangeSummary(**row) for row in db.execute(newest).mappings())
        return ChangePage(rows, db.scalar(count) or 0)

    return await database.read(work)


async def find_change(database: Database, change: str) -> ChangeRow | None:
    """Read the change of that id, in whatever workspace."""
    query = select(*row_columns).where(changes.c.id == change)
    row = await database.read(lambda db: db.execute(query).mappings().one_or_none())
    return ChangeRow(**row) if row else None


async def find_summary(database: Database, workspace: str, change: str) -> ChangeSummary | None:
    """Read the change of that id in a workspace, without its plan."""
    query = select(*summary_columns).where(changes.c.id == change, changes.c.workspace == workspace)
    row = await database.read(lambda db: db.execute(query).mappings().one_or_none())
    return ChangeSummary(**row) if row else None


def _in_state(state: ChangeState, now: float) -> list[ColumnElement[bool]]:
    if state == "expired":
        return [changes.c.state.in_(OPEN), changes.c.expires_at <= now]
    same = changes.c.state == state
    return [same, changes.c.expires_at > now] if state in OPEN else [same]
