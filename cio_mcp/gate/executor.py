"""Carrying out a plan's calls, and reading back what they changed."""

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cio_mcp.customerio.api import batches
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.api.people import People
from cio_mcp.customerio.call import Call
from cio_mcp.customerio.caller import Work
from cio_mcp.customerio.writer import Failed, Sent, Unknown, Writer
from cio_mcp.errors import CioError
from cio_mcp.gate.plan import Plan, ReadBack
from cio_mcp.gate.values import same

if TYPE_CHECKING:
    from cio_mcp.customerio.client import Client

log = logging.getLogger(__name__)

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

    async def carry_out(self, plan: Plan, work: Work) -> Outcome:
        """Make the plan's calls in order; the first that does not succeed ends it, and nothing is raised."""
        try:
            return await self._carry_out(plan, work)
        except Exception as unforeseen:  # noqa: BLE001 - a change must not stay `sending`, whatever broke
            return _unforeseen(unforeseen)

    async def _carry_out(self, plan: Plan, work: Work) -> Outcome:
        sent = Sent(0)
        said: list[str] = []
        for position, call in enumerate(plan.calls):
            match await self.writer.send(call, work):
                case Sent(status=batches.PARTLY) as partly:
                    said.append(await self._rest_of(call, partly, work))
                case Sent() as sent:
                    pass
                case Failed(reason=reason) if position:
                    sent_before = f"{position} of {len(plan.calls)} requests were accepted, then one failed."
                    return Outcome("unknown", f"Partly applied: {sent_before} {reason} It won't be retried.")
                case Failed(reason=reason):
                    return Outcome("failed", f"Failed. {reason}")
                case Unknown(reason=reason):
                    # What may be repeated, the reconciliation does repeat.
                    again = "" if call.retry == "repeatable" else " It won't be retried."
                    return Outcome("unknown", f"The outcome is unknown. {reason}{again}")
        delivery = sent.body.get("delivery_id")
        return Outcome("sent", " ".join(said) or None, str(delivery) if delivery else None)

    async def _rest_of(self, call: Call, partly: Sent, work: Work) -> str:
        """Make once more only those operations of a batch that were refused; what became of them."""
        refused = batches.refused(partly.body)
        again = await self.writer.send(batches.only(call, list(refused)), work)
        if isinstance(again, Sent) and again.status != batches.PARTLY:
            return "All operations were accepted, some on the second attempt."
        still = batches.refused(again.body) if isinstance(again, Sent) else dict.fromkeys(range(len(refused)), "")
        indexes = [index for place, index in enumerate(refused) if place in still]
        named = ", ".join(f"{index} ({refused[index]})" if refused[index] else str(index) for index in indexes[:20])
        return f"{len(indexes)} of {batches.size(call)} operations were not accepted, by index: {named}."

    async def traces(self, plan: Plan, work: Work) -> list[str]:
        """What is there before a send that must not be repeated; only what is new afterwards can be its effect.

        Raises:
            CioError: it could not be read; nothing was sent.
        """
        if plan.trace is None or all(call.retry == "repeatable" for call in plan.calls):
            return []
        return await plan.trace.found(self.client.reader(work), 0.0)

    async def visible(self, wanted: ReadBack, work: Work) -> bool:
        """Whether the values can be read back within three seconds."""
        people = People(self.client.reader(work))
        for pause in READ_BACK_PAUSES:
            await self.sleep(pause)
            try:
                person = await people.attributes(Reference(wanted.person, "cio_id"))
            except CioError:
                continue
            if all(same(person.attributes.get(name), value) for name, value in wanted.attributes.items()):
                return True
        return False


def _unforeseen(failure: Exception) -> Outcome:
    # The class only: its text may hold an address or a key.
    log.error("a change failed unexpectedly: %s", type(failure).__name__)
    return Outcome("unknown", "The outcome is unknown. The server failed unexpectedly. It won't be retried.")
