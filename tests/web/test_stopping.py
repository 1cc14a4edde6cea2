"""How the server stops while requests are in progress."""

import logging
import socket
from typing import Any

import anyio
import pytest
from mcp import Client

from cio_mcp.server.app import build_server
from cio_mcp.server.http import http_app
from cio_mcp.settings import Settings
from cio_mcp.web.server import LimitedServer, http_server
from tests.eras import Era

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


class Slow:
    """An application whose answer begins, and ends when its client leaves or `finish` is set."""

    def __init__(self) -> None:
        self.begun, self.finish, self.left = anyio.Event(), anyio.Event(), anyio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
            return
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        self.begun.set()
        async with anyio.create_task_group() as group:
            group.start_soon(self._until_left, receive, group.cancel_scope)
            await self.finish.wait()
            await send({"type": "http.response.body", "body": b"ok"})
            group.cancel_scope.cancel()

    async def _until_left(self, receive: Any, scope: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.left.set()
        scope.cancel()


async def ask(port: int, head: bytes, answers: list[bytes]) -> None:
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(head + b"Host: 127.0.0.1\r\nContent-Length: 0\r\n\r\n")
        answer = b""
        try:
            while True:
                answer += await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            answers.append(answer)


async def stop_during(app: Slow, server: LimitedServer, head: bytes, *, finish: bool = False) -> bytes:
    """What a client is answered while whose request the server stops."""
    answers: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, [listening])
            group.start_soon(ask, listening.getsockname()[1], head, answers)
            await app.begun.wait()
            server.should_exit = True
            if finish:
                app.finish.set()
    return answers[0]


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


async def test_a_request_in_progress_may_end(caplog: pytest.LogCaptureFixture) -> None:
    app = Slow()
    answer = await stop_during(app, http_server(app), b"POST /mcp HTTP/1.1\r\n", finish=True)
    assert answer.endswith(b"\r\n\r\nok")
    assert not errors(caplog)


async def test_a_request_that_does_not_end_is_cancelled_after_a_while_without_a_traceback(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Slow()
    server = http_server(app)
    monkeypatch.setattr("cio_mcp.web.server.GRACE_SECONDS", 0.01)
    assert not (await stop_during(app, server, b"POST /mcp HTTP/1.1\r\n")).endswith(b"ok")
    assert app.left.is_set()
    assert not errors(caplog)


@pytest.mark.parametrize(
    "head", [b"GET /mcp HTTP/1.1\r\n", b"POST /mcp HTTP/1.1\r\nMcp-Method: subscriptions/listen\r\n"]
)
async def test_a_client_that_only_listens_holds_nothing_up(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    app = Slow()
    server = http_server(app)
    monkeypatch.setattr("cio_mcp.web.server.GRACE_SECONDS", 1000.0)
    server.config.timeout_graceful_shutdown = 1000
    await stop_during(app, server, head)
    assert app.left.is_set()
    assert not errors(caplog)


async def test_a_server_stops_while_clients_of_either_era_are_connected(
    settings: Settings, era: Era, caplog: pytest.LogCaptureFixture
) -> None:
    server = http_server(http_app(build_server(settings)))
    stopped = anyio.Event()

    async def serve(listening: socket.socket) -> None:
        await server.serve([listening])
        stopped.set()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        async with anyio.create_task_group() as group:
            group.start_soon(serve, listening)
            async with Client(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp", mode=era) as client:
                await client.list_tools()
                server.should_exit = True
                await stopped.wait()
    assert not [each for each in caplog.records if each.name.startswith("uvicorn") and each.levelno >= logging.WARNING]
