"""Sends writes. Only the gate imports this, so nothing else can send."""

import logging
from dataclasses import dataclass, field
from typing import Any

from cio_mcp.customerio.call import Call
from cio_mcp.customerio.caller import Work
from cio_mcp.customerio.client import Client
from cio_mcp.customerio.operations import value_at
from cio_mcp.customerio.outcome import Answered, Lost, Outcome, Unsent, doubtful
from cio_mcp.customerio.request import Request, prepare
from cio_mcp.customerio.responses import json_object
from cio_mcp.errors import BadAnswer, CioError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """Customer.io accepted the write; `body` is empty where it documents an empty answer."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """The write was certainly not carried out; `status` is Customer.io's, None without an answer."""

    reason: str
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """The write may have been applied: it was sent, and no response reports its outcome."""

    reason: str


Result = Sent | Failed | Unknown


class Writer:
    """Makes writes through the client: `once` calls exactly one time, `repeatable` ones as the retry table says."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def send(self, call: Call, work: Work) -> Result:
        """Make a write; failures are in the result, not raised."""
        return await self.send_request(await prepare(call), work)

    async def send_request(self, request: Request, work: Work) -> Result:
        """Make a write that is classified and encoded; failures are in the result, not raised."""
        call = request.call
        try:
            exchange = await self._client.exchange(request, work)
        except CioError as before_anything_left:
            return Failed(_sentence(before_anything_left))
        except Exception as unforeseen:  # noqa: BLE001 - a write must end in a known state, whatever broke
            return _unforeseen(unforeseen)
        finally:
            self._client.drop_cached(request.families)
        outcome = exchange.outcome
        if isinstance(outcome, Answered) and outcome.accepted:
            return _sent(call, outcome)
        if exchange.doubted or doubtful(outcome):
            return Unknown(_in_doubt(outcome))
        status = outcome.status if isinstance(outcome, Answered) else None
        return Failed(_sentence(self._client.refusal(call, outcome)), status)


def _sent(call: Call, answer: Answered) -> Result:
    """Accept a 2xx only with the evidence that Customer.io documents for the call: a proxy can answer 200, too."""
    if call.row.empty_answer and not answer.body and not answer.flaw:
        return Sent(answer.status)
    try:
        body = json_object(answer)
    except BadAnswer:
        return _without_evidence(answer)
    if call.row.answer_id and not _is_id(value_at(body, call.row.answer_id)):
        return _without_evidence(answer)
    return Sent(answer.status, body)


def _is_id(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and bool(str(value).strip())


def _without_evidence(answer: Answered) -> Unknown:
    return Unknown(f"The request was sent, but the response ({answer.status}) was not as documented by Customer.io.")


def _in_doubt(outcome: Outcome) -> str:
    match outcome:
        case Answered(status=status):
            reason = f"answered {status}"
        case Lost(why) | Unsent(why):
            reason = why
    return f"The request was sent, then Customer.io {reason}."


def _unforeseen(failure: Exception) -> Unknown:
    # The class only: its text may hold an address or a key.
    log.error("a write failed unexpectedly: %s", type(failure).__name__)
    return Unknown("The server failed unexpectedly during the request.")


def _sentence(error: CioError) -> str:
    text = str(error)
    return text if text.endswith(".") else f"{text}."
