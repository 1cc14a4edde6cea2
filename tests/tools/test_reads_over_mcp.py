"""The tools for customers, messages and segments through a real MCP client."""

from typing import Any

import pytest
from mcp import Client
from mcp_types import CallToolResult

from cio_mcp.sandbox import Sandbox
from cio_mcp.server.app import build_server
from cio_mcp.settings import Settings
from tests.clients import structured, text
from tests.eras import ERAS, Era

pytestmark = pytest.mark.anyio

VIP = {"attribute": {"field": "plan", "operator": "eq", "value": "vip"}}
ANSWERED: dict[str, tuple[str, dict[str, Any], str]] = {
    "by email": ("find_customers", {"email": "two@example.com"}, "two-1"),
    "by filter": ("find_customers", {"filter": VIP}, "ada"),
    "customer": (
        "get_customer",
        {"customer": "ada", "include": ["segments", "messages", "activities"]},
        "Password reset",
    ),
    "ids as numbers": ("list_messages", {"kind": "campaign", "id": 2, "limit": 2}, "Order follow-up"),
    "segments": ("list_segments", {"name": "beta"}, "Beta testers"),
    "named segment and attributes": (
        "find_customers",
        {"filter": {"segment": {"name": "VIP"}}, "attributes": ["country"]},
        "GB",
    ),
    "several ids": ("get_metrics", {"kind": "newsletter", "ids": [31, "30"]}, "Monthly newsletter, "),
    "by a metric": (
        "list_messages",
        {"metric": "clicked", "limit": 2},
        "ada@example.com",
    ),
    "segment": ("get_segment", {"segment": 4, "members": True, "limit": 2}, "Winback"),
}
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "nobody": ("get_customer", {"customer": "nobody"}, "customer: no customer has the ID"),
    "bad filter": ("find_customers", {"filter": {"plan": "vip"}}, "filter: unknown key “plan”"),
    "relative time": ("list_messages", {"since": "last week"}, "since: expected an ISO 8601 time, such as"),
    "wrong kind": ("list_messages", {"kind": "campaign", "id": "10"}, "It is a broadcast"),
    "wrong kind of two words": ("get_campaign", {"id": "Order shipped"}, "It is a transactional message: “Order ship"),
    "unknown kind": ("list_messages", {"kind": "automation", "id": "1"}, "kind: expected campaign, broadcast,"),
    "unknown part": ("get_customer", {"customer": "ada", "include": ["orders"]}, "include: expected segments,"),
    "no list": ("get_customer", {"customer": "ada", "include": {"segments": True}}, "include: expected segments,"),
    "no object": (
        "find_customers",
        {"filter": "plan = vip"},
        "filter: expected an object with exactly one of and, or, not, segment, attribute.",
    ),
    "no text": ("get_customer", {"customer": ["ada"]}, "customer: expected text."),
    "no number": ("list_segments", {"limit": 1.5}, "limit: expected a whole number."),
    "a huge number": ("list_segments", {"limit": "9" * 5000}, "limit: expected a whole number."),
    "neither true nor false": ("get_message", {"id": "x", "content": "maybe"}, "content: expected true or false."),
    "nothing": ("get_segment", {}, "Missing argument segment for get_segment: ID or exact name."),
    "nothing in it": ("get_segment", {"segment": ""}, "Missing argument segment for get_segment: ID or exact name."),
    "too many attributes": ("find_customers", {"filter": VIP, "attributes": ["a"] * 11}, "attributes: "),
    "too many ids": ("get_metrics", {"ids": ["1"] * 11}, "ids: "),
    "neither id nor ids": ("get_metrics", {}, "id, ids: pass exactly one of them"),
    "too few": ("list_segments", {"limit": 0}, "limit: expected at least 1."),
    "foreign cursor of people": ("find_customers", {"filter": VIP, "cursor": "☃"}, "cursor: expected the cursor from"),
    "foreign cursor of messages": ("list_messages", {"cursor": "x" * 20_000}, "cursor: expected the cursor from"),
    "undeclared": ("list_segments", {"page": 2}, "“page”"),
    "too many": ("list_messages", {"limit": 101}, "limit: expected at most 100."),
    "unknown message": ("get_message", {"id": "bm9wZQ=="}, "id: no message has this ID"),
    "unknown segment": ("get_segment", {"segment": "vip"}, "“VIP” (id 2)"),
}


async def called(
    settings: Settings, sandbox: Sandbox, tool: str, arguments: dict[str, Any], era: Era = "auto"
) -> CallToolResult:
    async with Client(build_server(settings, sandbox=sandbox), mode=era) as client:
        return await client.call_tool(tool, arguments)


@pytest.mark.parametrize("case", ANSWERED)
async def test_a_read_answers_in_text_and_in_structure(case: str, settings: Settings, sandbox: Sandbox) -> None:
    tool, arguments, expected = ANSWERED[case]
    result = await called(settings, sandbox, tool, arguments)
    assert not result.is_error, text(result)
    assert expected in text(result)
    assert expected in str(structured(result))


@pytest.mark.sampled(12)
@pytest.mark.parametrize("case", REFUSED)
async def test_a_bad_read_is_one_sentence_that_names_the_field(case: str, settings: Settings, sandbox: Sandbox) -> None:
    tool, arguments, expected = REFUSED[case]
    result = await called(settings, sandbox, tool, arguments)
    assert result.is_error
    assert expected in text(result)
    assert "\n" not in text(result)


@pytest.mark.parametrize("case", [ANSWERED["customer"], REFUSED["nobody"]], ids=["answered", "refused"])
async def test_a_read_is_answered_alike_in_both_eras(
    case: tuple[str, dict[str, Any], str], settings: Settings, sandbox: Sandbox
) -> None:
    tool, arguments, _ = case
    newer, older = [await called(settings, sandbox, tool, arguments, era) for era in ERAS]
    assert newer.is_error == older.is_error
    assert text(newer) == text(older)
    assert newer.structured_content == older.structured_content
