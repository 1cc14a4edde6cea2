"""Bounds the parts of a request that errors repeat: the SDK repeats a URI, a method, or a version in full."""

from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared._stream_protocols import WriteStream
from mcp.shared.exceptions import MCPError
from mcp.shared.message import SessionMessage
from mcp_types import INVALID_PARAMS, ErrorData, JSONRPCError

from cio_mcp.server.streams import Stream
from cio_mcp.text.render import MAX_ERROR_CHARACTERS
from cio_mcp.text.sanitize import NAME_CHARACTERS, cut

MAX_TOKEN_CHARACTERS = 200
"""Characters of a progress token. Chosen. Each report of progress repeats it, and may not cut it."""
LONG_TOKEN = f"_meta.progressToken: at most {MAX_TOKEN_CHARACTERS} characters."


async def bound_errors(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Middleware: bound the error of a request.

    Raises:
        MCPError: the request failed, or has a progress token that is too long.
    """
    token = (ctx.meta or {}).get("progress_token")
    if isinstance(token, str) and len(token) > MAX_TOKEN_CHARACTERS:
        raise MCPError(INVALID_PARAMS, LONG_TOKEN)
    try:
        return await call_next(ctx)
    except MCPError as failure:
        raise MCPError.from_error_data(bound_error(failure.error)) from None


class BoundedErrors(Stream):
    """A stream to a client in which errors are bounded, also those that the SDK raises before any middleware."""

    def __init__(self, outgoing: WriteStream[SessionMessage]) -> None:
        self._outgoing = outgoing

    async def send(self, item: SessionMessage) -> None:
        """Send a message."""
        if isinstance(item.message, JSONRPCError):
            error = bound_error(item.message.error)
            item = SessionMessage(item.message.model_copy(update={"error": error}), item.metadata)
        await self._outgoing.send(item)

    async def aclose(self) -> None:
        """Close the stream."""
        await self._outgoing.aclose()


def bound_error(error: ErrorData) -> ErrorData:
    """An error with its message and every text in its data cut."""
    return error.model_copy(
        update={"message": cut(error.message, MAX_ERROR_CHARACTERS), "data": _cut_texts(error.data)}
    )


def _cut_texts(data: Any) -> Any:
    match data:
        case str():
            return cut(data, NAME_CHARACTERS)
        case list():
            return [_cut_texts(each) for each in data]
        case dict():
            return {key: _cut_texts(value) for key, value in data.items()}
        case _:
            return data
