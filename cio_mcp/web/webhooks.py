"""The receiver of reporting webhooks: verified, stored, then answered, far inside the sender's four seconds.

An answer of 4xx holds back all later events for up to a week, so only what is not Customer.io's gets one.
"""

import logging
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from cio_mcp.errors import CioError
from cio_mcp.events.models import Envelope
from cio_mcp.events.signature import Fault, fault, stamp_fault
from cio_mcp.web.health import healthz

if TYPE_CHECKING:
    from cio_mcp.events.log import EventLog

PATH = "/webhooks/customerio"
LARGEST = 1024 * 1024
"""Bytes of a body: more is no event."""
READING = 3.0
"""Seconds a body may take to come in: Customer.io gives up after four."""
AT_ONCE = 256
"""Requests in progress, so that bodies take a bounded amount of memory; Customer.io sends one after another."""
LOCAL = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]*)?", re.IGNORECASE)
FORWARDED = (
    *("origin", "referer", "sec-fetch-site"),
    *("forwarded", "via", "x-forwarded-", "x-real-ip", "cf-", "true-client-ip"),
)
"""Beginnings of headers that a program on this machine does not send: a page in a browser does, or a proxy, or a tunnel
from elsewhere. Not all of `sec-fetch-`, of which programs on Node.js send one."""

