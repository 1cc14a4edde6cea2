"""The receiver of reporting webhooks: verifies, stores, then answers, well within the sender's four seconds.

An answer of 4xx holds back all later events for up to a week, so only what is not Customer.io's gets one.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cio_mcp.clock import Clock
from cio_mcp.errors import CioError
from cio_mcp.events.log import EventLog
from cio_mcp.events.models import Envelope
from cio_mcp.events.signature import Fault, fault, stamp_fault
from cio_mcp.settings import WEBHOOK_PATH
from cio_mcp.web.bodies import BodyFault, BodyRefused, TooLarge, decode_body, read_body
from cio_mcp.web.origin import is_from_this_machine

MAX_BODY_BYTES = 1024 * 1024
"""Bytes of a body, compressed or not: more is no event."""
BODY_SECONDS = 3.0
"""Maximum seconds to receive a body: Customer.io gives up after four."""
MAX_REQUESTS = 256
"""Requests in progress, so that bodies take a bounded amount of memory; Customer.io sends one after another."""

Refusal = Literal["not local", "wrong path", "not available"] | BodyFault | Fault
STATUS: dict[Refusal, HTTPStatus] = {
    "unsigned": HTTPStatus.UNAUTHORIZED,
    "stale": HTTPStatus.UNAUTHORIZED,
    "wrong signature": HTTPStatus.UNAUTHORIZED,
    "not local": HTTPStatus.FORBIDDEN,
    "wrong path": HTTPStatus.NOT_FOUND,
    "too big": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "too slow": HTTPStatus.REQUEST_TIMEOUT,
    "cut off": HTTPStatus.BAD_REQUEST,
    "not available": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The statuses of refusals."""
SENTENCES: dict[Refusal, str] = {
    "unsigned": "it has no signature. If Customer.io sent it, a proxy in between removes the headers X-CIO-Timestamp "
    "and X-CIO-Signature. Otherwise, someone else found this address.",
    "stale": "its timestamp is more than 8 days off. If Customer.io sent it, correct this machine's clock.",
    "wrong signature": "its signature does not match CIO_WEBHOOK_SIGNING_KEYS. Copy the signing key of this webhook "
    "again from Customer.io (Data & Integrations > Integrations > Reporting Webhooks); an API key does not work. If "
    "the key is right, a proxy in between changes the body.",
    "not local": "no signing key is set, and it came through a proxy or a browser, or names another host. Set "
    "CIO_WEBHOOK_SIGNING_KEYS to receive signed webhooks from anywhere.",
    "wrong path": f"its path does not exist here. The webhook's URL must end in {WEBHOOK_PATH}.",
    "too big": "it is larger than 1 MiB. If Customer.io sent it, turn off message content in the webhook's settings.",
    "too slow": f"it took more than {BODY_SECONDS:g} seconds to arrive. If Customer.io sent it, check the proxies and "
    "the network in between.",
    "cut off": "its connection ended before it was complete. If Customer.io sent it, check the proxies and the network "
    "in between.",
    "not available": f"more than {MAX_REQUESTS} were in progress. Customer.io sends one at a time, so another program "
    "is posting here.",
}
"""The causes of refusals, and what to do."""
LOG_INTERVAL_SECONDS = 3_600.0
"""Seconds until the same message is logged again. Chosen: any sender can cause it as often as it likes."""

UNSIGNED = (
    "CIO_WEBHOOK_SIGNING_KEYS is not set: ANY program on this machine can report events. "
    "Set it before Customer.io, or anything else, posts here."
)

ACCEPTED = Response()
"""The same answer to every stored request."""

log = logging.getLogger(__name__)


