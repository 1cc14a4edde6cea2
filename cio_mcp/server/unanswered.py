"""Bounds the requests of one client over stdio that have no response yet.

Each holds a task and perhaps a long response, which a client that reads nothing would let pile up.
"""

from mcp.shared._stream_protocols import WriteStream
from mcp.shared.message import ServerMessageMetadata, SessionMessage
from mcp_types import INVALID_REQUEST, ErrorData, JSONRPCError, JSONRPCRequest, JSONRPCResponse

from cio_mcp.server.streams import Stream

MAX_UNANSWERED = 256
"""Requests without a response. Chosen: many times as many as a client sends at once."""
TOO_MANY = f"Too many requests: {MAX_UNANSWERED} have no response yet. Wait for responses, then send it again."


class Unanswered:
    """The number of requests that have no response yet."""

    def __init__(self) -> None:
        self._count = 0

    def admit(self, received: SessionMessage) -> SessionMessage | JSONRPCError:
        """Count a request, or refuse it if there are too many; any other message passes."""
        if not isinstance(received.message, JSONRPCRequest):
            return received
        if self._count >= MAX_UNANSWERED:
            refusal = ErrorData(code=INVALID_REQUEST, message=TOO_MANY)
            return JSONRPCError(jsonrpc="2.0", id=received.message.id, error=refusal)
        self._count += 1
        return SessionMessage(received.message, ServerMessageMetadata(on_request_unanswered=self._settle_canceled))

    def settle(self) -> None:
        """Note that a request has its response, or gets none."""
        self._count -= 1

    async def _settle_canceled(self) -> None:
        self.settle()


class Responses(Stream):
    """A stream to a client that notes which requests have their responses."""

    def __init__(self, outgoing: WriteStream[SessionMessage], unanswered: Unanswered) -> None:
        self._outgoing, self._unanswered = outgoing, unanswered

    async def send(self, item: SessionMessage) -> None:
        """Send a message."""
        try:
            await self._outgoing.send(item)
        finally:
            if isinstance(item.message, JSONRPCResponse | JSONRPCError) and item.message.id is not None:
                self._unanswered.settle()
