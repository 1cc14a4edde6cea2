"""Who a request acts as, and what follows from it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import Implementation, TextResourceContents

from cio_mcp.customerio.caller import Caller
from cio_mcp.identity.scopes import READ
from cio_mcp.sandbox import Sandbox
from cio_mcp.server.app import CioServer, build_server
from cio_mcp.server.http import http_app
from cio_mcp.settings import Settings
from tests.clients import approve, structured, text
from tests.eras import Era

pytestmark = pytest.mark.anyio

EVENT = {"customer": "ada", "name": "signed_up"}


@asynccontextmanager
async def over_http(server: CioServer, era: Era, name: str) -> AsyncIterator[Client]:
    app = http_app(server)
    transport = httpx2.ASGITransport(app=app)
    async with (
        server.session_manager.run(),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http,
        Client(
            streamable_http_client("http://127.0.0.1:8000/mcp", http_client=http),
            mode=era,
            client_info=Implementation(name=name, version="1"),
        ) as client,
    ):
        yield client


async def test_everything_that_a_request_does_is_done_by_the_client_that_made_it(
    era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    hasty = settings.model_copy(update={"max_wait": 5.0})
    async with over_http(build_server(hasty, sandbox=sandbox), era, "good\u200b") as client:
        receipt = structured(await client.call_tool("send_event", EVENT))
        changes = structured(await client.call_tool("list_changes", {}))["changes"]
        (contents,) = (await client.read_resource("cio://changes")).contents
    assert receipt["status"] == "approval_required"
    assert [change["by"] for change in changes] == ["loopback:good"]
    assert isinstance(contents, TextResourceContents)
    assert "loopback:good" in contents.text


async def test_a_caller_sees_and_uses_only_the_tools_that_its_scopes_permit(
    era: Era, settings: Settings, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reader(user: str) -> Caller:
        return Caller(user, owner=user, scopes=frozenset({READ}), may_be_asked=True)

    monkeypatch.setattr("cio_mcp.server.callers.local_caller", reader)
    server = build_server(settings, sandbox=sandbox)
    async with Client(server, mode=era, elicitation_callback=approve) as client:
        listed = {tool.name for tool in (await client.list_tools()).tools}
        refused = await client.call_tool("send_event", EVENT)
        answered = await client.call_tool("get_customer", {"customer": "ada"})
    assert listed == {each.name for each in server.runtime.tools.values() if each.reads}
    assert refused.is_error
    assert "Unknown tool" in text(refused)
    assert not answered.is_error
    assert not any(request["path"].endswith("/events") for request in sandbox.requests)
