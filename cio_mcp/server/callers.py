"""The caller of the request in progress, made once per request and seen by everything that serves it."""

from contextvars import ContextVar
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from cio_mcp.customerio.caller import Caller
from cio_mcp.identity.callers import local_caller, loopback_caller

_current: ContextVar[Caller | None] = ContextVar("caller", default=None)


class Callers:
    """Creates the callers of a server that `user` runs on this machine."""

    def __init__(self, user: str) -> None:
        self._user = user

    @property
    def current(self) -> Caller:
        """The caller of the request in progress; outside a request, the user who runs the server."""
        return _current.get() or local_caller(self._user)

    def find(self, id_: str) -> Caller | None:
        """The caller of that id, as its next request would make it; None if this server has no such callers."""
        kind, _, name = id_.partition(":")
        caller = loopback_caller(name, owner=self._user) if kind == "loopback" else local_caller(self._user)
        return caller if caller.id == id_ else None

    async def identify(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Middleware: make the request's caller."""
        token = _current.set(self._caller_of(ctx))
        try:
            return await call_next(ctx)
        finally:
            _current.reset(token)

    def _caller_of(self, ctx: ServerRequestContext[Any, Any]) -> Caller:
        if ctx.request is None:
            return local_caller(self._user)
        client = ctx.session.client_params
        return loopback_caller(client.client_info.name if client else None, owner=self._user)
