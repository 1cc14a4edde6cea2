"""Every tool of the registry: what it answers, how it fails, and what its hints say; what asks, in both eras.

A tool that is not in the tables below fails the first test.
"""

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from mcp import Client

from cio_mcp.sandbox import Sandbox
from cio_mcp.server.app import build_server
from cio_mcp.settings import Settings
from cio_mcp.tools.catalog import TOOLS
from tests.clients import approve, structured, text
from tests.eras import Era

pytestmark = pytest.mark.anyio


ANSWERS: dict[str, dict[str, Any]] = {
    "find_customers": {"email": "ada@example.com"},
    "get_customer": {"customer": "ada", "include": ["segments", "messages", "activities", "subscriptions"]},
    "update_customer": {"customer": "ada", "attributes": {"favourite_colour": "teal"}},
    "undo_change": {"change": "(a change)"},
    "send_event": {"customer": "ada", "name": "signed_up"},
    "list_campaigns": {},
    "get_campaign": {"kind": "campaign", "id": "1"},
    "get_metrics": {"kind": "newsletter", "id": "31", "links": True},
    "list_messages": {"customer": "ada"},
    "get_message": {"id": "(a delivery)"},
    "send_transactional": {"message": "1", "customer": "ada", "data": {"reset_url": "https://x.example", "minutes": 5}},
    "list_segments": {},
    "get_segment": {"segment": "VIP", "members": True},
    "recent_events": {"since": "2026-01-01T00:00:00Z"},
    "wait_for_event": {"customer": "ada", "timeout": 0},
    "get_workspace": {},
    "list_changes": {},
}
"""Arguments with which a tool answers."""

FAILURES: dict[str, tuple[dict[str, Any], str]] = {
    "find_customers": ({}, "email"),
    "get_customer": ({"customer": "nobody-at-all"}, "customer"),
    "update_customer": ({"customer": "nobody-at-all", "attributes": {"x": 1}}, "customer"),
    "undo_change": ({"change": "00000000"}, "change"),
    "send_event": ({"customer": "ada", "name": ""}, "name"),
    "list_campaigns": ({"kind": "automation"}, "kind"),
    "get_campaign": ({"kind": "campaign", "id": "999"}, "id"),
    "get_metrics": ({"kind": "campaign", "id": "1", "since": "yesterday"}, "since"),
    "list_messages": ({"since": "last week"}, "since"),
    "get_message": ({"id": "bm9wZQ=="}, "id"),
    "send_transactional": ({"message": "no such", "customer": "ada"}, "message"),
    "list_segments": ({"limit": 0}, "limit"),
    "get_segment": ({"segment": "no such"}, "segment"),
    "recent_events": ({"since": "yesterday"}, "since"),
    "wait_for_event": ({"object_type": "fax"}, "object_type"),
    "get_workspace": ({"section": "no such"}, "section"),
    "list_changes": ({"change": "00000000"}, "change"),
}
"""Arguments with which it fails, and the field its sentence names."""

DESTRUCTIVE = {"update_customer", "undo_change"}
WRITES = {spec.name for spec in TOOLS if not spec.hints.read_only}
ROUNDS = [("auto", tool) for tool in ANSWERS] + [("legacy", tool) for tool in ANSWERS if tool in WRITES]
"""Eras differ in how a question is asked; a read is answered by the same code."""


def test_every_tool_of_the_registry_is_in_these_tables() -> None:
    names = {spec.name for spec in TOOLS}
    assert names == ANSWERS.keys() == FAILURES.keys()


@pytest.mark.parametrize(("era", "tool"), ROUNDS)
async def test_it_answers_in_text_and_in_what_its_output_schema_promises(
    tool: str, era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    async with Client(build_server(settings, sandbox=sandbox), mode=era, elicitation_callback=approve) as client:
        schemas = {each.name: each.output_schema for each in (await client.list_tools()).tools}
        arguments = ANSWERS[tool]
        if tool == "get_message":
            messages = structured(await client.call_tool("list_messages", {"customer": "ada", "limit": 1}))
            arguments = {"id": messages["messages"][0]["id"]}
        if tool == "undo_change":
            made = structured(await client.call_tool("update_customer", ANSWERS["update_customer"]))
            arguments = {"change": made["change"]}
        result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert len(result.content) == 1
    assert text(result).strip()
    schema = schemas[tool]
    assert schema
    Draft202012Validator(schema).validate(result.structured_content)


@pytest.mark.parametrize(("era", "tool"), ROUNDS)
async def test_it_fails_in_one_sentence_that_names_the_field(
    tool: str, era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    arguments, field = FAILURES[tool]
    async with Client(build_server(settings, sandbox=sandbox), mode=era, elicitation_callback=approve) as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert len(result.content) == 1
    assert field in text(result)
    assert "\n" not in text(result)
    assert "pydantic" not in text(result)
    assert not any(request["method"] in {"PUT", "DELETE"} for request in sandbox.requests)


async def test_the_hints_of_every_tool_say_what_it_does(settings: Settings) -> None:
    async with Client(build_server(settings)) as client:
        listed = {tool.name: tool.annotations for tool in (await client.list_tools()).tools}
    assert listed.keys() == ANSWERS.keys()
    for name, hints in listed.items():
        assert hints
        assert None not in (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint)
        assert hints.read_only_hint == (name.split("_")[0] in {"find", "get", "list", "recent", "wait", "compare"})
        assert hints.destructive_hint == (name in DESTRUCTIVE)
