"""Converts requested ranges to periods that Customer.io can count, and its lists of numbers back to dated periods."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cio_mcp.customerio.api.metrics import Metric
from cio_mcp.customerio.api.periods import (
    EASTERN,
    FINEST_FIRST,
    MAX_RANGE,
    MAX_STEPS,
    Resolution,
    ceiling,
    floor,
    next_start,
    periods_between,
    reach,
    starts,
    starts_back,
    steps,
)
from cio_mcp.errors import InvalidArgument
from cio_mcp.text.timestamps import moment

DEFAULT_MAX_POINTS = 60
"""Maximum periods in an answer, unless a resolution is requested. Chosen: one line of text."""

MAX_POINTS = 400
"""How many it has at most in any case. Chosen: some 10 KB."""


class Span(NamedTuple):
    """A range of time in UTC; `until` itself is not in it."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class Counted:
    """Counts, the starts of their periods, and the range they really cover."""

    metric: Metric
    starts: list[datetime]
    since: datetime
    until: datetime
    resolution: Resolution


def range_resolution(since: datetime, until: datetime, requested: Resolution | None, tz: ZoneInfo) -> Resolution:
    """The resolution for a range: as wanted, else the finest of a handy length.

    Raises:
        InvalidArgument: the range is longer than Customer.io counts, or the answer would be too long.
    """
    if until - since > MAX_RANGE:
        raise InvalidArgument("since", "must be at most 10 years before until")
    if requested is None:
        return next(fit for fit in FINEST_FIRST if fit == "months" or _fits(since, until, fit, tz, DEFAULT_MAX_POINTS))
    if not _fits(since, until, requested, tz, MAX_POINTS):
        handy = next(fit for fit in FINEST_FIRST if _fits(since, until, fit, tz, MAX_POINTS))
        raise InvalidArgument(
            "resolution", f"{requested} would return over {MAX_POINTS} points; use {handy}, or a shorter range"
        )
    return requested


def steps_back(since: datetime, now: datetime, requested: Resolution | None) -> tuple[Resolution, int]:
    """Resolution and smallest sufficient number of steps to count back to `since`: as wanted, else the finest.

    Raises:
        InvalidArgument: steps do not reach so far; the text says how far they do.
    """
    tz = ZoneInfo(EASTERN)
    for resolution in (requested,) if requested else FINEST_FIRST:
        if (count := steps(since, now, resolution, tz)) is not None:
            return resolution, count
    furthest = requested or "months"
    coarser = FINEST_FIRST[FINEST_FIRST.index(furthest) + 1 :]
    longer = f"; {', '.join(f'{each} {MAX_STEPS[each]}' for each in coarser)} go back further" if coarser else ""
    earliest = moment(reach(now, furthest, tz).astimezone(tz))
    raise InvalidArgument(
        "since", f"{furthest} are counted back {MAX_STEPS[furthest]} from now, to {earliest} ({EASTERN}){longer}"
    )


def whole_periods(since: datetime, until: datetime, now: datetime, resolution: Resolution, tz: ZoneInfo) -> Span:
    """The whole periods that a range touches, the running one up to now.

    It is not documented whether Customer.io counts a period that a range cuts in two; so none is cut.
    """
    return Span(floor(since, resolution, tz), min(ceiling(until, resolution, tz), now))


def date_forward(metric: Metric, covered: Span, resolution: Resolution, tz: ZoneInfo) -> Counted:
    """Date the counts of whole periods; no counts at all are none throughout, and any after the range are dropped."""
    expected = periods_between(covered.since, covered.until, resolution, tz, most=MAX_POINTS)
    count = min(metric.periods, expected) or expected
    dated = starts(covered.since, count, resolution, tz)
    return Counted(metric.part(0, count), dated, covered.since, covered.until, resolution)


def date_back(metric: Metric, since: datetime, until: datetime, now: datetime, resolution: Resolution) -> Counted:
    """Date the counts of steps, the last of which is running, and keep the whole periods that the range touches.

    However many came (one step is answered with two): the last one is the present one.
    """
    tz = ZoneInfo(EASTERN)
    count = max(metric.periods, steps(since, now, resolution, tz) or 0)
    dated = starts_back(now, count, resolution, tz)
    first = sum(next_start(start, resolution, tz) <= since for start in dated)
    end = sum(start < until for start in dated)
    kept = dated[first:end]
    covered_until = min(next_start(kept[-1], resolution, tz), now)
    return Counted(metric.last(count).part(first, end), kept, kept[0], covered_until, resolution)


def _fits(since: datetime, until: datetime, resolution: Resolution, tz: ZoneInfo, most: int) -> bool:
    return periods_between(since, until, resolution, tz, most=most) <= most
