"""The receiver behind its real server: what a sender can do to HTTP itself."""

import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from cio_mcp.events.log import EventLog, EventQuery
from cio_mcp.settings import WEBHOOK_PATH
from cio_mcp.web.server import http_server
from cio_mcp.web.webhooks import MAX_BODY_BYTES
from tests.web.posting import Poster, signed

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

BODY = json.dumps(
    {"event_id": "E1", "object_type": "email", "metric": "sent", "timestamp": 1_700_000_000, "data": {}}
).encode()


@asynccontextmanager
async def serve(feed: EventLog) -> AsyncIterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = http_server(Poster(feed).app)
    with listening:
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, [listening])
            yield listening.getsockname()[1]
            server.should_exit = True


async def exchange(port: int, *parts: bytes, end: bool = False) -> bytes:
    """What is answered to these bytes until the other side closes, or answers once."""
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        answer = b""
        try:
            for part in parts:
                await stream.send(part)
            if end:
                await stream.send_eof()
            while b"\r\n\r\n" not in answer:
                answer += await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            pass
        return answer


def head(*headers: str, body: bytes = BODY) -> bytes:
    lines = [
        f"POST {WEBHOOK_PATH} HTTP/1.1",
        "Host: hooks.example",
        *(f"{k}: {v}" for k, v in signed(body).items()),
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def count_stored(feed: EventLog) -> int:
    return sum((await feed.summary(EventQuery())).by_metric.values())


async def test_a_body_in_chunks_is_taken(feed: EventLog) -> None:
    parts = [chunk(BODY[:10]), chunk(BODY[10:]), chunk(b"")]
    async with serve(feed) as port:
        assert (await exchange(port, head("Transfer-Encoding: chunked"), *parts)).startswith(b"HTTP/1.1 200")
    assert await count_stored(feed) == 1


async def test_chunks_beyond_the_largest_size_are_refused_and_the_line_closed(feed: EventLog) -> None:
    parts = [chunk(b"x" * 65_536)] * (MAX_BODY_BYTES // 65_536 + 1)
    async with serve(feed) as port:
        answer = await exchange(port, head("Transfer-Encoding: chunked"), *parts)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer
    assert await count_stored(feed) == 0


@pytest.mark.parametrize(
    ("length", "sent"),
    [
        (str(len(BODY) + 100), BODY),
        (str(len(BODY) - 1), BODY),
        ("9" * 30, BODY),
        ("-1", BODY),
        ("ten", BODY),
    ],
)
async def test_a_length_that_lies_stores_nothing(feed: EventLog, length: str, sent: bytes) -> None:
    async with serve(feed) as port:
        answer = await exchange(port, head(f"Content-Length: {length}"), sent, end=True)
    assert not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 5"))
    assert b"Traceback" not in answer
    assert await count_stored(feed) == 0


async def test_a_sender_that_hangs_up_leaves_nothing(feed: EventLog) -> None:
    async with serve(feed) as port:
        await exchange(port, head(f"Content-Length: {len(BODY)}"), BODY[:5], end=True)
        whole = head(f"Content-Length: {len(BODY)}") + BODY
        assert (await exchange(port, whole)).startswith(b"HTTP/1.1 200")
    assert await count_stored(feed) == 1


async def test_other_methods_and_paths_are_refused_barely(feed: EventLog) -> None:
    async with serve(feed) as port:
        assert (await exchange(port, head().replace(b"POST", b"GET"))).startswith(b"HTTP/1.1 405")
        assert (await exchange(port, head("Content-Length: 0").replace(b"customerio", b"else"))).startswith(
            b"HTTP/1.1 404"
        )
        healthz = b"GET /healthz HTTP/1.1\r\nHost: anything\r\n\r\n"
        assert (await exchange(port, healthz)).startswith(b"HTTP/1.1 200")


async def test_the_unread_rest_of_a_refused_body_is_not_taken_for_the_next_request(feed: EventLog) -> None:
    unsigned = f"POST {WEBHOOK_PATH} HTTP/1.1\r\nHost: hooks.example\r\nContent-Length: 200000\r\n\r\n".encode()
    body = (head("Content-Length: 0") * 2000)[:200_000]
    async with serve(feed) as port, await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(unsigned + body + head(f"Content-Length: {len(BODY)}") + BODY)
        answers = b""
        while answers.count(b"HTTP/1.1") < 2 or not answers.endswith(b"\r\n\r\n"):
            answers += await stream.receive()
    assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"401", b"200"]
    assert await count_stored(feed) == 1
