"""A host that answers byte for byte as scripted, over a socket: for what no well-made server would send."""

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import anyio
import anyio.lowlevel
from anyio.abc import ByteStream, SocketAttribute, SocketStream
from anyio.streams.stapled import MultiListener
from anyio.streams.tls import TLSStream

from tests.clock import ManualClock

Reply = Callable[[ByteStream], Awaitable[None]]
MEBIBYTE = 1024 * 1024


def reply_with(status: int, body: bytes = b"{}", **headers: str) -> Reply:
    """A whole answer; `retry_after="3"` becomes a `retry-after` header."""
    lines = [f"HTTP/1.1 {status} -", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    answer = "\r\n".join([*lines, "", ""]).encode() + body

    async def reply(stream: ByteStream) -> None:
        await stream.send(answer)

    return reply


def sends(raw: bytes) -> Reply:
    """Some bytes, then the line breaks."""

    async def reply(stream: ByteStream) -> None:
        if raw:
            await stream.send(raw)
        await stream.aclose()

    return reply


def floods(mebibytes: int, *, declared: bool) -> Reply:
    """A body of many megabytes, its length declared or not."""
    size = mebibytes * MEBIBYTE
    head = f"content-length: {size}" if declared else "connection: close"

    async def reply(stream: ByteStream) -> None:
        await stream.send(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode())
        for _ in range(mebibytes):
            await stream.send(b" " * MEBIBYTE)
        await stream.aclose()

    return reply


async def hangs(_: ByteStream) -> None:
    """No answer at all."""
    await anyio.sleep_forever()


async def time_passes(clock: ManualClock, peer: "Peer", seconds: float) -> None:
    """Let time pass as soon as the host has a request."""
    while not peer.heads:
        await anyio.lowlevel.checkpoint()
    await clock.advance(seconds)


drops = sends(b"")
"""The line breaks once the request has been read."""


class Peer:
    """The requests to the host and its replies; the last reply repeats."""

    def __init__(self, listener: MultiListener[SocketStream], tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - a socket's attribute, no query's
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        self.script: list[Reply] = [reply_with(200)]
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.connections = 0

    async def accept(self, stream: SocketStream) -> None:
        self.connections += 1
        if self._tls is None:
            await self.serve(stream)
            return
        with suppress(anyio.BrokenResourceError, anyio.EndOfStream, ssl.SSLError):
            async with stream:
                await self.serve(await TLSStream.wrap(stream, server_side=True, ssl_context=self._tls))

    async def serve(self, stream: ByteStream) -> None:
        received = b""
        try:
            async with stream:
                while True:
                    while b"\r\n\r\n" not in received:
                        received += await stream.receive()
                    head, _, received = received.partition(b"\r\n\r\n")
                    length = _length(head)
                    while len(received) < length:
                        received += await stream.receive()
                    self.heads.append(head.decode())
                    self.bodies.append(received[:length])
                    received = received[length:]
                    await (self.script.pop(0) if len(self.script) > 1 else self.script[0])(stream)
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            return

    @property
    def targets(self) -> list[str]:
        """Method and target of every request."""
        return [head.split("\r\n")[0].removesuffix(" HTTP/1.1") for head in self.heads]


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


@asynccontextmanager
async def listen(tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """A peer on a port of its own, with TLS if it is given a context."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        peer = Peer(listener, tls)
        tasks.start_soon(listener.serve, peer.accept)
        yield peer
        tasks.cancel_scope.cancel()


@contextmanager
def nobody() -> Iterator[str]:
    """The URL of a port that is taken, but that nobody listens on: connections are refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
