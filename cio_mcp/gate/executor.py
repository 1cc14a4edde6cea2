"""Carrying out a plan's calls, and reading back what they changed."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import JsonValue

from cio_mcp.customerio.api import batches
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.api.people import People
from cio_mcp.customerio.call import Call
from cio_mcp.customerio.caller import Caller
from cio_mcp.customerio.writer import Failed, Sent, Unknown, Writer
from cio_mcp.errors import CioError
from cio_mcp.gate.plan import Plan, ReadBack

if TYPE_CHECKING:
    from cio_mcp.customerio.client import Client

READ_BACK_PAUSES = (0.2, 0.5, 0.9, 1.4)
"""Seconds before each look at a value that Customer.io applies in its own time: 4 times in 3 s."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a plan ended: the journal's state, a sentence, and what Customer.io said to call it."""

    state: Literal["sent", "failed", "unknown"]
    message: str | None = None
    delivery_id: str | None = None

    def as_json(self) -> str:
        """What the journal keeps."""
        return json.dumps({"message": self.message, "delivery_id": self.delivery_id})


@dataclass(frozen=True, slots=True)
class Executor:
    """The only way from a plan to the network."""

    writer: Writer
    client: "Client"
    sleep: Callable[[float], Awaitable[None]]

    async def carry_out(self, plan: Plan, caller: Caller) -> Outcome:
        """Make the plan's calls in order; the first that does not succeed ends it."""
        sent = Sent(0)
        said: list[str] = []
        for position, call in enumerate(plan.calls):
            match await self.writer.send(call, caller):
                case Sent(status=batches.PARTLY) as partly:
                    said.append(await self._rest_of(call, partly, caller))
                case Sent() as sent:
                    pass
                case Failed(reason=reason) if position:
                    made = f"{position} of {len(plan.calls)} requests were made, then one failed: {reason}"
                    return Outcome("unknown", f"It happened in part: {made} It is not tried again.")
                case Failed(reason=reason):
                    return Outcome("failed", f"It failed: {reason}")
                case Unknown(reason=reason):
                    return Outcome("unknown", f"It may or may not have happened: {reason} It is not tried again.")
        delivery = sent.body.get("delivery_id")
        return Outcome("sent", " ".join(said) or None, str(delivery) if delivery else None)

    async def _rest_of(self, call: Call, partly: Sent, caller: Caller) -> str:
        """Make once more only those operations of a batch that were refused; what became of them."""
        refused = batches.refused(partly.body)
        again = await self.writer.send(batches.only(call, list(refused)), caller)
        if isinstance(again, Sent) and again.status != batches.PARTLY:
            return "All operations were accepted, some at the second try."
        still = batches.refused(again.body) if isinstance(again, Sent) else dict.fromkeys(range(len(refused)), "")
        indexes = [index for place, index in enumerate(refused) if place in still]
        named = ", ".join(f"{index} ({refused[index]})" if refused[index] else str(index) for index in indexes[:20])
        return f"{len(indexes)} of {batches.size(call)} operations were not accepted, by index: {named}."

    async def traces(self, plan: Plan, caller: Caller) -> list[str]:
        """What is there before a send that must not be repeated; only what is new afterwards can be its effect.

        Raises:
            CioError: it could not be read; nothing was sent.
        """
        if plan.trace is None or all(call.retry == "repeatable" for call in plan.calls):
            return []
        return await plan.trace.found(self.client.reader(caller), 0.0)

    async def visible(self, wanted: ReadBack, caller: Caller) -> bool:
        """Whether the values can be read back; compared by string form, since the App API returns strings."""
        people = People(self.client.reader(caller))
        for pause in READ_BACK_PAUSES:
            await self.sleep(pause)
            try:
                person = await people.attributes(Reference(wanted.person, "cio_id"))
            except CioError:
                continue
            if all(same(person.attributes.get(name), value) for name, value in wanted.attributes.items()):
                return True
        return False


def same(read: JsonValue, wanted: JsonValue) -> bool:
    """Whether a value as the App API returns it (mostly a string) is the one that was written."""
    if isinstance(wanted, list | dict) and isinstance(read, str):
        # How Customer.io spaces and orders JSON in a string is not documented.
        try:
            read = json.loads(read)
        except (ValueError, RecursionError):
            return False
    return _as_text(read) == _as_text(wanted)


def _as_text(value: JsonValue) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
