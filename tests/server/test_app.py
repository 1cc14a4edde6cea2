"""The server as clients meet it: what it lists, who acts, what is masked, how calls end."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client, MCPError
from mcp_types import CallToolResult
from pydantic import SecretStr

from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.server.app import build_server
from cio_mcp.server.http import http_app
from cio_mcp.settings import Settings
from cio_mcp.tools.catalog import TOOLS
from cio_mcp.web.server import http_server
from tests.clients import approve, structured, text
from tests.eras import Era

pytestmark = pytest.mark.anyio

WRITES = {spec.name for spec in TOOLS if spec.is_write}
EVENT = {"customer": "ada", "name": "signed_up"}


@asynccontextmanager
async def over_http(settings: Settings, sandbox: Sandbox, era: Era) -> AsyncIterator[Client]:
    app = http_app(build_server(settings, sandbox=sandbox))
    listening = socket.create_server(("127.0.0.1", 0))
    serving = http_server(app)
    with listening:
        async with anyio.create_task_group() as group:
            group.start_soon(serving.serve, [listening])
            url = f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
            async with Client(url, mode=era, elicitation_callback=approve) as client:
                yield client
            serving.should_exit = True


async def tool_names(settings: Settings) -> set[str]:
    async with Client(build_server(settings)) as client:
        return {tool.name for tool in (await client.list_tools()).tools}


async def test_every_tool_is_listed_with_its_keys_and_none_that_writes_when_read_only(settings: Settings) -> None:
    everything = {spec.name for spec in TOOLS}
    assert await tool_names(settings) == everything
    assert await tool_names(settings.model_copy(update={"read_only": True})) == everything - WRITES


async def test_tools_whose_key_is_missing_are_not_listed(settings: Settings) -> None:
    settings = settings.model_copy(update={"toolsets": ("core",)})
    app_only = await tool_names(settings.model_copy(update={"site_id": None, "track_api_key": None}))
    assert {"send_event", "update_customer"}.isdisjoint(app_only)
    assert "send_transactional" in app_only
    track_only = await tool_names(settings.model_copy(update={"app_api_key": None}))
    own = {"recent_events", "wait_for_event", "get_workspace", "list_changes"}
    assert track_only == own | {"send_event", "update_customer"}


async def test_a_hidden_tool_cannot_be_called_either(settings: Settings, sandbox: Sandbox) -> None:
    read_only = settings.model_copy(update={"read_only": True})
    async with Client(build_server(read_only, sandbox=sandbox), elicitation_callback=approve) as client:
        result = await client.call_tool("send_event", EVENT)
    assert result.is_error
    assert not sandbox.requests


async def test_over_http_a_person_decides_outside_the_client_and_the_client_is_the_principal(
    era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    hasty = settings.model_copy(update={"max_wait": 5.0})
    async with over_http(hasty, sandbox, era) as client:
        receipt = structured(await client.call_tool("send_event", EVENT))
        changes = structured(await client.call_tool("list_changes", {}))["changes"]
    assert receipt["status"] == "approval_required"
    assert changes[0]["by"].startswith("loopback:")
    assert not any(request["path"].endswith("/events") for request in sandbox.requests)


async def test_over_http_a_client_may_be_trusted_to_ask(era: Era, settings: Settings, sandbox: Sandbox) -> None:
    trusting = settings.model_copy(update={"approval": "ask"})
    async with over_http(trusting, sandbox, era) as client:
        assert structured(await client.call_tool("send_event", EVENT))["status"] == "done"


async def test_health_says_that_the_process_lives_and_another_host_gets_nowhere(settings: Settings) -> None:
    app = http_app(build_server(settings))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1") as http:
        assert (await http.get("/healthz")).text == "ok"


@pytest.mark.slow
async def test_fifty_calls_at_once_are_answered_without_a_429(settings: Settings, sandbox: Sandbox) -> None:
    answered: list[CallToolResult] = []
    async with Client(build_server(settings, sandbox=sandbox)) as client:

        async def call(number: int) -> None:
            answered.append(await client.call_tool("find_customers", {"email": f"nobody-{number}@example.com"}))

        async with anyio.create_task_group() as group:
            for number in range(50):
                group.start_soon(call, number)
    assert len(answered) == 50
    assert not any(result.is_error for result in answered)
    assert sandbox.statuses["429"] == 0


async def test_masked_answers_hold_no_address_and_the_cio_id_serves_as_reference(
    era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    masked = settings.model_copy(update={"mask_pii": True, "max_wait": 5.0})
    async with Client(build_server(masked, sandbox=sandbox), mode=era, elicitation_callback=approve) as client:
        found = await client.call_tool("find_customers", {"email": "ada@example.com"})
        reference = structured(found)["customers"][0]["cio_id"]
        person = await client.call_tool("get_customer", {"customer": reference, "include": ["messages", "activities"]})
        proposed = await client.call_tool("send_event", {"customer": reference, "name": "signed_up"})
    for result in (found, person, proposed):
        assert "ada@example.com" not in result.model_dump_json()
    assert structured(proposed)["status"] == "approval_required"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"app_api_key": SecretStr("wrong-key")}, "CIO_APP_API_KEY"),
        ({"app_api_key": SecretStr("sandbox-track-key")}, "CIO_APP_API_KEY"),
    ],
)
async def test_a_refused_key_names_the_setting_to_correct_and_never_the_key(
    change: dict[str, Any], named: str, settings: Settings, sandbox: Sandbox
) -> None:
    async with Client(build_server(settings.model_copy(update=change), sandbox=sandbox)) as client:
        result = await client.call_tool("find_customers", {"email": "ada@example.com"})
    assert result.is_error
    assert named in text(result)
    assert change["app_api_key"].get_secret_value() not in text(result)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("kind", ["html", "empty", "huge", "status:400", "status:500", "drop"])
async def test_a_misbehaving_host_is_one_sentence_and_the_server_lives_on(
    kind: str, settings: Settings, sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault("GET", "/v1/customers", kind, times=20))
    async with Client(build_server(settings, sandbox=sandbox)) as client:
        result = await client.call_tool("find_customers", {"email": "ada@example.com"})
        sandbox.faults.clear()
        assert result.is_error
        assert "\n" not in text(result)
        assert "ada@example.com" not in text(result)
        assert not (await client.call_tool("list_segments", {})).is_error


async def test_a_read_that_hangs_ends_in_time(settings: Settings, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("GET", "/v1/customers", "hang:600", times=20))
    hasty = settings.model_copy(update={"max_wait": 1.5})
    async with Client(build_server(hasty, sandbox=sandbox)) as client:
        result = await client.call_tool("find_customers", {"email": "ada@example.com"})
    assert result.is_error
    assert "again" in text(result)


@pytest.mark.parametrize(
    ("missing", "tool", "reason"),
    [
        ({"app_api_key": None}, "find_customers", "It requires the App API key, which this server doesn't have."),
        ({"site_id": None, "track_api_key": None}, "send_event", "It requires the Track API keys, which"),
        ({"app_api_key": None}, "undo_change", "It requires the App and the Track API keys, which"),
        ({"read_only": True}, "send_event", "This server is read-only."),
        ({"toolsets": ("core",)}, "merge_customers", "Its toolset, people, is off. The operator of this server can"),
        ({}, "send_letter", "Call tools/list"),
        ({}, "get_message", "The operator of this server hides it with the policy file."),
    ],
)
async def test_a_call_of_a_tool_that_is_not_offered_says_why(
    settings: Settings, sandbox: Sandbox, tmp_path: Path, missing: dict[str, Any], tool: str, reason: str
) -> None:
    (tmp_path / "policy.toml").write_text('[tool.get_message]\nrule = "hide"\n')
    chosen = settings.model_copy(update={"policy_file": tmp_path / "policy.toml", **missing})
    async with Client(build_server(chosen, sandbox=sandbox)) as client:
        result = await client.call_tool(tool, {})
    assert result.is_error
    assert text(result).startswith(f"Unknown tool “{tool}”. {reason}")


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("find_customer", {}, "Unknown tool “find_customer”. Did you mean find_customers?"),
        ("get_segment", {}, "Missing argument segment for get_segment"),
        ("get_segment", {"segment": "Beta tester"}, "segment: no segment has the ID or name “Beta tester”"),
        ("send_event", {"customer": "nobody", "name": "x"}, "customer: "),
        ("list_segments", {"cursor": "x"}, "cursor: expected the cursor from the previous page, unchanged"),
    ],
)
async def test_a_failed_call_has_its_sentence_in_each_part(
    tool: str, arguments: dict[str, str], sentence: str, era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    async with Client(build_server(settings, sandbox=sandbox), mode=era, elicitation_callback=approve) as client:
        await client.list_tools()
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert text(result).startswith(sentence)
    assert structured(result) == {"error": text(result)}


async def test_an_unknown_prompt_is_refused_by_name(era: Era, settings: Settings) -> None:
    async with Client(build_server(settings), mode=era) as client:
        with pytest.raises(MCPError, match=r"Unknown prompt “customer_360”\. Call prompts/list"):
            await client.get_prompt("customer_360", {"customer": "ada"})


async def test_no_era_is_promised_changes_of_lists_that_never_change(era: Era, settings: Settings) -> None:
    async with Client(build_server(settings), mode=era) as client:
        announced = client.server_capabilities
    assert announced is not None
    assert announced.tools is not None
    assert announced.prompts is not None
    assert announced.resources is not None
    assert not any(each.list_changed for each in (announced.tools, announced.prompts, announced.resources))
    assert announced.resources.subscribe
