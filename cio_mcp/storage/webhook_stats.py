"""Statistics of the webhook receiver: the last event, delays, gaps, and refused requests."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from cio_mcp.storage.engine import Database
from cio_mcp.storage.schema import events, rejections

WINDOW_SECONDS = 7 * 86_400.0
"""How far back gaps are looked for: as long as Customer.io retries."""
GAP_SECONDS = 3_600.0
"""Time without an event that counts as a gap. Chosen: a busy workspace has none in a day."""
DAY_SECONDS = 86_400.0
LATE_SECONDS = 60.0
"""Delay after which an event counts as late: it, or one before it, was not accepted at first."""
MAX_GAPS = 20
"""Gaps that are listed; the latest."""


@dataclass(frozen=True, slots=True)
class LastEvent:
    """The event received last; times in Unix seconds."""

    event_id: str
    object_type: str
    metric: str
    at: int
    received_at: float

    @property
    def lag(self) -> float:
        """Seconds from happening to arrival."""
        return max(0.0, self.received_at - self.at)


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without events, in Unix seconds; `until` is None while it lasts."""

    since: float
    until: float | None


@dataclass(frozen=True, slots=True)
class Refused:
    """Requests that were not accepted, for one reason."""

    reason: str
    count: int
    last_at: float


@dataclass(frozen=True, slots=True)
class WebhookStats:
    """What was received: `day` and `late` count the last 24 hours, `gaps` and `refused` list problems."""

    stored: int
    last: LastEvent | None
    day: int
    late: int
    gaps: tuple[Gap, ...]
    refused: tuple[Refused, ...]


async def webhook_stats(database: Database, workspace: str, now: float) -> WebhookStats:
    """Compute the statistics of a workspace's receiver.

    Raises:
        StorageFailed: the database cannot be read.
    """
    return await database.read(lambda db: _read(db, workspace, now))


def _read(db: Connection, workspace: str, now: float) -> WebhookStats:
    here, table = events.c.workspace == workspace, events.c
    columns = (table.event_id, table.object_type, table.metric, table.at, table.received_at)
    last = db.execute(select(*columns).where(here).order_by(table.sequence.desc()).limit(1)).mappings().one_or_none()
    day = select(func.count()).select_from(events).where(here, table.received_at > now - DAY_SECONDS)
    refused = select(rejections.c.reason, rejections.c.count, rejections.c.last_at)
    return WebhookStats(
        stored=db.scalar(select(func.count()).select_from(events).where(here)) or 0,
        last=LastEvent(**last) if last else None,
        day=db.scalar(day) or 0,
        late=db.scalar(day.where(table.received_at - table.at > LATE_SECONDS)) or 0,
        gaps=tuple(_gaps(db, workspace, now)[-MAX_GAPS:]),
        refused=tuple(
            Refused(**row)
            for row in db.execute(refused.where(rejections.c.workspace == workspace).order_by("reason")).mappings()
        ),
    )


def _gaps(db: Connection, workspace: str, now: float) -> list[Gap]:
    """Walk from event to event in strides of a silence: a few hundred look-ups, however many events there are."""
    came, here = events.c.received_at, events.c.workspace == workspace
    gaps: list[Gap] = []
    at = db.scalar(select(func.max(came)).where(here, came < now - WINDOW_SECONDS))
    at = at or db.scalar(select(func.min(came)).where(here))
    while at is not None:
        further = db.scalar(select(func.max(came)).where(here, came > at, came <= at + GAP_SECONDS))
        if further is None:
            further = db.scalar(select(func.min(came)).where(here, came > at))
            if further is not None or now - at > GAP_SECONDS:
                gaps.append(Gap(at, further))
        at = further
    return gaps
