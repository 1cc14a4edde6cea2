"""The tool that reads metrics, in the ranges and the time zone in which Customer.io counts each kind."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from cio_mcp.customerio.api.metrics import CORE, Metric, Metrics, rates
from cio_mcp.customerio.api.newsletters import Newsletter
from cio_mcp.customerio.api.periods import EASTERN, Resolution, zone
from cio_mcp.errors import InvalidArgument
from cio_mcp.tools.common.arguments import Channel, Cursor, Id, Kind, Name, Since, Until, span
from cio_mcp.tools.common.gather import together
from cio_mcp.tools.common.lookup import KIND_NAMES, Source, find
from cio_mcp.tools.common.metric_ranges import (
    Counted,
    date_back,
    date_forward,
    range_resolution,
    steps_back,
    whole_periods,
)
from cio_mcp.tools.common.pages import cut
from cio_mcp.tools.core.metrics_answer import LinkClicks, LinkReport, MetricsAnswer, Series, Share, Summary, words
from cio_mcp.workspace import CallContext

DEFAULT_RANGE = timedelta(days=30)
MAX_LINKS = 50
"""Links in an answer, the most clicked. Chosen: few messages have more."""
MAX_IDS = 10
"""Campaigns or others that are compared in one answer. Chosen: a second of the lane."""
VARIED = "The ranges differ in length, so compare rates rather than totals."
EASTERN_NAMES = frozenset({EASTERN, "US/Eastern", "EST5EDT"})

HUMAN_CLICKS_SINCE = datetime(2025, 4, 20, tzinfo=UTC)
"""Since when machine clicks are identified reliably (opens a month before): https://docs.customer.io/integrations/api/app/"""


async def get_metrics(
    ws: CallContext,
    id: Annotated[Id | None, Field(description="ID or exact name")] = None,  # noqa: A002 - the argument's name is fixed
    kind: Kind = "campaign",
    ids: Annotated[tuple[Id, ...], Field(description="Several of a kind", max_length=MAX_IDS)] = (),
    since: Since = None,
    until: Until = None,
    resolution: Resolution | None = None,
    timezone: Annotated[Name | None, Field(description="IANA name; campaigns only")] = None,
    channel: Channel | None = None,
    links: Annotated[bool, Field(description="Include clicks per link")] = False,
    cursor: Cursor = None,
) -> MetricsAnswer:
    """Get metrics of a campaign, broadcast, newsletter, or transactional message: how many were delivered and opened.

    Returns totals, rates, and a time series, for people and machines.
    Default: the last 30 days; for newsletters, since sent.
    """
    if (id is None) == (not ids):
        raise InvalidArgument("id, ids", "pass exactly one of them")
    if links and ids:
        raise InvalidArgument("links", "requires a single id")
    if cursor and not links:
        raise InvalidArgument("cursor", "continues a list of links; pass links=true with it")
    range_start, range_end = span(since, until)
    if range_start and range_start >= ws.now:
        raise InvalidArgument("since", "must be in the past")
    if kind == "transactional" and channel:
        raise InvalidArgument("channel", "must be omitted; a transactional message has one channel")
    request = Request(kind, range_start, range_end, ws.now, resolution, zone_of(kind, timezone), channel)
    references = list(dict.fromkeys(ids)) if id is None else [id]
    measured = await together({each: partial(_measure, ws, request, each) for each in references})
    first, *others = (measured[each] for each in references)
    return MetricsAnswer(
        kind=kind,
        channel=channel,
        **dict(first.summary),
        series=_series(first.counted, request.tz),
        links=await first.query.links(cursor) if links else None,
        others=tuple(each.summary for each in others) or None,
        notes=_notes_on((first, *others)) + ((VARIED,) if len({each.length for each in (first, *others)}) > 1 else ()),
        now=request.now,
    )


@dataclass(frozen=True)
class Request:
    """The metrics of each channel: None means the default of its kind."""

    kind: Kind
    since: datetime | None
    until: datetime | None
    now: datetime
    resolution: Resolution | None
    tz: ZoneInfo
    channel: Channel | None


@dataclass(frozen=True)
class Measured:
    """One thing's counts, and their summary."""

    query: "MetricsQuery"
    counted: Counted
    summary: Summary

    @property
    def length(self) -> timedelta:
        """How long a time the counts cover."""
        return self.counted.until - self.counted.since


async def _measure(ws: CallContext, request: Request, id_or_name: str) -> Measured:
    kind, tz = request.kind, request.tz
    source = await find(ws, kind, id_or_name)
    end = min(request.until or request.now, request.now)
    since = request.since or default_start(source, end)
    query = MetricsQuery(Metrics(ws.reader), kind, source.id, since, end, request.now, request.channel)
    resolution = request.resolution
    counted = await (query.in_range(resolution, tz) if kind == "campaign" else query.in_steps(resolution))
    totals = {name: count for name, count in counted.metric.totals.items() if count or name == "sent"}
    summary = Summary(
        id=source.id,
        name=source.name,
        since=counted.since.astimezone(tz),
        until=counted.until.astimezone(tz),
        timezone=tz.key,
        totals=totals,
        rates={rate.name: Share(value=rate.value, of=rate.of) for rate in rates(totals) if rate.name in totals},
    )
    return Measured(query, counted, summary)


