"""An endpoint that reporting webhooks are posted to: keeps the events, and answers as configured."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel
import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cio_mcp.sandbox import PostingOptions, Sandbox, StillClock
from tests.sandbox.sandbox_client import SandboxClient

URL = "http://receiver.test/webhooks"


@dataclass
class Receiver:
    """An ASGI app; `answers` are used up one by one, then 200; `None` never answers."""

    answers: list[int | None] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    timestamps: list[int] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    under_way: int = 0
    most_at_once: int = 0

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            await self._answer(scope, receive, send)
        finally:
            self.under_way -= 1

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        self.contents.append(body)
        self.events.append(json.loads(body))
        self.timestamps.append(int(request.headers["X-CIO-Timestamp"]))
        self.signatures.append(request.headers["X-CIO-Signature"])
        status = self.answers.pop(0) if self.answers else 200
        await anyio.lowlevel.checkpoint()
        if status is None:
            await anyio.sleep_forever()
        else:
            await Response(status_code=status)(scope, receive, send)

    @property
    def ids(self) -> list[str]:
        return [event["event_id"] for event in self.events]

    @property
    def metrics(self) -> list[str]:
        return [f"{event['object_type']} {event['metric']}" for event in self.events]

    def signed_by(self, key: str) -> list[bool]:
        return [
            signature == hmac.new(key.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
            for signature, stamp, body in zip(self.signatures, self.timestamps, self.contents, strict=True)
        ]


@dataclass
class WebhookClient(SandboxClient):
    """Calls a sandbox whose clock stands still, and that posts its events to a receiver."""

    receiver: Receiver

    async def advance(self, seconds: float = 0.0) -> list[str]:
        """Advance the clock, wait until everything due is posted, and return all metrics received."""
        self.sandbox.clock.advance(seconds)
        await self.sandbox.worker.wait_until_idle()
        return self.receiver.metrics

    async def emit(self, count: int = 1, **fields: Any) -> list[str]:
        answer = await self.http.post("/_sandbox/emit", json={"count": count, **fields})
        assert answer.json() == {"emitted": count}, answer.text
        return await self.advance()

    async def inject(self, kind: str, times: int = 1, **fields: Any) -> None:
        answer = await self.http.post("/_sandbox/faults", json={"kind": kind, "times": times, **fields})
        assert answer.status_code == 200, answer.text

    async def webhook_status(self, number: int = 2) -> Any:
        states = (await self.http.get("/_sandbox/webhooks")).json()
        return next(state for state in states if state["id"] == number)


@asynccontextmanager
async def webhook_client_for(
    receiver: Receiver,
    *,
    people: int = 20,
    wait: float = 60.0,
    restamp: bool = False,
    concurrency: int = 1,
) -> AsyncIterator[WebhookClient]:
    posting = PostingOptions(app=receiver.app, timeout=wait, restamp=restamp, concurrency=concurrency)
    async with Sandbox(seed=7, people=people, clock=StillClock(), webhook_url=URL, posting=posting) as sandbox:
        transport = httpx.ASGITransport(app=sandbox.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as http:
            yield WebhookClient(sandbox, http, receiver)
