"""What `get_metrics` answers: totals, rates with their basis, a series, links, and what the figures do not tell."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from cio_mcp.customerio.api.periods import Resolution
from cio_mcp.text.render import Answer
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.sparkline import sparkline
from cio_mcp.text.timestamps import clock_line, moment
from cio_mcp.tools.common.arguments import Channel, Kind
from cio_mcp.tools.common.lookup import SAID
from cio_mcp.tools.common.person_ref import AnswerPart

POINTS_DRAWN = 60
"""A longer series is drawn as the means of neighbours; no source, one line of a terminal."""

DRAWN = {
    "sent": "sent",
    "human_opened": "opened by people",
    "human_clicked": "clicked by people",
    "converted": "converted",
}

COMPARED = ("sent", "delivered", "human_opened", "human_clicked", "converted", "unsubscribed", "bounced", "spammed")
"""What stands on the line of each of several."""

FEW = 14
"""Periods up to which their numbers are written instead of a curve; no source, two weeks of days."""

ROWS_SHOWN = 100
"""Periods whose numbers are written at most; no source, some 2,000 tokens."""

ROWS = (
    ("sent", "delivered", "bounced"),
    ("opened", "human_opened", "machine_opened"),
    ("clicked", "human_clicked", "machine_clicked"),
    ("converted", "unsubscribed", "spammed"),
)
"""What stands on one line of text; what is not here and not 0 follows on a line of its own."""


class Share(AnswerPart):
    """A rate between 0 and 1, and what it is a share of."""

    value: float
    of: str

    def __str__(self) -> str:
        return f"{self.value:.1%} of {self.of}"


class Series(AnswerPart):
    """Counts by period, oldest first: `values` are columns beside `starts`; a name left out is 0 throughout."""

    resolution: Resolution
    starts: tuple[datetime, ...]
    values: dict[str, tuple[int, ...]]

    def lines(self, *, whole: bool) -> Iterable[str]:
        """A curve for each name, or the numbers where they are few or asked for."""
        drawn = [name for name in DRAWN if any(self.values.get(name, ()))]
        rows = [index for index in range(len(self.starts)) if any(self.values[name][index] for name in drawn)]
        if len(rows) > FEW:
            for name in drawn:
                curve = sparkline(self.values[name], POINTS_DRAWN)
                yield f"{DRAWN[name]}, {len(self.starts)} {self.resolution}: {curve} highest {max(self.values[name])}"
        if rows and (whole or len(rows) <= FEW):
            yield f"{self.resolution} that are not 0: {', '.join(DRAWN[name] for name in drawn)}"
            yield from (self._row(index, drawn) for index in rows[-ROWS_SHOWN:])
            if earlier := len(rows[:-ROWS_SHOWN]):
                yield f"… {earlier} earlier omitted: give an earlier until"

    def _row(self, index: int, names: Iterable[str]) -> str:
        start = self.starts[index]
        when = moment(start) if self.resolution == "hours" else f"{start:%Y-%m-%d}"
        return f"  {when}: {', '.join(str(self.values[name][index]) for name in names)}"


class LinkClicks(AnswerPart):
    """A link and every click on it, a person's second one too."""

    href: str
    clicked: int


class LinkReport(AnswerPart):
    """The most clicked links, in whole periods of Eastern time."""

    since: datetime
    until: datetime
    timezone: str
    links: tuple[LinkClicks, ...]
    omitted: int | None = None

    def lines(self) -> Iterable[str]:
        """Each link on a line."""
        yield f"clicks by link, {moment(self.since)} to {moment(self.until)} ({self.timezone}):"
        yield from (f"  {link.clicked} {quoted(link.href, 120)}" for link in self.links)
        if not self.links:
            yield "  none clicked"
        if self.omitted:
            yield f"  … {self.omitted} omitted"


class Summary(AnswerPart):
    """What is compared of one campaign, broadcast, newsletter or transactional message."""

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

    def said(self, name: str) -> str:
        """A total with its rate, in words."""
        words = {"human": "by people", "machine": "by machines"}
        who, _, what = name.partition("_")
        said = f"{what} {words[who]}" if who in words else name
        rate = self.rates.get(name)
        return f"{said} {self.totals.get(name, 0)}{f' ({rate})' if rate else ''}"

    def line(self) -> str:
        """All that is compared, on one line."""
        return f"{self.id} {quoted(self.name)}, {self.span}: {', '.join(map(self.said, COMPARED))}"


class MetricsAnswer(Answer):
    """The metrics of one campaign, broadcast, newsletter or transactional message; `others` are compared with it.

    `whole` asks for each number of the series as text.
    """

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
    others: tuple[Summary, ...] | None = Field(default=None, description="The rest of ids; the first is above")
    notes: tuple[str, ...] = ()
    now: datetime
    whole: SkipJsonSchema[bool] = Field(default=False, exclude=True)

    def lines(self) -> Iterable[str]:
        """The range, then totals with rates, a line for each of a few series, links, notes; or a line for each."""
        summary = Summary(**{name: getattr(self, name) for name in Summary.model_fields})
        channel = f", {self.channel} only" if self.channel else ""
        if self.others:
            yield f"{len(self.others) + 1} {SAID[self.kind]}s{channel}:"
            yield from (each.line() for each in (summary, *self.others))
        else:
            yield f"{SAID[self.kind]} {self.id} {quoted(self.name)}{channel}: {summary.span}"
            yield from (", ".join(map(summary.said, row)) for row in ROWS)
            told = {name for row in ROWS for name in row}
            if rest := [summary.said(name) for name, count in self.totals.items() if count and name not in told]:
                yield ", ".join(rest)
            yield from self.series.lines(whole=self.whole)
        if self.links:
            yield from self.links.lines()
        yield from self.notes
        yield clock_line(self.now)
