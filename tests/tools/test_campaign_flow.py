"""The flow of a campaign: steps in order, and counts that add up to the journeys that started."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from cio_mcp.customerio.api.base import Content
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.api.metrics import JourneyMetric
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.text.render import render
from cio_mcp.tools.core.campaign_answers import CampaignAnswer
from cio_mcp.tools.core.campaigns import NOT_COUNTED, NOT_VISIBLE, get_campaign
from cio_mcp.tools.core.journeys import MAX_STEPS, in_order, journey_counts, step_counts
from cio_mcp.workspace import CallContext

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 6, 15, tzinfo=UTC)


def add_up(answer: CampaignAnswer) -> bool:
    counts = answer.journeys
    assert counts is not None
    assert counts.in_progress is not None
    ends = counts.finished + counts.exited_early + counts.never_activated + counts.in_progress
    steps = [row.people for row in answer.messages if row.people]
    assert len(steps) == len(answer.messages)
    return counts.started == ends and all(
        step.reached + (step.not_reached or 0) == counts.started
        and step.sent + sum((step.not_sent or {}).values()) + (step.pending or 0) == step.reached
        for step in steps
    )


@pytest.mark.parametrize("campaign", ["1", "2", "3", "4", "5"])
async def test_counts_add_up_to_the_journeys_and_agree_with_what_happened(
    ws: CallContext, sandbox: Sandbox, campaign: str
) -> None:
    answer = await get_campaign(ws, campaign)
    assert add_up(answer)
    every = sandbox.workspace.journeys_of(int(campaign))
    assert answer.journeys is not None
    assert answer.journeys.started == len(every)
    assert answer.journeys.in_progress == sum(journey.outcome is None for journey in every)
    assert answer.journeys.exited_early == sum(journey.outcome == "exited" for journey in every)
    for row in answer.messages:
        deliveries = [one for journey in every for one in journey.deliveries if str(one.template.id) == row.id]
        assert row.people is not None
        assert row.people.reached == len(deliveries)
        assert row.people.sent == sum("sent" in one.metrics for one in deliveries)


async def test_who_waits_and_who_was_not_sent_a_message_and_why_is_counted(ws: CallContext, sandbox: Sandbox) -> None:
    campaign = sandbox.workspace.sources["campaign", 1]
    for journey in sandbox.workspace.journeys_of(1)[:2]:
        journey.deliveries[0].metrics = {"created": journey.started, "failed": journey.started + 1}
        journey.outcome = None
    answer = await get_campaign(ws, "1")
    assert add_up(answer)
    first = answer.messages[0].people
    assert first is not None
    assert first.not_sent is not None
    assert first.not_sent["failed"] == 2
    assert answer.journeys is not None
    assert answer.journeys.in_progress == 2
    text = render(answer, mask=False).text
    assert "failed 2" in text
    assert "2 still in it (derived: the rest)" in text
    assert campaign.name in text


async def test_steps_are_in_the_order_of_the_campaign_and_name_the_split_they_are_under(ws: CallContext) -> None:
    answer = await get_campaign(ws, "5")
    assert [(row.id, row.parent) for row in answer.messages] == [
        ("501", None), ("502", None), ("503", "510"), ("504", "510"), ("505", None),
    ]  # fmt: skip
    text = render(answer, mask=False).text
    assert "5 steps, in order" in text
    assert "a branch of 510" in text
    assert NOT_VISIBLE in text


def test_a_step_of_which_only_the_type_is_listed_keeps_its_place() -> None:
    campaign = Campaign.of(
        {"id": 1, "actions": [{"id": 3, "type": "delay"}, {"id": 2, "type": "email"}, {"type": "exit"}]}
    )
    steps = in_order(campaign, [Content(id="2", name="Hello", type="email"), Content(id="9", type="push")])
    assert [(step.id, step.type, step.name) for step in steps] == [
        ("3", "delay", None), ("2", "email", "Hello"), ("9", "push", None),
    ]  # fmt: skip


def test_counts_that_do_not_add_up_are_left_open() -> None:
    none: dict[str, list[int]] = {"exited_early": [], "never_activated": [], "converted": []}
    counts = journey_counts(JourneyMetric.of({"started": [1, 2], "finished": [5], **none}), NOW)
    assert (counts.started, counts.in_progress) == (3, None)
    step = step_counts({"created": 5, "sent": 5}, 3)
    assert (step.reached, step.not_reached) == (5, None)


@pytest.mark.parametrize(
    ("totals", "reached", "pending"),
    [
        ({"created": 9, "sent": 5, "undeliverable": 2, "drafted": 1}, 9, 2),
        ({"sent": 5, "failed": 2}, 7, None),
        ({"created": 0}, 0, None),
        ({}, 0, None),
    ],
)
def test_people_at_a_step_are_those_for_whom_a_delivery_was_created(
    totals: dict[str, int], reached: int, pending: int | None
) -> None:
    step = step_counts(totals, 10)
    assert (step.reached, step.not_reached, step.pending) == (reached, 10 - reached, pending)


@pytest.mark.parametrize("path", ["/v1/campaigns/5/actions/503/metrics", "/v1/campaigns/5/journey_metrics"])
async def test_a_count_that_cannot_be_read_is_missing_with_a_note(ws: CallContext, sandbox: Sandbox, path: str) -> None:
    sandbox.faults.append(Fault(method="GET", path=path, kind="status:404", times=-1))
    answer = await get_campaign(ws, "5")
    assert NOT_COUNTED in (answer.notes or ())
    missing: list[Any] = [answer.journeys, *(row.people for row in answer.messages)]
    assert missing.count(None) == 1
    assert NOT_COUNTED in render(answer, mask=False).text


async def test_a_long_campaign_is_counted_page_by_page(ws: CallContext, sandbox: Sandbox) -> None:
    source = sandbox.workspace.sources["campaign", 1]
    many = tuple(replace(source.templates[0], id=number) for number in range(1000, 1050))
    sandbox.workspace.sources["campaign", 1] = replace(source, templates=many)
    before = len(sandbox.requests)
    first = await get_campaign(ws, "1")
    assert (len(first.messages), first.messages_total, first.omitted) == (MAX_STEPS, 50, 30)
    counts = [each for each in list(sandbox.requests)[before:] if each["path"].endswith("/metrics")]
    assert len(counts) == MAX_STEPS
    second = await get_campaign(ws, "1", cursor=first.cursor)
    assert second.messages[0].id == str(1000 + MAX_STEPS)


async def test_counts_are_read_once_for_questions_within_a_minute(ws: CallContext, sandbox: Sandbox) -> None:
    await get_campaign(ws, "5")
    before = [each for each in sandbox.requests if "metrics" in each["path"]]
    await get_campaign(ws, "5")
    assert [each for each in sandbox.requests if "metrics" in each["path"]] == before
