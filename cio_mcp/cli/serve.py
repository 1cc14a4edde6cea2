"""`cio-mcp serve`: the server over stdio, or over streamable HTTP on loopback."""

import gc
import logging
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from cio_mcp.cli.logs import log_to_stderr
from cio_mcp.cli.sockets import LOOPBACK, authority, listen
from cio_mcp.errors import SettingError
from cio_mcp.settings import Settings, load_settings

if TYPE_CHECKING:
    from cio_mcp.sandbox import Sandbox
    from cio_mcp.server.app import CioServer

logger = logging.getLogger(__name__)

WARM_SECONDS = 60.0
"""How long garbage is not collected at most: a collection of all that stays for good stops everything."""


def serve_stdio(*, sandbox: bool, **overrides: Any) -> None:
    """Serve the client that started this process, until it closes the line."""

    async def over_stdio(server: "CioServer") -> None:
        await server.run_stdio_async()

    _serve(over_stdio, sandbox=sandbox, overrides=overrides)


def serve_http(host: str, port: int, *, sandbox: bool, **overrides: Any) -> None:
    """Serve clients on this machine over streamable HTTP, until stopped.

    Raises:
        SettingError: the address is not of this machine, or the port cannot be had.
    """
    if host not in LOOPBACK:
        raise SettingError("--host", f"expected one of {', '.join(LOOPBACK)}, since it serves without tokens")
    listening = listen(host, port)

    async def over_http(server: "CioServer") -> None:
        import uvicorn  # noqa: PLC0415 - stdio does not need it

        from cio_mcp.server.app import http_app  # noqa: PLC0415 - stdio does not need it
        from cio_mcp.web.webhooks import PATH  # noqa: PLC0415 - stdio does not need it

        # Its own logging would write to stdout, and name paths.
        logger.info("Serving http://%s/mcp, and receiving webhooks at %s", authority(listening), PATH)
        config = uvicorn.Config(http_app(server), log_config=None, access_log=False, lifespan="on")
        await uvicorn.Server(config).serve(sockets=[listening])

    with listening:
        _serve(over_http, sandbox=sandbox, overrides=overrides)


def sandbox_settings(data_dir: Path, *, url: str = "http://sandbox", **overrides: Any) -> Settings:
    """Settings of a sandbox at `url`, with its state in `data_dir`; nothing of a real workspace shines through."""
    return load_settings(
        site_id="sandbox-site",
        track_api_key="sandbox-track-key",
        app_api_key="sandbox-app-key",
        webhook_signing_keys="sandbox-signing-key",
        region="us",
        track_url=url,
        app_url=url,
        workspace="sandbox",
        data_dir=data_dir,
        database_url=f"sqlite:///{data_dir / 'cio-mcp.db'}",
        **overrides,
    )


def _serve(transport: "Callable[[CioServer], Awaitable[None]]", *, sandbox: bool, overrides: dict[str, Any]) -> None:
    log_to_stderr()
    # What the start loads stays for good: looking for garbage in it meanwhile costs a tenth of the start.
    gc.disable()

    async def main() -> None:
        async with _workspace(sandbox=sandbox, overrides=overrides) as (settings, box):
            # It loads the SDK, after the settings were found good.
            from cio_mcp.server.app import build_server, receiver_of  # noqa: PLC0415

            server = build_server(settings, sandbox=box)
            if box is not None:
                box.report_to(receiver_of(server))
            async with anyio.create_task_group() as group:
                group.start_soon(_collect_garbage, server)
                await transport(server)
                group.cancel_scope.cancel()

    anyio.run(main)


async def _collect_garbage(server: "CioServer") -> None:
    with anyio.move_on_after(WARM_SECONDS):
        await server.runtime.warmed()
    gc.freeze()
    gc.enable()


@asynccontextmanager
async def _workspace(*, sandbox: bool, overrides: dict[str, Any]) -> "AsyncIterator[tuple[Settings, Sandbox | None]]":
    if not sandbox:
        yield load_settings(**overrides), None
        return
    from cio_mcp.sandbox import Sandbox  # noqa: PLC0415 - a real workspace does not need it

    with tempfile.TemporaryDirectory(prefix="cio-mcp-") as folder:
        async with Sandbox() as box:
            logger.info("A made-up workspace. What waits for approval: CIO_DATA_DIR=%s cio-mcp approvals list", folder)
            yield sandbox_settings(Path(folder), **overrides), box
