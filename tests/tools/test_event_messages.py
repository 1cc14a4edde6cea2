"""What a plan says about the messages that an event starts."""

from dataclasses import replace

import pytest

from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.sandbox.world.sources import Source
from cio_mcp.sandbox.world.templates import Template
from cio_mcp.tools.common import event_messages
from cio_mcp.tools.common.event_messages import MAX_CAMPAIGNS, MAX_MESSAGES, MAX_PAGES
from cio_mcp.tools.core.send_event import send_event
from cio_mcp.workspace import CallContext

pytestmark = pytest.mark.anyio


def campaign(sandbox: Sandbox, number: int, *bodies: str, event: str = "order_placed") -> None:
    """Start a campaign from an event, with an email for each body."""
    like = sandbox.workspace.sources["campaign", 2]
    emails = tuple(
        Template(number * 100 + place, "email", "Email", f"Email {place}", body) for place, body in enumerate(bodies)
    )
    sandbox.workspace.sources["campaign", number] = replace(
        like, id=number, name=f"Campaign {number}", event_name=event, templates=emails
    )


def actions_read(sandbox: Sandbox) -> int:
    return sum(request["path"].endswith("/actions") for request in sandbox.requests)


@pytest.mark.parametrize("name", ["order placed", "Order-Placed", "order_place", "oder_placed"])
async def test_a_name_like_that_of_a_trigger_is_a_warning(ws: CallContext, name: str) -> None:
    plan = await send_event(ws, "ada", name)
    assert "No running campaign has this event as its trigger, but one has “order_placed”." in plan.warnings


@pytest.mark.parametrize("name", ["order_placed", "ORDER_PLACED", "order_shipped", "signed_in"])
async def test_a_trigger_and_a_different_name_are_no_warning(ws: CallContext, name: str) -> None:
    plan = await send_event(ws, "ada", name, {"order_id": 7, "total": 5})
    assert plan.warnings == ()


async def test_event_data_that_a_message_needs_and_the_event_lacks_is_named(ws: CallContext) -> None:
    plan = await send_event(ws, "ada", "order_placed", {"total": 5})
    assert plan.missing_data == ("Campaign 2 “Order follow-up” uses event data that is missing: “order_id”.",)
    assert plan.warnings == ()
    assert plan.preview == ("Subject: “Thank you for order”",)


async def test_with_all_data_the_first_message_of_the_only_campaign_shows_its_subject(ws: CallContext) -> None:
    plan = await send_event(ws, "ada", "order_placed", {"order_id": 7, "total": 5})
    assert (plan.missing_data, plan.warnings) == ((), ())
    assert plan.preview == ("Subject: “Thank you for order 7”",)


async def test_an_event_that_starts_nothing_has_no_preview_and_reads_no_messages(
    ws: CallContext, sandbox: Sandbox
) -> None:
    plan = await send_event(ws, "ada", "nothing_listens", {"a": 1})
    assert (plan.preview, plan.warnings, actions_read(sandbox)) == ((), (), 0)


async def test_several_campaigns_have_warnings_each_and_no_preview(ws: CallContext, sandbox: Sandbox) -> None:
    campaign(sandbox, 7, "{{event.order_id}}", "{{event.coupon}} {{trigger.gift | default: 'none'}}")
    plan = await send_event(ws, "ada", "order_placed", {"order_id": 7})
    assert plan.preview == ()
    assert plan.missing_data == (
        "Campaign 2 “Order follow-up” uses event data that is missing: “total”.",
        "Campaign 7 “Campaign 7” uses event data that is missing: “coupon”.",
    )


async def test_a_campaign_that_is_stopped_or_starts_from_another_event_is_not_read(
    ws: CallContext, sandbox: Sandbox
) -> None:
    campaign(sandbox, 7, "{{event.coupon}}", event="other")
    stopped: Source = sandbox.workspace.sources["campaign", 2]
    sandbox.workspace.sources["campaign", 2] = replace(stopped, state="stopped")
    plan = await send_event(ws, "ada", "order_placed")
    assert (plan.warnings, actions_read(sandbox)) == ((), 0)


async def test_unreadable_messages_are_reported(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("GET", "/v1/campaigns/2/actions", "403", times=9))
    campaign(sandbox, 7, "{{event.coupon}}")
    plan = await send_event(ws, "ada", "order_placed")
    assert plan.warnings == ("The messages of campaign 2 could not be read.",)
    assert plan.missing_data == ("Campaign 7 “Campaign 7” uses event data that is missing: “coupon”.",)


async def test_messages_that_take_too_long_to_read_are_not_waited_for(
    ws: CallContext, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_messages, "READ_SECONDS", 0.6)
    sandbox.faults.append(Fault("GET", "/v1/campaigns/2/actions", "hang:2"))
    plan = await send_event(ws, "ada", "order_placed", {"order_id": 7, "total": 5})
    assert plan.warnings == ("The messages of campaign 2 could not be read.",)


async def test_messages_that_are_read_too_late_are_not_looked_into(
    ws: CallContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    await send_event(ws, "ada", "order_placed")
    monkeypatch.setattr(event_messages, "READ_SECONDS", -1.0)
    plan = await send_event(ws, "ada", "order_placed")
    assert plan.warnings == ("Some messages were not read (campaigns “2”).",)


async def test_an_event_too_old_to_start_anything_reads_no_messages(ws: CallContext, sandbox: Sandbox) -> None:
    plan = await send_event(ws, "ada", "order_placed", timestamp="2020-01-01T00:00:00Z")
    assert (plan.preview, actions_read(sandbox)) == ((), 0)
    assert plan.starts == ("campaign 4 “VIP welcome”, if its segment depends on this event",)


async def test_a_malformed_message_is_reported_as_unknown_beside_the_known_ones(
    ws: CallContext, sandbox: Sandbox
) -> None:
    campaign(sandbox, 2, "{{ event.a", "{{ event.b }}")
    plan = await send_event(ws, "ada", "order_placed")
    assert plan.preview == ("Subject: “Email 0”",)
    assert plan.missing_data == ("Campaign 2 “Campaign 2” uses event data that is missing: “b”.",)
    assert plan.warnings == (
        "Campaign 2 “Campaign 2” has a message that could not be read. It may use more event data.",
    )


async def test_the_campaigns_and_messages_that_are_looked_into_are_bounded(ws: CallContext, sandbox: Sandbox) -> None:
    campaign(sandbox, 2, *["x"] * (MAX_MESSAGES - 1))
    for number in range(20, 20 + MAX_CAMPAIGNS):
        campaign(sandbox, number, "x", "x")
    plan = await send_event(ws, "ada", "order_placed")
    assert actions_read(sandbox) == MAX_CAMPAIGNS + 1  # campaign 2 takes two pages
    unread = ", ".join(f"“{number}”" for number in range(20, 30))
    assert plan.warnings == (f"Some messages were not read (campaigns {unread}).",)


async def test_only_the_first_messages_of_a_long_campaign_are_read(ws: CallContext, sandbox: Sandbox) -> None:
    campaign(sandbox, 2, *["x"] * (MAX_MESSAGES + 11))
    plan = await send_event(ws, "ada", "order_placed")
    assert actions_read(sandbox) == MAX_PAGES
    assert plan.warnings == ("Some messages were not read (campaigns “2”).",)


async def test_planning_again_reads_the_messages_only_once(ws: CallContext, sandbox: Sandbox) -> None:
    for _ in range(2):
        await send_event(ws, "ada", "order_placed")
    assert actions_read(sandbox) == 1
