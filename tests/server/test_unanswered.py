"""A client over stdio can have only so many requests without a response."""

import pytest
from mcp.shared.message import ServerMessageMetadata, SessionMessage
from mcp_types import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from cio_mcp.server.streams import Stream
from cio_mcp.server.unanswered import MAX_UNANSWERED, TOO_MANY, Responses, Unanswered

pytestmark = pytest.mark.anyio
PING = SessionMessage(JSONRPCRequest(jsonrpc="2.0", id="same", method="ping"))


class Client(Stream):
    """Takes what is sent to it, or has gone."""

    def __init__(self, *, gone: bool = False) -> None:
        self.gone = gone

    async def send(self, _item: SessionMessage) -> None:
        if self.gone:
            raise ConnectionError


def refused(unanswered: Unanswered) -> bool:
    admitted = unanswered.admit(PING)
    if isinstance(admitted, JSONRPCError):
        assert (admitted.id, admitted.error.message) == ("same", TOO_MANY)
    return isinstance(admitted, JSONRPCError)


def full() -> Unanswered:
    unanswered = Unanswered()
    assert not any(refused(unanswered) for _ in range(MAX_UNANSWERED))
    assert refused(unanswered)
    return unanswered


@pytest.mark.parametrize("gone", [False, True])
async def test_a_response_makes_room_for_one_request(gone: bool) -> None:
    unanswered = full()
    responses = Responses(Client(gone=gone), unanswered)
    try:
        await responses.send(SessionMessage(JSONRPCResponse(jsonrpc="2.0", id="same", result={})))
    except ConnectionError:
        assert gone
    assert not refused(unanswered)
    assert refused(unanswered)


async def test_a_canceled_request_makes_room_for_one() -> None:
    unanswered = Unanswered()
    admitted = [unanswered.admit(PING) for _ in range(MAX_UNANSWERED)]
    last = admitted[-1]
    assert isinstance(last, SessionMessage)
    assert isinstance(last.metadata, ServerMessageMetadata)
    assert last.metadata.on_request_unanswered
    await last.metadata.on_request_unanswered()
    assert not refused(unanswered)
    assert refused(unanswered)


async def test_messages_that_are_no_responses_make_no_room_and_need_none() -> None:
    unanswered = full()
    notification = SessionMessage(JSONRPCNotification(jsonrpc="2.0", method="notifications/cancelled"))
    assert unanswered.admit(notification) is notification
    answer = SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=1, result={}))
    assert unanswered.admit(answer) is answer
    for message in (notification, PING):
        await Responses(Client(), unanswered).send(message)
    assert refused(unanswered)
