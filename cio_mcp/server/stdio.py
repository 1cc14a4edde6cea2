"""Serving over stdio, where a line that can't be read as a message is answered with an error.

The SDK drops such lines, so a client that sent one would wait for its answer until it gives up. It also takes a
request with an ID that JSON-RPC does not allow for a notification, and a carriage return for the end of a line. So
standard input is read here.
"""

import io
import json
import logging
from types import TracebackType
from typing import Any, BinaryIO, Self

import anyio
import anyio.to_thread
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared._stream_protocols import WriteStream
from mcp.shared.message import SessionMessage
from mcp_types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCNotification,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError

from cio_mcp.server.echoes import BoundedErrors

STANDARD_INPUT = 0
MAX_LINE_BYTES = 4 * 1024 * 1024
"""Bytes of a line, as of a message over HTTP."""
BOM = "\ufeff"
MAX_DIGITS = 4_300
"""Digits of an integer that Python reads by default."""
NOT_JSON = "Parse error: the line isn't valid JSON."
NOT_A_MESSAGE = "Invalid request: the line isn't a JSON-RPC 2.0 message."
BATCH = "Invalid request: batches aren't supported. Send one message per line."
BAD_ID = "Invalid request: the id must be a string or an integer."
UNREADABLE = "Invalid request: it contains an incomplete character (a lone surrogate) or is nested too deeply."
TOO_LONG = f"Invalid request: the line is longer than {MAX_LINE_BYTES:,} bytes."

log = logging.getLogger(__name__)


async def serve_stdio(server: Server[Any]) -> None:
    """Serve one client over standard input and output until it closes its end."""
    # The SDK gets an empty input; of its streams, only the one to standard output is used.
    async with stdio_server(stdin=anyio.wrap_file(io.StringIO())) as (empty, output):
        await empty.aclose()
        outgoing = BoundedErrors(output)
        with open(STANDARD_INPUT, "rb", closefd=False) as lines:  # noqa: ASYNC230 - it is read in a worker thread
            await server.run(_Messages(lines, outgoing), outgoing, server.create_initialization_options())


class _Messages:
    """The client's messages for the SDK, less the lines that are answered with an error here."""

    def __init__(self, lines: BinaryIO, outgoing: WriteStream[SessionMessage]) -> None:
        self._lines, self._outgoing = lines, outgoing

    async def receive(self) -> SessionMessage | Exception:
        while True:
            read = await anyio.to_thread.run_sync(next_message, self._lines)
            if isinstance(read, SessionMessage):
                return read
            await self._outgoing.send(SessionMessage(read))

    async def aclose(self) -> None:
        """Close nothing: standard input isn't ours."""

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


def next_message(lines: BinaryIO) -> SessionMessage | JSONRPCError:
    """Read lines, which end with a line feed only, up to a message or to one that is answered with an error.

    Raises:
        EndOfStream: there are no more.
    """
    while line := lines.readline(MAX_LINE_BYTES + 1):
        if len(line) > MAX_LINE_BYTES:
            _skip_line(lines, line)
            return _error(None, INVALID_REQUEST, TOO_LONG)
        if (read := read_line(line.decode(errors="replace"))) is not None:
            return read
    raise anyio.EndOfStream


def _skip_line(lines: BinaryIO, begun: bytes) -> None:
    while begun and not begun.endswith(b"\n"):
        begun = lines.readline(MAX_LINE_BYTES)


def read_line(line: str) -> SessionMessage | JSONRPCError | None:
    """Read a line: the message in it, the error to answer it with, or None to ignore it."""
    line = line.removeprefix(BOM).strip()
    if not line:
        return None
    try:
        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError:
        return _refuse_line(line)
    if isinstance(message, JSONRPCNotification) and "id" in json.loads(line, parse_int=_integer):
        return _error(None, INVALID_REQUEST, BAD_ID)
    return SessionMessage(message)


def _refuse_line(line: str) -> JSONRPCError | None:
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
    if "id" not in message:
        return _error(None, INVALID_REQUEST, reason)
    id_ = message["id"]
    if isinstance(id_, bool) or not isinstance(id_, str | int):
        return _error(None, INVALID_REQUEST, BAD_ID)
    return _error(None if _is_unwritable(id_) else id_, INVALID_REQUEST, reason)


def _is_unwritable(id_: str | int) -> bool:
    """Whether it contains a lone surrogate, so that no answer can contain it."""
    return isinstance(id_, str) and id_.encode(errors="ignore").decode() != id_


def _integer(digits: str) -> int | None:
    """An integer of JSON; None for one of more digits than Python reads."""
    return int(digits) if len(digits) <= MAX_DIGITS else None


def _error(id_: str | int | None, code: int, message: str) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=id_, error=ErrorData(code=code, message=message))
