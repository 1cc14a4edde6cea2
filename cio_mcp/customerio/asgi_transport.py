"""An ASGI app in place of a network: no port, but the same time limits and the same failures."""

import anyio
import httpx

from cio_mcp.customerio.simulated import AsgiApp


class AsgiTransport(httpx.AsyncBaseTransport):
    """Requests go straight to `app`; what it raises of `drops` is a line that broke."""

    def __init__(self, app: AsgiApp, *, drops: tuple[type[Exception], ...] = ()) -> None:
        self._app = httpx.ASGITransport(app)
        self._drops = drops

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Make the request; timeouts and drops come as httpx's own errors."""
        leaving = request.extensions.get("trace")
        if leaving is not None:
            await leaving("http11.send_request_headers.started", {})
        limit = request.extensions.get("timeout", {}).get("read")
        try:
            with anyio.fail_after(limit):
                return await self._app.handle_async_request(request)
        except TimeoutError:
            raise httpx.ReadTimeout("no response in time", request=request) from None
        except self._drops:
            raise httpx.ReadError("the connection broke", request=request) from None
