"""Serving over stdio, where a line that can't be read as a message is answered with an error.

The SDK drops such lines, so a client that sent one would wait for its answer until it gives up.
"""

import json
import logging
from typing import Any

import anyio
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp_types import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError, jsonrpc_message_adapter
from pydantic import ValidationError

BOM = "\ufeff"
NOT_JSON = "Parse error: the line isn't valid JSON."
NOT_A_MESSAGE = "Invalid request: the line isn't a JSON-RPC 2.0 message."
BATCH = "Invalid request: batches aren't supported. Send one message per line."
UNREADABLE = "Invalid request: it contains an incomplete character (a lone surrogate) or is nested too deeply."

log = logging.getLogger(__name__)


async def serve_stdio(server: Server[Any]) -> None:
    """Serve one client over standard input and output until it closes its end."""
    async with stdio_server() as (incoming, outgoing), anyio.create_task_group() as group:
        send, receive = anyio.create_memory_object_stream[SessionMessage | Exception]()

        async def relay() -> None:
            async with send:
                async for item in incoming:
                    message = item if isinstance(item, SessionMessage) else _answer(item)
                    if isinstance(message, SessionMessage):
                        await send.send(message)
                    elif message is not None:
                        await outgoing.send(SessionMessage(message))

        group.start_soon(relay)
        await server.run(receive, outgoing, server.create_initialization_options())
        group.cancel_scope.cancel()


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
        return refuse(json.loads(line), UNREADABLE)
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


def _error(id_: str | int | None, code: int, message: str) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=id_, error=ErrorData(code=code, message=message))
