"""The event log: each event once, indexed by what queries ask for, kept for a limited time."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, FromClause, ScalarSelect, Select, Subquery, delete, func, select, tuple_
from sqlalchemy.sql.elements import ColumnElement

from cio_mcp.storage.engine import Database
from cio_mcp.storage.rows import MAX_METRICS, EventQuery, EventRow, MetricCount, Place
from cio_mcp.storage.schema import by_machine, changes, events, rejections

MAX_COUNTED = 1_000
"""Older events that are counted, so that a page costs the same however many there are."""
DELETED_AT_ONCE = 500
"""Events deleted in one transaction: some 10 ms, so that appending never waits long."""
STORED = tuple(column.name for column in events.columns if column.name not in ("sequence", "workspace"))
_stored = attrgetter(*STORED)


class Events:
    """The events of one workspace."""

    def __init__(self, database: Database, workspace: str) -> None:
        self._database = database
        self.workspace = workspace

    async def add(self, rows: Sequence[EventRow]) -> int:
        """Store the rows that are not there yet, in one commit; how many were new.

        Raises:
            StorageFailed: nothing was stored.
        """
        values = tuple(value for row in rows for value in (self.workspace, *_stored(row)))

        def work(db: Connection) -> int:
            return db.exec_driver_sql(_insertion(db.dialect.paramstyle, len(rows)), values).rowcount

        return await self._database.write_at_once(work) if rows else 0

    async def count(self, refused: Mapping[str, int], now: float) -> None:
        """Count requests that were refused, by reason.

        Raises:
            StorageFailed: they were not counted.
        """
        await self._database.write(lambda db: _count(db, self.workspace, refused, now))

    async def recent(self, query: EventQuery, limit: int, before: Place | None) -> tuple[list[EventRow], int]:
        """Read events newest first, older than a place; and how many older ones follow, up to `MAX_COUNTED`."""
        where = self._where(query)
        if before is not None:
            where.append(tuple_(events.c.at, events.c.sequence) < tuple_(before.at, before.sequence))
        newest = _joined().where(*where).order_by(events.c.at.desc(), events.c.sequence.desc())

        def work(db: Connection) -> tuple[list[EventRow], int]:
            rows = _rows(db, newest.limit(limit))
            rest = select(events.c.sequence).where(*where).order_by(events.c.at.desc(), events.c.sequence.desc())
            more = rest.offset(limit).limit(MAX_COUNTED).subquery()
            return rows, _number(db, more) if len(rows) == limit else 0

        return await self._database.read(work)

    async def earliest(self, query: EventQuery) -> EventRow | None:
        """The matching event that happened first."""
        first = _joined().where(*self._where(query)).order_by(events.c.at, events.c.sequence).limit(1)
        return next(iter(await self._database.read(lambda db: _rows(db, first))), None)

    async def stored(self, query: EventQuery, *, after: int, most: int) -> tuple[EventRow | None, int]:
        """Of the next `most` events after a sequence the first stored that matches; and their last sequence.

        Where there are none, it is the sequence that was given.
        """
        here = events.c.workspace == self.workspace
        # Selected by themselves, so that the planner does not look up the conditions in the whole log instead.
        few = select(events).where(here, events.c.sequence > after).order_by(events.c.sequence).limit(most)
        next_few = few.subquery("few")
        first = _joined(next_few).where(*self._where(query, next_few)).order_by(next_few.c.sequence).limit(1)
        last = select(func.max(next_few.c.sequence))

        def work(db: Connection) -> tuple[EventRow | None, int]:
            upto = db.scalar(last)
            return (next(iter(_rows(db, first)), None), upto) if upto is not None else (None, after)

        return await self._database.read(work)

    async def after(self, sequence: int, most: int) -> list[EventRow]:
        """Read up to `most` events after a sequence, in the order of storing; without the changes that caused them."""
        here = events.c.workspace == self.workspace
        columns = [column for column in events.columns if column.name != "workspace"]
        query = select(*columns).where(here, events.c.sequence > sequence).order_by(events.c.sequence).limit(most)
        return await self._database.read(lambda db: _rows(db, query))

    async def has_up_to(self, sequence: int) -> bool:
        """Whether any event up to a sequence is still stored."""
        here = events.c.workspace == self.workspace
        query = select(events.c.sequence).where(here, events.c.sequence <= sequence).limit(1)
        return await self._database.read(lambda db: db.scalar(query) is not None)

    async def summary(self, query: EventQuery) -> tuple[list[MetricCount], int]:
        """Count events by metric, the most frequent first, up to `MAX_METRICS`; and how many events have others.

        The bound is needed because metrics are whatever webhooks carry.
        """
        count, machine = func.count(), by_machine.label("machine")
        total = func.sum(count).over()
        each = select(events.c.metric, machine, count, total).where(*self._where(query))
        most = each.group_by(events.c.metric, machine).order_by(count.desc(), events.c.metric, machine)

        def work(db: Connection) -> tuple[list[MetricCount], int]:
            rows = db.execute(most.limit(MAX_METRICS)).all()
            counts = [MetricCount(row[0], bool(row[1]), row[2]) for row in rows]
            return counts, rows[0][3] - sum(each.count for each in counts) if rows else 0

        return await self._database.read(work)

    async def newest(self) -> tuple[int, float]:
        """The highest sequence of the workspace, and when that event came in; zeros where there is none."""
        here = events.c.workspace == self.workspace
        last = select(events.c.sequence, events.c.received_at).where(here).order_by(events.c.sequence.desc()).limit(1)
        row = await self._database.read(lambda db: db.execute(last).one_or_none())
        return (row.sequence, row.received_at) if row else (0, 0.0)

    async def first_received(self) -> float | None:
        """When the earliest event that is still stored came in; None where there is none."""
        first = select(func.min(events.c.received_at)).where(events.c.workspace == self.workspace)
        return await self._database.read(lambda db: db.scalar(first))

    async def surplus(self, most: int) -> int:
        """The highest sequence of what exceeds the newest `most` events; 0 where nothing does."""
        mine = select(events.c.sequence).where(events.c.workspace == self.workspace)
        beyond = mine.order_by(events.c.sequence.desc()).offset(most).limit(1)
        return await self._database.read(lambda db: db.scalar(beyond) or 0)

    async def drop(self, most: int, *, upto: int | None = None, before: float | None = None) -> int:
        """Delete up to `most` of the oldest events, up to a sequence or come in before a time; how many went."""
        oldest = select(events.c.sequence).where(events.c.workspace == self.workspace)
        if upto is not None:
            oldest = oldest.where(events.c.sequence <= upto).order_by(events.c.sequence)
        if before is not None:
            oldest = oldest.where(events.c.received_at < before).order_by(events.c.received_at)
        gone = delete(events).where(events.c.sequence.in_(oldest.limit(most).scalar_subquery()))
        return await self._database.write(lambda db: db.execute(gone).rowcount)

    def _where(self, query: EventQuery, table: FromClause = events) -> list[ColumnElement[bool]]:
        column, person = _person_column(query.person or "")
        equal = {
            "workspace": self.workspace,
            "object_type": query.object_type,
            "metric": query.metric if not query.also else None,
            "delivery_id": query.delivery,
            "trigger_event_id": query.trigger_event,
            "kind": query.kind,
            "parent_id": query.id,
            column: person or None,
        }
        where = [table.c[name] == value for name, value in equal.items() if value is not None]
        if query.metric is not None and query.also:
            where.append(table.c.metric.in_((query.metric, *query.also)))
        if query.since is not None:
            where.append(table.c.at >= int(query.since.timestamp()))
        if query.until is not None:
            where.append(table.c.at < query.until.timestamp())
        return where


def _person_column(person: str) -> tuple[str, str]:
    if person.startswith("cio_"):
        return "cio_id", person.removeprefix("cio_")
    return ("email", person.lower()) if "@" in person else ("person_id", person)


def _cause(table: FromClause) -> ColumnElement[str]:
    def change(same: ColumnElement[bool]) -> ScalarSelect[str]:
        return select(changes.c.id).where(changes.c.workspace == table.c.workspace, same).limit(1).scalar_subquery()

    delivery = change(changes.c.delivery_id == table.c.delivery_id)
    return func.coalesce(delivery, change(changes.c.event_id == table.c.trigger_event_id))


def _joined(table: FromClause = events) -> Select[Any]:
    columns = [column for column in table.columns if column.name != "workspace"]
    return select(*columns, _cause(table).label("change"))


def _rows(db: Connection, query: Select[Any]) -> list[EventRow]:
    return [EventRow(**row) for row in db.execute(query).mappings()]


def _number(db: Connection, rows: Subquery) -> int:
    return db.scalar(select(func.count()).select_from(rows)) or 0


@lru_cache(maxsize=64)
def _insertion(style: str, rows: int) -> str:
    mark = "?" if style == "qmark" else "%s"
    row = f"({', '.join([mark] * (len(STORED) + 1))})"
    return (
        f"INSERT INTO events (workspace, {', '.join(STORED)}) VALUES {', '.join([row] * rows)} ON CONFLICT DO NOTHING"  # noqa: S608 - of our own column names
    )


def _count(db: Connection, workspace: str, refused: Mapping[str, int], now: float) -> None:
    for reason, number in refused.items():
        adding = rejections.update().where(rejections.c.workspace == workspace, rejections.c.reason == reason)
        if not db.execute(adding.values(count=rejections.c.count + number, last_at=now)).rowcount:
            db.execute(rejections.insert().values(workspace=workspace, reason=reason, count=number, last_at=now))
