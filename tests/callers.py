"""Callers of tests."""

from cio_mcp.customerio.caller import Caller
from cio_mcp.identity.callers import local_caller


def caller_named(id_: str) -> Caller:
    """A caller on this machine, by its id."""
    return local_caller(id_)
