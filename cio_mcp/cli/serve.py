"""`cio-mcp serve`: the server over stdio, or over streamable HTTP on loopback."""

import gc
import logging
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio

from cio_mcp import __version__
from cio_mcp.cli import lazy
from cio_mcp.cli.logs import log_to_stderr
from cio_mcp.cli.sockets import LOOPBACK, authority, listen
from cio_mcp.cli.standard_input import closable_stdin
from cio_mcp.cli.storage_check import check_storage
from cio_mcp.customerio.proxies import ANY_CUSTOMERIO_URL, check_network
from cio_mcp.errors import SettingError
from cio_mcp.server.standard_streams import CAN_WAIT
from cio_mcp.settings import WEBHOOK_PATH, Settings, load_settings, network_variables

Transport = Callable[["lazy.server_app.CioServer"], Awaitable[None]]
"""Serves the clients of a server until there are none, or it is stopped."""

log = logging.getLogger(__name__)

WARM_SECONDS = 60.0
"""Maximum seconds between full garbage collections: each one pauses the process."""
STOP_SIGNALS = ("SIGTERM", "SIGHUP", "SIGBREAK")
"""Signals that stop a server as Ctrl-C does, where the system has them and the parent does not ignore them."""
CONNECT = """\
your keys, for example:
  claude mcp add customerio -e CIO_APP_API_KEY=... -- cio-mcp
To approve changes, run cio-mcp approvals. To try it without an account, run cio-mcp demo."""
CONNECT_SANDBOX = """\
the arguments serve --sandbox, for example:
  claude mcp add customerio -- cio-mcp serve --sandbox
To approve changes, run the command that the log names at its start."""
WELCOME = f"""\
cio-mcp {__version__}: an MCP server for Customer.io, waiting for an MCP client on standard input.
Clients start it themselves. To connect one, give it the command cio-mcp and {{connect}}
Press Ctrl-C to stop.
"""


def serve_stdio(*, sandbox: bool, **overrides: Any) -> None:
    """Serve the client that started this process, until it closes the line."""
    for name, stream in (("standard input", sys.stdin), ("standard output", sys.stdout)):
        if stream is None:
            raise SettingError(name, "is closed. An MCP client must start cio-mcp and keep it open")

    async def over_stdio(server: "lazy.server_app.CioServer") -> None:
        if sys.stdin.isatty():
            sys.stderr.write(WELCOME.format(connect=CONNECT_SANDBOX if sandbox else CONNECT))
        if CAN_WAIT:
            await server.run_stdio_async()
        else:
            with closable_stdin() as close:
                await _run_until_stopped(server.run_stdio_async, close)

    _serve(over_stdio, sandbox=sandbox, overrides=overrides)


def serve_http(host: str, port: int, *, sandbox: bool, **overrides: Any) -> None:
    """Serve clients on this machine over streamable HTTP, until stopped.

    Raises:
        SettingError: the address is not of this machine, or the port cannot be had.
    """
    if host not in LOOPBACK:
        raise SettingError("--host", f"expected one of {', '.join(LOOPBACK)}, because it serves without authentication")
    listening = listen(host, port)

    async def over_http(server: "lazy.server_app.CioServer") -> None:
        log.info("Serving http://%s/mcp, and receiving webhooks at %s", authority(listening), WEBHOOK_PATH)
        listener = lazy.server_http.http_listener(server)

        async def listen_until_stopped() -> None:
            # Canceled in the middle of its start, it would log a traceback.
            with anyio.CancelScope(shield=True):
                await listener.serve(sockets=[listening])

        def stop() -> None:
            listener.should_exit = True

        await _run_until_stopped(listen_until_stopped, stop)

    with listening:
        # Callers over HTTP may be on another machine, and no files here are theirs.
        _serve(over_http, sandbox=sandbox, overrides=overrides | {"files_dirs": ()})


def sandbox_settings(data_dir: Path | None, *, url: str = "http://sandbox", **overrides: Any) -> Settings:
    """Settings of a sandbox at `url`; of the environment's, those of the real workspace do not count.

    Its state lies in `data_dir`, or where None, wherever the environment says.
    """
    storage: dict[str, Any] = (
        {"data_dir": data_dir, "database_url": f"sqlite:///{data_dir / 'cio-mcp.db'}"} if data_dir else {}
    )
    return load_settings(
        site_id="sandbox-site",
        track_api_key="sandbox-track-key",
        app_api_key="sandbox-app-key",
        cdp_api_key="sandbox-cdp-key",
        webhook_signing_keys="sandbox-signing-key",
        region="us",
        track_url=url,
        app_url=url,
        cdp_url=url,
        workspace="sandbox",
        **storage,
        **overrides,
    )


