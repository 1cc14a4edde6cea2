"""The answer of `get_metrics`: totals, rates with their basis, a series, links, and notes on their limits."""

from collections.abc import Iterable, Mapping, Sequence
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

MIN_DRAWN_POINTS = 5
"""A shorter series is not drawn. Chosen: its numbers are seen at a glance."""

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
    """Counts by period from `first` on; where a list is shorter than `periods`, and for other names, the rest is 0."""

    resolution: Resolution
    first: datetime | None = None
    periods: int
    values: dict[str, tuple[int, ...]]

    @classmethod
    def of(cls, resolution: Resolution, starts: Sequence[datetime], counts: Mapping[str, Sequence[int]]) -> "Series":
        """The counts of periods, without zeros at the end of each, and those with which all of them begin."""
        lead = min((place for each in counts.values() for place, count in enumerate(each) if count), default=0)
        ends = {
            name: max((place + 1 for place, one in enumerate(each) if one), default=0) for name, each in counts.items()
        }
        return cls(
            resolution=resolution,
            first=starts[lead] if starts else None,
            periods=len(starts) - lead,
            values={name: tuple(each[lead : ends[name]]) for name, each in counts.items() if ends[name]},
        )

    def lines(self) -> Iterable[str]:
        """A line for each name; a long series of what is looked for most is also drawn."""
        if self.first is None or not self.values:
            return
        shorter = any(len(counts) < self.periods for counts in self.values.values())
        yield f"{self.periods} {self.resolution} from {moment(self.first)}{', the rest 0' if shorter else ''}:"
        for name, counts in self.values.items():
            drawn = name in DRAWN and len(counts) >= MIN_DRAWN_POINTS
            bars = f" {sparkline(counts, MAX_DRAWN_POINTS)} highest {max(counts)}" if drawn else ""
            yield f"  {words(name)}{bars}: {' '.join(map(str, counts))}"


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
    """The compared metrics of one source; what is not among `totals` is 0."""

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
        return f"{words(name)} {self.totals[name]}{f' ({rate})' if rate else ''}"

    def phrases(self, names: Iterable[str]) -> str:
        """The totals that are not 0, with their rates."""
        return ", ".join(self.phrase(name) for name in names if name in self.totals)

    def line(self) -> str:
        """All that is compared, on one line."""
        return f"{self.id} {quoted_name(self.name)}, {self.span}: {self.phrases(COMPARED)}"


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
            listed = {name for row in ROWS for name in row}
            yield from filter(None, map(summary.phrases, (*ROWS, [name for name in self.totals if name not in listed])))
            yield from self.series.lines()
        if self.links:
            yield from self.links.lines()
        yield from self.notes
        yield clock_line(self.now)


def words(name: str) -> str:
    """A metric in words: `human_opened` is opened by people."""
    who, _, action = name.partition("_")
    return f"{action} {WHO[who]}" if who in WHO else name
