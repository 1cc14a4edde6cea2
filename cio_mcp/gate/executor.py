"""Carrying out a plan's calls, and reading back what they changed."""

import json
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from cio_mcp.customerio import batches
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.api.people import People, Person
from cio_mcp.customerio.call import Call
from cio_mcp.customerio.caller import Work
from cio_mcp.customerio.client import Client
from cio_mcp.customerio.operations import value_at
from cio_mcp.customerio.writer import Failed, Sent, Unknown, Writer
from cio_mcp.errors import CioError, StorageFailed
from cio_mcp.gate.job_spec import JobSpec, JobStarter
from cio_mcp.gate.plan import Plan
from cio_mcp.gate.values import same
from cio_mcp.text.sanitize import word

log = logging.getLogger(__name__)

NOT_STORED = "Failed. Nothing was sent. Its rows are no longer stored. Call again to have them read and reviewed again."
UNNAMED = "Customer.io accepted some operations of the request without naming the others."
NOUNS = {
    "trigger_broadcast": "trigger",
    "create_segment": "segment",
    "create_collection": "collection",
    "create_reporting_webhook": "webhook",
    "export_customers": "export",
    "export_deliveries": "export",
    "import_file": "import",
}
"""What the id in an answer is the id of, by operation; its caller cannot know it otherwise."""
READ_BACK_PAUSES = (0.2, 0.5, 0.9, 1.4)
"""Seconds before each look at a value that Customer.io applies in its own time: 4 times in 3 s."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a plan ended: the journal's state, a sentence, and the delivery ID.

    `created` is the ID of what was made. `refused` are the operations of a batch that were not accepted, by index, each
    with the field that was wrong.
    """

    state: Literal["sent", "failed", "unknown"]
    message: str | None = None
    delivery_id: str | None = None
    created: str | None = None
    refused: Mapping[int, str] = field(default_factory=dict)

    def as_json(self) -> str:
        """What the journal keeps."""
        more = {"created": self.created, "refused": self.refused}
        present = {name: value for name, value in more.items() if value}
        return json.dumps({"message": self.message, "delivery_id": self.delivery_id, **present})


@dataclass(frozen=True, slots=True)
class Executor:
    """The only way from a plan to the network."""

    writer: Writer
    client: Client
    sleep: Callable[[float], Awaitable[None]]
    jobs: JobStarter

    async def carry_out(self, plan: Plan, work: Work) -> Outcome:
        """Make the plan's calls in order; the first that does not succeed ends it, and nothing is raised."""
        try:
            return await self._carry_out(plan, work)
        except Exception as unforeseen:  # noqa: BLE001 - a change must not stay `sending`, whatever broke
            return _unforeseen(plan, unforeseen)

    async def _carry_out(self, plan: Plan, work: Work) -> Outcome:
        if plan.job is not None:
            return await self._start(plan.job)
        sent = Sent(0)
        notes: list[str] = []
        for position, call in enumerate(plan.calls):
            match await self.writer.send(call, work):
                case Sent(status=batches.PARTIAL_STATUS) as partly:
                    rest = await self._rest_of(plan, call, partly, work)
                    if rest.state == "unknown" or len(plan.calls) == 1:
                        return rest
                    notes.append(rest.message or "")
                case Sent() as sent:
                    pass
                case Failed(reason=reason) if position:
                    sent_before = f"{position} of {len(plan.calls)} requests were accepted, then one failed."
                    return Outcome("unknown", f"Partly applied: {sent_before} {reason}{_never_retried(plan)}")
                case Failed(reason=reason):
                    return _failed(plan, reason)
                case Unknown(reason=reason):
                    return _unknown(plan, reason)
        created = _created(plan, sent)
        noun = f" as {NOUNS[plan.calls[-1].operation]} {word(created)}" if created else ""
        message = f"Done. Accepted by Customer.io{noun}." if noun else None
        return Outcome("sent", " ".join(notes) or message, _delivery_of(plan, sent), created)

    async def _start(self, job: JobSpec) -> Outcome:
        try:
            started = await self.jobs.start(job)
        except StorageFailed as failure:
            return Outcome("failed", f"Failed. Nothing was sent. {failure}")
        return Outcome("sent", f"Started as job {job.id}.") if started else Outcome("failed", NOT_STORED)

    async def _rest_of(self, plan: Plan, call: Call, partly: Sent, work: Work) -> Outcome:
        """Send only the refused operations of a batch once more, and return the outcome of the batch."""
        size = batches.size(call)
        refused = batches.refusals(partly.body, size)
        if not refused:
            return _unknown(plan, UNNAMED)
        match await self.writer.send(batches.only(call, list(refused)), work):
            case Unknown(reason=reason):
                return _unknown(plan, reason)
            case Sent(status=batches.PARTIAL_STATUS) as again:
                still = batches.refusals(again.body, len(refused))
                if not still:
                    return _unknown(plan, UNNAMED)
            case Sent():
                return Outcome("sent", "All operations were accepted, some on the second attempt.")
            case Failed():
                still = dict.fromkeys(range(len(refused)), "")
        left = {index: refused[index] for place, index in enumerate(refused) if place in still}
        if len(left) == size:
            return Outcome("failed", f"Failed. {_refusal(plan, size, left)}", refused=left)
        return Outcome("sent", f"Partly applied: {_refusal(plan, size, left)}", refused=left)

    async def traces(self, plan: Plan, work: Work) -> list[str]:
        """What is there before a send that must not be repeated; only what is new afterwards can be its effect.

        Raises:
            CioError: it could not be read; nothing was sent.
        """
        if plan.trace is None or plan.can_be_remade:
            return []
        return await plan.trace.find(self.client.reader(work), 0.0)

    async def confirmed(self, plan: Plan, without: Collection[int], work: Work) -> bool:
        """Whether the result of a plan can be read within three seconds; False where nothing can be read.

        `without` are indexes of people whose operation was refused.
        """
        if plan.proof is None:
            expected = plan.expected(without)
            return bool(expected) and await self.visible(expected, work)
        reader = self.client.reader(work)
        for pause in READ_BACK_PAUSES:
            await self.sleep(pause)
            with suppress(CioError):
                if await plan.proof.holds(reader):
                    return True
        return False

    async def visible(self, expected: Mapping[str, Mapping[str, JsonValue]], work: Work) -> bool:
        """Whether all attributes that are expected, by `cio_…`, can be read back within three seconds."""
        people = People(self.client.reader(work))
        for pause in READ_BACK_PAUSES:
            await self.sleep(pause)
            try:
                profiles = await _profiles(people, [*expected])
            except CioError:
                continue
            if all(_has(profiles.get(person), attributes) for person, attributes in expected.items()):
                return True
        return False


