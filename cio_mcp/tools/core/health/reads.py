"""What the health check reads from Customer.io: a bounded number of requests, each of which may fail on its own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import chain, zip_longest
from typing import Any
from zoneinfo import ZoneInfo

from cio_mcp.customerio.api.base import MessagePage
from cio_mcp.customerio.api.broadcasts import Broadcast
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.api.metrics import Metric, Metrics
from cio_mcp.customerio.api.newsletters import Newsletter
from cio_mcp.customerio.api.periods import EASTERN, starts_back
from cio_mcp.customerio.api.segments import Segment
from cio_mcp.customerio.api.suppressions import SuppressionPage, SuppressionType
from cio_mcp.customerio.api.webhooks import Webhook, Webhooks
from cio_mcp.errors import CioError
from cio_mcp.text.sanitize import quoted_name, word
from cio_mcp.tools.common.arguments import Kind
from cio_mcp.tools.common.gather import Read, together
from cio_mcp.tools.common.lookup import KIND_NAMES, Source
from cio_mcp.tools.common.metric_ranges import Span, date_forward
from cio_mcp.tools.common.sources import SourceRef
from cio_mcp.workspace import CallContext

MAX_SOURCES = 20
"""Sources whose metrics one check reads, a request each. Chosen: two seconds of the lane."""
MAX_SEGMENTS = 8
"""Segments whose size one check reads, a request each. Chosen: a second of the lane."""
MAX_REQUESTS = 40
"""All requests of one check: four seconds of the lane."""
MAX_MESSAGES = 500
"""Messages of each kind of failure that are looked at, the newest. Chosen: enough to see which templates fail."""
SERIES_DAYS, WEEK_DAYS, BEFORE_DAYS = 45, 7, 28
"""Days of a source's series (as far as Customer.io counts by day), the last week, and the four weeks before it."""
UNSENT = ("failed", "undeliverable", "dropped")
"""Metrics of messages that were not sent; series call the last one `suppressed`."""
MAX_SUPPRESSED = 1_000
"""Suppressed addresses in one answer at most: https://docs.customer.io/integrations/api/app/"""
SUPPRESSION_TYPES: tuple[SuppressionType, ...] = ("bounces", "spam_reports")


@dataclass(frozen=True)
class SourceDays:
    """One source and its counts by day, the present day last."""

    kind: Kind
    source: Source
    metric: Metric

    @property
    def ref(self) -> SourceRef:
        """Its kind and ID."""
        return SourceRef(self.kind, self.source.id)

    @property
    def name(self) -> str:
        """Kind, ID, and name, for a sentence."""
        return source_label(self.ref, self.source.name)

    def days(self, metric: str) -> list[int]:
        """The counts of a metric, a number for each of `SERIES_DAYS`."""
        return self.metric.last(SERIES_DAYS).series.get(metric, [0] * SERIES_DAYS)

    def week(self, *metrics: str) -> int:
        """The sum of metrics in the last week, the present day included."""
        return sum(sum(self.days(metric)[-WEEK_DAYS:]) for metric in metrics)

    def before(self, *metrics: str) -> int:
        """The sum of metrics in the four weeks before the last one."""
        return sum(sum(self.days(metric)[-WEEK_DAYS - BEFORE_DAYS : -WEEK_DAYS]) for metric in metrics)


@dataclass(frozen=True)
class Readings:
    """All that was read: `faults` has the reason for each read that failed, and what it would give is then empty."""

    now: datetime
    starts: Sequence[datetime]
    campaigns: Sequence[Campaign] = ()
    sources: Sequence[SourceDays] = ()
    unread: Sequence[str] = ()
    segments: Sequence[Segment] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    unsized: Sequence[str] = ()
    webhooks: Sequence[Webhook] = ()
    unsent: Mapping[str, MessagePage] = field(default_factory=dict)
    suppressions: Mapping[SuppressionType, SuppressionPage] = field(default_factory=dict)
    sent_since: MessagePage | None = None
    faults: Mapping[str, str] = field(default_factory=dict)

    @property
    def week_start(self) -> datetime:
        """Since when the last week is counted."""
        return self.starts[-WEEK_DAYS]


def source_label(ref: SourceRef, name: str | None) -> str:
    """A source for a sentence: `campaign 1 “Onboarding”`."""
    return f"{KIND_NAMES[ref.kind]} {word(ref.id)}{f' {quoted_name(name)}' if name else ''}"


