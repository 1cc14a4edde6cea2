"""The receiver's connections behind its real server: strangers may open them, and then say nothing, or little."""

import gc
import socket
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.abc
import pytest
import uvicorn

from cio_mcp.events.log import EventLog
from cio_mcp.web.connection_limits import LimitedProtocol, LimitedServer
from tests.web.posting import Poster, signed

pytestmark = pytest.mark.anyio

HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: anything\r\n\r\n"
UNSIGNED = b"POST /webhooks/customerio HTTP/1.1\r\nHost: anything\r\nContent-Length: 1000000\r\n\r\n"
SIGNED = "".join(
    f"{line}\r\n"
    for line in (
        "POST /webhooks/customerio HTTP/1.1",
        "Host: anything",
        "Content-Length: 2",
        *(f"{name}: {value}" for name, value in signed(b"{}").items()),
        "",
    )
).encode()
LIMIT = 10.0
STALLED = 0.5
"""Seconds in which a connection is made; one for which there is no room in the line tries again after a second."""
STEP = 0.01
MADE: list["weakref.ref[Any]"] = []
"""What there was of connections, and is still there if anything keeps it."""


class Remembered(LimitedProtocol):
    waiting = 60.0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        MADE.extend((weakref.ref(self), weakref.ref(transport)))


class Impatient(Remembered):
    waiting = 0.2


class Patient(LimitedProtocol):
    waiting = 0.5


class Few(LimitedProtocol):
    waiting = 60.0
    most = 2


@asynccontextmanager
async def serving(feed: EventLog, protocol: type[LimitedProtocol], backlog: int = 100) -> AsyncIterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    # Connections inherit it: a little that is not taken is already more than the system keeps.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    config = uvicorn.Config(
        Poster(feed).app, http=protocol, backlog=backlog, log_config=None, access_log=False, lifespan="on"
    )
    server = LimitedServer(config)
    MADE.clear()
    with listening, anyio.fail_after(LIMIT):
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, [listening])
            yield listening.getsockname()[1]
            server.should_exit = server.force_exit = True


def connected(port: int) -> Any:
    return anyio.connect_tcp("127.0.0.1", port)


async def answer(stream: anyio.abc.ByteStream) -> bytes:
    """What is answered, with "ok" if that is the body; nothing if the other side closes."""
    said = b""
    try:
        while not said.endswith((b"\r\n\r\nok", b"content-length: 0\r\n\r\n")):
            said += await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        pass
    return said


async def drips(stream: anyio.abc.ByteStream, drop: bytes = b"x") -> None:
    """Send something now and then, until the other side closes."""
    try:
        while True:
            await stream.send(drop)
            await anyio.sleep(STEP)
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        pass


async def all_gone() -> None:
    while not MADE or any(each() is not None for each in MADE):
        await anyio.sleep(STEP)
        gc.collect()


async def test_a_connection_that_says_nothing_is_closed(feed: EventLog) -> None:
    async with serving(feed, Impatient) as port, await connected(port) as stream:
        assert await answer(stream) == b""


async def test_a_connection_whose_head_comes_too_slowly_is_closed(feed: EventLog) -> None:
    async with serving(feed, Impatient) as port, await connected(port) as stream:
        await stream.send(HEALTHZ[:-2])
        await drips(stream, b"X-Slow: 1\r\n")


async def test_a_later_head_must_come_as_soon_as_the_first(feed: EventLog) -> None:
    async with serving(feed, Impatient) as port, await connected(port) as stream:
        for _ in range(2):
            await stream.send(HEALTHZ)
            assert (await answer(stream)).startswith(b"HTTP/1.1 200")
        await stream.send(HEALTHZ[:-2])
        assert await answer(stream) == b""


async def test_what_is_left_of_a_refused_body_is_not_waited_for(feed: EventLog) -> None:
    async with serving(feed, Impatient) as port, await connected(port) as stream:
        await stream.send(UNSIGNED)
        assert (await answer(stream)).startswith(b"HTTP/1.1 401")
        await drips(stream)


async def test_a_request_in_progress_is_not_cut(feed: EventLog) -> None:
    async with serving(feed, Impatient) as port, await connected(port) as stream:
        await stream.send(SIGNED + b"{")
        await anyio.sleep(1.5 * Impatient.waiting)
        await stream.send(b"}")
        assert (await answer(stream)).startswith(b"HTTP/1.1 200")


async def test_who_takes_no_answers_is_cut(feed: EventLog) -> None:
    async with serving(feed, Impatient) as port, await connected(port) as stream:
        await drips(stream, HEALTHZ * 100)


async def test_who_leaves_but_a_few_answers_untaken_is_cut_too(feed: EventLog) -> None:
    async with serving(feed, Impatient) as port:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", port))
            client.sendall(HEALTHZ * 200)
            await all_gone()


async def test_who_takes_its_answers_after_a_while_is_served(feed: EventLog) -> None:
    async with serving(feed, Patient) as port, await connected(port) as stream:
        await stream.send(HEALTHZ * 2000 + SIGNED + b"{")
        await anyio.sleep(Patient.waiting / 5)
        answers = b""
        while answers.count(b"HTTP/1.1 200") < 2000 or not answers.endswith(b"ok"):
            answers += await stream.receive()
        await anyio.sleep(1.2 * Patient.waiting)
        await stream.send(b"}")
        assert (await answer(stream)).startswith(b"HTTP/1.1 200")


async def test_who_comes_while_the_server_is_busy_finds_room_to_wait(feed: EventLog) -> None:
    async with serving(feed, Patient, backlog=1) as port:
        async with await connected(port):
            # Nothing else runs meanwhile.
            clients = [socket.create_connection(("127.0.0.1", port), STALLED) for _ in range(20)]
        for client in clients:
            client.close()


async def test_connections_beyond_the_most_are_closed_at_once_and_the_others_served(feed: EventLog) -> None:
    async with serving(feed, Few) as port, await connected(port) as first:
        async with await connected(port) as second:
            async with await connected(port) as third:
                assert await answer(third) == b""
            for stream in (first, second):
                await stream.send(HEALTHZ)
                assert (await answer(stream)).startswith(b"HTTP/1.1 200")
        while True:
            async with await connected(port) as fourth:
                await fourth.send(HEALTHZ)
                if (await answer(fourth)).startswith(b"HTTP/1.1 200"):
                    break


async def test_nothing_is_kept_of_a_connection_that_ended(feed: EventLog) -> None:
    async with serving(feed, Remembered) as port:
        async with await connected(port) as stream:
            await stream.send(HEALTHZ)
            assert (await answer(stream)).startswith(b"HTTP/1.1 200")
            await stream.send(HEALTHZ[:-2])
        await all_gone()