class _Refused(Exception):
    def __init__(self, reason: Refusal, sentence: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sentence = sentence or (
            f"A webhook was refused: {SENTENCES[reason]} `cio-mcp webhooks status` counts refusals."
        )


@dataclass(eq=False, slots=True)
class Receiver:
    """Receives for one feed; without keys it takes unsigned events, but only of programs on this machine.

    `reading` is in seconds.
    """

    keys: Sequence[bytes]
    feed: Callable[[], Awaitable[EventLog]]
    clock: Clock
    reading: float = BODY_SECONDS
    _running: int = field(default=0, init=False)
    _logged: dict[str, float] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        if not self.keys:
            log.warning(UNSIGNED)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as an ASGI application."""
        answer = await self.receive(Request(scope, receive))
        await answer(scope, receive, send)

    async def receive(self, request: Request) -> Response:
        """Answer any request with a bare status."""
        if request.method != "POST":
            return Response(status_code=HTTPStatus.METHOD_NOT_ALLOWED, headers={"allow": "POST"})
        self._running += 1
        try:
            return await self._respond(request)
        finally:
            self._running -= 1

    async def _respond(self, request: Request) -> Response:
        try:
            feed = await self.feed()
        except CioError as failed:
            self._log(_not_stored(failed))
            return _bare(HTTPStatus.SERVICE_UNAVAILABLE)
        try:
            await self._receive(feed, request)
        except _Refused as refused:
            return self._refuse(feed, refused)
        except Exception as failed:  # noqa: BLE001 - the boundary: 500 would hold back all later events for an hour
            # Only its name: a trace shows data.
            self._log(f"A webhook could not be stored: {type(failed).__name__}", logging.ERROR)
            return _bare(HTTPStatus.SERVICE_UNAVAILABLE)
        return ACCEPTED

    async def refuse_path(self, _request: Request) -> Response:
        """Answer a request whose path is near the receiver's, and count it: its sender has another URL than ours."""
        try:
            return self._refuse(await self.feed(), _Refused("wrong path"))
        except CioError:
            return _bare(HTTPStatus.NOT_FOUND)

    async def _receive(self, feed: EventLog, request: Request) -> None:
        if self._running > MAX_REQUESTS:
            raise _Refused("not available")
        signed = _signature(request)
        self._check_headers(request, signed)
        try:
            body = await read_body(request, max_bytes=MAX_BODY_BYTES, seconds=self.reading)
            if self.keys and (wrong := fault(self.keys, *signed, body, now=self.clock.now())):
                raise _Refused(wrong)
            body = decode_body(body, request.headers.get("content-encoding", ""), max_bytes=MAX_BODY_BYTES)
        except BodyRefused as refused:
            raise _Refused(refused.reason) from None
        except TooLarge:
            raise _Refused("too big") from None
        try:
            await feed.append([Envelope.read(body, received_at=self.clock.now())])
        except CioError as failed:
            raise _Refused("not available", _not_stored(failed)) from None

    def _check_headers(self, request: Request, signed: tuple[str | None, str | None]) -> None:
        if self.keys:
            if wrong := stamp_fault(*signed, self.clock.now()):
                raise _Refused(wrong)
        elif not is_from_this_machine(request):
            raise _Refused("not local")

    def _refuse(self, feed: EventLog, refused: _Refused) -> Response:
        feed.refuse(refused.reason)
        self._log(refused.sentence)
        return _bare(STATUS[refused.reason], last=refused.reason in ("too big", "too slow"))

    def _log(self, sentence: str, level: int = logging.WARNING) -> None:
        now = self.clock.now()
        if now - self._logged.get(sentence, -LOG_INTERVAL_SECONDS) >= LOG_INTERVAL_SECONDS:
            self._logged[sentence] = now
            log.log(level, "%s", sentence)


def _signature(request: Request) -> tuple[str | None, str | None]:
    return request.headers.get("x-cio-timestamp"), request.headers.get("x-cio-signature")


def _not_stored(failed: CioError) -> str:
    return f"A webhook could not be stored: {failed}"


def _bare(status: HTTPStatus, *, last: bool = False) -> Response:
    # The rest of a body is read and discarded, but not if it may never end.
    return Response(status_code=status, headers={"connection": "close"} if last else None)
