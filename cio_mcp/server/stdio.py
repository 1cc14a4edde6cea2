"""Serving over stdio, where a line that can't be read as a message is answered with an error.

The SDK drops such lines, so a client that sent one would wait for its answer until it gives up.
"""

import json
import logging
from contextvars import Context
from types import TracebackType
from typing import Any, Self

import anyio
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import SessionMessage
from mcp_types import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError, jsonrpc_message_adapter
from pydantic import ValidationError

BOM = "\ufeff"
MAX_DIGITS = 4_300
"""Digits of an integer that Python reads by default."""
NOT_JSON = "Parse error: the line isn't valid JSON."
NOT_A_MESSAGE = "Invalid request: the line isn't a JSON-RPC 2.0 message."
BATCH = "Invalid request: batches aren't supported. Send one message per line."
UNREADABLE = "Invalid request: it contains an incomplete character (a lone surrogate) or is nested too deeply."

log = logging.getLogger(__name__)


async def serve_stdio(server: Server[Any]) -> None:
    """Serve one client over standard input and output until it closes its end."""
    async with stdio_server() as (incoming, outgoing):
        await server.run(_Messages(incoming, outgoing), outgoing, server.create_initialization_options())


class _Messages:
    """The client's messages as the SDK reads them, less the lines that are answered with an error here."""

    def __init__(self, incoming: ReadStream[SessionMessage | Exception], outgoing: WriteStream[SessionMessage]) -> None:
        self._incoming, self._outgoing = incoming, outgoing

    @property
    def last_context(self) -> Context | None:
        """The context in which the last message was sent, for which the SDK looks here."""
        return getattr(self._incoming, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        while True:
            item = await self._incoming.receive()
            message = item if isinstance(item, SessionMessage) else _answer(item)
            if isinstance(message, SessionMessage):
                return message
            if message is not None:
                await self._outgoing.send(SessionMessage(message))

    async def aclose(self) -> None:
        await self._incoming.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _answer(unreadable: Exception) -> SessionMessage | JSONRPCError | None:
    errors = unreadable.errors(include_url=False) if isinstance(unreadable, ValidationError) else []
    line = errors[0]["input"] if errors else ""
    return read_line(line) if isinstance(line, str) else refuse(line)


def read_line(line: str) -> SessionMessage | JSONRPCError | None:
    """Read a line that the SDK could not: the message in it, the error to answer it with, or None to ignore it."""
    if not line.strip():
        return None
    if line.startswith(BOM):
        try:
            return SessionMessage(jsonrpc_message_adapter.validate_json(line.removeprefix(BOM), by_name=False))
        except ValidationError:
            line = line.removeprefix(BOM)
    try:
        return refuse(json.loads(line, parse_int=_integer), UNREADABLE)
    except RecursionError:
        return _error(None, INVALID_REQUEST, UNREADABLE)
    except ValueError:
        log.warning("a line from the client isn't valid JSON")
        return _error(None, PARSE_ERROR, NOT_JSON)


def refuse(message: object, reason: str = NOT_A_MESSAGE) -> JSONRPCError | None:
    """The error that answers JSON that is no message; None for the response to a request of ours."""
    if isinstance(message, list):
        return _error(None, INVALID_REQUEST, BATCH)
    if not isinstance(message, dict):
        return _error(None, INVALID_REQUEST, NOT_A_MESSAGE)
    if "method" not in message and ("result" in message or "error" in message):
        log.warning("a response from the client could not be read")
        return None
    id_ = message.get("id")
    known = isinstance(id_, str | int) and not isinstance(id_, bool)
    return _error(id_ if known else None, INVALID_REQUEST, reason)


def _integer(digits: str) -> int | None:
    """An integer of JSON; None for one of more digits than Python reads."""
    return int(digits) if len(digits) <= MAX_DIGITS else None


def _error(id_: str | int | None, code: int, message: str) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=id_, error=ErrorData(code=code, message=message))
