"""Callers of tests, and their work."""

import anyio

from cio_mcp.customerio.caller import Caller, Work
from cio_mcp.identity.callers import local_caller

WORK_SECONDS = 100.0
"""Longer than any work takes on a busy machine, so that no test measures time."""


def caller_named(id_: str) -> Caller:
    """A caller on this machine, by its id."""
    return local_caller(id_)


def work_of(caller: Caller) -> Work:
    """Work that a caller has enough time for."""
    return Work(caller, anyio.current_time() + WORK_SECONDS)
