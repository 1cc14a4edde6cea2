"""An endpoint that reporting webhooks are posted to: keeps what came, and answers as it is told."""

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


@dataclass
class Receiver:
    """An ASGI app; `answers` are used up one by one, 200 afterwards, and `None` never comes."""

    answers: list[int | None] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    timestamps: list[int] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        self.contents.append(body)
        self.events.append(json.loads(body))
        self.timestamps.append(int(request.headers["X-CIO-Timestamp"]))
        self.signatures.append(request.headers["X-CIO-Signature"])
        status = self.answers.pop(0) if self.answers else 200
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
