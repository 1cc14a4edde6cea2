"""Which days of a series must be read, and the dates of what was counted."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from cio_mcp.customerio.api.base import Kind
from cio_mcp.customerio.api.metrics import Metric
from cio_mcp.customerio.api.periods import EASTERN, MAX_STEPS, starts, starts_back
from cio_mcp.storage.metric_state import Coverage
from cio_mcp.text.timestamps import from_unix

ZONE = ZoneInfo(EASTERN)
DAYS_BACK = MAX_STEPS["days"]
"""Days that Customer.io gives of anything but campaigns, today included."""
LATE_DAYS = 45
"""Days that are read again, because opens, clicks, and conversions come late. Chosen: as far as `DAYS_BACK` reaches,
since a request costs the same for one day as for 45."""
NEWSLETTER_DAYS = 90
"""Days after a newsletter was sent until which it is read. Chosen: opens after that are few, and mostly machines'."""
DEFAULT_DAYS = 365
"""Days of a first export."""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Days:
    """Days in a row, both ends included."""

    first: date
    last: date


def today(now: float) -> date:
    """The day of Eastern time at a Unix time."""
    return from_unix(now).astimezone(ZONE).date()


def midnight(day: date) -> datetime:
    """The first moment of a day of Eastern time."""
    return datetime(day.year, day.month, day.day, tzinfo=ZONE)


def days_to_read(kind: Kind, wanted: Days, known: Coverage | None, now: date) -> Days | None:
    """The days of a series that may have changed since they were read, or never were; None if there are none.

    They continue what is known, so that no day between is left out.
    """
    first, last = wanted.first, min(wanted.last, now)
    if known:
        last = max(last, known.first - DAY)
        first = first if first < known.first else max(known.first, known.last - LATE_DAYS * DAY)
    if kind != "campaign":
        first = max(first, now - (DAYS_BACK - 1) * DAY)
    return Days(first, last) if first <= last else None


def counts_from(metric: Metric, first: date) -> dict[date, dict[str, int]]:
    """The counts of each day, the first of which is known; metrics of 0 are left out."""
    return _by_day(metric, starts(midnight(first), metric.periods, "days", ZONE))


def counts_back(metric: Metric, now: float) -> dict[date, dict[str, int]]:
    """The same for counts whose last day is the one of a Unix time."""
    return _by_day(metric.last(metric.periods), starts_back(from_unix(now), metric.periods, "days", ZONE))


def _by_day(metric: Metric, days: Iterable[datetime]) -> dict[date, dict[str, int]]:
    return {
        day.astimezone(ZONE).date(): {
            name: counts[place] for name, counts in metric.series.items() if place < len(counts) and counts[place]
        }
        for place, day in enumerate(days)
    }
