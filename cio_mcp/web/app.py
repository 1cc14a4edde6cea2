"""The HTTP application: all endpoints under one limit of connections."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cio_mcp.settings import WEBHOOK_PATH
from cio_mcp.web.bodies import BodyRefused, read_body
from cio_mcp.web.health import healthz
from cio_mcp.web.webhooks import STATUS, Receiver

MAX_MCP_BYTES = 4 * 1024 * 1024
"""Bytes of a message to `/mcp`, as the SDK's default."""
MCP_BODY_SECONDS = 10.0
"""Maximum seconds to receive a message to `/mcp`. Chosen: on loopback it takes milliseconds."""


def web_app(
    receiver: Receiver, lifespan: Callable[[], AbstractAsyncContextManager[None]], *, mcp: ASGIApp | None = None
) -> ASGIApp:
    """The application: webhooks and `/healthz`, and `/mcp` where `mcp` answers it; `lifespan` is open while it runs.

    A page is one more route here. There are no layers around the routes, as an application of Starlette has them:
    each event would pass through every one. A path with a slash at its end is the same path: Starlette would redirect
    to it before the Host header is checked.
    """
    routes: list[BaseRoute] = [
        *_both_spellings(WEBHOOK_PATH, receiver),
        Route("/webhooks{rest:path}", receiver.refuse_path, methods=["GET", "POST"]),
        Route("/healthz", healthz),
    ]
    if mcp is not None:
        routes += _both_spellings("/mcp", CompleteBody(mcp, max_bytes=MAX_MCP_BYTES, seconds=MCP_BODY_SECONDS))
    return Router(routes, redirect_slashes=False, lifespan=lambda _app: lifespan())


class CompleteBody:
    """Calls an application once the body of a request is complete, so that nothing waits for one that never is."""

    def __init__(self, app: ASGIApp, *, max_bytes: int, seconds: float) -> None:
        self._app, self._max_bytes, self._seconds = app, max_bytes, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as an ASGI application."""
        try:
            body = await read_body(Request(scope, receive), max_bytes=self._max_bytes, seconds=self._seconds)
        except BodyRefused as refused:
            refusal = Response(status_code=STATUS[refused.reason], headers={"connection": "close"})
            await refusal(scope, receive, send)
            return
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_complete() -> Message:
            return messages.pop() if messages else await receive()

        await self._app(scope, receive_complete, send)


def _both_spellings(path: str, app: ASGIApp) -> list[Route]:
    return [Route(path, app), Route(f"{path}/", app)]