async def read_all(ws: CallContext, *, silent_since: datetime | None) -> Readings:
    """Read everything, in two rounds; `silent_since` is when the receiver got its last event, if it may be silent."""
    now, zone = ws.now, ZoneInfo(EASTERN)
    starts = starts_back(now, SERIES_DAYS, "days", zone)
    faults: dict[str, str] = {}
    week = starts[-WEEK_DAYS]
    first: dict[str, Read] = {
        "campaigns": ws.campaigns.all,
        "broadcasts": ws.broadcasts.all,
        "newsletters": ws.newsletters.page,
        "transactional messages": ws.transactional.all,
        "segments": ws.segments.all,
        "webhooks": Webhooks(ws.reader).all,
        **{f"{metric} messages": partial(_messages, ws, metric, week) for metric in UNSENT},
        **{
            f"suppressed {type_}": partial(ws.suppressions.all, type_, limit=MAX_SUPPRESSED, offset=0)
            for type_ in SUPPRESSION_TYPES
        },
    }
    if silent_since:
        first["sent messages"] = partial(_messages, ws, "sent", silent_since)
    got = await _readable(first, faults)
    every = list(_in_turn(got, starts[-WEEK_DAYS - BEFORE_DAYS]))
    campaigns: Sequence[Campaign] = got.get("campaigns", ())
    used = list(dict.fromkeys(chain.from_iterable(map(segments_of, _running(campaigns)))))
    known = {segment.id for segment in got.get("segments", ())}
    countable = [id_ for id_ in used if id_ in known]
    second: dict[str, Read] = {
        **{f"metrics of {each.name}": partial(_days, ws, each, starts) for each in every[:MAX_SOURCES]},
        **{f"size of segment {word(id_)}": partial(ws.segments.count, id_) for id_ in countable[:MAX_SEGMENTS]},
    }
    more = await _readable(second, faults)
    return Readings(
        now=now,
        starts=starts,
        campaigns=campaigns,
        sources=[more[f"metrics of {each.name}"] for each in every if f"metrics of {each.name}" in more],
        unread=[each.name for each in every[MAX_SOURCES:]],
        segments=got.get("segments", ()),
        sizes={id_: more[f"size of segment {word(id_)}"] for id_ in used if f"size of segment {word(id_)}" in more},
        unsized=countable[MAX_SEGMENTS:],
        webhooks=got.get("webhooks", ()),
        unsent={metric: got[f"{metric} messages"] for metric in UNSENT if f"{metric} messages" in got},
        suppressions={each: got[f"suppressed {each}"] for each in SUPPRESSION_TYPES if f"suppressed {each}" in got},
        sent_since=got.get("sent messages"),
        faults=faults,
    )


def segments_of(campaign: Campaign) -> tuple[str, ...]:
    """The segments that decide who enters a campaign."""
    return (*campaign.trigger_segment_ids, *campaign.filter_segment_ids)


async def _readable(reads: Mapping[str, Read], faults: dict[str, str]) -> dict[str, Any]:
    """The results of the reads that succeed; the sentence of each that fails goes to `faults`."""

    async def attempt(name: str, read: Read) -> Any:
        try:
            return await read()
        except CioError as fault:
            faults[name] = str(fault)
            return None

    results = await together({name: partial(attempt, name, read) for name, read in reads.items()})
    return {name: result for name, result in results.items() if name not in faults}


async def _messages(ws: CallContext, metric: str, since: datetime) -> MessagePage:
    return await ws.messages.list(metric=metric, since=since, limit=MAX_MESSAGES)


async def _days(ws: CallContext, each: SourceDays, starts: Sequence[datetime]) -> SourceDays:
    """The counts of a source by day of Eastern time."""
    metrics, zone = Metrics(ws.reader), ZoneInfo(EASTERN)
    if each.kind != "campaign":
        metric = await metrics.back(each.kind, each.source.id, "days", SERIES_DAYS)
        return SourceDays(each.kind, each.source, metric)
    covered = Span(starts[0], ws.now)
    metric = await metrics.between(each.source.id, *covered, resolution="days", timezone=EASTERN, channel=None)
    return SourceDays(each.kind, each.source, date_forward(metric, covered, "days", zone).metric)


def _in_turn(got: Mapping[str, Any], since: datetime) -> Iterable[SourceDays]:
    """The sources, one of each kind in turn, so that none is left out for another; the latest changed first."""
    campaigns: Sequence[Campaign] = got.get("campaigns", ())
    broadcasts: Sequence[Broadcast] = got.get("broadcasts", ())
    newsletters: Sequence[Newsletter] = got["newsletters"].newsletters if "newsletters" in got else ()
    sent: list[Newsletter] = [each for each in newsletters if each.sent_at and each.sent_at >= since]
    stopped = [each for each in campaigns if not each.running]
    groups: tuple[tuple[Kind, Iterable[Source]], ...] = (
        ("campaign", _latest(_running(campaigns))),
        ("broadcast", _latest(each for each in broadcasts if each.running)),
        ("transactional", got.get("transactional messages", ())),
        ("newsletter", sent),
        ("campaign", _latest(stopped)),
    )
    queues = [[SourceDays(kind, each, Metric(series={})) for each in group] for kind, group in groups]
    return (each for turn in zip_longest(*queues) for each in turn if each)


def _running(campaigns: Iterable[Campaign]) -> list[Campaign]:
    return [each for each in campaigns if each.running]


def _latest(sources: Iterable[Any]) -> list[Any]:
    return sorted(sources, key=lambda each: each.updated.timestamp() if each.updated else 0.0, reverse=True)