def _serve(transport: Transport, *, sandbox: bool, overrides: dict[str, Any]) -> None:
    log_to_stderr()
    # Everything loaded at the start is permanent; collecting garbage meanwhile takes a tenth of the start.
    gc.disable()
    _stop_on_signals()
    # Ctrl-C cancels the event loop's main task, which closes all resources.
    with suppress(KeyboardInterrupt), _storage(sandbox=sandbox, overrides=overrides) as settings:
        check_storage(settings)
        if not sandbox:
            _check_network(settings)
        anyio.run(_run, transport, settings, sandbox)


def _check_network(settings: Settings) -> None:
    """Refuse to start with a proxy or certificate setting that would make every request fail."""
    urls = [url for url in (settings.track_url, settings.app_url, settings.cdp_url) if url]
    if fault := check_network(network_variables(), urls or [ANY_CUSTOMERIO_URL]):
        variable, _, problem = fault.partition(": ")
        raise SettingError(variable, problem)


async def _run(transport: Transport, settings: Settings, sandbox: bool) -> None:
    box = lazy.sandbox_app.Sandbox() if sandbox else None
    # Before the sandbox runs: a wrong toolset or policy ends the start here.
    server = lazy.server_app.build_server(settings, sandbox=box)
    async with AsyncExitStack() as stack:
        if box is not None:
            data_dir = settings.data_dir
            log.info(
                "Simulated workspace %s. To approve its changes, run: CIO_DATA_DIR=%s cio-mcp approvals",
                settings.workspace_key,
                data_dir,
            )
            await stack.enter_async_context(box)
        opened = anyio.Event()

        async def when_open(workspace: "lazy.workspace.Workspace") -> None:
            opened.set()
            await (await server.runtime.toolbox()).build()
            if box is not None:
                box.report_to(lazy.server_http.receiver_of(server))
            await _report_keys(workspace)

        server.runtime.when_open.append(when_open)
        group = await stack.enter_async_context(anyio.create_task_group())
        group.start_soon(_collect_garbage, opened)
        await transport(server)
        group.cancel_scope.cancel()


async def _collect_garbage(opened: anyio.Event) -> None:
    with anyio.move_on_after(WARM_SECONDS):
        await opened.wait()
    gc.freeze()
    gc.enable()


async def _report_keys(workspace: "lazy.workspace.Workspace") -> None:
    await workspace.check_keys()
    for api, line in workspace.keys.lines().items():
        log.log(logging.WARNING if api in workspace.keys.problems else logging.INFO, "%s", line)


async def _run_until_stopped(serve: Callable[[], Awaitable[None]], stop: Callable[[], None]) -> None:
    """Run `serve` until it ends, which `stop` makes it do.

    Both are children: Ctrl-C cancels the main task, which must not wait for `serve` before it calls `stop`.
    """

    async def run() -> None:
        await serve()
        group.cancel_scope.cancel()

    async def stop_when_canceled() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            stop()

    async with anyio.create_task_group() as group:
        group.start_soon(stop_when_canceled)
        group.start_soon(run)


@contextmanager
def _storage(*, sandbox: bool, overrides: dict[str, Any]) -> Iterator[Settings]:
    """Load the settings; a sandbox's state lies in a temporary directory unless the environment names another."""
    # A wrong setting ends the start of a sandbox too, although the sandbox replaces those of the real workspace.
    settings = load_settings(keys_needed=not sandbox, **overrides)
    if sandbox:
        settings = sandbox_settings(None, **overrides)
    if not sandbox or settings.has_chosen_storage:
        yield settings
        return
    with tempfile.TemporaryDirectory(prefix="cio-mcp-") as folder:
        yield sandbox_settings(Path(folder), **overrides)


def _stop_on_signals() -> None:
    """Have a request to end treated as Ctrl-C, so that temporary directories are removed; it is not if ignored."""
    # A shell without job control has its background processes ignore Ctrl-C, and then the others would have no effect.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in STOP_SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