async def _profiles(people: People, cio_ids: list[str]) -> dict[str, Person]:
    """Read profiles by `cio_…`, those of several people in one request."""
    if len(cio_ids) == 1:
        return {cio_ids[0]: await people.attributes(Reference(cio_ids[0], "cio_id"))}
    return {f"cio_{person.cio_id}": person for person in await people.profiles_by(cio_ids, "cio_id")}


def _has(person: Person | None, attributes: Mapping[str, JsonValue]) -> bool:
    return person is not None and all(same(person.attributes.get(name), value) for name, value in attributes.items())


def _refusal(plan: Plan, size: int, refused: Mapping[int, str]) -> str:
    if plan.people:
        return f"Customer.io refused {len(refused)} of {size} customers."
    listed = ", ".join(f"{index} ({field})" if field else str(index) for index, field in list(refused.items())[:20])
    return f"{len(refused)} of {size} operations were not accepted, by index: {listed}."


def _failed(plan: Plan, reason: str) -> Outcome:
    """A definite failure, after which the caller must know that nothing happened."""
    if "nothing was" in reason.lower():
        return Outcome("failed", f"Failed. {reason}")
    return Outcome("failed", f"Failed. Nothing was {'sent' if plan.once else 'changed'}. {reason}")


def _unknown(plan: Plan, reason: str) -> Outcome:
    return Outcome("unknown", f"The outcome is unknown. {reason}{_never_retried(plan)}")


def _never_retried(plan: Plan) -> str:
    # What can be made again, the reconciliation makes again.
    return "" if plan.can_be_remade else " It won't be retried."


def _delivery_of(plan: Plan, sent: Sent) -> str | None:
    """The id of the delivery that the last call caused, if that is what it leaves behind."""
    if not plan.calls or plan.calls[-1].row.evidence != "delivery":
        return None
    delivery = value_at(sent.body, plan.calls[-1].row.answer_id)
    return str(delivery) if delivery else None


def _created(plan: Plan, sent: Sent) -> str | None:
    """The id of what the last call made, if that has a name that people know."""
    if not plan.calls or plan.calls[-1].operation not in NOUNS:
        return None
    created = value_at(sent.body, plan.calls[-1].row.answer_id)
    return None if created is None else str(created)


def _unforeseen(plan: Plan, failure: Exception) -> Outcome:
    # The class only: its text may hold an address or a key.
    log.error("a change failed unexpectedly: %s", type(failure).__name__)
    return _unknown(plan, "The server failed unexpectedly.")
