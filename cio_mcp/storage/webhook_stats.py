"""How the receiver of webhooks fares: the last event, how late events come, when none came, what was refused."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from cio_mcp.storage.engine import Database
from cio_mcp.storage.schema import events, rejections

WINDOW = 7 * 86_400.0
"""Seconds looked back for gaps: as long as Customer.io tries again."""
SILENCE = 3_600.0
"""Seconds without an event that count as a gap; no source, a busy workspace has none in a day."""
DAY = 86_400.0
LATE = 60.0
"""Seconds after which an event counts as late: it, or one before it, was not accepted the first time."""
GAPS = 20
"""Gaps told at most, the latest."""


@dataclass(frozen=True, slots=True)
class LastEvent:
    """The event that came in last; times in Unix seconds."""

    event_id: str
    object_type: str
    metric: str
    at: int
    received_at: float

    @property
    def lag(self) -> float:
        """Seconds between happening and coming in."""
        return max(0.0, self.received_at - self.at)


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which nothing came in, in Unix seconds; `until` None: it goes on."""

    since: float
    until: float | None


@dataclass(frozen=True, slots=True)
class Refused:
    """Requests that were not accepted, for one reason."""

    reason: str
    count: int
    last_at: float


@dataclass(frozen=True, slots=True)
class Reception:
    """What came in: `day` and `late` count the last 24 hours, `gaps` and `refused` list what went wrong."""

    stored: int
    last: LastEvent | None
    day: int
    late: int
    gaps: tuple[Gap, ...]
    refused: tuple[Refused, ...]


async def reception(database: Database, workspace: str, now: float) -> Reception:
    """How the receiver of a workspace fares.

    Raises:
        StorageFailed: the database cannot be read.
    """
    return await database.read(lambda db: _read(db, workspace, now))


def _read(db: Connection, workspace: str, now: float) -> Reception:
    here, table = events.c.workspace == workspace, events.c
    columns = (table.event_id, table.object_type, table.metric, table.at, table.received_at)
    last = db.execute(select(*columns).where(here).order_by(table.sequence.desc()).limit(1)).mappings().one_or_none()
    day = select(func.count()).select_from(events).where(here, table.received_at > now - DAY)
    refused = select(rejections.c.reason, rejections.c.count, rejections.c.last_at)
    return Reception(
        stored=db.scalar(select(func.count()).select_from(events).where(here)) or 0,
        last=LastEvent(**last) if last else None,
        day=db.scalar(day) or 0,
        late=db.scalar(day.where(table.received_at - table.at > LATE)) or 0,
        gaps=tuple(_gaps(db, workspace, now)[-GAPS:]),
        refused=tuple(
            Refused(**row)
            for row in db.execute(refused.where(rejections.c.workspace == workspace).order_by("reason")).mappings()
        ),
    )


def _gaps(db: Connection, workspace: str, now: float) -> list[Gap]:
    """Walk from event to event in strides of a silence: a few hundred look-ups, however many events there are."""
    came, here = events.c.received_at, events.c.workspace == workspace
    gaps: list[Gap] = []
    at = db.scalar(select(func.max(came)).where(here, came < now - WINDOW))
    at = at or db.scalar(select(func.min(came)).where(here))
    while at is not None:
        further = db.scalar(select(func.max(came)).where(here, came > at, came <= at + SILENCE))
        if further is None:
            further = db.scalar(select(func.min(came)).where(here, came > at))
            if further is not None or now - at > SILENCE:
                gaps.append(Gap(at, further))
        at = further
    return gaps
