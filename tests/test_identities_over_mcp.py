"""Through a real client: the customer who is looked up, shown and reached is one and the same."""

from typing import Any

import pytest

from cio_mcp.sandbox import Sandbox
from cio_mcp.settings import Settings
from tests.test_writes_over_mcp import APPROVE, Person, connected, effects

pytestmark = pytest.mark.anyio

TRACK_ONLY = {"app_api_key": None}


def text_of(result: Any) -> str:
    return "\n".join(content.text for content in result.content)


CUSTOMER_TOOLS: dict[str, dict[str, Any]] = {
    "get_customer": {},
    "list_messages": {},
    "send_event": {"name": "probe"},
    "update_customer": {"attributes": {"a": "b"}},
    "send_transactional": {"message": "2"},
}


@pytest.mark.parametrize("tool", CUSTOMER_TOOLS)
@pytest.mark.parametrize("customer", [".", "..", "../../segments", "x" * 151, "ada\u0007"])
@pytest.mark.parametrize("create", [False, True])
async def test_a_customer_that_would_leave_its_place_in_the_path_is_refused_before_anything_is_asked(
    tool: str, customer: str, create: bool, settings: Settings, sandbox: Sandbox
) -> None:
    more = {"create": True} if create and tool == "update_customer" else {}
    person = Person(APPROVE)
    async with connected(settings, sandbox, "auto", person) as client:
        result = await client.call_tool(tool, {"customer": customer, **CUSTOMER_TOOLS[tool], **more})
    assert result.is_error
    assert text_of(result).startswith("customer: ")
    assert "CIO_" not in text_of(result)
    assert not person.asked
    assert not any("/customers" in request["path"] or "/events" in request["path"] for request in sandbox.requests)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("send_event", {"customer": "..", "name": "probe"}),
        ("update_customer", {"customer": ".", "attributes": {"a": "b"}}),
        ("update_customer", {"customer": "..", "attributes": {"a": "b"}, "create": True}),
    ],
)
async def test_a_dot_segment_reaches_no_other_endpoint_where_only_the_track_keys_are_there(
    tool: str, arguments: dict[str, Any], settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(APPROVE)
    async with connected(settings.model_copy(update=TRACK_ONLY), sandbox, "auto", person) as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert text_of(result).startswith("customer: ")
    assert not person.asked
    assert not effects(sandbox)


@pytest.mark.parametrize(
    ("tool", "arguments", "field"),
    [
        ("get_customer", {"customer": "9" * 3_000_000}, "customer"),
        ("find_customers", {"email": f"{'x' * 1_000_000}@example.com"}, "email"),
        ("find_customers", {"segment": "x" * 1_000_000}, "segment"),
        ("find_customers", {"segment": "1", "cursor": "x" * 100_000}, "cursor"),
        ("get_message", {"id": "9" * 3_000_000}, "id"),
        ("get_message", {"id": ".."}, "id"),
        ("get_campaign", {"id": "9" * 3_000_000}, "id"),
        ("list_messages", {"since": "2" * 1_000_000}, "since"),
        ("send_transactional", {"message": "x" * 1_000_000, "customer": "ada"}, "message"),
        ("send_transactional", {"message": "2", "customer": "ada", "to": f"{'x' * 2_000_000}@example.com"}, "to"),
        ("send_transactional", {"message": "2", "customer": "ada", "send_at": "2" * 1_000_000}, "send_at"),
        ("send_event", {"customer": "ada", "name": "x", "timestamp": "2" * 1_000_000}, "timestamp"),
    ],
)
async def test_an_argument_longer_than_customer_io_can_hold_is_named_with_its_bound(
    tool: str, arguments: dict[str, Any], field: str, settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(APPROVE)
    async with connected(settings, sandbox, "auto", person) as client:
        result = await client.call_tool(tool, arguments)
    said = text_of(result)
    assert result.is_error
    assert said.startswith(f"{field}: ")
    assert "bytes long" in said or ".." in str(arguments)
    assert "CIO_" not in said
    assert len(said) < 300
    assert not person.asked
    assert not effects(sandbox)
