"""Reads that do not wait for one another."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio

from cio_mcp.errors import CioError

Read = Callable[[], Awaitable[Any]]


async def together(reads: Mapping[str, Read]) -> dict[str, Any]:
    """Make reads concurrently and return what each gave, by its name.

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
        first = _first(failed)
    else:
        return results
    raise first from None


def _first(group: BaseExceptionGroup[CioError]) -> CioError:
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
