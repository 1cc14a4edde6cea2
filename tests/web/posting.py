"""Posting webhooks to the receiver in process, as its server would hand them on."""

import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio

from cio_mcp.clock import SYSTEM_CLOCK, Clock
from cio_mcp.events.log import EventLog
from cio_mcp.events.signature import sign
from cio_mcp.settings import WEBHOOK_PATH
from cio_mcp.web.app import web_app
from cio_mcp.web.webhooks import Receiver

KEY = b"signing-key"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Poster:
    """The receiver, and the way to post to it; `under_way` is how many bodies it waits for, each `reading` seconds."""

    feed: EventLog
    keys: tuple[bytes, ...] = (KEY,)
    clock: Clock = SYSTEM_CLOCK
    reading: float = 100.0
    app: Any = field(init=False)
    under_way: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        async def its_feed() -> EventLog:
            return self.feed

        self.app = web_app(Receiver(self.keys, its_feed, self.clock, self.reading), _nothing)

    async def post(
        self,
        body: bytes | Iterable[bytes],
        headers: Mapping[str, str] | None = None,
        *,
        held: anyio.Event | None = None,
        path: str = WEBHOOK_PATH,
        http_version: str = "1.1",
    ) -> Answer:
        """Post chunks with exactly these headers; none comes before `held` is set."""
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (headers or {}).items()]
        chunks = iter([body] if isinstance(body, bytes) else body)
        sent: list[dict[str, Any]] = []
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": http_version,
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": raw,
            "client": ("192.0.2.1", 1234),
            "server": ("127.0.0.1", 8001),
        }

        async def receive() -> dict[str, Any]:
            self.under_way += 1
            if held is not None:
                await held.wait()
            self.under_way -= 1
            chunk = next(chunks, None)
            return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

        async def send(message: Any) -> None:
            sent.append(dict(message))

        await self.app(scope, receive, send)
        start, *rest = sent
        fields = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], fields, b"".join(each.get("body", b"") for each in rest))

    async def post_signed(self, body: bytes, *, key: bytes = KEY, age: float = 0.0, prefix: str = "") -> Answer:
        """Post a body as Customer.io does, signed some seconds ago."""
        return await self.post(body, signed(body, key=key, age=age, prefix=prefix))


def signed(body: bytes, *, key: bytes = KEY, age: float = 0.0, prefix: str = "") -> dict[str, str]:
    """The headers that Customer.io sends with a body."""
    stamp = str(int(time.time() - age))
    return {"X-CIO-Timestamp": stamp, "X-CIO-Signature": prefix + sign(key, stamp, body)}


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield
