"""Time series over deliveries: version 1 by period and steps in Eastern time, version 2 by resolution and range."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cio_mcp.sandbox.api.fields import MAX_TIMESTAMP
from cio_mcp.sandbox.api.messages import CHANNELS
from cio_mcp.sandbox.http import ApiRequest, app_error
from cio_mcp.sandbox.world.deliveries import Delivery
from cio_mcp.sandbox.world.journeys import Journey
from cio_mcp.sandbox.world.sources import Source
from cio_mcp.sandbox.world.workspace import Workspace

EASTERN = "America/New_York"
MAX_STEPS = {"hours": 24, "days": 45, "weeks": 12, "months": 121}
RESOLUTIONS = {
    "hours": "hours", "hourly": "hours", "days": "days", "daily": "days", "weeks": "weeks", "weekly": "weeks",
    "months": "months", "monthly": "months",
}  # fmt: skip
TEN_YEARS_SECONDS = 3653 * 86_400
SERIES = (
    "attempted", "bounced", "clicked", "human_clicked", "machine_clicked", "converted", "created", "deferred",
    "delivered", "drafted", "failed", "opened", "human_opened", "prefetch_opened", "sent", "spammed", "suppressed",
    "undeliverable", "topic_unsubscribed", "unsubscribed",
)  # fmt: skip
SERIES_NAMES = {"dropped": "suppressed", "prefetch_clicked": "machine_clicked"}


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
    """Consecutive time buckets; times outside are not counted."""

    def __init__(self, starts: list[datetime], end: datetime) -> None:
        self._starts = [start.timestamp() for start in starts]
        self._end = end.timestamp()

    def count(self, times: Iterable[float]) -> list[int]:
        """Count the times in each bucket."""
        counts = [0] * len(self._starts)
        for at in times:
            if at < self._end and (index := bisect_right(self._starts, at)):
                counts[index - 1] += 1
        return counts


def by_steps(request: ApiRequest, now: int) -> Buckets:
    """Version 1: `steps` buckets of a `period`, the last contains `now`; at least two, 0 means the maximum."""
    unit = request.choice("period", MAX_STEPS) or "days"
    default = 12 if unit == "months" else MAX_STEPS[unit]
    count = request.integer("steps", default, most=MAX_STEPS[unit]) or MAX_STEPS[unit]
    current = floor(datetime.fromtimestamp(now, ZoneInfo(EASTERN)), unit)
    starts = [step(current, unit, offset) for offset in range(1 - max(count, 2), 1)]
    return Buckets(starts, step(current, unit, 1))


def by_resolution(request: ApiRequest) -> tuple[Buckets, dict[str, str]]:
    """Version 2: buckets of `res` from `start` to `end`, and the fields of the response that repeat them."""
    unit = RESOLUTIONS.get(request.query.get("res", ""))
    start = request.integer("start", -1, most=MAX_TIMESTAMP)
    end = request.integer("end", -1, most=MAX_TIMESTAMP)
    if unit is None or start < 0 or end < 0:
        raise app_error(400, "res, start and end are required")
    if not start <= end <= start + TEN_YEARS_SECONDS:
        raise app_error(400, "start must not be after end, and at most 10 years before it")
    zone = _zone(request.query.get("tz") or "UTC")
    starts, last = [floor(datetime.fromtimestamp(start, zone), unit)], datetime.fromtimestamp(end, zone)
    while (next_start := step(starts[-1], unit, 1)) < last:
        starts.append(next_start)
    echo = {
        "start": datetime.fromtimestamp(start, zone).isoformat(),
        "end": last.isoformat(),
        "res": unit,
    }
    return Buckets(starts, next_start), echo


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise app_error(400, "tz is not a known time zone") from None


def metrics(
    workspace: Workspace,
    request: ApiRequest,
    deliveries: Iterable[Delivery],
    *,
    has_version_2: bool = False,
    channels: Iterable[str] = CHANNELS,
) -> Any:
    """Count deliveries into series; with `has_version_2`, for endpoints that support version 2 too."""
    echo: dict[str, str] = {}
    if has_version_2 and request.query.get("version") == "2":
        buckets, echo = by_resolution(request)
    else:
        buckets = by_steps(request, workspace.now)
    times = times_of(_of_channel(request, deliveries, channels), workspace.now)
    series = {name: buckets.count(times.get(name, ())) for name in SERIES}
    return {"metric": {"series": series}, **echo}


def times_of(deliveries: Iterable[Delivery], now: int) -> dict[str, list[int]]:
    """When each metric happened, by the name of its series."""
    times: dict[str, list[int]] = {}
    for delivery in deliveries:
        if delivery.created > now:
            continue
        for name, at in delivery.metrics.items():
            if at <= now:
                times.setdefault(SERIES_NAMES.get(name, name), []).append(at)
    return times


def links(
    workspace: Workspace, request: ApiRequest, deliveries: Iterable[Delivery], channels: Iterable[str] = CHANNELS
) -> Any:
    """Clicks per link; without `unique`, every third reader clicks twice."""
    buckets = by_steps(request, workspace.now)
    clicks: dict[tuple[int, str], list[int]] = {}
    for delivery in _of_channel(request, deliveries, channels):
        for index, link in enumerate(delivery.template.links):
            clicks.setdefault((delivery.template.id * 10 + index, link), [])
        at = delivery.metrics.get("clicked", workspace.now + 1)
        if at <= workspace.now and delivery.template.links:
            index = sum(delivery.id.encode()) % len(delivery.template.links)
            times = clicks[delivery.template.id * 10 + index, delivery.template.links[index]]
            times.extend([at] if request.flag("unique") or at % 3 else [at, at])
    return {
        "links": [
            {"link": {"id": number, "href": href}, "metric": {"series": {"clicked": buckets.count(times)}}}
            for (number, href), times in sorted(clicks.items())
        ]
    }


def journeys(workspace: Workspace, request: ApiRequest, source: Source) -> Any:
    """Journeys by start time, with what became of them by now."""
    buckets, _ = by_resolution(request)
    now = workspace.now
    every = workspace.journeys_of(source.id)

    def count(selected: Iterable[Journey]) -> list[int]:
        return buckets.count(journey.started for journey in selected)

    ended = {outcome: [one for one in every if one.outcome == outcome] for outcome in ("finished", "exited")}
    return {
        "journey_metric": {
            "started": count(every),
            "activated": count(every),
            "exited_early": count(ended["exited"]),
            "finished": count(ended["finished"]),
            "converted": count(one for one in every if one.has("converted", now)),
            "never_activated": count([]),
            "messaged": count(one for one in every if one.has("sent", now)),
        }
    }


def _of_channel(request: ApiRequest, deliveries: Iterable[Delivery], channels: Iterable[str]) -> Iterable[Delivery]:
    channel = request.choice("type", channels)
    return deliveries if channel is None else [one for one in deliveries if one.template.channel == channel]
