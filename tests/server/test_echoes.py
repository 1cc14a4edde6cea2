"""What a caller sends comes back in an error only in part, however long it is."""

from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, EmptyResult, Request

from cio_mcp.sandbox import Sandbox
from cio_mcp.server.app import build_server
from cio_mcp.server.echoes import bound_error
from cio_mcp.settings import Settings
from tests.eras import Era

pytestmark = pytest.mark.anyio

AnyRequest = Request[dict[str, Any], str]
LONG = "Q" * 100_000
MANY = {f"{LONG}{number}": "1" for number in range(50)}
TOOL_CALLS: list[tuple[str, dict[str, Any]]] = [
    (LONG, {}),
    ("get_customer", MANY),
    ("get_customer", {"customer": LONG}),
    ("get_customer", {"customer": "ada", "include": [LONG]}),
    ("list_messages", {"cursor": LONG}),
    ("find_customers", {"filter": {"and": [{"attribute": {"field": LONG, "operator": LONG, "value": LONG}}]}}),
    ("update_customer", {"customers": [LONG] * 50, "attributes": {LONG: LONG}}),
    ("send_event", {"customer": "ada", "name": LONG, "data": {LONG: LONG}, "timestamp": LONG}),
    ("send_transactional", {"message": LONG, "customer": LONG, "options": {LONG: LONG}}),
    ("get_metrics", {"kind": LONG, "id": LONG, "timezone": LONG}),
    ("undo_change", {"change": LONG}),
]
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("resources/read", {"uri": f"cio://{LONG}"}),
    ("resources/read", {"uri": f"cio://segments/{LONG}"}),
    ("resources/read", {"uri": f"cio://events/recent?{LONG}=1"}),
    ("resources/read", {"uri": f"cio://events/recent?metric={LONG}"}),
    ("resources/subscribe", {"uri": f"cio://{LONG}"}),
    ("prompts/get", {"name": LONG}),
    ("prompts/get", {"name": "customer-360", "arguments": {"customer": "ada", LONG: LONG}}),
    ("prompts/get", {"name": "customer-360", "arguments": MANY}),
    ("completion/complete", {"ref": {"type": "ref/prompt", "name": LONG}, "argument": {"name": LONG, "value": LONG}}),
    ("logging/setLevel", {"level": LONG}),
    ("tasks/get", {"taskId": LONG}),
    (LONG, {LONG: LONG}),
    ("tools/list", {"_meta": {"progressToken": LONG}}),
]


async def test_an_error_repeats_no_more_than_a_part_of_a_request(
    era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    async with Client(build_server(settings, sandbox=sandbox), mode=era) as client:
        for method, params in REQUESTS:
            with pytest.raises(MCPError) as refused:
                await client.session.send_request(AnyRequest(method=method, params=params), EmptyResult)
            assert len(refused.value.error.model_dump_json()) < 800, method[:30]


async def test_a_refused_call_repeats_no_more_than_a_part_of_its_arguments(
    era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    async with Client(build_server(settings, sandbox=sandbox), mode=era) as client:
        for name, arguments in TOOL_CALLS:
            refused = await client.call_tool(name, arguments)
            assert isinstance(refused, CallToolResult)
            assert refused.is_error
            assert len(refused.model_dump_json(exclude_none=True)) < 2_500, (name[:30], str(arguments)[:30])


def test_every_text_of_an_error_is_cut() -> None:
    error = MCPError(-32600, LONG, {"requested": LONG, "known": ["a", LONG], "deep": {"uri": LONG}, "n": 1}).error
    cut = bound_error(error)
    assert len(cut.message) == 1_000
    assert cut.data["known"][0] == "a"
    assert cut.data["n"] == 1
    assert [len(text) for text in (cut.data["requested"], cut.data["known"][1], cut.data["deep"]["uri"])] == [200] * 3
