"""The tool that compares rates of several sources, or of one in two periods."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field

from cio_mcp.customerio.api.metrics import OF_DELIVERED, OF_SENT, Metrics
from cio_mcp.errors import Ambiguous, InvalidArgument, NotFound
from cio_mcp.tools.common.arguments import Channel, Id, Kind, Name, Since, Until, span
from cio_mcp.tools.common.gather import together
from cio_mcp.tools.common.lookup import KIND_NAMES, Source, find
from cio_mcp.tools.common.proportions import CONFIDENCE
from cio_mcp.tools.common.sources import LISTS
from cio_mcp.tools.core.comparison.answer import TOO_SMALL, ComparisonAnswer, Rate, words
from cio_mcp.tools.core.comparison.headline import headline
from cio_mcp.tools.core.comparison.periods import PeriodCounts, counts_of, split, two_periods
from cio_mcp.tools.core.comparison.sides import (
    MIN_BASIS,
    MIN_COUNT,
    Counts,
    bases_of,
    pairs_of,
    rank,
    sides_of,
)
from cio_mcp.tools.core.metrics import HUMAN_CLICKS_SINCE, VARIED, MetricsQuery, default_start, zone_of
from cio_mcp.workspace import CallContext

MAX_SIDES = 20
"""Sources in one comparison. Chosen: two seconds of the lane."""
FEW_IDS = 2
"""Up to so many sources are looked up one by one, which is cheaper than reading the list of all."""
SHOWN_RATES = (
    "delivered", "human_opened", "human_clicked", "converted", "unsubscribed", "bounced", "failed", "spammed",
)  # fmt: skip
GROWING = "Rates of an unfinished side still change: opens, clicks, and conversions of recent messages are yet to come."
MACHINES = "This metric includes opens and clicks by machines; human_opened and human_clicked don't."


async def compare_metrics(
    ws: CallContext,
    ids: Annotated[
        tuple[Id, ...],
        Field(description="IDs or exact names; one for its previous period", min_length=1, max_length=MAX_SIDES),
    ],
    kind: Kind = "campaign",
    metric: Annotated[Rate, Field(description="Rank by")] = "human_clicked",
    since: Since = None,
    until: Until = None,
    timezone: Annotated[Name | None, Field(description="IANA name; campaigns only")] = None,
    channel: Channel | None = None,
) -> ComparisonAnswer:
    """Compare up to 20 campaigns, broadcasts, newsletters, or transactional messages, or one with its previous period.

    Returns rates with confidence intervals, which performed best, and whether the difference is significant.
    """
    start, end = span(since, until)
    if start and start >= ws.now:
        raise InvalidArgument("since", "must be in the past")
    if kind == "transactional" and channel:
        raise InvalidArgument("channel", "must be omitted; a transactional message has one channel")
    ranges = Ranges(kind, start, end, ws.now, zone_of(kind, timezone), channel)
    sources = await _sources(ws, kind, tuple(dict.fromkeys(ids)))
    metrics = Metrics(ws.reader)
    if len(sources) > 1:
        counts = await together({each.id: partial(ranges.counts, metrics, each) for each in sources})
        sides = [Counts(each, counts[each.id]) for each in sources]
    else:
        (source,) = sources
        if kind == "newsletter":
            raise InvalidArgument("ids", "a newsletter is sent once and has no previous period; pass at least two")
        previous, current = await ranges.two(metrics, source)
        sides = [Counts(source, previous, "previous"), Counts(source, current, "current")]
    return _answer(ranges, metric, sides)


@dataclass(frozen=True)
class Ranges:
    """The requested range, and how to count a source in it."""

    kind: Kind
    since: datetime | None
    until: datetime | None
    now: datetime
    tz: ZoneInfo
    channel: Channel | None

    async def counts(self, metrics: Metrics, source: Source) -> PeriodCounts:
        """The counts of one of several sources, as `get_metrics` counts them."""
        end = min(self.until or self.now, self.now)
        since = self.since or default_start(source, end)
        query = MetricsQuery(metrics, self.kind, source.id, since, end, self.now, self.channel)
        counted = await (query.in_range(None, self.tz) if self.kind == "campaign" else query.in_steps(None))
        return counts_of(counted, self.now, self.tz)

    async def two(self, metrics: Metrics, source: Source) -> tuple[PeriodCounts, PeriodCounts]:
        """The counts of the previous and of the current period, from one request."""
        now, tz = self.now, self.tz
        periods = two_periods(self.kind, self.since, self.until, now, tz)
        query = MetricsQuery(metrics, self.kind, source.id, periods.previous, periods.until, now, self.channel)
        unit = periods.resolution
        counted = await (query.in_range(unit, tz) if self.kind == "campaign" else query.in_steps(unit))
        previous, current = split(counted, periods.since)
        return counts_of(previous, now, tz), counts_of(current, now, tz)


async def _sources(ws: CallContext, kind: Kind, ids: Sequence[str]) -> list[Source]:
    """Find the sources, each once; all that are missing are named at once.

    Raises:
        NotFound: one or several don't exist.
        Ambiguous: several have the name.
    """
    known: dict[str, Any] = {each.id: each for each in await LISTS[kind](ws)} if len(ids) > FEW_IDS else {}
    found = await together({each: partial(_source, ws, kind, each) for each in ids if each.strip() not in known})
    faults = [each for each in found.values() if isinstance(each, NotFound | Ambiguous)]
    if faults:
        raise faults[0] if len(faults) == 1 else NotFound(" ".join(map(str, faults)))
    every = [known.get(each.strip()) or found[each] for each in ids]
    return list({each.id: each for each in every}.values())


async def _source(ws: CallContext, kind: Kind, id_or_name: str) -> Source | NotFound | Ambiguous:
    try:
        return await find(ws, kind, id_or_name, field="ids")
    except (NotFound, Ambiguous) as fault:
        return fault


def _answer(ranges: Ranges, metric: Rate, sides: Sequence[Counts]) -> ComparisonAnswer:
    names = tuple(dict.fromkeys((*SHOWN_RATES, metric)))
    absent = [name for name in names if name != metric and not any(each.counts.totals[name] for each in sides)]
    bases = bases_of([name for name in names if name not in absent], sides)
    ordered = list(sides) if sides[0].period else rank(sides, metric, bases[metric])
    rows = tuple(sides_of(ordered, metric, bases, ranges.tz))
    return ComparisonAnswer(
        answer=headline(rows, metric),
        kind=ranges.kind,
        metric=metric,
        channel=ranges.channel,
        timezone=ranges.tz.key,
        bases=bases,
        sides=rows,
        method=_method(pairs_of(ordered, metric, bases)),
        notes=tuple(_notes(ranges, metric, ordered, absent)),
        now=ranges.now,
    )


def _method(pairs: int) -> str:
    several = (
        f", widened for all {pairs} pairs (Bonferroni); those not stated are {TOO_SMALL}"
        if pairs > 1
        else f"; those of other rates that are not stated are {TOO_SMALL}, and none is corrected for several metrics"
    )
    return (
        f"Intervals: {CONFIDENCE:.0%} (Wilson, Newcombe). Differences are from the first, in percentage points"
        f"{several}. That is so where the interval includes 0, a side has under {MIN_BASIS} messages, or both together "
        f"have under {MIN_COUNT} cases. Messages count as independent, and events by when they happened."
    )


def _notes(ranges: Ranges, metric: str, sides: Sequence[Counts], absent: Sequence[str]) -> Iterable[str]:
    counts = [each.counts for each in sides]
    if absent:
        yield f"None on any side: {', '.join(map(words, absent))}."
    if ranges.kind != "campaign":
        yield f"Counted in Eastern time, the only zone for {KIND_NAMES[ranges.kind]}s."
    if any(each.running or each.counts.recent for each in sides):
        yield GROWING
    if len({_length(each, ranges.tz) for each in counts}) > 1:
        yield VARIED
    if any(each.since < HUMAN_CLICKS_SINCE for each in counts):
        yield "Machine opens are identified reliably since 2025-03-20, and machine clicks since 2025-04-20."
    if metric in {"opened", "clicked"}:
        yield MACHINES
    if any(rate for each in sides for rate in (*OF_SENT, *OF_DELIVERED) if _exceeds(each.counts, rate)):
        yield "Rates above 100 % include activity on messages sent before this range; they have no interval or rank."


def _length(counts: PeriodCounts, tz: ZoneInfo) -> timedelta:
    """How long a range is by the calendar, in which a day may have 23 hours."""
    return counts.until.astimezone(tz).replace(tzinfo=None) - counts.since.astimezone(tz).replace(tzinfo=None)


def _exceeds(counts: PeriodCounts, name: str) -> bool:
    basis = "sent" if name in OF_SENT or not counts.totals["delivered"] else "delivered"
    return 0 < counts.totals[basis] < counts.totals[name]
