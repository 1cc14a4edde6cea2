"""The network as a transport of httpx: directly or through the proxy that a request names."""

import ssl

import httpx

from cio_mcp.customerio.proxies import Proxy

PROXY = "cio_proxy"
"""The request extension that holds its `Proxy`, or None for a direct connection."""
_LIMITS = httpx.Limits(max_connections=50, max_keepalive_connections=10, keepalive_expiry=30.0)


class Network(httpx.AsyncBaseTransport):
    """Sends each request directly or through its proxy; httpx by itself fails on some spellings of NO_PROXY."""

    def __init__(self, trust: ssl.SSLContext | None) -> None:
        self._trust = trust or httpx.create_ssl_context(trust_env=False)
        self._transports: dict[Proxy | None, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; a connection or proxy that fails raises a `httpx.TransportError`."""
        proxy = request.extensions.get(PROXY)
        if proxy not in self._transports:
            self._transports[proxy] = self._build(proxy)
        return await self._transports[proxy].handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections of every proxy."""
        for transport in self._transports.values():
            await transport.aclose()

    def _build(self, proxy: Proxy | None) -> httpx.AsyncHTTPTransport:
        # The certificate of the proxy itself may be the company's, too; httpcore takes this for an https proxy only.
        trust = self._trust if proxy and proxy.url.lower().startswith("https:") else None
        by = httpx.Proxy(proxy.url, ssl_context=trust) if proxy else None
        return httpx.AsyncHTTPTransport(verify=self._trust, trust_env=False, limits=_LIMITS, proxy=by)
