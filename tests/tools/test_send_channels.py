"""Transactional messages on every channel: the channel of a message, where it goes, and what a person is shown."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from cio_mcp.customerio.api.base import Content
from cio_mcp.customerio.api.sends import OPERATIONS, Channel
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.choice import approval_title
from cio_mcp.gate.plan import Plan
from cio_mcp.gate.question import question_about
from cio_mcp.sandbox import Sandbox
from cio_mcp.tools.core.send_channels import channel_of
from cio_mcp.tools.core.send_transactional import SendOptions, send_transactional
from cio_mcp.workspace import CallContext
from tests.sandbox.sandbox_client import APP

pytestmark = pytest.mark.anyio

MESSAGES: dict[Channel, tuple[str, dict[str, Any], str | None, str]] = {
    "email": ("2", {"order_id": 7, "tracking_url": "https://x.example"}, "ada@example.com", "Order 7 is on its way"),
    "sms": ("3", {"code": "1234"}, "+447700900001", "Your Acme code is 1234"),
    "push": ("4", {"order_id": 7}, "all", "Tap to follow your parcel."),
    "whatsapp": ("5", {"order_id": 7, "store": "Bonn"}, "+447700900001", "Order 7 is ready at Bonn."),
    "in_app": ("6", {"city": "Bonn"}, None, "New sign-in from Bonn."),
    "inbox_message": ("7", {"amount": "9 EUR"}, None, "Refund of 9 EUR"),
}
"""A message of each channel: its ID, data for it, where it goes by default, and its text with the data."""


def body_of(plan: Plan) -> dict[str, Any]:
    [call] = plan.calls
    assert isinstance(call.body, dict)
    return call.body


async def accept(sandbox: Sandbox, plan: Plan) -> dict[str, Any]:
    """The delivery of a planned send in the sandbox."""
    [call] = plan.calls
    transport = httpx.ASGITransport(app=sandbox.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.test", headers=APP) as http:
        sent = await http.post(call.row.route, json=call.body)
        assert sent.status_code == 200, sent.text
        sandbox.clock.advance(30)
        answer = await http.get(f"/v1/messages/{sent.json()['delivery_id']}")
    message: dict[str, Any] = answer.json()["message"]
    return message


@pytest.mark.parametrize("channel", MESSAGES)
async def test_a_message_goes_by_its_own_channel_to_the_customers_own_address(
    ws: CallContext, sandbox: Sandbox, channel: Channel
) -> None:
    message, data, to, text = MESSAGES[channel]
    plan = await send_transactional(ws, message, "ada", data=data)
    assert plan.calls[0].operation == OPERATIONS[channel]
    body = body_of(plan)
    assert body.get("to") == to
    assert (body["transactional_message_id"], body["message_data"]) == (int(message), data)
    assert body["send_to_unsubscribed"] is False
    assert text in " ".join(plan.preview)
    assert plan.warnings == ()
    assert plan == await send_transactional(ws, message, "ada", channel=channel, data=data)
    delivery = await accept(sandbox, plan)
    assert delivery["failure_message"] is None
    assert "sent" in delivery["metrics"]


@pytest.mark.parametrize(
    ("message", "channel", "advice"),
    [
        ("3", "email", r"channel: “Login code” is an SMS, not an email\. Omit channel, or pass sms"),
        ("1", "push", r"channel: “Password reset” is an email, not a push notification\. Omit channel, or pass email"),
        ("7", "in_app", "is an inbox message, not an in-app message"),
    ],
)
async def test_a_message_of_another_channel_is_answered_with_what_to_do(
    ws: CallContext, message: str, channel: Channel, advice: str
) -> None:
    with pytest.raises(InvalidArgument, match=advice):
        await send_transactional(ws, message, "ada", channel=channel)


def test_a_message_whose_channel_the_api_does_not_return_needs_the_argument() -> None:
    contents = [Content(id="1", body="Hello")]
    with pytest.raises(InvalidArgument, match="channel: is required: the API does not return the channel of “Hello”"):
        channel_of("Hello", contents, None)
    assert channel_of("Hello", contents, "whatsapp") == "whatsapp"
    with pytest.raises(InvalidArgument, match="message: “Hello” is of type “slack”, which the API can't send"):
        channel_of("Hello", [Content(id="1", type="slack")], "email")


@pytest.mark.parametrize(
    ("message", "customer", "to", "advice"),
    [
        ("3", "bob", None, "to: is required: the customer's profile has no phone number"),
        ("5", "bob", None, "to: is required: the customer's profile has no phone number"),
        ("3", "bob", "07700 900001", r"to: Expected a phone number as \+14155552671 \(E.164\)"),
        ("3", "ada", "+44{{customer.phone}}", "E.164"),
        ("3", "ada", "ada@example.com", "E.164"),
        ("4", "bob", None, "customer: has no device"),
        ("4", "ada", "device-eve", "to: expected all, last_used, or the token of a device that get_customer lists"),
        ("6", "ada", "ada@example.com", "to: must be omitted: an in-app message goes to the customer in your app"),
        ("7", "ada", "all", "to: must be omitted: an inbox message"),
        ("1", "ada", "+447700900001", "to: expected one email address"),
    ],
)
async def test_an_address_that_is_not_of_the_channel_is_refused(
    ws: CallContext, message: str, customer: str, to: str | None, advice: str
) -> None:
    with pytest.raises(InvalidArgument, match=advice):
        await send_transactional(ws, message, customer, to=to)


async def test_a_phone_number_in_the_profile_that_is_not_in_the_format_is_not_used(
    ws: CallContext, sandbox: Sandbox
) -> None:
    ada = sandbox.workspace.people.get("id", "ada")
    assert ada is not None
    ada.attributes["phone"] = "07700 900001"
    with pytest.raises(InvalidArgument, match="to: is required: the phone number in the customer's profile is not in"):
        await send_transactional(ws, "3", "ada", data={"code": "1"})


async def test_another_number_than_the_customers_own_is_a_warning_and_the_recipient(ws: CallContext) -> None:
    plan = await send_transactional(ws, "3", "ada", to="+14155552671", data={"code": "1"})
    assert plan.recipients == ("+14155552671",)
    assert "“+14155552671” is not the phone number in the customer's profile." in plan.warnings


async def test_a_push_goes_to_the_devices_that_were_shown(ws: CallContext, sandbox: Sandbox) -> None:
    plan = await send_transactional(ws, "4", "ada", to="last_used", data={"order_id": 1})
    assert body_of(plan)["to"] == "last_used"
    assert "It goes to the last used of 1 device of the customer." in plan.notes
    ada = sandbox.workspace.people.get("id", "ada")
    assert ada is not None
    ada.devices.append({"id": "device-2", "platform": "ios", "last_used": 1, "attributes": {}})
    later = await send_transactional(ws, "4", "ada", to="device-2", data={"order_id": 1})
    assert body_of(later)["to"] == "device-2"
    assert later.rests_on["own"] != plan.rests_on["own"]


async def test_tracking_is_an_option_of_some_channels_only(ws: CallContext) -> None:
    with pytest.raises(InvalidArgument, match=r"options\.tracked: is for emails and WhatsApp messages only"):
        await send_transactional(ws, "3", "ada", options=SendOptions(tracked=False))
    plan = await send_transactional(ws, "5", "ada", options=SendOptions(tracked=False))
    assert body_of(plan)["tracked"] is False


async def test_an_unsubscribed_customer_and_missing_data_are_warned_of_on_every_channel(
    ws: CallContext, sandbox: Sandbox
) -> None:
    ada = sandbox.workspace.people.get("id", "ada")
    assert ada is not None
    ada.attributes["unsubscribed"] = True
    for message, *_ in MESSAGES.values():
        plan = await send_transactional(ws, message, "ada")
        assert "The customer is unsubscribed, so Customer.io will not deliver it." in plan.warnings
        assert "The data lacks variables that the template uses" in plan.missing_data[0]
        assert approval_title(plan) == "send, expected to reach 0 of 1 person"
        assert "Recipients: 1 person, but nobody is expected to be reached." in question_about(plan, "aaaa0001").text
    insisting = await send_transactional(ws, message, "ada", options=SendOptions(send_to_unsubscribed=True))
    assert approval_title(insisting) == "send to 1 person"


async def test_a_plan_rests_on_what_the_message_says(ws: CallContext, sandbox: Sandbox) -> None:
    before = await send_transactional(ws, "3", "ada", data={"code": "1"})
    source = sandbox.workspace.sources["transactional", 3]
    template = replace(source.templates[0], body="Another text {{data.code}}")
    sandbox.workspace.sources["transactional", 3] = replace(source, templates=(template,))
    after = await send_transactional(ws, "3", "ada", data={"code": "1"})
    assert before.rests_on["content"] != after.rests_on["content"]
