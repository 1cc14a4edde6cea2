"""Spellings that must not lower a write's class, pass a refusal, or hide where a message goes."""

import pytest
from pydantic import JsonValue

from cio_mcp.customerio import batches
from cio_mcp.customerio.api import sends, tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.errors import InvalidArgument, Refused
from cio_mcp.gate.guardrails import check
from cio_mcp.text.names import fold
from cio_mcp.tools.core.send_transactional import SendOptions, send_transactional
from cio_mcp.tools.core.update_customer import update_customer
from cio_mcp.workspace import CallContext

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "name",
    [
        "email",
        "Email",
        " email ",
        "UNSUBSCRIBED",
        "cio_subscription_preferences",
        "cio_subscription_preferences.topics.topic_1",
        "Cio_Subscription_Preferences.topics.topic_1",
        "cio_relationships",
        "\uff25mail",
        "email\u200b",
        "un\u00adsubscribed",
        "\ufeffphone",
        "cio_subscription_preferences[topics][topic_1]",
        "_cio_subscription_preferences_computed",
        "data.email",
        "email[0]",
        "attributes['phone']",
    ],
)
async def test_attributes_that_decide_the_recipients_are_a_send_in_any_spelling(name: str, ws: CallContext) -> None:
    plan = await update_customer(
        ws, "ada", attributes={name: True if "subscribed" in fold(name) else "new@example.com"}
    )
    assert plan.risk == "send"
    assert "This affects who receives messages" in plan.why


async def test_values_inside_a_wrapper_count_as_well(ws: CallContext) -> None:
    plan = await update_customer(ws, "ada", attributes={"data": {"attributes": {"email": "new@example.com"}}})
    assert (plan.risk, plan.recipients) == ("send", ())


@pytest.mark.parametrize(
    "name",
    ["_timestamp", "_Update", " _update", "CIO_ID", "anonymous_id ", "_update\u200b", "\uff3ftimestamp", "data.cio_id"],
)
async def test_fields_that_change_the_kind_of_write_are_refused_in_any_spelling(name: str, ws: CallContext) -> None:
    with pytest.raises(InvalidArgument, match="cannot be set"):
        await update_customer(ws, "ada", attributes={name: 1})


REDIRECTING = (
    "recipient", "Recipient", " reply_to", "FROM_ADDRESS ", "recipient\u00ad", "reply_to\u200b", "\uff52ecipient",
    "recipient.x", "data.recipient", "recipient[0]", "data[reply_to]", "'recipient'",
)  # fmt: skip


@pytest.mark.parametrize("key", REDIRECTING)
def test_event_data_that_redirects_mail_is_refused_however_it_is_spelled(key: str) -> None:
    call = tracking.event(Reference("ada"), "x", {key: "eve@example.com"}, ulid="01HZZZZZZZZZZZZZZZZZZZZZZZ", at=None)
    with pytest.raises(Refused):
        check([call])
    wrapped: list[dict[str, JsonValue]] = [
        {"data": {key: "eve@example.com"}},
        {"data": {"attributes": {key: "eve@example.com"}}},
    ]
    for inside in wrapped:
        with pytest.raises(Refused):
            check([tracking.event(Reference("ada"), "x", inside, ulid="01HZZZZZZZZZZZZZZZZZZZZZZZ", at=None)])
    by_kind = tracking.event(
        Reference("a@b.c"), "x", {key: "eve@example.com"}, ulid="01HZZZZZZZZZZZZZZZZZZZZZZZ", at=None
    )
    assert isinstance(by_kind.body, dict)
    with pytest.raises(Refused):
        check([by_kind])
    with pytest.raises(Refused):
        check([batches.batch([by_kind.body])])


def test_a_recipient_of_something_else_is_plain_event_data() -> None:
    data: dict[str, JsonValue] = {"order": {"recipient": "Bob"}, "recipients": 2, "order.recipient": "Bob"}
    check([tracking.event(Reference("ada"), "x", data, ulid="01HZZZZZZZZZZZZZZZZZZZZZZZ", at=None)])


