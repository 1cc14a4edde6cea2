"""Series over deliveries: version 1 by period and steps in Eastern time, version 2 by resolution, start and end."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cio_mcp.sandbox.api.messages import CHANNELS
from cio_mcp.sandbox.http import Asked, app_error
from cio_mcp.sandbox.world.deliveries import Delivery
from cio_mcp.sandbox.world.templates import Parent

if TYPE_CHECKING:
    from cio_mcp.sandbox.world.workspace import Workspace

EASTERN = "America/New_York"
MOST_STEPS = {"hours": 24, "days": 45, "weeks": 12, "months": 121}
RESOLUTIONS = {
    "hours": "hours", "hourly": "hours", "days": "days", "daily": "days", "weeks": "weeks", "weekly": "weeks",
    "months": "months", "monthly": "months",
}  # fmt: skip
TEN_YEARS = 3653 * 86_400
SERIES = (
    "attempted", "bounced", "clicked", "human_clicked", "machine_clicked", "converted", "created", "deferred",
    "delivered", "drafted", "failed", "opened", "human_opened", "prefetch_opened", "sent", "spammed", "suppressed",
    "undeliverable", "topic_unsubscribed", "unsubscribed",
)  # fmt: skip
NAMED_OTHERWISE = {"dropped": "suppressed", "prefetch_clicked": "machine_clicked"}


def floor(moment: datetime, unit: str) -> datetime:
    """Start of the hour, day, week (from Sunday) or month that a moment is in."""
    if unit == "hours":
        return moment.replace(minute=0, second=0, microsecond=0)
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "weeks":
        return day - timedelta(days=(day.weekday() + 1) % 7)
    return day.replace(day=1) if unit == "months" else day


def step(start: datetime, unit: str, count: int) -> datetime:
    """Start of the bucket `count` later (or earlier, below zero)."""
    if unit == "hours":
        return (start.astimezone(UTC) + timedelta(hours=count)).astimezone(start.tzinfo)
    if unit == "months":
        month = start.year * 12 + start.month - 1 + count
        return start.replace(year=month // 12, month=month % 12 + 1)
    return start + timedelta(days=count * (7 if unit == "weeks" else 1))


class Buckets:
    """Bucket starts, with the end of the last; times outside fall nowhere."""

    def __init__(self, starts: list[datetime], end: datetime) -> None:
        self._starts = [start.timestamp() for start in starts]
        self._end = end.timestamp()

    def count(self, times: Iterable[float]) -> list[int]:
        """How many times fall into each bucket."""
        counts = [0] * len(self._starts)
        for at in times:
            if at < self._end and (index := bisect_right(self._starts, at)):
                counts[index - 1] += 1
        return counts


def by_steps(asked: Asked, now: int) -> Buckets:
    """Version 1: `steps` buckets of a `period`, the last the one that now is in; at least two, 0 means the most."""
    unit = asked.choice("period", MOST_STEPS) or "days"
    default = 12 if unit == "months" else MOST_STEPS[unit]
    count = asked.integer("steps", default, most=MOST_STEPS[unit]) or MOST_STEPS[unit]
    current = floor(datetime.fromtimestamp(now, ZoneInfo(EASTERN)), unit)
    starts = [step(current, unit, offset) for offset in range(1 - max(count, 2), 1)]
    return Buckets(starts, step(current, unit, 1))


def by_resolution(asked: Asked) -> tuple[Buckets, dict[str, str]]:
    """Version 2: buckets of `res` that hold `start` to `end`, and what the answer says of them."""
    unit = RESOLUTIONS.get(asked.query.get("res", ""))
    start, end = asked.integer("start", -1), asked.integer("end", -1)
    if unit is None or start < 0 or end < 0:
        raise app_error(400, "res, start and end are required")
    if not start <= end <= start + TEN_YEARS:
        raise app_error(400, "start must not be after end, and at most 10 years before it")
    zone = _zone(asked.query.get("tz") or "UTC")
    starts, last = [floor(datetime.fromtimestamp(start, zone), unit)], datetime.fromtimestamp(end, zone)
    while (following := step(starts[-1], unit, 1)) < last:
        starts.append(following)
    said = {
        "start": datetime.fromtimestamp(start, zone).isoformat(),
        "end": last.isoformat(),
        "res": unit,
    }
    return Buckets(starts, following), said


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise app_error(400, "tz is not a known time zone") from None


def metrics(workspace: "Workspace", asked: Asked, deliveries: Iterable[Delivery], *, newer: bool = False) -> Any:
    """Count deliveries into series; `newer` endpoints know version 2 as well."""
    said: dict[str, str] = {}
    if newer and asked.query.get("version") == "2":
        buckets, said = by_resolution(asked)
    else:
        buckets = by_steps(asked, workspace.now)
    times = times_of(_of_channel(asked, deliveries), workspace.now)
    series = {name: buckets.count(times.get(name, ())) for name in SERIES}
    return {"metric": {"series": series}, **said}


def times_of(deliveries: Iterable[Delivery], now: int) -> dict[str, list[int]]:
    """When each metric happened, by the name of its series."""
    times: dict[str, list[int]] = {}
    for delivery in deliveries:
        if delivery.created > now:
            continue
        for name, at in delivery.metrics.items():
            if at <= now:
                times.setdefault(NAMED_OTHERWISE.get(name, name), []).append(at)
    return times


def links(workspace: "Workspace", asked: Asked, deliveries: Iterable[Delivery]) -> Any:
    """Clicks per link; without `unique`, every third reader clicks twice."""
    buckets = by_steps(asked, workspace.now)
    clicks: dict[tuple[int, str], list[int]] = {}
    for delivery in _of_channel(asked, deliveries):
        for index, link in enumerate(delivery.template.links):
            clicks.setdefault((delivery.template.id * 10 + index, link), [])
        at = delivery.metrics.get("clicked", workspace.now + 1)
        if at <= workspace.now and delivery.template.links:
            index = sum(delivery.id.encode()) % len(delivery.template.links)
            told = clicks[delivery.template.id * 10 + index, delivery.template.links[index]]
            told.extend([at] if asked.flag("unique") or at % 3 else [at, at])
    return {
        "links": [
            {"link": {"id": number, "href": href}, "metric": {"series": {"clicked": buckets.count(times)}}}
            for (number, href), times in sorted(clicks.items())
        ]
    }


def journeys(workspace: "Workspace", asked: Asked, parent: Parent) -> Any:
    """What became of journeys, by when they started; a person's first action starts one, the last ends it."""
    buckets, _ = by_resolution(asked)
    first, last = parent.templates[0], parent.templates[-1]
    made = [one for one in workspace.ledger.of("campaign", parent.id) if one.created <= workspace.now]
    begun = [one for one in made if one.template is first]

    def counted(journeys: list[Delivery], metric: str = "created") -> list[int]:
        told = [one for one in journeys if one.metrics.get(metric, workspace.now + 1) <= workspace.now]
        return buckets.count(one.created - one.template.wait + first.wait for one in told)

    return {
        "journey_metric": {
            "started": counted(begun),
            "activated": counted(begun),
            "exited_early": counted(begun, "unsubscribed"),
            "finished": counted([one for one in made if one.template is last]),
            "converted": counted(begun, "converted"),
            "never_activated": counted([]),
            "messaged": counted(begun, "sent"),
        }
    }


def _of_channel(asked: Asked, deliveries: Iterable[Delivery]) -> Iterable[Delivery]:
    channel = asked.choice("type", CHANNELS)
    return deliveries if channel is None else [one for one in deliveries if one.template.channel == channel]
