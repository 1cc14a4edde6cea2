"""The wire: one request leaves, one outcome comes back; nothing that httpx raises gets past here."""

import logging
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import anyio
import anyio.to_thread
import httpx

from cio_mcp import __version__
from cio_mcp.customerio.clock import Clock
from cio_mcp.customerio.outcome import Answered, Lost, Outcome, Unsent
from cio_mcp.customerio.retry import retry_after

MOST_BYTES = 16 * 1024 * 1024
"""The longest answer that is read; 30,000 members of a segment, the largest page there is, take about a third.
Of a compressed body one piece of 64 KiB may be expanded before it is found too long."""
CONNECT_SECONDS = 5.0
CLOSE_SECONDS = 2.0
_LIMITS = httpx.Limits(max_connections=50, max_keepalive_connections=10, keepalive_expiry=30.0)
_NEVER_BY_PROXY = ("all://localhost", "all://127.0.0.1", "all://[::1]")
_HEADERS = {
    "accept": "application/json",
    "accept-encoding": "gzip",
    "user-agent": f"cio-mcp/{__version__}",
}

for _name in ("httpx", "httpcore"):
    # They log whole URLs, and so e-mail addresses, at INFO, and headers at DEBUG.
    logging.getLogger(_name).setLevel(logging.WARNING)


class RequestTiming:
    """Watches one request leave; `now` is a clock in seconds.

    `left` is true once the first byte may have left, `cold` if a connection had to be made first;
    `round_trip` is the seconds from there to the head of the answer.
    """

    def __init__(
        self, now: Callable[[], float], leaving: Callable[["RequestTiming"], Awaitable[None]] | None = None
    ) -> None:
        self.left = False
        self.cold = False
        self.round_trip: float | None = None
        self._now = now
        self._leaving = leaving
        self._since = 0.0

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        """What the transport calls at each step, by httpcore's names."""
        match event.rpartition(".")[0]:
            case "connection.connect_tcp":
                self.cold = True
            case "http11.send_request_headers" if not self.left and not _to_a_proxy(info):
                if self._leaving is not None:
                    await self._leaving(self)
                self.left = True
                self._since = self._now()
            case "http11.receive_response_headers" if self.left and event.endswith(".complete"):
                self.round_trip = self._now() - self._since


def _to_a_proxy(info: dict[str, Any]) -> bool:
    return getattr(info.get("request"), "method", None) == b"CONNECT"


class Transport:
    """Owns the one HTTP client of a workspace; made at the first request, closed by `close`."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None, clock: Clock | None = None) -> None:
        self._transport = transport
        self._clock = clock or Clock()
        self._making = anyio.Lock()
        self._http: httpx.AsyncClient | None = None

    async def request(
        self, method: str, url: str, *, authorization: str, body: bytes | None, within: float, departure: RequestTiming
    ) -> Outcome:
        """Make exactly one request, in at most `within` seconds."""
        headers = {**_HEADERS, "authorization": authorization}
        if body is not None:
            headers["content-type"] = "application/json"
        extensions = {
            "trace": departure.trace,
            "timeout": {"connect": CONNECT_SECONDS, "read": None, "write": None, "pool": None},
        }
        http = self._http or await self.open()
        with self._clock.move_on_after(within):
            try:
                request = httpx.Request(method, url, headers=headers, content=body, extensions=extensions)
                return await _answer(await http.send(request, stream=True), self._clock)
            except (httpx.TransportError, httpx.InvalidURL) as broken:
                return Lost("broke the connection") if departure.left else Unsent(_why_unsent(broken))
        after = f"within {within:.0f} s"
        return Lost(f"did not answer {after}") if departure.left else Unsent(f"could not be reached {after}")

    async def close(self) -> None:
        """Close every connection, also when cancelled."""
        if self._http is not None:
            with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                await self._http.aclose()

    async def open(self) -> httpx.AsyncClient:
        """Make the HTTP client, in a thread: reading the trusted certificates takes some 20 ms."""
        async with self._making:
            if self._http is None:
                self._http = await anyio.to_thread.run_sync(_http_client, self._transport)
            return self._http


def _http_client(transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    direct = dict.fromkeys(_NEVER_BY_PROXY)
    return httpx.AsyncClient(transport=transport, limits=_LIMITS, mounts=direct, follow_redirects=False)


async def _answer(response: httpx.Response, clock: Clock) -> Answered:
    wait: float | None = None
    try:
        wait = retry_after(response.headers.get("retry-after"), datetime.fromtimestamp(clock.calendar(), UTC))
        body = await _body(response)
    except httpx.DecodingError:
        return Answered(response.status_code, retry_after=wait, flaw="garbled")
    except httpx.TransportError:
        if response.is_success:
            raise
        return Answered(response.status_code, retry_after=wait, flaw="cut off")
    finally:
        await response.aclose()
    flaw = f"larger than {MOST_BYTES // 2**20} MiB" if body is None else None
    return Answered(response.status_code, body or b"", wait, flaw)


async def _body(response: httpx.Response) -> bytes | None:
    """The body, read piece by piece; None as soon as it is too long."""
    declared = response.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > MOST_BYTES:
        return None
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)


def _why_unsent(broken: Exception) -> str:
    if isinstance(broken, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return "has no valid address in CIO_APP_URL or CIO_TRACK_URL"
    if isinstance(broken.__context__, ssl.SSLError) or "CERTIFICATE" in str(broken):
        return "could not be reached securely (its certificate is not trusted)"
    return "could not be reached"
