"""Spellings that must not lower a write's class, pass a refusal, or hide where a message goes."""

import pytest
from pydantic import JsonValue

from cio_mcp.api import sends, tracking
from cio_mcp.api.base import Reference
from cio_mcp.errors import InvalidArgument, Refused
from cio_mcp.gate.refusals import check
from cio_mcp.tools.profiles import update_customer
from cio_mcp.tools.transactional import send_transactional
from cio_mcp.workspace import Workspace

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
    ],
)
async def test_whatever_decides_whom_messages_reach_is_a_send_however_it_is_spelled(name: str, ws: Workspace) -> None:
    plan = await update_customer(ws, "ada", {name: "new@example.com"})
    assert plan.risk == "send"
    assert name.strip() in plan.why


@pytest.mark.parametrize("name", ["_timestamp", "_Update", " _update", "CIO_ID", "anonymous_id "])
async def test_what_makes_another_kind_of_write_is_refused_however_it_is_spelled(name: str, ws: Workspace) -> None:
    with pytest.raises(InvalidArgument, match="cannot be set"):
        await update_customer(ws, "ada", {name: 1})


@pytest.mark.parametrize("key", ["recipient", "Recipient", " reply_to", "FROM_ADDRESS "])
def test_event_data_that_redirects_mail_is_refused_however_it_is_spelled(key: str) -> None:
    call = tracking.event(Reference("ada"), "x", {key: "eve@example.com"}, ulid="01HZZZZZZZZZZZZZZZZZZZZZZZ", at=None)
    with pytest.raises(Refused):
        check([call])


@pytest.mark.parametrize("key", ["bcc", "BCC", " from", "Reply_To"])
def test_a_send_with_other_senders_or_recipients_is_refused_however_it_is_spelled(key: str) -> None:
    options: dict[str, JsonValue] = {key: "eve@example.com"}
    with pytest.raises(Refused):
        check([sends.email(2, {"id": "ada"}, "ada@example.com", {}, send_at=None, options=options)])


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
    ],
)
async def test_a_recipient_that_is_not_one_plain_address_is_refused(to: str, ws: Workspace) -> None:
    with pytest.raises(InvalidArgument, match="to: "):
        await send_transactional(ws, "2", "ada", to=to)


async def test_an_address_is_the_same_however_its_letters_are_cased(ws: Workspace) -> None:
    one = await send_transactional(ws, "2", "ada", to="eve@example.com")
    other = await send_transactional(ws, "2", "ada", to="EVE@Example.com")
    assert one.effect == other.effect


async def test_an_option_that_is_said_as_it_is_anyway_makes_no_other_message(ws: Workspace) -> None:
    bare = await send_transactional(ws, "2", "ada", options={})
    said = await send_transactional(
        ws,
        "2",
        "ada",
        options={"queue_draft": False, "disable_message_retention": False, "send_to_unsubscribed": False},
    )
    assert bare.effect == said.effect
