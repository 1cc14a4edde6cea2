"""Lists of changes, of one workspace or of all in the database: columns only, never whole plans."""

from collections.abc import Iterable
from dataclasses import fields
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from cio_mcp.storage.engine import Database
from cio_mcp.storage.rows import EFFECTIVE, OPEN, ChangePage, ChangeRow, ChangeState, ChangeSummary
from cio_mcp.storage.schema import changes

row_columns = tuple(changes.c[field.name].label(field.name) for field in fields(ChangeRow))
"""The columns of a whole change, each by its name in `ChangeRow`, which two of them do not have in the database."""
summary_columns = tuple(changes.c[field.name] for field in fields(ChangeSummary))
"""The columns of a change in a list."""


class Place(NamedTuple):
    """A place in the list of changes: when one was planned (Unix seconds), and its ID."""

    planned_at: float
    id: str


async def recent(
    database: Database,
    *,
    workspace: str | None = None,
    state: ChangeState | None = None,
    limit: int,
    now: float,
    after: Place | None = None,
) -> ChangePage:
    """List changes newest first; only those of a workspace, in a state, and behind a place in the list, if given.

    Raises:
        StorageFailed: the database cannot be read.
    """
    where = [] if state is None else _in_state(state, now)
    if workspace is not None:
        where.append(changes.c.workspace == workspace)
    count = select(func.count()).select_from(changes).where(*where)
    if after is not None:
        same_time = and_(changes.c.planned_at == after.planned_at, changes.c.id > after.id)
        where.append(or_(changes.c.planned_at < after.planned_at, same_time))
    newest = select(*summary_columns).where(*where).order_by(changes.c.planned_at.desc(), changes.c.id)

    def work(db: Connection) -> ChangePage:
        rows = tuple(ChangeSummary(**row) for row in db.execute(newest.limit(limit + 1)).mappings())
        return ChangePage(rows[:limit], db.scalar(count) or 0, len(rows) > limit)

    return await database.read(work)


async def find_change(database: Database, change: str) -> ChangeRow | None:
    """Read the change with this ID, in any workspace."""
    query = select(*row_columns).where(changes.c.id == change)
    row = await database.read(lambda db: db.execute(query).mappings().one_or_none())
    return ChangeRow(**row) if row else None


async def find_summary(database: Database, workspace: str, change: str) -> ChangeSummary | None:
    """Read the change of that id in a workspace, without its plan."""
    query = select(*summary_columns).where(changes.c.id == change, changes.c.workspace == workspace)
    row = await database.read(lambda db: db.execute(query).mappings().one_or_none())
    return ChangeSummary(**row) if row else None


async def applied_calls(database: Database, workspace: str, tool: str, digests: Iterable[str]) -> dict[str, str]:
    """Find the latest applied changes of a tool in a workspace: their IDs, by these digests of their arguments."""
    same = and_(changes.c.workspace == workspace, changes.c.tool == tool, changes.c.arguments_digest.in_(digests))
    query = (
        select(changes.c.arguments_digest, changes.c.id)
        .where(same, changes.c.state.in_(EFFECTIVE))
        .order_by(changes.c.planned_at)
    )
    return await database.read(lambda db: {row.arguments_digest: row.id for row in db.execute(query)})


def _in_state(state: ChangeState, now: float) -> list[ColumnElement[bool]]:
    if state == "expired":
        return [changes.c.state.in_(OPEN), changes.c.expires_at <= now]
    same = changes.c.state == state
    return [same, changes.c.expires_at > now] if state in OPEN else [same]
