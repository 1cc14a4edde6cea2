"""Downloads of files that Customer.io links to: without a key, over the client's connections and proxies."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import httpx

from cio_mcp.customerio.network import PROXY
from cio_mcp.customerio.outcome import Unsent
from cio_mcp.customerio.transport import CONNECT_SECONDS, Transport
from cio_mcp.errors import BadAnswer, SettingError, Unavailable
from cio_mcp.outbound.link import check_addresses, is_literal, is_own, read_link

MAX_REDIRECTS = 3
"""Chosen: storage behind a link redirects at most once."""
READ_SECONDS = 30.0
"""How long a host may be silent. Chosen; the time of the call ends a download before that, in most cases."""
HEADERS = {"accept": "*/*", "accept-encoding": "identity"}
"""No compression, so that the length of a file is known before it is read."""
HTTPS_PORT = 443
AGAIN = "Call get_export again for a new link."


@dataclass(frozen=True, slots=True)
class Download:
    """A file that has begun to arrive; `size` is in bytes, where the host states it."""

    size: int | None
    _response: httpx.Response

    async def pieces(self) -> AsyncIterator[bytes]:
        """The file, piece by piece.

        Raises:
            Unavailable: the connection broke.
            BadAnswer: it ended early.
        """
        try:
            async for piece in self._response.aiter_bytes():
                yield piece
        except (httpx.TransportError, httpx.DecodingError):
            raise Unavailable(f"The download of the file broke off. {AGAIN}") from None
        if self.size is not None and self._response.num_bytes_downloaded != self.size:
            raise BadAnswer(f"The file ended before its stated length. {AGAIN}")


@dataclass(frozen=True, slots=True)
class Downloads:
    """Opens links; `own` is the URL of the App API where a setting names it."""

    transport: Transport
    own: str | None = None

    @asynccontextmanager
    async def open(self, link: str) -> AsyncIterator[Download]:
        """Request the file behind a link, following redirects to places that a link may lead to.

        Raises:
            Refused: the link, or a redirect, leads where this server doesn't go.
            SettingError: a proxy or certificate setting keeps the host from being reached.
            Unavailable: the host can't be reached, or doesn't answer with the file.
        """
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._request(read_link(link, self.own))
            try:
                if (following := response.next_request) is None:
                    yield _download(response)
                    return
                link = str(following.url)
            finally:
                await response.aclose()
        raise Unavailable(f"The link to the file redirects too often. {AGAIN}")

    async def _request(self, url: httpx.URL) -> httpx.Response:
        ready = await self.transport.ready(str(url))
        if isinstance(ready, Unsent):
            raise _unsent(ready)
        http, proxy = ready
        # A proxy looks up names itself, and keeps to rules of its own.
        if proxy is None and not self.transport.is_simulated and not is_own(url, self.own):
            await _check_name(url.host)
        timeout = {"connect": CONNECT_SECONDS, "read": READ_SECONDS, "write": READ_SECONDS, "pool": CONNECT_SECONDS}
        request = httpx.Request("GET", url, headers=HEADERS, extensions={"timeout": timeout, PROXY: proxy})
        try:
            return await http.send(request, stream=True)
        except httpx.TransportError:
            raise Unavailable("The host of the file could not be reached. Try again in a minute.") from None


async def _check_name(host: str) -> None:
    """Check where a name leads; who answers there must still prove the name by its certificate."""
    if is_literal(host):
        return
    try:
        found = await anyio.getaddrinfo(host, HTTPS_PORT)
    except OSError:
        raise Unavailable("The host of the file could not be found. Try again in a minute.") from None
    check_addresses(str(address[0]) for *_, address in found)


def _download(response: httpx.Response) -> Download:
    if not response.is_success:
        raise Unavailable(f"The link to the file answered {response.status_code}. {AGAIN}")
    declared = response.headers.get("content-length", "")
    return Download(int(declared) if declared.isdecimal() and len(declared) <= len(str(2**63)) else None, response)


def _unsent(ready: Unsent) -> SettingError | Unavailable:
    if ready.setting:
        return SettingError(ready.setting, f"the host of the file {ready.why}")
    return Unavailable(f"The host of the file {ready.why}. Try again in a minute.")
