"""The receiver of reporting webhooks: verified, stored, then answered, far inside the sender's four seconds.

An answer of 4xx holds back all later events for up to a week, so only what is not Customer.io's gets one.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

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
    from cio_mcp.events.feed import Feed

PATH = "/webhooks/customerio"
LARGEST = 1024 * 1024
"""Bytes of a body: more is no event."""
READING = 3.0
"""Seconds a body may take to come in: Customer.io gives up after four."""
AT_ONCE = 256
"""Requests in progress, so that bodies take a bounded amount of memory; Customer.io sends one after another."""
LOCAL = ("127.0.0.1", "::1", "localhost")
FORWARDED = ("origin", "forwarded", "x-forwarded-for")
"""Headers that a program on this machine does not send: a page in a browser does, or a tunnel from elsewhere."""

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

UNSIGNED = (
    "CIO_WEBHOOK_SIGNING_KEYS is not set: ANY program on this machine can report events. "
    "Set it before Customer.io, or anything else, posts here."
)

TAKEN = Response()
"""The answer to what is stored: the same for all, since it says nothing."""

logger = logging.getLogger(__name__)


class _Refused(Exception):
    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(eq=False, slots=True)
class Receiver:
    """Receives for one feed; without keys it takes unsigned events, but only of programs on this machine."""

    keys: Sequence[bytes]
    feed: "Callable[[], Awaitable[Feed]]"
    now: Callable[[], float] = time.time
    _running: int = field(default=0, init=False)

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
            logger.warning("A webhook could not be stored: %s", failed)
            return _bare(HTTPStatus.SERVICE_UNAVAILABLE)
        self._running += 1
        try:
            await self._receive(feed, request)
        except _Refused as refused:
            feed.refuse(refused.reason)
            return _bare(STATUS[refused.reason], last=refused.reason in ("too big", "too slow"))
        except Exception as failed:  # noqa: BLE001 - the boundary: 500 would hold back all later events for an hour
            logger.error("A webhook could not be stored: %s", type(failed).__name__)  # noqa: TRY400 - a trace shows data
            return _bare(HTTPStatus.SERVICE_UNAVAILABLE)
        finally:
            self._running -= 1
        return TAKEN

    async def _receive(self, feed: "Feed", request: Request) -> None:
        if self._running > AT_ONCE:
            raise _Refused("not available")
        signed = _signature(request)
        self._check_headers(request, signed)
        body = await _body(request)
        if self.keys and (wrong := fault(self.keys, *signed, body, now=self.now())):
            raise _Refused(wrong)
        try:
            await feed.append([Envelope.read(body, received_at=self.now())])
        except CioError as failed:
            logger.warning("A webhook could not be stored: %s", failed)
            raise _Refused("not available") from None

    def _check_headers(self, request: Request, signed: tuple[str | None, str | None]) -> None:
        if self.keys:
            if wrong := stamp_fault(*signed, self.now()):
                raise _Refused(wrong)
        elif any(name in request.headers for name in FORWARDED) or _host(request) not in LOCAL:
            raise _Refused("not local")


def receiver_app(receiver: Receiver, running: AbstractAsyncContextManager[None]) -> ASGIApp:
    """The receiver by itself: the webhook, and `/healthz`; `running` is entered while it runs.

    No layers around the routes, as an application has them: each would be gone through for every event.
    """
    routes = [Route(PATH, receiver, methods=["POST"]), Route("/healthz", healthz)]
    return Router(routes, redirect_slashes=False, lifespan=lambda _app: running)


async def _body(request: Request) -> bytes:
    told = request.headers.get("content-length", "")
    if told.isdecimal() and (len(told) > len(str(LARGEST)) or int(told) > LARGEST):
        raise _Refused("too big")
    chunks, size = [], 0
    with anyio.move_on_after(READING):
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


def _host(request: Request) -> str | None:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname
    except ValueError:
        return None


def _bare(status: HTTPStatus, *, last: bool = False) -> Response:
    # What is left of a body that was not read whole would be taken for the next request.
    return Response(status_code=status, headers={"connection": "close"} if last else None)
