"""The HTTP server that runs the application, the same for every command."""

import logging
import socket

import anyio
import uvicorn
from starlette.types import ASGIApp

from cio_mcp.web.connection_limits import ACCEPT_DIVISOR, LimitedProtocol

GRACE_SECONDS = 5
"""Seconds that requests in progress may take when the server is stopped."""


class LimitedServer(uvicorn.Server):
    """Takes few connections in one turn, as its `backlog` says, and lets the others wait in a line of usual length."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections."""
        await super().startup(sockets)
        for listening in sockets or []:
            # Those for whom there is no room in the line try again after a second.
            listening.listen()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: after `GRACE_SECONDS`, close the connections whose requests are still in progress.

        That cancels the requests as if their clients had left. uvicorn would cancel their tasks, and log a traceback.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._close_after_grace)
            await super().shutdown(sockets)
            tasks.cancel_scope.cancel()

    async def _close_after_grace(self) -> None:
        await anyio.sleep(GRACE_SECONDS)
        for connection in list(self.server_state.connections):
            connection.transport.close()


def http_server(
    app: ASGIApp, *, protocol: type[LimitedProtocol] = LimitedProtocol, backlog: int | None = None
) -> LimitedServer:
    """The server of an application, to be run with `serve([listening])`; it logs errors only, and names no path."""
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        backlog=protocol.most // ACCEPT_DIVISOR if backlog is None else backlog,
        log_config=None,
        # It would warn of each request that is none, and strangers can make any number of them.
        log_level=logging.ERROR,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        timeout_graceful_shutdown=2 * GRACE_SECONDS,
    )
    return LimitedServer(config)
