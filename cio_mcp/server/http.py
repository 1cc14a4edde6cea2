"""The server over HTTP: `/mcp`, the webhook receiver, and `/healthz`. Serving over stdio needs none of this."""

from starlette.types import ASGIApp

from cio_mcp.server.app import CioServer
from cio_mcp.web.app import MAX_MCP_BYTES, web_app
from cio_mcp.web.server import LimitedServer, http_server
from cio_mcp.web.webhooks import Receiver

__all__ = ["MAX_SESSIONS", "SESSION_IDLE_SECONDS", "http_app", "http_listener", "receiver_of"]

MAX_SESSIONS = 256
"""Maximum sessions of older clients; each takes about 60 kB. Chosen: room for scripts that start a session
for each call and never end it."""
SESSION_IDLE_SECONDS = 600.0
"""Seconds after which a session ends that has no request in progress and no stream open. Chosen: a client that
comes back later starts a new one."""


def http_app(server: CioServer) -> ASGIApp:
    """The HTTP application on loopback: `/mcp`, the webhook receiver, and `/healthz`."""
    # For its session manager, which checks Host and Origin; the routes are ours.
    server.streamable_http_app(
        host="127.0.0.1",
        max_sessions=MAX_SESSIONS,
        session_idle_timeout=SESSION_IDLE_SECONDS,
        max_request_body_size=MAX_MCP_BYTES,
    )
    sessions = server.session_manager
    return web_app(receiver_of(server), sessions.run, mcp=sessions.handle_request)


def http_listener(server: CioServer) -> LimitedServer:
    """The application in a server of its own; run it with `serve([socket])`."""
    return http_server(http_app(server))


def receiver_of(server: CioServer) -> Receiver:
    """The webhook receiver of the server's workspace."""
    return Receiver(server.runtime.settings.signing_keys, server.runtime.events, server.runtime.clock)
