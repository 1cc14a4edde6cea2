"""The toolset `api` and the undo of suppressions through a real client, in both eras."""

from typing import Any

import pytest
from mcp import Client
from mcp_types import CallToolResult

from cio_mcp.sandbox import Sandbox
from cio_mcp.settings import Settings
from tests.clients import APPROVE, REJECT, Person, connect, structured, text
from tests.eras import Era

pytestmark = pytest.mark.anyio

SEND: dict[str, Any] = {
    "operation": "send_email",
    "body": {
        "transactional_message_id": 1,
        "identifiers": {"id": "ada"},
        "to": "ada@example.com",
        "send_to_unsubscribed": False,
    },
}


async def write(client: Client, operation: str, body: Any = None, **arguments: Any) -> CallToolResult:
    return await client.call_tool("write_api", {"operation": operation, "arguments": arguments, "body": body})


async def test_a_write_is_approved_sent_once_and_a_second_one_is_a_duplicate(
    era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(APPROVE)
    async with connect(settings, sandbox, era, person) as client:
        first = structured(await client.call_tool("write_api", SEND))
        second = structured(await client.call_tool("write_api", SEND))
        third = structured(await client.call_tool("write_api", SEND | {"repeat": True}))
    assert [each["status"] for each in (first, second, third)] == ["done", "already_done", "done"]
    assert first["delivery_id"]
    assert len(sandbox.workspace.sends) == 2
    assert len(person.prompts) == 2
    assert "“ada” (cio_a3000001)" in person.prompts[0].message
    assert "This is a duplicate" in person.prompts[1].message


async def test_a_write_that_is_rejected_is_not_sent(era: Era, settings: Settings, sandbox: Sandbox) -> None:
    async with connect(settings, sandbox, era, Person(REJECT)) as client:
        rejected = structured(await write(client, "delete_customer", identifier="ada"))
    assert rejected["status"] == "declined"
    assert sandbox.workspace.people.get("id", "ada")


async def test_a_removal_wants_what_it_removes_typed(era: Era, settings: Settings, sandbox: Sandbox) -> None:
    person = Person(APPROVE)
    async with connect(settings, sandbox, era, person) as client:
        done = structured(await write(client, "person_delete", {"identifiers": {"id": "bob"}}))
    assert done["status"] == "done", done
    assert "To approve, also type “bob”." in person.prompts[0].message
    sandbox.clock.advance(5)
    sandbox.workspace.settle()
    assert sandbox.workspace.people.get("id", "bob") is None


async def test_a_search_finds_an_operation_that_a_read_then_calls(
    era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    async with connect(settings, sandbox, era, None) as client:
        found = structured(await client.call_tool("search_api", {"query": "which campaigns use this sender"}))
        assert found["operations"][0]["id"] == "get_sender_usage"
        answer = await client.call_tool("read_api", {"operation": "get_sender_usage", "arguments": {"sender_id": 1}})
        wrong = await client.call_tool("read_api", {"operation": "get_sender_usage", "arguments": {"sender": 1}})
    assert not answer.is_error, text(answer)
    assert "did you mean sender_id" in text(wrong)


async def test_a_request_of_pipelines_reaches_the_workspace(era: Era, settings: Settings, sandbox: Sandbox) -> None:
    async with connect(settings, sandbox, era, Person(APPROVE)) as client:
        done = structured(await write(client, "pipelines_identify", {"userId": "ada", "traits": {"tier": "gold"}}))
    assert done["status"] == "done", done
    sandbox.clock.advance(5)
    sandbox.workspace.settle()
    ada = sandbox.workspace.people.get("id", "ada")
    assert ada
    assert ada.attributes["tier"] == "gold"


@pytest.mark.parametrize("by", ["manage_suppression", "write_api"])
async def test_a_suppression_is_undone_whatever_tool_made_it(
    by: str, era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    email = "ada@example.com"
    async with connect(settings, sandbox, era, Person(APPROVE)) as client:
        if by == "write_api":
            added = structured(await write(client, "suppress_email", suppression_type="bounces", email_address=email))
        else:
            added = structured(await client.call_tool(by, {"email": email, "action": "add"}))
        assert added["status"] == "done", added
        assert email in sandbox.workspace.bounced
        undone = structured(await client.call_tool("undo_change", {"change": added["change"]}))
    assert undone["status"] == "done", undone
    assert email not in sandbox.workspace.bounced
    assert "not sent later" in str(undone["warnings"])


async def test_a_write_whose_documented_answer_is_empty_is_done(settings: Settings, sandbox: Sandbox) -> None:
    optouts = [{"from": "+15550100", "optout": True, "channel": "sms"}]
    async with connect(settings, sandbox, "auto", Person(APPROVE)) as client:
        done = structured(await write(client, "update_customer_optouts", {"optouts": optouts}, customer_id="ada"))
    assert done["status"] == "done", done
