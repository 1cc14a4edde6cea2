"""Makes the sides of a comparison from their counts: bases, rates, ranks, and differences."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from cio_mcp.customerio.api.metrics import OF_DELIVERED, OF_SENT
from cio_mcp.customerio.api.newsletters import Newsletter
from cio_mcp.tools.common.lookup import Source
from cio_mcp.tools.common.proportions import Proportion, bonferroni, newcombe, wilson
from cio_mcp.tools.core.comparison.answer import TOO_SMALL, Difference, Period, RateInterval, Side
from cio_mcp.tools.core.comparison.periods import PeriodCounts

MIN_BASIS = 30
"""Messages below which a side has no rank, and no difference is stated. Chosen: they say little."""
MIN_COUNT = 5
"""What must have happened on both sides together, and not happened, for a difference to be stated. Chosen."""
TOTALS = ("sent", "machine_opened", "machine_clicked")
"""Totals beside the rates: the basis, and what machines did."""
BEST_IS_LOWEST = frozenset({"unsubscribed", "bounced", "failed", "spammed"})


@dataclass(frozen=True)
class Counts:
    """One side before it is compared."""

    source: Source
    counts: PeriodCounts
    period: Period | None = None

    @property
    def running(self) -> bool:
        """Whether the period still runs and more may be sent in it; a newsletter is sent once."""
        return self.counts.running and not isinstance(self.source, Newsletter)

    def proportion(self, metric: str, basis: str) -> Proportion | None:
        """The rate as counts; None where nothing was sent, or more happened than was sent in the range."""
        totals = self.counts.totals
        count, of = totals[metric], totals[basis]
        return Proportion(count, of) if of > 0 and count <= of else None


def bases_of(names: Iterable[str], sides: Sequence[Counts]) -> dict[str, str]:
    """What each rate is a share of: the same on all sides, so sent where one of them reports no deliveries."""
    totals = [each.counts.totals for each in sides]
    delivered = all(each["delivered"] or not each["sent"] for each in totals)
    bases = dict.fromkeys(OF_SENT, "sent") | dict.fromkeys(OF_DELIVERED, "delivered" if delivered else "sent")
    return {name: bases[name] for name in names}


def rank(sides: Sequence[Counts], metric: str, basis: str) -> list[Counts]:
    """The best first; those with few messages, and those without any, last."""
    sign = 1 if metric in BEST_IS_LOWEST else -1

    def place(each: Counts) -> tuple[bool, bool, float]:
        rate = each.proportion(metric, basis)
        return (False, rate.of < MIN_BASIS, sign * rate.share) if rate else (True, True, 0.0)

    return sorted(sides, key=place)


def sides_of(counts: Sequence[Counts], metric: str, bases: Mapping[str, str], tz: ZoneInfo) -> list[Side]:
    """The sides in their order, each after the first with what differs from the first.

    Two sides differ in `metric` and in each other rate whose difference says something; of more, the intervals of
    the differences in `metric` all hold together.
    """
    first, *others = counts
    is_pair = len(counts) == 2  # noqa: PLR2004 - as above
    confidence = bonferroni(pairs_of(counts, metric, bases))
    rows = [_side(first, metric, bases, tz)]
    for each in others:
        differences = {
            name: _difference(each, first, name, bases[name], confidence) for name in (bases if is_pair else (metric,))
        }
        known = {name: one for name, one in differences.items() if one and (name == metric or one.verdict != TOO_SMALL)}
        if not is_pair:
            known = {
                name: Difference(verdict=TOO_SMALL) if one.verdict == TOO_SMALL else one for name, one in known.items()
            }
        rows.append(_side(each, metric, bases, tz).model_copy(update={"differences": known or None}))
    return rows if first.period else list(_places(rows, metric))


def pairs_of(counts: Sequence[Counts], metric: str, bases: Mapping[str, str]) -> int:
    """How many pairs of sides have a rate, and so could be compared."""
    measured = sum(each.proportion(metric, bases[metric]) is not None for each in counts)
    return measured * (measured - 1) // 2


def _places(rows: Sequence[Side], metric: str) -> Iterable[Side]:
    """The rows with their ranks; equal rates share one, and what rests on few messages has none."""
    values = [
        rate.value if (rate := row.rates.get(metric)) and rate.low is not None and rate.of >= MIN_BASIS else None
        for row in rows
    ]
    for row, value in zip(rows, values, strict=True):
        yield row if value is None else row.model_copy(update={"rank": values.index(value) + 1})


def _side(each: Counts, metric: str, bases: Mapping[str, str], tz: ZoneInfo) -> Side:
    counts = each.counts
    return Side(
        id=each.source.id,
        name=each.source.name,
        period=each.period,
        since=counts.since.astimezone(tz),
        until=counts.until.astimezone(tz),
        unfinished="running" if each.running else "recent" if counts.recent else None,
        totals={name: counts.totals[name] for name in TOTALS},
        rates={
            name: rate
            for name, basis in bases.items()
            if (rate := _rate(each, name, basis, with_interval=name == metric))
        },
    )


def _rate(each: Counts, name: str, basis: str, *, with_interval: bool) -> RateInterval | None:
    count, of = each.counts.totals[name], each.counts.totals[basis]
    if not of:
        return None
    proportion = each.proportion(name, basis) if with_interval else None
    low, high = (round(end, 4) for end in wilson(proportion)) if proportion else (None, None)
    return RateInterval(count=count, of=of, value=round(count / of, 4), low=low, high=high)


def _difference(each: Counts, first: Counts, name: str, basis: str, confidence: float) -> Difference | None:
    one, other = each.proportion(name, basis), first.proportion(name, basis)
    if one is None or other is None:
        return None
    interval = newcombe(one, other, confidence)
    happened = one.count + other.count
    few = min(one.of, other.of) < MIN_BASIS or min(happened, one.of + other.of - happened) < MIN_COUNT
    points = one.share - other.share
    return Difference(
        points=round(100 * points, 2),
        low=round(100 * interval.low, 2),
        high=round(100 * interval.high, 2),
        verdict=TOO_SMALL if few or interval.includes_zero else "higher" if points > 0 else "lower",
    )
