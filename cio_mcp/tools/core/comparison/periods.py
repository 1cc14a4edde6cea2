"""The period of one source and the one just before it, in whole periods that Customer.io counts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cio_mcp.customerio.api.periods import (
    FINEST_FIRST,
    Resolution,
    floor,
    next_start,
    periods_between,
    starts_back,
    steps,
)
from cio_mcp.errors import InvalidArgument
from cio_mcp.tools.common.arguments import Kind
from cio_mcp.tools.common.metric_ranges import MAX_POINTS, Counted

DEFAULT_DAYS = 21
"""Whole days of each period, unless a range is requested. Chosen: two such periods and the present day fit into the
45 days that Customer.io counts back day by day."""
SETTLING = timedelta(days=3)
"""How long after a message its opens and clicks keep coming in such numbers that rates still rise. Chosen."""
INSTANT = timedelta(microseconds=1)


class TwoPeriods(NamedTuple):
    """The previous period from `previous` to `since`, and the current one from there to `until`, of equal length."""

    previous: datetime
    since: datetime
    until: datetime
    resolution: Resolution


def two_periods(kind: Kind, since: datetime | None, until: datetime | None, now: datetime, tz: ZoneInfo) -> TwoPeriods:
    """The whole periods that a range touches, and as many just before; the default ends with the last midnight.

    Raises:
        InvalidArgument: Customer.io does not count so far back.
    """
    end = min(until or (now if since else floor(now, "days", tz)), now)
    start = since or _midnights_before(end, DEFAULT_DAYS, tz)
    for resolution in FINEST_FIRST:
        count = periods_between(start, end, resolution, tz, most=MAX_POINTS // 2)
        if count > MAX_POINTS // 2:
            continue
        first = floor(start, resolution, tz)
        previous = starts_back(first - INSTANT, count, resolution, tz)[0]
        if kind == "campaign" or steps(previous, now, resolution, tz) is not None:
            return TwoPeriods(previous, first, end, resolution)
    raise InvalidArgument("since", "is too far back for a previous period of the same length; use a later time")


def _midnights_before(end: datetime, days: int, tz: ZoneInfo) -> datetime:
    return starts_back(end - INSTANT, days, "days", tz)[0]


@dataclass(frozen=True)
class PeriodCounts:
    """The counts of one side: what happened from `since` to `until`."""

    since: datetime
    until: datetime
    totals: dict[str, int]
    running: bool
    recent: bool


def counts_of(counted: Counted, now: datetime, tz: ZoneInfo) -> PeriodCounts:
    """The totals of a range, whether its last period still runs, and whether its last messages are recent."""
    sent = counted.metric.series.get("sent", [])
    last = max((place for place, count in enumerate(sent) if count), default=None)
    recent = last is not None and now - _end(counted, last, now, tz) < SETTLING
    running = next_start(counted.starts[-1], counted.resolution, tz) > now
    return PeriodCounts(counted.since, counted.until, counted.metric.totals, running, recent)


def split(counted: Counted, at: datetime) -> tuple[Counted, Counted]:
    """The part of the counts before a period's start, and the part from it on."""
    place = sum(start < at for start in counted.starts)
    metric, starts = counted.metric, counted.starts
    before = Counted(metric.part(0, place), starts[:place], counted.since, at, counted.resolution)
    after = Counted(metric.part(place, len(starts)), starts[place:], at, counted.until, counted.resolution)
    return before, after


def _end(counted: Counted, place: int, now: datetime, tz: ZoneInfo) -> datetime:
    return min(next_start(counted.starts[place], counted.resolution, tz), now)
