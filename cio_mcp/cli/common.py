"""Shared by the operator's commands: the server's database, without its keys, and a plain console."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from rich.console import Console

from cio_mcp.clock import SYSTEM_CLOCK
from cio_mcp.errors import SettingError
from cio_mcp.settings import WHERE, Settings, load_settings
from cio_mcp.storage.engine import Database
from cio_mcp.text.timestamps import ago, from_unix

T = TypeVar("T")

INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it."""
MAX_SUMMARY_CHARACTERS = 500
"""Characters of one line about a change; the longest summary (five attributes and a recipient) has some 350."""


def settings() -> Settings:
    """The settings; commands that use only our own database need no key."""
    return load_settings(keys_needed=False)


def check_key(name: str, *, is_there: bool) -> None:
    """Make sure that a command has a key.

    Raises:
        SettingError: it is missing.
    """
    if not is_there:
        raise SettingError(name, f"is missing; it is {WHERE[name]}")


def settings_of_workspace() -> Settings:
    """The settings, where they name a workspace.

    Raises:
        SettingError: they name none.
    """
    loaded = settings()
    if not (loaded.workspace or loaded.site_id or loaded.app_api_key):
        raise SettingError(
            "CIO_WORKSPACE",
            "is missing; set the server's CIO_WORKSPACE or, if it has none, its keys. "
            "`serve --sandbox` uses CIO_WORKSPACE=sandbox",
        )
    return loaded


def storage_place() -> str:
    """The data directory that the commands read, or the database file where one was set."""
    current = settings()
    return str(current.database_file or "memory") if current.database_url else str(current.data_dir)


def with_database(work: Callable[[Database], Awaitable[T]]) -> T:
    """Run `work` on the database, and close it.

    Raises:
        StorageFailed: it cannot be used.
    """

    async def run() -> T:
        database = Database(settings().storage_url)
        try:
            return await work(database)
        finally:
            await database.close()

    return anyio.run(run)


def console(width: int | None = None) -> Console:
    """Standard output without markup: the output may contain foreign text."""
    return Console(markup=False, highlight=False, width=width)


def age(at: float) -> str:
    """How long ago a Unix time is."""
    return ago(from_unix(at), from_unix(SYSTEM_CLOCK.now()))
