"""Serving over stdio, where a line that can't be read as a message is answered with an error.

The SDK drops such lines, so a client that sent one would wait for its answer until it gives up. It also takes a
request with an ID that JSON-RPC does not allow for a notification, and a carriage return for the end of a line. So
standard input is read here. Output is written here as well, because the SDK starts two worker threads for each message.
"""

import json
import logging
from collections import deque
from typing import Any, Self

import anyio
import anyio.to_thread
from mcp.server.lowlevel import Server
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
from cio_mcp.server.standard_streams import Input, Output, claim_standard_streams
from cio_mcp.server.streams import Stream
from cio_mcp.server.unanswered import Responses, Unanswered

MAX_LINE_BYTES = 4 * 1024 * 1024
"""Bytes of a line, as of a message over HTTP."""
SHORT_LINE_BYTES = 65_536
"""Bytes of a line that is parsed on the event loop, which takes less time than a worker thread takes to start on it."""
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
    """Serve one client over standard input and output until it closes its end.

    Raises:
        OSError: one of them is closed.
    """
    with claim_standard_streams() as (source, sink):
        output = Output(sink)

        async def write() -> None:
            await output.run()
            group.cancel_scope.cancel()  # the client reads no answers any more

        async with anyio.create_task_group() as group:
            group.start_soon(write)
            outgoing = BoundedErrors(_Outgoing(output))
            unanswered = Unanswered()
            messages, responses = _Messages(Input(source), outgoing, unanswered), Responses(outgoing, unanswered)
            try:
                await server.run(messages, responses, server.create_initialization_options())
                await output.flush()
            except* anyio.BrokenResourceError:
                log.debug("stopped while a message was being sent")  # the SDK fails if it is canceled then
            group.cancel_scope.cancel()


class _Outgoing(Stream):
    """The SDK's messages for the client."""

    def __init__(self, output: Output) -> None:
        self._output = output

    async def send(self, item: SessionMessage) -> None:
        text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
        await self._output.write(f"{text}\n".encode())


class _Messages(Stream):
    """The client's messages for the SDK, less the lines that are answered with an error here."""

    def __init__(self, source: Input, outgoing: WriteStream[SessionMessage], unanswered: Unanswered) -> None:
        self._source, self._outgoing, self._unanswered = source, outgoing, unanswered
        self._buffer = LineBuffer()
        self._lines: deque[bytes | None] = deque()

    async def receive(self) -> SessionMessage | Exception:
        while True:
            read = await self._read(await self._line())
            if isinstance(read, SessionMessage):
                read = self._unanswered.admit(read)
            if isinstance(read, SessionMessage):
                return read
            if read is not None:
                await self._outgoing.send(SessionMessage(read))

    async def _line(self) -> bytes | None:
        while not self._lines:
            data = await self._source.read()
            self._lines.extend(self._buffer.feed(data) if data else self._buffer.end())
            if not data and not self._lines:
                raise anyio.EndOfStream
        return self._lines.popleft()

    async def _read(self, line: bytes | None) -> SessionMessage | JSONRPCError | None:
        if line is None:
            return _error(None, INVALID_REQUEST, TOO_LONG)
        text = line.decode(errors="replace")
        if len(line) <= SHORT_LINE_BYTES:
            return read_line(text)
        return await anyio.to_thread.run_sync(read_line, text)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None


class LineBuffer:
    """Joins pieces of the input to lines, which end with a line feed only; a line that is too long becomes None."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._too_long = False

    def feed(self, data: bytes) -> list[bytes | None]:
        """Add a piece; the lines that it completes."""
        *ends, begun = data.split(b"\n")
        lines = [self._complete(end) for end in ends]
        self._add(begun)
        return lines

    def end(self) -> list[bytes | None]:
        """The last line, if it has no line feed."""
        return [self._complete(b"")] if self._line or self._too_long else []

    def _complete(self, end: bytes) -> bytes | None:
        self._add(end)
        line = None if self._too_long else bytes(self._line)
        self._line.clear()
        self._too_long = False
        return line

    def _add(self, piece: bytes) -> None:
        self._too_long = self._too_long or len(self._line) + len(piece) > MAX_LINE_BYTES
        if self._too_long:
            self._line.clear()
        else:
            self._line += piece


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
