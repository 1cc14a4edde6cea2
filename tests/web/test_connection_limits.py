"""The receiver's connections behind its real server: strangers may open them, and then say nothing, or little."""

import socket
import sys

import anyio
import anyio.abc
import pytest

from cio_mcp.events.log import EventLog
from tests.web.connections import (
    HEALTHZ,
    Few,
    Held,
    answer,
    check_answers_meanwhile,
    connect,
    is_paused,
    patience_ends,
    serve,
    until,
    wait_for_close,
    wait_until_all_closed,
)
from tests.web.posting import Poster, signed

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

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
RETRANSMISSIONS = 100
"""Where Linux counts in its `tcp_info` how many segments of a connection were sent again."""


async def asks_on(stream: anyio.abc.ByteStream) -> None:
    """Ask and take nothing, until the other side closes."""
    try:
        while True:
            await stream.send(HEALTHZ * 100)
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        pass


async def test_a_connection_that_says_nothing_is_closed(feed: EventLog) -> None:
    async with serve(Poster(feed).app) as port, await connect(port) as stream:
        await patience_ends()
        assert await answer(stream) == b""


async def test_a_connection_whose_head_comes_too_slowly_is_closed(feed: EventLog) -> None:
    async with serve(Poster(feed).app) as port, await connect(port) as stream:
        await until(lambda: bool(Held.ends))
        (end,) = Held.ends
        await stream.send(HEALTHZ[:-2])
        await stream.send(b"X-Slow: 1\r\n")
        await check_answers_meanwhile(port)
        assert Held.ends[0] is end, "a part of a head gains no time"
        end()
        await wait_for_close(stream)


async def test_a_later_head_must_come_as_soon_as_the_first(feed: EventLog) -> None:
    async with serve(Poster(feed).app) as port, await connect(port) as stream:
        for _ in range(2):
            await stream.send(HEALTHZ)
            assert (await answer(stream)).startswith(b"HTTP/1.1 200")
        assert not Held.ends
        await stream.send(HEALTHZ[:-2])
        await patience_ends()
        assert await answer(stream) == b""


async def test_the_rest_of_a_refused_body_is_not_waited_for(feed: EventLog) -> None:
    async with serve(Poster(feed).app) as port, await connect(port) as stream:
        await stream.send(UNSIGNED)
        assert (await answer(stream)).startswith(b"HTTP/1.1 401")
        await stream.send(b"x")
        await patience_ends()
        await wait_for_close(stream)


async def test_a_request_in_progress_is_not_cut(feed: EventLog) -> None:
    async with serve(Poster(feed).app) as port, await connect(port) as stream:
        await until(lambda: bool(Held.ends))
        await stream.send(SIGNED + b"{")
        await until(lambda: not Held.ends)
        await check_answers_meanwhile(port)
        assert not Held.ends
        await stream.send(b"}")
        assert (await answer(stream)).startswith(b"HTTP/1.1 200")


async def test_a_client_that_reads_no_answers_is_cut_off(feed: EventLog) -> None:
    async with serve(Poster(feed).app) as port, await connect(port) as stream, anyio.create_task_group() as group:
        group.start_soon(asks_on, stream)
        await until(lambda: bool(Held.ends) and is_paused())
        await patience_ends()


async def test_a_client_that_leaves_a_few_answers_unread_is_cut_off_too(feed: EventLog) -> None:
    async with serve(Poster(feed).app) as port:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", port))
            client.sendall(HEALTHZ * 200)
            await until(lambda: bool(Held.ends) and is_paused())
            await patience_ends()
            await wait_until_all_closed()


async def test_a_client_that_reads_its_answers_late_is_served(feed: EventLog) -> None:
    async with serve(Poster(feed).app) as port, await connect(port) as stream:
        async with anyio.create_task_group() as group:
            group.start_soon(stream.send, HEALTHZ * 2000 + SIGNED + b"{")
            await until(lambda: bool(Held.ends) and is_paused())
            answers = b""
            while answers.count(b"HTTP/1.1 200") < 2000 or not answers.endswith(b"ok"):
                answers += await stream.receive()
        await until(lambda: not Held.ends)
        await stream.send(b"}")
        assert (await answer(stream)).startswith(b"HTTP/1.1 200")


async def test_a_connection_during_a_busy_phase_finds_room_to_wait(feed: EventLog) -> None:
    async with serve(Poster(feed).app, backlog=1) as port:
        async with await connect(port):
            # Nothing else runs meanwhile. For whom there is no room, the system tries again after a second.
            clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        again = [client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[RETRANSMISSIONS:] for client in clients]
        for client in clients:
            client.close()
    assert [int.from_bytes(count, sys.byteorder) for count in again] == [0] * 20


async def test_connections_beyond_the_most_are_closed_at_once_and_the_others_served(feed: EventLog) -> None:
    async with serve(Poster(feed).app, Few) as port, await connect(port) as first:
        async with await connect(port) as second:
            async with await connect(port) as third:
                assert await answer(third) == b""
            for stream in (first, second):
                await stream.send(HEALTHZ)
                assert (await answer(stream)).startswith(b"HTTP/1.1 200")
        while True:
            async with await connect(port) as fourth:
                await fourth.send(HEALTHZ)
                if (await answer(fourth)).startswith(b"HTTP/1.1 200"):
                    break


@pytest.mark.slow
async def test_nothing_is_kept_of_a_connection_that_ended(feed: EventLog) -> None:
    async with serve(Poster(feed).app) as port:
        async with await connect(port) as stream:
            await stream.send(HEALTHZ)
            assert (await answer(stream)).startswith(b"HTTP/1.1 200")
            await stream.send(HEALTHZ[:-2])
        await wait_until_all_closed()
