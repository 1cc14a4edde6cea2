"""What an import is measured against: a receiver that takes a body, waits, and answers as the Track API does.

    python -m benchmarks.slow_receiver SECONDS

It prints its address, and for each line on standard input what it got until then, as JSON.
"""

import json
import re
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

import anyio
import anyio.to_thread
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
LENGTH = re.compile(r"content-length: *(\d+)", re.IGNORECASE)
MAX_HEAD_BYTES = 65_536


@dataclass
class Receiver:
    """Answers each request after so many seconds, and counts by path."""

    seconds: float
    requests: Counter[str] = field(default_factory=Counter)

    async def serve(self, stream: SocketStream) -> None:
        """Answer the requests of one connection."""
        received = BufferedByteReceiveStream(stream)
        with suppress(anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
            async with stream:
                while True:
                    head = (await received.receive_until(b"\r\n\r\n", MAX_HEAD_BYTES)).decode("latin-1")
                    length = LENGTH.search(head)
                    await received.receive_exactly(int(length[1]) if length else 0)
                    self.requests[head.split(" ", 2)[1]] += 1
                    await anyio.sleep(self.seconds)
                    await stream.send(ANSWER)

    async def report(self) -> None:
        """Print the counts for each line on standard input, until it ends."""
        while await anyio.to_thread.run_sync(sys.stdin.readline):
            print(json.dumps(self.requests), flush=True)


async def main() -> None:
    """Receive until standard input ends."""
    receiver = Receiver(float(sys.argv[1]))
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - of a socket, not a query
    print(f"http://127.0.0.1:{port}", flush=True)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, receiver.serve)
        await receiver.report()
        tasks.cancel_scope.cancel()


if __name__ == "__main__":
    anyio.run(main)
