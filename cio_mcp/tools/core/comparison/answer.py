"""The answer of `compare_metrics`: the sides in their order, with rates, intervals, and differences."""

from collections.abc import Iterable
from datetime import datetime, time
from typing import Literal

from cio_mcp.text.render import Answer
from cio_mcp.text.sanitize import quoted_name, word
from cio_mcp.text.timestamps import clock_line, moment
from cio_mcp.text.untrusted import Prose
from cio_mcp.tools.common.person_ref import AnswerPart

Rate = Literal[
    "human_opened", "human_clicked", "opened", "clicked", "converted", "delivered",
    "unsubscribed", "bounced", "failed", "spammed",
]  # fmt: skip
"""The rates that sides can be ranked by."""
Verdict = Literal["higher", "lower", "too small to tell"]
TOO_SMALL: Verdict = "too small to tell"
Period = Literal["current", "previous"]
Unfinished = Literal["running", "recent"]

MACHINE_TOTALS = {"machine_opened": "opened", "machine_clicked": "clicked"}
MIDNIGHT = time()
WHO = {"human": "by people", "machine": "by machines"}
UNFINISHED: dict[Unfinished, str] = {
    "running": "unfinished: its last period is still running",
    "recent": "unfinished: its last messages are under 3 days old",
}


class RateInterval(AnswerPart):
    """A rate: `count` of `of` messages; the compared one has an interval, unless it is above 1."""

    count: int
    of: int
    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        interval = "" if self.low is None else f", {self.low:.1%} to {self.high:.1%}"
        return f"{self.value:.1%} ({self.count:,} of {self.of:,}{interval})"


class Difference(AnswerPart):
    """What a side has more than the one that it is compared with, in percentage points.

    Of several sides, only the verdict where the difference is too small to tell.
    """

    points: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: Verdict

    def __str__(self) -> str:
        return f"{self.points} points ({self.low} to {self.high}), {self.verdict}"


class Side(AnswerPart):
    """One source, or one period of it."""

    id: str
    name: str
    rank: int | None = None
    period: Period | None = None
    since: datetime
    until: datetime
    unfinished: Unfinished | None = None
    totals: dict[str, int]
    rates: dict[str, RateInterval]
    differences: dict[str, Difference] | None = None

    @property
    def label(self) -> str:
        """How a line begins."""
        if self.period:
            return f"{self.period} period"
        return f"{f'{self.rank}.' if self.rank else '-'} {quoted_name(self.name)} (id {word(self.id)})"

    def line(self, metric: str, span: str) -> str:
        """The compared rate with its difference, then what else happened, and the range of time."""
        parts = [str(self.rates.get(metric) or "no messages"), *self._differences(metric)]
        if self.unfinished:
            parts.append(UNFINISHED[self.unfinished])
        counts = [f"{words(name)} {count:,}" for name, count in self.totals.items() if name not in MACHINE_TOTALS]
        counts += [f"{words(name)} {each}" for name, rate in self.rates.items() if name != metric
                   for each in [f"{rate.count:,} ({rate.value:.1%})" if rate.count else "0"]]  # fmt: skip
        machines = [f"{action} {self.totals[name]:,}" for name, action in MACHINE_TOTALS.items()]
        counts.append(f"by machines {' and '.join(machines)}")
        return f"{self.label}: {'; '.join([*parts, ', '.join(counts), *([span] if span else [])])}"

    def _differences(self, metric: str) -> Iterable[str]:
        """The difference in the compared rate, then those in other rates."""
        against = "the previous period" if self.period else "the first"
        differences = self.differences or {}
        if (difference := differences.get(metric)) and difference.points is not None:
            yield f"against {against} {difference}"
        for name, each in differences.items():
            if name != metric:
                yield f"{words(name)} {each}"


class ComparisonAnswer(Answer):
    """Sides in order of a rate, the best first, with what differs from the first; or two periods of one."""

    # Plain texts, since the arguments of the tool list the values, and the schema of the answer need not repeat them.
    answer: Prose
    kind: str
    metric: str
    channel: str | None = None
    timezone: str
    bases: dict[str, str]
    sides: tuple[Side, ...]
    method: Prose
    notes: tuple[Prose, ...] = ()
    now: datetime

    def lines(self) -> Iterable[str]:
        """The answer in a sentence, what is compared, each side, how the intervals were computed, and notes."""
        first, name = self.sides[0], self.kind if self.kind != "transactional" else "transactional message"
        until = {each.until for each in self.sides}
        since = {each.since for each in self.sides}
        common = self._span(*since if len(since) == 1 else (), until=until.pop() if len(until) == 1 else None)
        meaning = f" ({words(self.metric)})" if words(self.metric) != self.metric else ""
        basis = f"{self.metric}{meaning} as a share of {self.bases[self.metric]}"
        of = f"{name} {word(first.id)} {quoted_name(first.name)}" if first.period else f"{len(self.sides)} {name}s"
        channel = f", {self.channel} only" if self.channel else ""
        yield self.answer
        yield f"{of}{channel}: {basis}; {f'{common}, ' if common else ''}in {self.timezone}."
        for side in self.sides:
            own = self._span(*() if len(since) == 1 else (side.since,), until=None if "until" in common else side.until)
            yield side.line(self.metric, own)
        shares = [
            f"{', '.join(words(name) for name, of in self.bases.items() if of == basis)} of {basis}"
            for basis in dict.fromkeys(self.bases.values())
        ]
        yield f"Rates are shares: {'; '.join(shares)}."
        yield self.method
        yield from self.notes
        yield clock_line(self.now)

    def _span(self, since: datetime | None = None, *, until: datetime | None = None) -> str:
        """A range of time in words."""
        parts = [f"since {_day(since)}"] if since else []
        return ", ".join([*parts, *([f"until {_day(until)}"] if until else [])])


def _day(at: datetime) -> str:
    """A time, without its hours where a day begins."""
    return at.date().isoformat() if at.time() == MIDNIGHT else moment(at)


def words(name: str) -> str:
    """A metric in words: `human_opened` is opened by people."""
    who, _, action = name.partition("_")
    return f"{action} {WHO[who]}" if who in WHO else name
