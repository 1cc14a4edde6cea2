"""Effects of changes, compared: what was sent before that is equal or nearly equal."""

from collections.abc import Sequence
from dataclasses import fields

from sqlalchemy import Connection, RowMapping, Select, and_, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from cio_mcp.storage.change_queries import row_columns, summary_columns
from cio_mcp.storage.engine import Database
from cio_mcp.storage.rows import EFFECTIVE, OPEN, UNSETTLED, ChangeRow, ChangeSummary, Digests, Precedent
from cio_mcp.storage.schema import changes

MAX_OPEN_SECONDS = 7_200.0
"""How long after it was planned a change may be decided, at most: it is open for an hour, and drift renews it."""
READ_AT_ONCE = 20
"""Plans read in one transaction: they may be a megabyte each."""


class Effects:
    """What the changes of one workspace did, as far as it is compared."""

    def __init__(self, database: Database, workspace: str) -> None:
        self._database = database
        self._workspace = workspace

    async def same(self, effect: str, since: float, now: float, *, but: str = "") -> ChangeRow | None:
        """Find a change with the same effect that was sent since a time, is scheduled, or whose outcome is unknown."""
        same = and_(same_effect(self._workspace, effect, since, now), changes.c.id != but)
        newest = select(*row_columns).where(same).order_by(changes.c.planned_at.desc(), changes.c.id).limit(1)
        row = await self._database.read(lambda db: db.execute(newest).mappings().one_or_none())
        return ChangeRow(**row) if row else None

    async def precedents(self, digests: Digests, *, since: float, failed_since: float, limit: int) -> list[Precedent]:
        """Find the newest changes with the same target that were sent or were due since a time, or may have been.

        A change that failed counts only if its effect is the same, and from `failed_since` on.
        """
        failed = and_(
            changes.c.state == "failed",
            changes.c.effect == digests.effect,
            changes.c.sending_at >= failed_since,
        )
        here = and_(changes.c.workspace == self._workspace, changes.c.target == digests.target)
        query = (
            select(*summary_columns, changes.c.effect)
            .where(here, or_(_reached(since), failed))
            .order_by(changes.c.sending_at.desc(), changes.c.id)
            .limit(limit)
        )
        rows = await self._database.read(lambda db: db.execute(query).mappings().all())
        return [Precedent(_summary(row), equal) for row in rows for equal in [row["effect"] == digests.effect]]

    async def decided(
        self, digests: Digests, tool: str, arguments_digest: str, *, since: float, until: float, limit: int
    ) -> list[Precedent]:
        """Find the newest changes that were decided in a time, by any caller, and are equal or nearly equal.

        Where effects are not compared, those with the same tool and arguments are equal.
        """
        same_call = and_(changes.c.tool == tool, changes.c.arguments_digest == arguments_digest)
        alike = or_(same_call, changes.c.target == digests.target) if digests.target else same_call
        # A change is decided within an hour, if at all: so few are read, by the index of recent changes.
        recent = and_(changes.c.workspace == self._workspace, changes.c.planned_at >= since - MAX_OPEN_SECONDS)
        query = (
            select(*summary_columns, or_(same_call, changes.c.effect == digests.effect).label("equal"))
            .where(recent, changes.c.decided_at.between(since, until), alike)
            .order_by(changes.c.decided_at.desc(), changes.c.id)
            .limit(limit)
        )
        rows = await self._database.read(lambda db: db.execute(query).mappings().all())
        return [Precedent(_summary(row), bool(row["equal"])) for row in rows]

    async def outdated(self, form: int, *, since: float) -> Sequence[tuple[str, str]] | None:
        """Read id and plan of some changes that still count, and whose digests have an older form than this.

        None means that no change at all has an older form.
        """
        older = and_(changes.c.workspace == self._workspace, changes.c.form < form)
        counts = or_(changes.c.planned_at >= since, changes.c.due_at >= since, changes.c.state.in_((*OPEN, *UNSETTLED)))
        some: Select[tuple[str, str]] = select(changes.c.id, changes.c.plan).where(older, counts).limit(READ_AT_ONCE)

        def work(db: Connection) -> Sequence[tuple[str, str]] | None:
            if db.execute(select(changes.c.id).where(older).limit(1)).first() is None:
                return None
            return [(row.id, row.plan) for row in db.execute(some)]

        return await self._database.read(work)

    async def renew(self, form: int, digests: dict[str, Digests | None]) -> None:
        """Write digests of a form, by change; None leaves those that are there. Without any, mark all other changes."""
        older = and_(changes.c.workspace == self._workspace, changes.c.form < form)

        def work(db: Connection) -> None:
            for id_, new in digests.items():
                values = {"form": form} | (new._asdict() if new else {})
                db.execute(update(changes).where(older, changes.c.id == id_).values(**values))
            if not digests:
                db.execute(update(changes).where(older).values(form=form))

        await self._database.write(work)


def _summary(row: RowMapping) -> ChangeSummary:
    return ChangeSummary(**{each.name: row[each.name] for each in fields(ChangeSummary)})


def same_effect(workspace: str, effect: str, since: float, now: float) -> ColumnElement[bool]:
    """Whether a change has an effect, and was sent since a time, is scheduled, or has an unknown outcome."""
    made = and_(changes.c.state.in_(EFFECTIVE), or_(changes.c.sending_at >= since, changes.c.due_at > now))
    return and_(changes.c.workspace == workspace, changes.c.effect == effect, or_(made, changes.c.state.in_(UNSETTLED)))


def same_target(workspace: str, target: str, since: float) -> ColumnElement[bool]:
    """Whether a change has a target, and was or may have been sent since a time, or was due since then."""
    return and_(changes.c.workspace == workspace, changes.c.target == target, _reached(since))


def _reached(since: float) -> ColumnElement[bool]:
    late = or_(changes.c.sending_at >= since, changes.c.due_at >= since)
    return and_(changes.c.state.in_((*EFFECTIVE, *UNSETTLED)), late)