@pytest.mark.parametrize(
    "hidden", ["\u200b", "\u00ad", "\u202e", "\ufe0f", "\ufeff", "\x00", "\n", "\t", "\u2028", "\u00a0"]
)
def test_a_name_with_characters_that_cannot_be_seen_is_refused_in_a_sentence(hidden: str) -> None:
    name, ulid = f"pl{hidden}an", "01HZZZZZZZZZZZZZZZZZZZZZZZ"
    for call in (
        tracking.identify(Reference("ada"), {name: "vip"}, at=1, create=False),
        tracking.identify(Reference("a@b.c"), {"deep": [{name: "vip"}]}, at=1, create=False),
        tracking.event(Reference("ada"), "x", {name: "vip"}, ulid=ulid, at=None),
    ):
        with pytest.raises(Refused, match=rf"U\+{ord(hidden):04X}\)\. Remove them. Nothing was sent"):
            check([call])


@pytest.mark.parametrize(
    "key",
    ["bcc", "fake_bcc", "from", "from_id", "reply_to", "cc", "headers", "BCC", " from", "Reply_To"],
)
def test_a_send_with_other_senders_or_recipients_is_refused_however_it_is_spelled(key: str) -> None:
    options: dict[str, JsonValue] = {key: "eve@example.com"}
    with pytest.raises(Refused):
        check([sends.email(2, {"id": "ada"}, "ada@example.com", {}, send_at=None, options=options)])


@pytest.mark.parametrize("route", ["/v1/send/email", "/v1/send/sms", "/v1/send/push"])
def test_a_send_on_any_channel_states_whether_it_reaches_unsubscribed_people_and_has_one_sender(route: str) -> None:
    email = sends.email(2, {"id": "ada"}, "ada@example.com", {}, send_at=None, options={})
    body = dict(email.body) if isinstance(email.body, dict) else {}
    check([email.model_copy(update={"route": route})])
    with pytest.raises(Refused, match="override"):
        check([email.model_copy(update={"route": route, "body": body | {"bcc": "eve@example.com"}})])
    del body["send_to_unsubscribed"]
    with pytest.raises(Refused, match="unsubscribed"):
        check([email.model_copy(update={"route": route, "body": body})])


@pytest.mark.parametrize(
    "to",
    [
        "ada@example.com\u200b",
        "ada@exam\u00adple.com",
        "\u202emoc.elpmaxe@ada",
        "ada@example.com eve@example.com",
        "ada@example.com;eve@example.com",
        "ada@example.com\r\nBcc: eve@example.com",
        "Ada <eve@example.com>",
        "ada@example.com@example.net",
        "ada@",
        "{{customer.email}}@example.com",
        "{%x%}@example.com",
        "ada|upcase@example.com",
        "ada%40x@example.com",
        "ada@{{x}}",
        f"{'a' * 250}@example.com",
    ],
)
async def test_a_recipient_that_is_not_one_plain_address_is_refused(to: str, ws: CallContext) -> None:
    with pytest.raises(InvalidArgument, match="to: "):
        await send_transactional(ws, "2", "ada", to=to)


async def test_an_address_is_the_same_however_its_letters_are_cased(ws: CallContext) -> None:
    one = await send_transactional(ws, "2", "ada", to="eve@example.com")
    other = await send_transactional(ws, "2", "ada", to="EVE@Example.com")
    assert one.effect == other.effect


async def test_an_option_set_to_its_default_makes_no_different_message(ws: CallContext) -> None:
    bare = await send_transactional(ws, "2", "ada", options=SendOptions())
    explicit = await send_transactional(
        ws,
        "2",
        "ada",
        options=SendOptions(queue_draft=False, disable_message_retention=False, send_to_unsubscribed=False),
    )
    assert bare.effect == explicit.effect
