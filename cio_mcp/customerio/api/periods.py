"""How Customer.io cuts time for metrics: calendar periods in a zone, counted back from now or forward from a start.

A period is known by its first moment, in UTC: aware times of one zone compare by the clock on the wall,
which runs twice through an hour each autumn.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cio_mcp.errors import InvalidArgument

Resolution = Literal["hours", "days", "weeks", "months"]
FINEST_FIRST: tuple[Resolution, ...] = ("hours", "days", "weeks", "months")

EASTERN = "America/New_York"
"""The zone of everything that is asked by period and steps: https://docs.customer.io/integrations/api/app/"""

MAX_STEPS: dict[Resolution, int] = {"hours": 24, "days": 45, "weeks": 12, "months": 121}
"""How far back steps reach: https://docs.customer.io/integrations/api/app/"""

MIN_STEPS = 2
"""One step is answered with two: https://docs.customer.io/integrations/api/app/"""

MAX_RANGE = timedelta(days=3652)
"""`start` and `end` are at most 10 years apart: https://docs.customer.io/integrations/api/app/"""

_HOUR = timedelta(hours=1)
_INSTANT = timedelta(microseconds=1)


def zone(name: str, *, field: str = "timezone") -> ZoneInfo:
    """The zone of a region name.

    Raises:
        InvalidArgument: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidArgument(field, "expected a region name such as Europe/Berlin, or UTC") from None


def floor(moment: datetime, resolution: Resolution, tz: ZoneInfo) -> datetime:
    """The first moment (UTC) of the period that `moment` falls in; weeks start on Sunday."""
    local = moment.astimezone(tz)
    match resolution:
        case "hours":
            past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
            return local.astimezone(UTC) - past
        case "days":
            return _midnight(local.date(), tz)
        case "weeks":
            return _midnight(local.date() - timedelta(days=local.isoweekday() % 7), tz)
        case "months":
            return _midnight(local.date().replace(day=1), tz)


def next_start(start: datetime, resolution: Resolution, tz: ZoneInfo) -> datetime:
    """The first moment (UTC) of the period after the one that starts at `start`."""
    day = start.astimezone(tz).date()
    match resolution:
        case "hours":
            return start + _HOUR
        case "days":
            return _midnight(day + timedelta(days=1), tz)
        case "weeks":
            return _midnight(day + timedelta(days=7), tz)
        case "months":
            return _midnight((day.replace(day=1) + timedelta(days=31)).replace(day=1), tz)


def ceiling(moment: datetime, resolution: Resolution, tz: ZoneInfo) -> datetime:
    """The moment (UTC) itself where a period starts at it, else the start of the next one."""
    start = floor(moment, resolution, tz)
    return start if start == moment else next_start(start, resolution, tz)


def starts(first: datetime, count: int, resolution: Resolution, tz: ZoneInfo) -> list[datetime]:
    """The starts of `count` periods in a row, from the one that starts at `first`."""
    moments: list[datetime] = []
    for _ in range(count):
        moments.append(first)
        first = next_start(first, resolution, tz)
    return moments


def starts_back(now: datetime, count: int, resolution: Resolution, tz: ZoneInfo) -> list[datetime]:
    """The starts of the last `count` periods, oldest first; the last one is still running."""
    start = floor(now, resolution, tz)
    moments: list[datetime] = []
    for _ in range(count):
        moments.append(start)
        start = floor(start - _INSTANT, resolution, tz)
    return moments[::-1]


def periods_between(since: datetime, until: datetime, resolution: Resolution, tz: ZoneInfo, *, most: int) -> int:
    """How many periods a range touches, `until` itself left out; `most + 1` means more than `most`."""
    start, count = floor(since, resolution, tz), 1
    while count <= most and (start := next_start(start, resolution, tz)) < until:
        count += 1
    return count


def steps(since: datetime, now: datetime, resolution: Resolution, tz: ZoneInfo) -> int | None:
    """The smallest number of steps whose periods, counted back from now, reach `since`; None beyond the most."""
    most = MAX_STEPS[resolution]
    count = periods_between(since, now + _INSTANT, resolution, tz, most=most)
    return max(count, MIN_STEPS) if count <= most else None


def reach(now: datetime, resolution: Resolution, tz: ZoneInfo) -> datetime:
    """The earliest moment (UTC) that steps of this resolution can count from."""
    return starts_back(now, MAX_STEPS[resolution], resolution, tz)[0]


def _midnight(day: date, tz: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tz).astimezone(UTC)
