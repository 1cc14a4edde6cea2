"""The sandbox over a socket: on the command line, or in a thread beside something else."""

import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import anyio.lowlevel
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from cio_mcp.sandbox.app import Sandbox
from cio_mcp.sandbox.auth import APP_KEY, CDP_KEY, SITE_ID, TRACK_KEY
from cio_mcp.sandbox.faults import Dropped
from cio_mcp.sandbox.tls import Certificate, create_certificate
from cio_mcp.sandbox.webhooks.policy import SIGNING_KEY

MAX_CHECKPOINTS = 100
STOP_TIMEOUT_SECONDS = 5.0


class ListenError(Exception):
    """The sandbox cannot listen; `option` names the command-line option to change."""

    def __init__(self, option: str, problem: str) -> None:
        super().__init__(problem)
        self.option = option


@dataclass(frozen=True, slots=True)
class Address:
    """Where a sandbox listens; `authority` is the certificate to trust, None over http."""

    url: str
    authority: Path | None


class CuttingProtocol(H11Protocol):
    """HTTP/1.1 that can be cut: `Dropped` closes the connection without another byte."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._inner_app = self.app
        self.app = self._cuttable_app

    async def _cuttable_app(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._inner_app(scope, receive, send)
        except Dropped:
            cycle = self.cycle
            self.transport.abort()
            for _ in range(MAX_CHECKPOINTS):
                if cycle.disconnected:
                    return
                await anyio.lowlevel.checkpoint()


@contextmanager
def serve_in_background(
    sandbox: Sandbox, *, host: str = "127.0.0.1", port: int = 0, tls: bool = False
) -> Iterator[Address]:
    """Serve a sandbox from its own thread until the block ends; port 0 takes a free one.

    Raises:
        ListenError: the address or port cannot be used.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(listen(host, port))
        certificate = _certificate(stack, host) if tls else None
        server = _server(sandbox, certificate)
        thread = threading.Thread(target=anyio.run, args=(_serve, sandbox, server, listener), daemon=True)
        thread.start()
        try:
            yield _address(listener, certificate)
        finally:
            server.should_exit = True
            thread.join(STOP_TIMEOUT_SECONDS)


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
    """Serve a sandbox until SIGINT or SIGTERM; how to connect is printed to standard error.

    Raises:
        ListenError: the address or port cannot be used.
        ValueError: the webhook URL is not an http or https URL.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(listen(host, port))
        sandbox = Sandbox(seed=seed, people=people, jitter=jitter, webhook_url=webhook_url)
        with suppress(KeyboardInterrupt), _sigterm_as_interrupt():
            certificate = _certificate(stack, host) if tls else None
            sys.stderr.write(startup_message(_address(listener, certificate)))
            sys.stderr.flush()
            anyio.run(_serve, sandbox, _server(sandbox, certificate), listener)


async def _serve(sandbox: Sandbox, server: uvicorn.Server, listener: socket.socket) -> None:
    async with sandbox:
        await server.serve(sockets=[listener])


def startup_message(address: Address) -> str:
    """What an operator needs: the address, the keys, and the certificate to trust."""
    lines = [
        f"Sandbox workspace at {address.url} (control: {address.url}/_sandbox/state). To use it:",
        f"export CIO_TRACK_URL={address.url} CIO_APP_URL={address.url} CIO_CDP_URL={address.url}",
        f"export CIO_SITE_ID={SITE_ID} CIO_TRACK_API_KEY={TRACK_KEY} CIO_APP_API_KEY={APP_KEY}",
        f"export CIO_CDP_API_KEY={CDP_KEY}",
        f"export CIO_WEBHOOK_SIGNING_KEYS={SIGNING_KEY}",
    ]
    if address.authority:
        lines.append(f"export SSL_CERT_FILE={address.authority} REQUESTS_CA_BUNDLE={address.authority}")
    return "\n".join(lines) + "\n"


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket, so that an early client waits instead of failing.

    Raises:
        ListenError: the address or port cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OverflowError:
        raise ListenError("--port", f"{port} is not a port: expected 0 to 65535") from None
    except UnicodeError:
        raise ListenError("--host", f"{host} is not a host name") from None
    except OSError as error:
        # `create_server` raises a failed lookup as a plain OSError, with the resolver's negative number.
        if error.errno is None or error.errno < 0 or error.errno == errno.EADDRNOTAVAIL:
            raise ListenError("--host", f"{host} is not an address of this machine") from None
        reason = os.strerror(error.errno)
        raise ListenError("--port", f"{port} cannot be used ({reason}): choose another, or 0 for a free one") from None
    # asyncio leaves Nagle's algorithm on for sockets that it did not open, and responses then take 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """End on SIGTERM as on Ctrl-C, so that temporary files are removed.

    uvicorn handles both signals while it serves, and raises them again afterwards.
    """
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _certificate(stack: ExitStack, host: str) -> Certificate:
    return create_certificate(host, Path(stack.enter_context(TemporaryDirectory(prefix="cio-sandbox-"))))


def _address(listener: socket.socket, certificate: Certificate | None) -> Address:
    host, port = listener.getsockname()[:2]
    scheme, name = "https" if certificate else "http", f"[{host}]" if ":" in host else host
    return Address(f"{scheme}://{name}:{port}", certificate.authority if certificate else None)


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
