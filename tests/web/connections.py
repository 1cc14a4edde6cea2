"""An application behind the real server, whose patience with each connection ends when a test says so."""

import gc
import socket
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, ClassVar

import anyio
import anyio.abc
import anyio.lowlevel

from cio_mcp.web.connection_limits import LimitedProtocol
from cio_mcp.web.server import http_server

HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: anything\r\n\r\n"
MADE: list["weakref.ref[Any]"] = []
"""What there was of connections, and is still there if anything keeps it."""


class Held(LimitedProtocol):
    """Its patience ends when a test says so."""

    ends: ClassVar[list[Callable[[], None]]] = []
    """What cuts each connection that the server waits for."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        MADE.extend((weakref.ref(self), weakref.ref(transport)))

    def _call_after_waiting(self, action: Callable[[], None]) -> Callable[[], None]:
        self.ends.append(action)
        return partial(self.ends.remove, action)


class Few(Held):
    """It takes two connections."""

    most = 2


@asynccontextmanager
async def serve(app: Any, protocol: type[LimitedProtocol] = Held, backlog: int = 100) -> AsyncIterator[int]:
    """Serve an application on a port of loopback."""
    listening = socket.create_server(("127.0.0.1", 0))
    # Connections inherit it: a little that is not taken is already more than the system keeps.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    server = http_server(app, protocol=protocol, backlog=backlog)
    MADE.clear()
    Held.ends.clear()
    with listening:
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, [listening])
            yield listening.getsockname()[1]
            server.should_exit = server.force_exit = True


def connect(port: int) -> Any:
    """Connect to a port."""
    return anyio.connect_tcp("127.0.0.1", port)


async def answer(stream: anyio.abc.ByteStream) -> bytes:
    """What is answered, with "ok" if that is the body; nothing if the other side closes."""
    data = b""
    try:
        while not data.endswith((b"\r\n\r\nok", b"content-length: 0\r\n\r\n")):
            data += await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        pass
    return data


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is true."""
    while not true():
        await anyio.lowlevel.checkpoint()


async def patience_ends() -> None:
    """Wait until the server waits for a connection, and let it have waited long enough."""
    await until(lambda: bool(Held.ends))
    for end in list(Held.ends):
        end()


async def check_answers_meanwhile(port: int) -> None:
    """Have another request answered: what was sent before it has come in by then."""
    async with await connect(port) as other:
        await other.send(HEALTHZ)
        assert (await answer(other)).startswith(b"HTTP/1.1 200")


def is_paused() -> bool:
    """Whether a connection waits for its answers to be taken."""
    made = [each() for each in MADE]
    return any(each.flow.write_paused for each in made if isinstance(each, LimitedProtocol))


async def wait_for_close(stream: anyio.abc.ByteStream) -> None:
    """Take what comes until the other side closes."""
    try:
        while True:
            await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        pass


async def wait_until_all_closed() -> None:
    """Wait until nothing is kept of any connection."""
    while not MADE or any(each() is not None for each in MADE):
        await anyio.lowlevel.checkpoint()
        gc.collect()
