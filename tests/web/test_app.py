"""The one application: what it serves where, and what a client over HTTP may take of it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp import Client
from pydantic import SecretStr

from cio_mcp.sandbox import Sandbox
from cio_mcp.server.app import build_server
from cio_mcp.server.http import MAX_SESSIONS, SESSION_IDLE_SECONDS, http_app
from cio_mcp.settings import WEBHOOK_PATH, Settings
from cio_mcp.web.app import MAX_MCP_BYTES
from tests.web.connections import Few, Held, answer, connect, patience_ends, serve, until, wait_for_close
from tests.web.posting import KEY, signed

pytestmark = pytest.mark.anyio

HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "a client", "version": "1"},
    },
}
EVENT = json.dumps(
    {"event_id": "E1", "object_type": "email", "metric": "sent", "timestamp": 1_764_000_000, "data": {}}
).encode()
MESSAGE = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"


@pytest.fixture
def keyed(settings: Settings) -> Settings:
    return settings.model_copy(update={"webhook_signing_keys": SecretStr(KEY.decode())})


@asynccontextmanager
async def client_of(settings: Settings, sandbox: Sandbox | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    """Requests to the application in process, with its lifespan entered."""
    server = build_server(settings, sandbox=sandbox)
    transport = httpx2.ASGITransport(app=http_app(server))
    async with (
        server.session_manager.run(),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", headers=HEADERS) as http,
    ):
        yield http


@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
async def test_mcp_is_served_with_or_without_a_slash_and_to_programs_on_this_machine_only(
    settings: Settings, path: str
) -> None:
    async with client_of(settings) as http:
        assert (await http.post(path, json=INITIALIZE)).status_code == 200
        assert (await http.post(path, json=INITIALIZE, headers={"Host": "evil.example"})).status_code == 421
        assert (await http.post(path, json=INITIALIZE, headers={"Origin": "http://evil.example"})).status_code == 403


@pytest.mark.parametrize("path", [WEBHOOK_PATH, f"{WEBHOOK_PATH}/"])
async def test_the_server_over_http_takes_signed_webhooks(keyed: Settings, sandbox: Sandbox, path: str) -> None:
    async with client_of(keyed, sandbox) as http:
        assert (await http.post(path, content=EVENT, headers=signed(EVENT))).status_code == 200
        assert (await http.post(path, content=EVENT)).status_code == 401
        assert (await http.post("/webhooks/elsewhere", content=EVENT, headers=signed(EVENT))).status_code == 404


async def test_health_and_nothing_else_is_answered_to_any_host(settings: Settings) -> None:
    async with client_of(settings) as http:
        for host in ("127.0.0.1", "evil.example"):
            assert (await http.get("/healthz", headers={"Host": host})).text == "ok"
            assert (await http.get("/", headers={"Host": host})).status_code == 404


async def test_a_message_that_is_too_large_is_refused(settings: Settings) -> None:
    async with client_of(settings) as http:
        assert (await http.post("/mcp", content=b"x" * (MAX_MCP_BYTES + 1))).status_code == 413
        assert (await http.post("/mcp", content=b"x" * MAX_MCP_BYTES)).status_code == 400


async def test_older_clients_share_a_bounded_number_of_sessions(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cio_mcp.server.http.MAX_SESSIONS", 2)
    async with client_of(settings) as http:
        first, second, third = [await http.post("/mcp", json=INITIALIZE) for _ in range(3)]
        assert (first.status_code, second.status_code, third.status_code) == (200, 200, 503)
        session = {"Mcp-Session-Id": first.headers["mcp-session-id"]}
        assert (await http.delete("/mcp", headers=session)).status_code == 200
        assert (await http.post("/mcp", json=INITIALIZE)).status_code == 200


def test_sessions_are_few_and_end_soon_after_their_last_request(settings: Settings) -> None:
    server = build_server(settings)
    http_app(server)
    assert server.session_manager.max_sessions == MAX_SESSIONS <= 300
    assert server.session_manager.session_idle_timeout == SESSION_IDLE_SECONDS <= 600


async def test_a_half_sent_request_to_mcp_does_not_keep_its_connection(settings: Settings) -> None:
    async with serve(http_app(build_server(settings))) as port, await connect(port) as stream:
        await stream.send(MESSAGE[:-2])
        await patience_ends()
        assert await answer(stream) == b""


async def test_a_message_that_never_arrives_is_given_up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cio_mcp.web.app.MCP_BODY_SECONDS", 0.01)
    async with serve(http_app(build_server(settings))) as port, await connect(port) as stream:
        await stream.send(MESSAGE + b"{")
        message = await answer(stream)
        assert message.startswith(b"HTTP/1.1 408")
        assert b"connection: close" in message
        await wait_for_close(stream)


async def test_connections_to_mcp_and_to_the_receiver_count_together(settings: Settings) -> None:
    async with (
        serve(http_app(build_server(settings)), Few) as port,
        await connect(port) as mcp,
        await connect(port) as receiver,
        await connect(port) as third,
    ):
        await mcp.send(MESSAGE)
        await receiver.send(f"POST {WEBHOOK_PATH} HTTP/1.1\r\n".encode())
        assert await answer(third) == b""


async def test_a_client_can_listen_for_as_long_as_it_likes(keyed: Settings, sandbox: Sandbox) -> None:
    resource = "cio://events/recent"
    async with serve(http_app(build_server(keyed, sandbox=sandbox))) as port:
        url = f"http://127.0.0.1:{port}"
        async with (
            Client(f"{url}/mcp") as client,
            client.listen(resource_subscriptions=[resource]) as changes,
            httpx2.AsyncClient() as http,
        ):
            await until(lambda: not Held.ends)
            # Whatever the server still waits for is cut now: not the open stream.
            for end in list(Held.ends):
                end()
            posted = await http.post(f"{url}{WEBHOOK_PATH}", content=EVENT, headers=signed(EVENT))
            assert posted.status_code == 200
            changed: Any = await anext(aiter(changes))
            assert changed.uri == resource
