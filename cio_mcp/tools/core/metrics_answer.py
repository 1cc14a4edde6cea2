"""The answer of `get_metrics`: totals, rates with their basis, a series, links, and notes on their limits."""

from collections.abc import Iterable
from datetime import datetime

from cio_mcp.customerio.api.periods import Resolution
from cio_mcp.text.render import Answer
from cio_mcp.text.sanitize import quoted_name, quoted_text
from cio_mcp.text.sparkline import sparkline
from cio_mcp.text.timestamps import clock_line, moment
from cio_mcp.text.untrusted import Prose, Untrusted
from cio_mcp.tools.common.arguments import Channel, Kind
from cio_mcp.tools.common.lookup import KIND_NAMES
from cio_mcp.tools.common.person_ref import AnswerPart

MAX_DRAWN_POINTS = 60
"""A longer series is drawn as the means of neighbors. Chosen: one line of a terminal."""

DRAWN = frozenset({"sent", "human_opened", "human_clicked", "converted"})
"""The series that are also drawn."""

WHO = {"human": "by people", "machine": "by machines"}

COMPARED = ("sent", "delivered", "human_opened", "human_clicked", "converted", "unsubscribed", "bounced", "spammed")
"""Metrics on the line of each of several sources."""

ROWS = (
    ("sent", "delivered", "bounced"),
    ("opened", "human_opened", "machine_opened"),
    ("clicked", "human_clicked", "machine_clicked"),
    ("converted", "unsubscribed", "spammed"),
)
"""Metrics on one line of text; others that are not 0 follow on a separate line."""


class Share(AnswerPart):
    """A rate between 0 and 1, and its basis."""

    value: float
    of: str

    def __str__(self) -> str:
        return f"{self.value:.1%} of {self.of}"


class Series(AnswerPart):
    """Counts by period, oldest first: `values` are columns beside `starts`; a name left out is 0 throughout."""

    resolution: Resolution
    starts: tuple[datetime, ...]
    values: dict[str, tuple[int, ...]]


class LinkClicks(AnswerPart):
    """A link and every click on it, a person's second one too."""

    href: Untrusted
    clicked: int


class LinkReport(AnswerPart):
    """The most clicked links, in whole periods of Eastern time."""

    since: datetime
    until: datetime
    timezone: str
    links: tuple[LinkClicks, ...]
    omitted: int | None = None
    total: int | None = None
    cursor: str | None = None

    def lines(self) -> Iterable[str]:
        """Each link on a line."""
        yield f"clicks by link, {moment(self.since)} to {moment(self.until)} ({self.timezone}):"
        yield from (f"  {link.clicked} {quoted_text(link.href)}" for link in self.links)
        if not self.links:
            yield "  none clicked"
        if self.cursor:
            yield f"  … {self.omitted:,} more of {self.total:,} links: cursor={self.cursor}"


class Summary(AnswerPart):
    """The compared metrics of one source."""

    id: str
    name: str
    since: datetime
    until: datetime
    timezone: str
    totals: dict[str, int]
    rates: dict[str, Share]

    @property
    def span(self) -> str:
        """The range of time, in words."""
        return f"{moment(self.since)} to {moment(self.until)} ({self.timezone})"

    def phrase(self, name: str) -> str:
        """A total with its rate, in words."""
        rate = self.rates.get(name)
        return f"{_words(name)} {self.totals.get(name, 0)}{f' ({rate})' if rate else ''}"

    def line(self) -> str:
        """All that is compared, on one line."""
        return f"{self.id} {quoted_name(self.name)}, {self.span}: {', '.join(map(self.phrase, COMPARED))}"


class MetricsAnswer(Answer):
    """The metrics of one campaign, broadcast, newsletter or transactional message; `others` are compared with it."""

    kind: Kind
    id: str
    name: str
    channel: Channel | None = None
    since: datetime
    until: datetime
    timezone: str
    totals: dict[str, int]
    rates: dict[str, Share]
    series: Series
    links: LinkReport | None = None
    others: tuple[Summary, ...] | None = None
    notes: tuple[Prose, ...] = ()
    now: datetime

    def lines(self) -> Iterable[str]:
        """The range, then totals with rates, a line for each of a few series, links, notes; or a line for each."""
        summary = Summary(**{name: getattr(self, name) for name in Summary.model_fields})
        channel = f", {self.channel} only" if self.channel else ""
        if self.others:
            yield f"{len(self.others) + 1} {KIND_NAMES[self.kind]}s{channel}:"
            yield from (each.line() for each in (summary, *self.others))
        else:
            yield f"{KIND_NAMES[self.kind]} {self.id} {quoted_name(self.name)}{channel}: {summary.span}"
            yield from (", ".join(map(summary.phrase, row)) for row in ROWS)
            listed = {name for row in ROWS for name in row}
            if rest := [summary.phrase(name) for name, count in self.totals.items() if count and name not in listed]:
                yield ", ".join(rest)
            yield from self._draw()
        if self.links:
            yield from self.links.lines()
        yield from self.notes
        yield clock_line(self.now)

    def _draw(self) -> Iterable[str]:
        starts, values = self.series.starts, self.series.values
        if not starts or not values:
            return
        ends = f"the first from {moment(starts[0])}, the last from {moment(starts[-1])}"
        yield f"{len(starts)} {self.series.resolution}, {ends}:"
        for name, counts in values.items():
            bars = f" {sparkline(counts, MAX_DRAWN_POINTS)} highest {max(counts)}" if name in DRAWN else ""
            yield f"  {_words(name)}{bars}: {' '.join(map(str, counts))}"


def _words(name: str) -> str:
    """A metric in words: `human_opened` is opened by people."""
    who, _, action = name.partition("_")
    return f"{action} {WHO[who]}" if who in WHO else name