@dataclass(frozen=True)
class MetricsQuery:
    """The requested range, and the three ways to request it from Customer.io."""

    metrics: Metrics
    kind: Kind
    id: str
    since: datetime
    until: datetime
    now: datetime
    channel: Channel | None

    async def in_range(self, resolution: Resolution | None, tz: ZoneInfo) -> Counted:
        """Counts of whole periods in any zone; campaigns only."""
        unit = range_resolution(self.since, self.until, resolution, tz)
        covered = whole_periods(self.since, self.until, self.now, unit, tz)
        metric = await self.metrics.between(self.id, *covered, resolution=unit, timezone=tz.key, channel=self.channel)
        return date_forward(metric, covered, unit, tz)

    async def in_steps(self, resolution: Resolution | None) -> Counted:
        """Counts of whole periods in Eastern time, back from now."""
        unit, steps = steps_back(self.since, self.now, resolution)
        metric = await self.metrics.back(self.kind, self.id, unit, steps, channel=self.channel)
        return date_back(metric, self.since, self.until, self.now, unit)

    async def links(self, cursor: str | None) -> LinkReport:
        """The most clicked links, which are counted in steps for every kind, and for all channels together."""
        unit, steps = steps_back(self.since, self.now, None)
        measured = await self.metrics.links(self.kind, self.id, unit, steps)
        clicks = [(each.link.href, date_back(each.metric, self.since, self.until, self.now, unit)) for each in measured]
        rows = [LinkClicks(href=href, clicked=counted.metric.totals["clicked"]) for href, counted in clicks]
        rows.sort(key=lambda row: -row.clicked)
        page, more = cut(rows, MAX_LINKS, cursor)
        covered = date_back(Metric(series={}), self.since, self.until, self.now, unit)
        tz = ZoneInfo(EASTERN)
        return LinkReport(
            since=covered.since.astimezone(tz),
            until=covered.until.astimezone(tz),
            timezone=EASTERN,
            links=tuple(page),
            omitted=more["omitted"],
            total=len(rows) if more["cursor"] else None,
            cursor=more["cursor"],
        )


def zone_of(kind: Kind, name: str | None) -> ZoneInfo:
    """The zone in which Customer.io counts a kind: any for campaigns, Eastern time for the rest.

    Raises:
        InvalidArgument: there is no such zone, or the kind is not counted in it.
    """
    if kind == "campaign":
        return zone(name or "UTC")
    if name not in {None, *EASTERN_NAMES}:
        raise InvalidArgument("timezone", f"Customer.io counts {KIND_NAMES[kind]}s in {EASTERN} only; omit it")
    return ZoneInfo(EASTERN)


def default_start(source: Source, end: datetime) -> datetime:
    """Where a range that ends at `end` begins unless requested otherwise: when a newsletter was sent, else 30 days."""
    if isinstance(source, Newsletter) and source.sent_at and source.sent_at < end:
        return source.sent_at
    return end - DEFAULT_RANGE


def _series(counted: Counted, tz: ZoneInfo) -> Series:
    starts = [start.astimezone(tz) for start in counted.starts]
    return Series.of(counted.resolution, starts, counted.metric.series)


def _notes_on(compared: Sequence[Measured]) -> tuple[str, ...]:
    """The notes, each once; where several sources are compared, a note begins with those that it concerns."""
    concerned: dict[str, list[str]] = {}
    for each in compared:
        for note in _notes(each):
            concerned.setdefault(note, []).append(each.summary.id)
    if len(compared) == 1:
        return tuple(concerned)
    name = KIND_NAMES[compared[0].query.kind].capitalize()
    return tuple(f"{name}{'s' if len(ids) > 1 else ''} {', '.join(ids)}: {note}" for note, ids in concerned.items())


def _notes(measured: Measured) -> Iterable[str]:
    query, counted = measured.query, measured.counted
    if query.kind != "campaign":
        yield f"Counted in whole {counted.resolution} of Eastern time, the only zone for {KIND_NAMES[query.kind]}s."
    elif (query.since, query.until) != (counted.since, counted.until):
        yield f"Counted in whole {counted.resolution}; the range above includes all of them."
    if counted.since < HUMAN_CLICKS_SINCE:
        yield "Machine opens are identified reliably since 2025-03-20, and machine clicks since 2025-04-20."
    if any(share.value > 1 for share in measured.summary.rates.values()):
        yield "Rates above 100 % include activity on messages sent before this range."
    if none := [words(name) for name in CORE if name not in measured.summary.totals]:
        yield f"Nothing counted as {', '.join(none)}."
