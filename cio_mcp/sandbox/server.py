"""The sandbox over a socket: for good on the command line, or for a while beside something else."""

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from cio_mcp.sandbox.app import Sandbox
from cio_mcp.sandbox.auth import APP_KEY, SITE_ID, TRACK_KEY
from cio_mcp.sandbox.faults import Dropped
from cio_mcp.sandbox.tls import Certificate, throw_away
from cio_mcp.sandbox.webhooks.policy import SIGNING_KEY

TURNS = 100
STOPPING = 5.0


@dataclass(frozen=True, slots=True)
class Served:
    """Where a sandbox is reached; `authority` is the certificate to trust, None over http."""

    url: str
    authority: Path | None


class CuttingProtocol(H11Protocol):
    """HTTP/1.1 that can be cut: `Dropped` closes the connection without another byte."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._whole = self.app
        self.app = self._cuttable

    async def _cuttable(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._whole(scope, receive, send)
        except Dropped:
            cycle = self.cycle
            self.transport.abort()
            for _ in range(TURNS):
                if cycle.disconnected:
                    return
                await anyio.lowlevel.checkpoint()


@contextmanager
def served(sandbox: Sandbox, *, host: str = "127.0.0.1", port: int = 0, tls: bool = False) -> Iterator[Served]:
    """Serve a sandbox from a thread of its own until the block ends; port 0 takes a free one."""
    with _listening(host, port) as listener:
        certificate = throw_away(host) if tls else None
        server = _server(sandbox, certificate)
        thread = threading.Thread(target=anyio.run, args=(_serve, sandbox, server, listener), daemon=True)
        thread.start()
        try:
            yield _where(listener, certificate)
        finally:
            server.should_exit = True
            thread.join(STOPPING)


def run(
    *,
    host: str = "127.0.0.1",
    port: int = 8900,
    people: int = 5000,
    seed: int = 7,
    jitter: float = 0.0,
    tls: bool = False,
    webhook_url: str = "",
) -> None:
    """Serve a sandbox until interrupted; how to reach it goes to standard error."""
    sandbox = Sandbox(seed=seed, people=people, jitter=jitter, webhook_url=webhook_url)
    with _listening(host, port) as listener:
        certificate = throw_away(host) if tls else None
        sys.stderr.write(welcome(_where(listener, certificate)))
        sys.stderr.flush()
        with suppress(KeyboardInterrupt):
            anyio.run(_serve, sandbox, _server(sandbox, certificate), listener)


async def _serve(sandbox: Sandbox, server: uvicorn.Server, listener: socket.socket) -> None:
    async with sandbox:
        await server.serve(sockets=[listener])


def welcome(where: Served) -> str:
    """What an operator needs: the address, the keys, and the certificate to trust."""
    lines = [
        f"Sandbox workspace at {where.url} (control: {where.url}/_sandbox/state). To use it:",
        f"export CIO_TRACK_URL={where.url} CIO_APP_URL={where.url}",
        f"export CIO_SITE_ID={SITE_ID} CIO_TRACK_API_KEY={TRACK_KEY} CIO_APP_API_KEY={APP_KEY}",
        f"export CIO_WEBHOOK_SIGNING_KEYS={SIGNING_KEY}",
    ]
    if where.authority:
        lines.append(f"export SSL_CERT_FILE={where.authority} REQUESTS_CA_BUNDLE={where.authority}")
    return "\n".join(lines) + "\n"


def _listening(host: str, port: int) -> socket.socket:
    """A listening socket, so that a client that comes early waits instead of failing."""
    listener = socket.create_server((host, port), backlog=2048)
    # asyncio leaves Nagle's algorithm on for sockets made like this, and answers then take 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _where(listener: socket.socket, certificate: Certificate | None) -> Served:
    host, port = listener.getsockname()[:2]
    return Served(
        f"{'https' if certificate else 'http'}://{host}:{port}", certificate.authority if certificate else None
    )


def _server(sandbox: Sandbox, certificate: Certificate | None) -> uvicorn.Server:
    file = certificate.chain_and_key if certificate else None
    config = uvicorn.Config(
        sandbox.app,
        http=CuttingProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_level="critical",
        access_log=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=1,
        ssl_certfile=file,
        ssl_keyfile=file,
    )
    return uvicorn.Server(config)
