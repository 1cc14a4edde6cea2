"""Modules that are loaded when they are first used, so that `--help` and the start of the server wait for none of them.

Each command finds its module here, and `serve` what it needs once the settings are known to be good.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cio_mcp import settings, workspace
    from cio_mcp.cli import (
        approvals,
        changes,
        demo,
        export,
        forget,
        jobs,
        main,
        pause,
        policy,
        sandbox,
        serve,
        sync,
        sync_end,
        tools,
        tools_reference,
        webhooks,
        webhooks_register,
    )
    from cio_mcp.sandbox import app as sandbox_app
    from cio_mcp.server import app as server_app
    from cio_mcp.server import http as server_http
    from cio_mcp.storage import duckdb_files
else:
    from importlib import import_module
    from types import ModuleType

    _ELSEWHERE = {
        "duckdb_files": "cio_mcp.storage.duckdb_files",
        "sandbox_app": "cio_mcp.sandbox.app",
        "server_app": "cio_mcp.server.app",
        "server_http": "cio_mcp.server.http",
        "settings": "cio_mcp.settings",
        "workspace": "cio_mcp.workspace",
    }

    def __getattr__(name: str) -> ModuleType:
        """Load a module; those that are not listed are of the command line."""
        if name not in __all__:
            raise AttributeError(name)
        return import_module(_ELSEWHERE.get(name, f"cio_mcp.cli.{name}"))


__all__ = [
    "approvals",
    "changes",
    "demo",
    "duckdb_files",
    "export",
    "forget",
    "jobs",
    "main",
    "pause",
    "policy",
    "sandbox",
    "sandbox_app",
    "serve",
    "server_app",
    "server_http",
    "settings",
    "sync",
    "sync_end",
    "tools",
    "tools_reference",
    "webhooks",
    "webhooks_register",
    "workspace",
]
