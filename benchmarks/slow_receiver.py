"""What an import is measured against: a receiver that reads a body, waits, and answers as the Track API does.

    python -m benchmarks.slow_receiver SECONDS [look]

It prints its address. With `look`, it answers 429 above the published limit, and tells at /state what it got.
"""

import json
import re
import sys
import time
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import anyio
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

LIMIT, WINDOW_SECONDS = 3_000, 3.0
"""Of the Track API: https://docs.customer.io/integrations/api/track/"""
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
MAX_HEAD_BYTES = 65_536


@dataclass
class Receiver:
    """Answers each request after some seconds; with `looks`, knows the customers that arrived."""

    seconds: float
    looks: bool
    statuses: Counter[int] = field(default_factory=Counter)
    customers: set[str] = field(default_factory=set)
    recent: deque[float] = field(default_factory=deque)

    async def serve(self, stream: SocketStream) -> None:
        """Answer the requests of one connection."""
        received = BufferedByteReceiveStream(stream)
        with suppress(anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
            async with stream:
                while True:
                    head = await received.receive_until(b"\r\n\r\n", MAX_HEAD_BYTES)
                    length = LENGTH.search(head)
                    body = await received.receive_exactly(int(length[1]) if length else 0)
                    await anyio.sleep(self.seconds)
                    await stream.send(self._state() if head.startswith(b"GET /state") else self._take(body))

    def _take(self, body: bytes) -> bytes:
        if not self.looks:
            return _answer(200, b"{}")
        now = time.monotonic()
        while self.recent and self.recent[0] <= now - WINDOW_SECONDS:
            self.recent.popleft()
        status = 429 if len(self.recent) >= LIMIT else 200
        self.recent.append(now)
        self.statuses[status] += 1
        self.customers |= {operation["identifiers"]["id"] for operation in json.loads(body)["batch"]}
        return _answer(status, b"{}")

    def _state(self) -> bytes:
        state = {"statuses": self.statuses, "customers": len(self.customers)}
        return _answer(200, json.dumps(state).encode())


def _answer(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def main(seconds: str, look: str = "") -> None:
    """Receive until killed."""
    receiver = Receiver(float(seconds), bool(look))
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - of a socket, not a query
    print(f"http://127.0.0.1:{port}", flush=True)
    await listener.serve(receiver.serve)


if __name__ == "__main__":
    anyio.run(partial(main, *sys.argv[1:]))
