"""Concurrent reads."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import anyio
from anyio.abc import TaskGroup

from cio_mcp.clock import Clock
from cio_mcp.errors import CioError, first_of

Read = Callable[[], Awaitable[Any]]
Key = TypeVar("Key")


async def together(reads: Mapping[str, Read]) -> dict[str, Any]:
    """Make reads concurrently and return their results by name.

    Raises:
        CioError: one of them failed; the others are given up.
    """
    results: dict[str, Any] = {}

    async def keep(name: str, read: Read) -> None:
        results[name] = await read()

    try:
        async with anyio.create_task_group() as group:
            for name, read in reads.items():
                group.start_soon(keep, name, read)
    except* CioError as failed:
        first = first_of(failed)
    else:
        return results
    raise first from None


async def or_none(read: Read) -> Any:
    """Make a read that an answer can do without: None where it fails."""
    try:
        return await read()
    except CioError:
        return None


async def in_time(tasks: TaskGroup, clock: Clock, reads: Mapping[Key, Read], seconds: float) -> dict[Key, Any]:
    """Make reads concurrently and return the results that arrive within `seconds`, by name.

    The others go on in `tasks`, so that a cache has their answers for a later call; 0 seconds only begins them.
    """
    results: dict[Key, Any] = {}
    ends = [anyio.Event() for _ in reads]

    async def keep(name: Key, read: Read, end: anyio.Event) -> None:
        try:
            # Whatever goes wrong with a courtesy must not end what else runs in these tasks.
            with suppress(Exception):
                results[name] = await read()
        finally:
            end.set()

    for (name, read), end in zip(reads.items(), ends, strict=True):
        tasks.start_soon(keep, name, read, end)
    if seconds:
        with clock.move_on_after(seconds):
            for end in ends:
                await end.wait()
    return dict(results)
