"""The transport: one request, one outcome; it raises no exception of httpx."""

import logging
import ssl
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import anyio
import anyio.to_thread
import httpx

from cio_mcp import __version__
from cio_mcp.clock import Clock
from cio_mcp.customerio.network import PROXY, Network
from cio_mcp.customerio.outcome import Answered, Lost, Outcome, Unsent
from cio_mcp.customerio.proxies import NetworkFault, Proxies, Proxy, certificate_fault, trusted_authorities
from cio_mcp.customerio.retry import retry_after
from cio_mcp.errors import CioError
from cio_mcp.settings import network_variables

MAX_RESPONSE_BYTES = 16 * 1024 * 1024
"""The longest answer that is read; 30,000 members of a segment, the largest page there is, take about a third.
Of a compressed body one piece of 64 KiB may be expanded before it is found too long."""
CONNECT_SECONDS = 5.0
CLOSE_SECONDS = 2.0
_LOGIN_REQUIRED = 407
_HEADERS = {
    "accept": "application/json",
    "accept-encoding": "gzip",
    "user-agent": f"cio-mcp/{__version__}",
}

log = logging.getLogger(__name__)
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
        match event:
            case "connection.connect_tcp.started" | "socks.connect_tcp.started":
                self.cold = True
            # Of a CONNECT only `started` carries the request, so `complete` must not count.
            case "http11.send_request_headers.started" if not self.left and not _is_connect(info):
                if self._leaving is not None:
                    await self._leaving(self)
                self.left = True
                self._since = self._now()
            case "http11.receive_response_headers.complete" if self.left:
                self.round_trip = self._now() - self._since


def _is_connect(info: dict[str, Any]) -> bool:
    """Whether the request only asks a proxy for a tunnel."""
    return getattr(info.get("request"), "method", None) == b"CONNECT"


class Transport:
    """Owns the one HTTP client of a workspace; made at the first request, closed by `close`.

    `transport` replaces the network; `environ` replaces the proxy and certificate variables.
    """

    def __init__(
        self,
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._environ = environ
        self._proxies = Proxies({})
        self._making = anyio.Lock()
        self._http: httpx.AsyncClient | None = None

    async def request(
        self, method: str, url: str, *, authorization: str, body: bytes | None, within: float, departure: RequestTiming
    ) -> Outcome:
        """Make exactly one request, in at most `within` seconds."""
        ready = await self.ready(url)
        if isinstance(ready, Unsent):
            return ready
        http, proxy = ready
        headers = {**_HEADERS, "authorization": authorization}
        if body is not None:
            headers["content-type"] = "application/json"
        extensions = {
            "trace": departure.trace,
            "timeout": {"connect": CONNECT_SECONDS, "read": None, "write": None, "pool": None},
            PROXY: proxy,
        }
        with self._clock.move_on_after(within):
            try:
                request = httpx.Request(method, url, headers=headers, content=body, extensions=extensions)
                return await _answer(await http.send(request, stream=True), self._clock)
            except CioError:
                raise
            except Exception as broken:  # noqa: BLE001 - a write must end in a known state, whatever broke
                if not isinstance(broken, httpx.TransportError | httpx.InvalidURL):
                    _log("a request failed unexpectedly", broken)
                return Lost("broke the connection") if departure.left else _unsent(broken, proxy)
        after = f"within {within:.0f} s"
        if departure.left:
            return Lost(f"did not answer {after}")
        return Unsent(f"could not be reached {after}{_through(proxy)}")

    @property
    def is_simulated(self) -> bool:
        """Whether no request leaves this process."""
        return self._transport is not None

    async def ready(self, url: str) -> tuple[httpx.AsyncClient, Proxy | None] | Unsent:
        """The HTTP client, which has no key, and the proxy for `url`; or why the network is not set up to reach it."""
        try:
            http = self._http or await self.open()
        except _Unusable as unusable:
            return _unsent_for(unusable.fault)
        except Exception as unforeseen:  # noqa: BLE001 - whatever it was, nothing was sent
            _log("the HTTP client cannot be built", unforeseen)
            return Unsent("could not be reached: the HTTP client of this server cannot be built")
        proxy = self._proxies.route(url)
        fault = proxy.fault() if proxy else None
        return _unsent_for(fault) if fault else (http, proxy)

    async def close(self) -> None:
        """Close every connection, also when canceled."""
        if self._http is not None:
            with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                await self._http.aclose()

    async def open(self) -> httpx.AsyncClient:
        """Make the HTTP client, in a thread: reading the trusted certificates takes some 20 ms.

        Raises an exception of any kind where the environment or the machine does not allow one.
        """
        async with self._making:
            if self._http is None:
                self._http = await anyio.to_thread.run_sync(self._build)
            return self._http

    def _build(self) -> httpx.AsyncClient:
        environ = network_variables() if self._environ is None else self._environ
        if self._transport is None:
            # Windows and macOS keep a proxy in their own settings, too.
            system = urllib.request.getproxies() if self._environ is None else {}
            self._proxies = Proxies.read(environ, system)
            if fault := certificate_fault(environ):
                raise _Unusable(fault)
        transport = self._transport or Network(trusted_authorities(environ))
        return httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=False)


