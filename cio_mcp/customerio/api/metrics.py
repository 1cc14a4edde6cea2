"""Metrics as Customer.io counts them: a list of numbers a period for each name, and what they mean together."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator

from cio_mcp.customerio.api.base import MAX_COUNT, Kind, Model, items_of
from cio_mcp.customerio.api.reads import Reads
from cio_mcp.customerio.call import read

METRICS: dict[Kind, str] = {
    "campaign": "get_campaign_metrics",
    "broadcast": "get_broadcast_metrics",
    "newsletter": "get_newsletter_metrics",
    "transactional": "get_transactional_metrics",
}
LINKS: dict[Kind, str] = {
    "campaign": "get_campaign_links",
    "broadcast": "get_broadcast_links",
    "newsletter": "get_newsletter_links",
    "transactional": "get_transactional_links",
}
"""The operations that count, by the kind of what sent the messages; each takes the id of that as its path."""
STEPS: dict[Kind, tuple[str, str]] = {
    "broadcast": ("get_broadcast_action_metrics", "action_id"),
    "newsletter": ("get_newsletter_content_metrics", "content_id"),
}
"""The operations that count one step by steps back, and what names it; a transactional message has no such steps."""

TYPES = {"sms": "twilio"}
"""Channels that the API calls by another name."""

CORE = (
    "sent", "delivered", "opened", "human_opened", "machine_opened", "clicked", "human_clicked", "machine_clicked",
    "converted", "unsubscribed", "bounced", "spammed", "failed", "undeliverable", "suppressed",
)  # fmt: skip
"""Always included, as 0 where Customer.io omits it; others are included only if they are not 0."""

NEW_NAMES = {
    "prefetch_opened": "machine_opened",
    "prefetch_clicked": "machine_clicked",
}
"""Names that changed or hide what they mean: a prefetch is a machine, not a person."""

OF_SENT = ("delivered", "bounced", "failed")
OF_DELIVERED = ("opened", "human_opened", "clicked", "human_clicked", "converted", "unsubscribed", "spammed")


def _counts(value: Any) -> dict[str, list[int]]:
    """Counts by name; null is no count, and anything else that is none must not look like 0.

    Raises:
        ValueError: it holds something else than lists of whole numbers from 0.
    """
    series = {} if value is None else value
    if not isinstance(series, dict):
        raise ValueError("expected counts by name")  # noqa: TRY004 - pydantic reports it
    return {
        NEW_NAMES.get(str(name), str(name)): [_count(count) for count in items_of(counts)]
        for name, counts in series.items()
    }


def _count(value: Any) -> int:
    """A count; null is 0, and what is none can't count as 0, because a sum would hide it.

    Raises:
        ValueError: it is no whole number from 0 to `MAX_COUNT`.
    """
    if type(value) is int and 0 <= value <= MAX_COUNT:  # nearly all: a year of metrics has thousands
        return value
    match value:
        case None:
            return 0
        case int() | float() | str() if not isinstance(value, bool):
            count = int(value) if isinstance(value, int | str) or value.is_integer() else -1
            if 0 <= count <= MAX_COUNT:
                return count
    raise ValueError("expected a count")


def _periods(value: Any) -> tuple[int, ...]:
    return tuple(map(_count, items_of(value)))


Periods = Annotated[tuple[int, ...], BeforeValidator(_periods)]
Counts = Annotated[dict[str, list[int]], BeforeValidator(_counts)]


class Metric(Model):
    """Counts by name, oldest period first; a name that is missing counts as 0 throughout."""

    series: Counts

    @property
    def periods(self) -> int:
        """How many periods the longest series has."""
        return max(map(len, self.series.values()), default=0)

    def last(self, count: int) -> "Metric":
        """The same with exactly `count` periods: the oldest go, or are filled up with 0."""
        return Metric(series={name: ([0] * count + counts)[len(counts) :] for name, counts in self.series.items()})

    def part(self, first: int, end: int) -> "Metric":
        """The periods from `first` up to, not with, `end`."""
        return Metric(series={name: counts[first:end] for name, counts in self.series.items()})

    @property
    def totals(self) -> dict[str, int]:
        """The sum of each name: `CORE` always and in its order, others where they are not 0."""
        sums = {name: sum(counts) for name, counts in self.series.items()}
        rest = {name: count for name, count in sorted(sums.items()) if count and name not in CORE}
        return {name: sums.get(name, 0) for name in CORE} | rest


class JourneyMetric(Model):
    """Counts of journeys by what became of them, oldest period first; each journey counts where it started.

    All are required: without one of them the rest add up to something wrong.
    """

    started: Periods
    exited_early: Periods
    finished: Periods
    never_activated: Periods
    converted: Periods


class Link(Model):
    """A link of a message."""

    id: str | None = None
    href: str = ""


class LinkMetric(Model):
    """A link and its clicks."""

    link: Link
    metric: Metric


class Rate(NamedTuple):
    """A share between 0 and 1 (above it where what is counted began before the range) and what it is a share of."""

    name: str
    value: float
    of: str


def rates(totals: Mapping[str, int]) -> list[Rate]:
    """The rates that have a basis: what arrived is a share of sent, what people did a share of delivered.

    Where nothing reports delivery (some channels never do), what people did is a share of sent.
    """
    sent, delivered = totals.get("sent", 0), totals.get("delivered", 0)
    basis = "delivered" if delivered else "sent"
    bases = {name: "sent" for name in OF_SENT if name != "delivered" or delivered} | dict.fromkeys(OF_DELIVERED, basis)
    counts = {"sent": sent, "delivered": delivered}
    return [Rate(name, round(totals.get(name, 0) / counts[of], 4), of) for name, of in bases.items() if counts[of]]


class Metrics(Reads):
    """Reads of `…/metrics`; by a range for campaigns, by steps back from now for the rest and for links."""

    async def between(
        self, campaign_id: str, since: datetime, until: datetime, *, resolution: str, timezone: str, channel: str | None
    ) -> Metric:
        """Counts of a campaign in periods of a zone (version 2 of the endpoint)."""
        call = read(
            METRICS["campaign"],
            campaign_id=campaign_id,
            query={
                "version": 2,
                "res": resolution,
                "tz": timezone,
                "start": int(since.timestamp()),
                "end": int(until.timestamp()),
                "type": _type(channel),
            },
        )
        return await self._item(Metric, "metric", call)

    async def journeys(self, campaign_id: str, since: datetime, until: datetime, *, cache: float) -> JourneyMetric:
        """Journeys that started in a range, by month, at most `cache` seconds old."""
        call = read("get_campaign_journeys", campaign_id=campaign_id, query=_months(since, until))
        return await self._item(JourneyMetric, "journey_metric", call, cache=cache)

    async def of_action(
        self, campaign_id: str, action_id: str, since: datetime, until: datetime, *, cache: float
    ) -> Metric:
        """Counts of one action of a campaign in a range, by month (UTC), at most `cache` seconds old."""
        query = {"version": 2, "tz": "UTC", **_months(since, until)}
        call = read("get_campaign_action_metrics", campaign_id=campaign_id, action_id=action_id, query=query)
        return await self._item(Metric, "metric", call, cache=cache)

    async def days_of_action(
        self, campaign_id: str, action_id: str, since: datetime, until: datetime, *, timezone: str
    ) -> Metric:
        """Counts of one action of a campaign by day of a zone, in a range of at most ten years."""
        query = {
            "version": 2,
            "res": "days",
            "tz": timezone,
            "start": int(since.timestamp()),
            "end": int(until.timestamp()),
        }
        call = read("get_campaign_action_metrics", campaign_id=campaign_id, action_id=action_id, query=query)
        return await self._item(Metric, "metric", call)

    async def days_back(self, kind: Kind, source_id: str, step_id: str | None, steps: int) -> Metric:
        """Counts of the last `steps` days of Eastern time; of one step of a broadcast or newsletter, or of a source."""
        operation, path = METRICS[kind], _path(kind, source_id)
        if step_id:
            operation, parameter = STEPS[kind]
            path |= {parameter: step_id}
        call = read(operation, query={"period": "days", "steps": steps}, **path)
        return await self._item(Metric, "metric", call)

    async def back(
        self, kind: Kind, thing_id: str, period: str, steps: int, *, channel: str | None = None, cache: float = 0.0
    ) -> Metric:
        """Counts of the last `steps` periods in Eastern time (version 1), at most `cache` seconds old."""
        query: dict[str, object] = {"period": period, "steps": steps, "type": _type(channel)}
        call = read(METRICS[kind], query=query, **_path(kind, thing_id))
        return await self._item(Metric, "metric", call, cache=cache)

    async def links(self, kind: Kind, thing_id: str, period: str, steps: int) -> list[LinkMetric]:
        """Clicks of each link in the last `steps` periods in Eastern time, a person's every click counted."""
        query: dict[str, object] = {"period": period, "steps": steps, "unique": False}
        call = read(LINKS[kind], query=query, **_path(kind, thing_id))
        return await self._list(LinkMetric, "links", call)


def _months(since: datetime, until: datetime) -> dict[str, object]:
    return {"res": "months", "start": int(since.timestamp()), "end": int(until.timestamp())}


def _path(kind: Kind, id_: str) -> dict[str, Any]:
    return {f"{kind}_id": id_}


def _type(channel: str | None) -> str | None:
    return TYPES.get(channel, channel) if channel else None
