"""How a write leaves: only the gate imports this, so nothing else can send."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cio_mcp.customerio.call import Call
from cio_mcp.customerio.caller import Caller
from cio_mcp.customerio.outcome import Answered, Lost, Outcome, Unsent, doubtful
from cio_mcp.customerio.responses import json_object
from cio_mcp.errors import BadAnswer, CioError

if TYPE_CHECKING:
    from cio_mcp.customerio.client import Client


@dataclass(frozen=True, slots=True)
class Sent:
    """Customer.io accepted the write; `body` is empty where it answers none."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """The write was certainly not carried out; `status` is Customer.io's, None without an answer."""

    reason: str
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """The write may have been carried out: it left, and no answer says what became of it."""

    reason: str


Result = Sent | Failed | Unknown


class Writer:
    """Makes writes through the client: `once` calls exactly one time, `repeatable` ones as the retry table says."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    async def send(self, call: Call, caller: Caller) -> Result:
        """Make a write; whatever goes wrong is in the result, not raised."""
        try:
            exchange = await self._client.exchange(call, caller)
        except CioError as before_anything_left:
            return Failed(str(before_anything_left))
        finally:
            self._client.written(call)
        outcome = exchange.outcome
        if isinstance(outcome, Answered) and outcome.accepted:
            return _sent(outcome)
        if exchange.doubted or doubtful(outcome):
            return Unknown(_in_doubt(outcome))
        status = outcome.status if isinstance(outcome, Answered) else None
        return Failed(str(self._client.refusal(call, outcome)), status)


def _sent(answer: Answered) -> Result:
    if not answer.body and not answer.flaw:
        return Sent(answer.status)
    try:
        return Sent(answer.status, json_object(answer))
    except BadAnswer:
        return Unknown(f"The request left, then something answered {answer.status}, but not as Customer.io does.")


def _in_doubt(outcome: Outcome) -> str:
    match outcome:
        case Answered(status=status):
            what = f"answered {status}"
        case Lost(why) | Unsent(why):
            what = why
    return f"The request left, then Customer.io {what}."