class _Unusable(Exception):
    """An environment variable keeps the HTTP client from being built."""

    def __init__(self, fault: NetworkFault) -> None:
        super().__init__(fault.variable)
        self.fault = fault


async def _answer(response: httpx.Response, clock: Clock) -> Answered:
    wait: float | None = None
    try:
        wait = retry_after(response.headers.get("retry-after"), datetime.fromtimestamp(clock.now(), UTC))
        body = await _body(response)
    except httpx.DecodingError:
        return Answered(response.status_code, retry_after=wait, flaw="garbled")
    except httpx.TransportError:
        if response.is_success:
            raise
        return Answered(response.status_code, retry_after=wait, flaw="cut off")
    finally:
        await response.aclose()
    flaw = f"larger than {MAX_RESPONSE_BYTES // 2**20} MiB" if body is None else None
    return Answered(response.status_code, body or b"", wait, flaw)


async def _body(response: httpx.Response) -> bytes | None:
    """The body, read piece by piece; None as soon as it is too long."""
    declared = response.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > MAX_RESPONSE_BYTES:
        return None
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > MAX_RESPONSE_BYTES:
            return None
    return bytes(body)


def _log(summary: str, failure: Exception) -> None:
    """Log the class of a failure only: its text may hold an address or a key."""
    log.error("%s: %s", summary, type(failure).__name__)


def _unsent_for(fault: NetworkFault) -> Unsent:
    return Unsent(f"could not be reached: this setting {fault.problem}", fault.variable)


def _unsent(broken: Exception, proxy: Proxy | None) -> Unsent:
    if isinstance(broken, httpx.ProxyError) and proxy is not None:
        return _refused_by(proxy, str(broken))
    if isinstance(broken, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return Unsent("has no valid address in CIO_APP_URL, CIO_TRACK_URL, or CIO_CDP_URL")
    if isinstance(broken.__context__, ssl.SSLError) or "CERTIFICATE" in str(broken):
        hint = "; if the proxy inspects traffic, set SSL_CERT_FILE to its CA certificate" if proxy else ""
        return Unsent(f"could not be reached securely{_through(proxy)} (its certificate is not trusted{hint})")
    return Unsent(f"could not be reached{_through(proxy)}")


def _refused_by(proxy: Proxy, message: str) -> Unsent:
    """What to say of a refused tunnel; the message of httpx begins with the status that the proxy answered."""
    digits = message[:3]
    status = int(digits) if digits.isascii() and digits.isdigit() else None
    if status is None:
        refusal = "refused the connection"
    else:
        refusal = "requires a user name and password (407)" if status == _LOGIN_REQUIRED else f"answered {status}"
    passing = status is not None and Answered(status).passing
    return Unsent(f"could not be reached: the proxy in {proxy.variable} {refusal}", None if passing else proxy.variable)


def _through(proxy: Proxy | None) -> str:
    return f" through the proxy in {proxy.variable}" if proxy else ""