Refusal = Literal["too big", "too slow", "not local", "not available", "cut off"] | Fault
STATUS: dict[Refusal, HTTPStatus] = {
    "unsigned": HTTPStatus.UNAUTHORIZED,
    "stale": HTTPStatus.UNAUTHORIZED,
    "wrong signature": HTTPStatus.UNAUTHORIZED,
    "not local": HTTPStatus.FORBIDDEN,
    "too big": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "too slow": HTTPStatus.REQUEST_TIMEOUT,
    "cut off": HTTPStatus.BAD_REQUEST,
    "not available": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""What is answered to what is not accepted."""
ON_ITS_WAY = "If it is Customer.io's, look at what stands between it and here"
SENTENCES: dict[Refusal, str] = {
    "unsigned": "it has no signature. If it is Customer.io's, something on its way drops the headers X-CIO-Timestamp "
    "and X-CIO-Signature; else a stranger found this address",
    "stale": "its time is over 8 days off. If it is Customer.io's, set this machine's clock",
    "wrong signature": "its signature is not by any of CIO_WEBHOOK_SIGNING_KEYS. Compare it with the key that "
    "Customer.io shows",
    "not local": "it came through a browser or a proxy, or for another host. Set CIO_WEBHOOK_SIGNING_KEYS to take what "
    "is signed from anywhere",
    "too big": "it is larger than 1 MiB. If it is Customer.io's, let it send no contents of messages",
    "too slow": f"it took over {READING:g} seconds to come in. {ON_ITS_WAY}",
    "cut off": f"its connection ended before it was whole. {ON_ITS_WAY}",
    "not available": f"over {AT_ONCE} are in progress. Customer.io sends one after another: keep others away from here",
}
"""What is wrong with what is not accepted, and what to do."""
AGAIN = 3_600.0
"""Seconds until the same is logged again; no source: anybody can cause it, and as often as they like."""

UNSIGNED = (
    "CIO_WEBHOOK_SIGNING_KEYS is not set: ANY program on this machine can report events. "
    "Set it before Customer.io, or anything else, posts here."
)

TAKEN = Response()
"""The answer to what is stored: the same for all, since it says nothing."""

logger = logging.getLogger(__name__)


class _Refused(Exception):
    def __init__(self, reason: Refusal, sentence: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sentence = sentence or (
            f"A webhook was refused: {SENTENCES[reason]}; `cio-mcp webhooks status` counts refusals."
        )


@dataclass(eq=False, slots=True)
class Receiver:
    """Receives for one feed; without keys it takes unsigned events, but only of programs on this machine.

    `reading` is in seconds.
    """

    keys: Sequence[bytes]
    feed: "Callable[[], Awaitable[EventLog]]"
    now: Callable[[], float] = time.time
    reading: float = READING
    _running: int = field(default=0, init=False)
    _said: dict[str, float] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        if not self.keys:
            logger.warning(UNSIGNED)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as an ASGI application."""
        answer = await self.receive(Request(scope, receive))
        await answer(scope, receive, send)

    async def receive(self, request: Request) -> Response:
        """Answer a request with a bare status, whatever comes."""
        try:
            feed = await self.feed()
        except CioError as failed:
            self._say(_not_stored(failed))
            return _bare(HTTPStatus.SERVICE_UNAVAILABLE)
        self._running += 1
        try:
            await self._receive(feed, request)
        except _Refused as refused:
            feed.refuse(refused.reason)
            self._say(refused.sentence)
            return _bare(STATUS[refused.reason], last=refused.reason in ("too big", "too slow"))
        except Exception as failed:  # noqa: BLE001 - the boundary: 500 would hold back all later events for an hour
            # No more than its name: a trace shows data.
            self._say(f"A webhook could not be stored: {type(failed).__name__}", logging.ERROR)
            return _bare(HTTPStatus.SERVICE_UNAVAILABLE)
        finally:
            self._running -= 1
        return TAKEN

    async def _receive(self, feed: "EventLog", request: Request) -> None:
        if self._running > AT_ONCE:
            raise _Refused("not available")
        signed = _signature(request)
        self._check_headers(request, signed)
        body = await _body(request, self.reading)
        if self.keys and (wrong := fault(self.keys, *signed, body, now=self.now())):
            raise _Refused(wrong)
        try:
            await feed.append([Envelope.read(body, received_at=self.now())])
        except CioError as failed:
            raise _Refused("not available", _not_stored(failed)) from None

    def _check_headers(self, request: Request, signed: tuple[str | None, str | None]) -> None:
        if self.keys:
            if wrong := stamp_fault(*signed, self.now()):
                raise _Refused(wrong)
        elif not _is_local(request):
            raise _Refused("not local")

    def _say(self, sentence: str, level: int = logging.WARNING) -> None:
        now = self.now()
        if now - self._said.get(sentence, -AGAIN) >= AGAIN:
            self._said[sentence] = now
            logger.log(level, "%s", sentence)


def receiver_app(receiver: Receiver, running: AbstractAsyncContextManager[None]) -> ASGIApp:
    """The receiver by itself: the webhook, and `/healthz`; `running` is entered while it runs.

    No layers around the routes, as an application has them: each would be gone through for every event.
    """
    routes = [Route(PATH, receiver, methods=["POST"]), Route("/healthz", healthz)]
    return Router(routes, redirect_slashes=False, lifespan=lambda _app: running)


async def _body(request: Request, seconds: float) -> bytes:
    told = request.headers.get("content-length", "")
    if told.isdecimal() and (len(told) > len(str(LARGEST)) or int(told) > LARGEST):
        raise _Refused("too big")
    chunks, size = [], 0
    with anyio.move_on_after(seconds):
        try:
            async for chunk in request.stream():
                size += len(chunk)
                if size > LARGEST:
                    raise _Refused("too big")
                chunks.append(chunk)
        except ClientDisconnect:
            raise _Refused("cut off") from None
        return b"".join(chunks)
    raise _Refused("too slow")


def _signature(request: Request) -> tuple[str | None, str | None]:
    return request.headers.get("x-cio-timestamp"), request.headers.get("x-cio-signature")


def _is_local(request: Request) -> bool:
    told = request.headers
    return bool(LOCAL.fullmatch(told.get("host", ""))) and not any(name.startswith(FORWARDED) for name in told)


def _not_stored(failed: CioError) -> str:
    # Storage ends its sentences so for those who send; here nothing is ever sent.
    return f"A webhook could not be stored: {str(failed).removesuffix(' Nothing was sent.')}"


def _bare(status: HTTPStatus, *, last: bool = False) -> Response:
    # What is left of a body is read and thrown away: not if there may be no end of it.
    return Response(status_code=status, headers={"connection": "close"} if last else None)
