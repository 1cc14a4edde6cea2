"""The flow of a campaign: its steps in order, how many people reached each, and what became of their journeys.

The API lists only steps that send something, and the split that a step is under. It counts journeys by outcome and
deliveries by step. A journey reached a step or did not, so that the two add up to the journeys that started.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from cio_mcp.customerio.api.base import Content
from cio_mcp.customerio.api.campaigns import ActionRef, Campaign
from cio_mcp.customerio.api.metrics import JourneyMetric, Metric, Metrics
from cio_mcp.tools.common.gather import Read, in_time
from cio_mcp.tools.core.campaign_answers import JourneyCounts, StepCounts
from cio_mcp.workspace import CallContext

MAX_STEPS = 20
"""Steps on a page, each of which costs a request to count. Chosen: two seconds of the lane."""
COUNT_SECONDS = 5.0
"""How long an answer waits for the counts. Chosen."""
CACHE_SECONDS = 60.0
"""How old a count may be. Chosen so that a second page and the next question cost nothing."""
LONGEST_RANGE = timedelta(days=3650)
"""Just under the ten years that metrics may span (App API, campaign metrics)."""
NOT_SENT = ("undeliverable", "failed", "suppressed")
"""Series that count deliveries which were never sent, each with a reason of its own."""
_JOURNEYS = ""


async def count_people(
    ws: CallContext, campaign: Campaign, steps: Sequence[Content]
) -> tuple[JourneyCounts | None, dict[str, StepCounts]]:
    """Count the journeys of a campaign, and the people at these steps by ID; what comes late is left out."""
    since = campaign.first_started or campaign.created
    if since is None:
        return None, {}
    until = ws.now.replace(second=0, microsecond=0)
    since = min(max(since, until - LONGEST_RANGE), until)
    metrics = Metrics(ws.reader)
    reads: dict[str, Read] = {
        step.id: partial(metrics.of_action, campaign.id, step.id, since, until, cache=CACHE_SECONDS) for step in steps
    }
    reads[_JOURNEYS] = partial(metrics.journeys, campaign.id, since, until, cache=CACHE_SECONDS)
    counts = await in_time(ws.tasks, ws.clock, reads, COUNT_SECONDS)
    metric: JourneyMetric | None = counts.pop(_JOURNEYS, None)
    journeys = journey_counts(metric, since) if metric else None
    started = journeys.started if journeys else None
    return journeys, {id_: step_counts(totals_of(metric), started) for id_, metric in counts.items()}


def in_order(campaign: Campaign, contents: Iterable[Content]) -> list[Content]:
    """The steps of a campaign in its order; one that has only a type in the list of steps has no more here."""
    by_id = {content.id: content for content in contents}
    listed = [_listed(by_id, ref) for ref in campaign.actions if ref.id]
    places = {content.id for content in listed}
    return [*listed, *(content for id_, content in by_id.items() if id_ not in places)]


def _listed(contents: Mapping[str, Content], ref: ActionRef) -> Content:
    id_ = ref.id or ""
    return contents.get(id_) or Content(id=id_, type=ref.type)


def journey_counts(metric: JourneyMetric, since: datetime) -> JourneyCounts:
    """The journeys by outcome. Those that have none are still going on, which the API does not count."""
    started, finished = sum(metric.started), sum(metric.finished)
    exited, filtered = sum(metric.exited_early), sum(metric.never_activated)
    going_on = started - finished - exited - filtered
    return JourneyCounts(
        since=since,
        started=started,
        finished=finished,
        exited_early=exited,
        never_activated=filtered,
        in_progress=going_on if going_on >= 0 else None,
        converted=sum(metric.converted),
    )


def totals_of(metric: Metric) -> dict[str, int]:
    """The sum of each series."""
    return {name: sum(counts) for name, counts in metric.series.items()}


def step_counts(totals: Mapping[str, int], started: int | None) -> StepCounts:
    """The people at a step: a delivery is created for each who reaches it, and sent unless something prevents it."""
    sent = totals.get("sent", 0)
    not_sent = {name: totals[name] for name in NOT_SENT if totals.get(name)}
    reached = max(totals.get("created", 0), sent + sum(not_sent.values()))
    return StepCounts(
        reached=reached,
        not_reached=started - reached if started is not None and started >= reached else None,
        sent=sent,
        not_sent=not_sent or None,
        pending=reached - sent - sum(not_sent.values()) or None,
    )
