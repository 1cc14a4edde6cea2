"""The answer of `compare_metrics`: the sides in their order, with rates, intervals, and differences."""

from collections.abc import Iterable
from datetime import datetime
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
Period = Literal["current", "previous"]
Unfinished = Literal["running", "recent"]

WHO = {"human": "by people", "machine": "by machines"}
UNFINISHED: dict[Unfinished, str] = {
    "running": "unfinished: its last period is still running",
    "recent": "unfinished: its last messages are under 3 days old",
}


class RateInterval(AnswerPart):
    """A rate: `count` of `of` messages, with its interval; none where it is above 1."""

    count: int
    of: int
    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        interval = "" if self.low is None else f", {self.low:.1%} to {self.high:.1%}"
        return f"{self.value:.1%} ({self.count:,} of {self.of:,}{interval})"


class Difference(AnswerPart):
    """What a side has more than the one that it is compared with, in percentage points."""

    points: float
    low: float
    high: float
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

    @property
    def span(self) -> str:
        """The range of time, in words."""
        return f"{moment(self.since)} to {moment(self.until)}"

    def lines(self, metric: str, *, with_span: bool) -> Iterable[str]:
        """The compared rate with its difference from the first, then the range, the totals, and the other rates."""
        rate, difference = self.rates.get(metric), (self.differences or {}).get(metric)
        parts = [str(rate or "no messages")]
        if difference:
            parts.append(f"against the {'previous period' if self.period else 'first'} {difference}")
        if self.unfinished:
            parts.append(UNFINISHED[self.unfinished])
        yield f"{self.label}: {'; '.join(parts)}"
        counts = [f"{words(name)} {count:,}" for name, count in self.totals.items()]
        others = [f"{words(name)} {self._phrase(name)}" for name in self.rates if name != metric]
        yield f"   {f'{self.span}: ' if with_span else ''}{', '.join([*counts, *others])}"

    def _phrase(self, name: str) -> str:
        difference = (self.differences or {}).get(name)
        return f"{self.rates[name]}{f' [{difference}]' if difference else ''}"


class ComparisonAnswer(Answer):
    """Sides in order of a rate, the best first, each with its difference from the first; or two periods of one."""

    # Plain texts, since the arguments of the tool list the values, and the schema of the answer need not repeat them.
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
        """What is compared, each side, how the intervals were computed, and notes."""
        first, name = self.sides[0], self.kind if self.kind != "transactional" else "transactional message"
        channel = f", {self.channel} only" if self.channel else ""
        basis = f"{self.metric} ({words(self.metric)}) as a share of {self.bases[self.metric]}"
        same = len({each.span for each in self.sides}) == 1
        span = f", {first.span}" if same else ""
        if first.period:
            yield f"{name} {word(first.id)} {quoted_name(first.name)}{channel}{span}: {basis} ({self.timezone})"
        else:
            yield f"{len(self.sides)} {name}s{channel}{span} ({self.timezone}) by {basis}, the best first:"
        for side in self.sides:
            yield from side.lines(self.metric, with_span=not same)
        shares = ", ".join(f"{words(name)} of {of}" for name, of in self.bases.items())
        yield f"Rates are shares: {shares}."
        yield self.method
        yield from self.notes
        yield clock_line(self.now)


def words(name: str) -> str:
    """A metric in words: `human_opened` is opened by people."""
    who, _, action = name.partition("_")
    return f"{action} {WHO[who]}" if who in WHO else name
