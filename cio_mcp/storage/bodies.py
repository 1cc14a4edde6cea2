"""Bodies of changes (plan and question): how the journal lets go of them and keeps the rest."""

import json

from sqlalchemy import Connection, and_, or_, select, update

from cio_mcp.storage.changes import OPEN, UNSETTLED
from cio_mcp.storage.engine import Database
from cio_mcp.storage.schema import changes, has_body

STEP = 100
"""Bodies that one transaction takes out: some 10 ms."""


def bare_plan(risk: str, summary: str) -> str:
    """The plan (JSON) of a change without its body: what kind, and one line."""
    return json.dumps({"risk": risk, "summary": summary}, ensure_ascii=False)


async def reduce_old(database: Database, *, before: float, now: float) -> int:
    """Reduce up to `STEP` changes planned before a time, of any workspace, to digest and summary; how many.

    What is open, or whose outcome is not known, keeps its body.
    """
    settled = or_(
        changes.c.state.not_in((*OPEN, *UNSETTLED)), and_(changes.c.state.in_(OPEN), changes.c.expires_at < before)
    )
    late = or_(changes.c.due_at.is_(None), changes.c.due_at < now)
    old = select(changes.c.id, changes.c.risk, changes.c.summary).where(
        has_body, changes.c.planned_at < before, settled, late
    )

    def work(db: Connection) -> int:
        rows = db.execute(old.order_by(changes.c.planned_at).limit(STEP)).all()
        for row in rows:
            reduced = {"question": "", "plan": bare_plan(row.risk, row.summary), "baseline": None}
            db.execute(update(changes).where(changes.c.id == row.id).values(**reduced))
        return len(rows)

    return await database.write(work)
