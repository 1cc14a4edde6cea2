"""Undo through a real client in both eras: an undo needs approval like any other write."""

from typing import Any

import pytest

from cio_mcp.sandbox import Sandbox
from cio_mcp.settings import Settings
from tests.clients import APPROVE, Person, connect
from tests.eras import Era

pytestmark = pytest.mark.anyio


async def test_an_undo_is_approved_and_sent_once(era: Era, settings: Settings, sandbox: Sandbox) -> None:
    person = Person(APPROVE)
    async with connect(settings, sandbox, era, person) as client:

        async def call(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
            return (await client.call_tool(tool, arguments)).structured_content or {}

        changed = await call("update_customer", {"customer": "ada", "attributes": {"colour": "teal"}})
        undone = await call("undo_change", {"change": changed["change"]})
        again = await call("undo_change", {"change": changed["change"]})
        event = await call("send_event", {"customer": "ada", "name": "signed_up"})
        refused = await client.call_tool("undo_change", {"change": event["change"]})
    assert (undone["status"], again["status"]) == ("done", "already_done")
    assert (again["change"], again["at"]) == (undone["change"], undone["at"])
    assert f"No change needed. Change {undone['change']} did this at " in again["message"]
    assert "colour: “teal” → null (clears it)." in person.prompts[1].message
    assert "history" in person.prompts[1].message
    assert len(person.prompts) == len(["the edit", "its undo", "the event"])
    assert refused.is_error
    assert "can't be undone" in str(refused.content)


async def test_a_change_that_was_undone_is_listed_with_the_undo(era: Era, settings: Settings, sandbox: Sandbox) -> None:
    async with connect(settings, sandbox, era, Person(APPROVE)) as client:
        edit = {"customer": "ada", "attributes": {"colour": "teal"}}
        changed = (await client.call_tool("update_customer", edit)).structured_content or {}
        before = await client.call_tool("list_changes", {"change": changed["change"]})
        undone = (await client.call_tool("undo_change", {"change": changed["change"]})).structured_content or {}
        one = await client.call_tool("list_changes", {"change": changed["change"]})
        every = await client.call_tool("list_changes", {})
    assert "Undone by" not in str(before)
    assert f"Undone by change {undone['change']}." in str(one.content)
    assert [line.get("undone_by") for line in (one.structured_content or {})["changes"]] == [undone["change"]]
    assert [line.get("undone_by") for line in (every.structured_content or {})["changes"]] == [None, undone["change"]]
