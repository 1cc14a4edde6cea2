"""The tool that explains why a customer did or didn't get a message."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Annotated, Any, ClassVar

from pydantic import Field, WithJsonSchema

from cio_mcp.customerio.api.base import Identifiers, Message, Reference
from cio_mcp.customerio.api.broadcasts import Broadcast
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.api.newsletters import Newsletter
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.api.transactional import TransactionalMessage
from cio_mcp.customerio.references import reference_of
from cio_mcp.errors import CioError, InvalidArgument, NotFound
from cio_mcp.text.render import Answer
from cio_mcp.text.timestamps import clock_line, moment
from cio_mcp.text.untrusted import Prose
from cio_mcp.tools.common.arguments import Customer, CustomerIdType, Id, Kind
from cio_mcp.tools.common.gather import Read, together
from cio_mcp.tools.common.lookup import Source, find
from cio_mcp.tools.common.person_ref import AnswerPart, PersonRef, who
from cio_mcp.tools.common.sources import Source as SourceLine
from cio_mcp.tools.core.deliveries import MessageLine, line_of, timeline
from cio_mcp.tools.core.explanation.causes import causes_of
from cio_mcp.tools.core.explanation.conditions import Cause
from cio_mcp.tools.core.explanation.evidence import Evidence, evidence_of
from cio_mcp.tools.core.explanation.gaps import not_visible
from cio_mcp.tools.core.explanation.reads import facts_of
from cio_mcp.tools.core.explanation.verdicts import DELIVERED_ELSEWHERE, MEANINGS, Verdict
from cio_mcp.workspace import CallContext

OUTLINE = WithJsonSchema({"type": "object"})
"""A part that other tools describe too, whose fields the schema leaves out."""

MODELS: dict[Kind, type[Source]] = {
    "campaign": Campaign,
    "broadcast": Broadcast,
    "newsletter": Newsletter,
    "transactional": TransactionalMessage,
}


class CauseLine(AnswerPart):
    """A verdict and its reason; one that is not certain is likely."""

    verdict: Verdict
    because: Prose
    certain: bool

    def __str__(self) -> str:
        return f"{self.verdict}{'' if self.certain else ' (likely)'}: {self.because}"

    @classmethod
    def of(cls, cause: Cause) -> "CauseLine":
        """A cause as a line."""
        return cls(verdict=cause.verdict, because=cause.because, certain=cause.certain)


class DeliveryExplanation(Answer):
    """The verdict first, then other causes, the message, the evidence, and what the API does not show."""

    personal: ClassVar[bool] = True

    verdict: Verdict
    because: Prose
    certain: bool
    also: tuple[CauseLine, ...] | None = None
    customer: Annotated[PersonRef, OUTLINE] | None = None
    source: Annotated[SourceLine, OUTLINE] | None = None
    message: Annotated[MessageLine, OUTLINE] | None = None
    timeline: dict[str, datetime] | None = None
    evidence: tuple[Evidence, ...] = ()
    not_visible: tuple[Prose, ...] | None = None
    next_step: Prose
    now: datetime

    def lines(self) -> Iterable[str]:
        """The verdict, then everything it rests on."""
        yield f"Verdict: {self.verdict}{'' if self.certain else ' (likely)'}. {self.because}"
        yield from (f"Also {cause}" for cause in self.also or ())
        if self.customer:
            yield f"Customer {self.customer}"
        if self.source:
            yield f"About {self.source}"
        if self.message:
            yield f"Message: {self.message}"
        if self.timeline:
            yield f"Timeline: {', '.join(f'{name} {moment(at)}' for name, at in self.timeline.items())}"
        if self.evidence:
            yield "Evidence:"
        yield from (f"- {line}" for line in self.evidence)
        if self.not_visible:
            yield f"Not visible through the API: {'; '.join(self.not_visible)}."
        yield f"Next: {self.next_step}"
        yield clock_line(self.now)


async def explain_delivery(
    ws: CallContext,
    customer: Customer,
    kind: Kind | None = None,
    id: Annotated[Id | None, Field(description="ID or exact name; requires kind")] = None,  # noqa: A002 - the tools' word
    id_type: CustomerIdType = None,
) -> DeliveryExplanation:
    """Find out why a customer did or didn't get a message, or never received it. Without kind and id, the latest one.

    Checks the profile, suppression, audience, trigger, template, and delivery.
    """
    if id is not None and kind is None:
        raise InvalidArgument("kind", "is required with id: campaign, broadcast, newsletter, or transactional")
    try:
        reference = await ws.people.locate(customer, id_type)
    except NotFound as missing:
        return await _unknown_customer(ws, reference_of(customer, id_type), missing)
    read = await together(
        {
            "person": partial(_or_missing, partial(ws.people.attributes, reference)),
            "source": partial(find, ws, kind, id) if kind and id is not None else _nothing,
        }
    )
    if isinstance(absent := read["person"], NotFound):
        return await _unknown_customer(ws, reference, absent)
    person: Person = read["person"]
    facts = await facts_of(ws, person, kind, read["source"])
    main, *others = causes_of(facts)
    message = facts.answered
    return DeliveryExplanation(
        verdict=main.verdict,
        because=main.because,
        certain=main.certain,
        also=tuple(map(CauseLine.of, others)) or None,
        customer=_who(person),
        source=_source_line(facts.source),
        message=line_of(message) if message else None,
        timeline={name: at for name, at in timeline(message).items() if at} or None if message else None,
        evidence=tuple(evidence_of(facts)),
        not_visible=tuple(not_visible(facts, main.verdict)) or None,
        next_step=_next_step(main.verdict, message),
        now=ws.now,
    )


async def _unknown_customer(ws: CallContext, reference: Reference, missing: NotFound) -> DeliveryExplanation:
    try:
        deleted_at = await ws.people.deleted_at(reference)
    except CioError:
        deleted_at = None
    fact = f"A profile with this identifier was deleted on {moment(deleted_at)}." if deleted_at else None
    because = str(missing).removeprefix("customer: ")
    return DeliveryExplanation(
        verdict="customer_unknown",
        because=because[:1].upper() + because[1:],
        certain=True,
        evidence=(Evidence(fact=fact, source="activities"),) if fact else (),
        not_visible=("whether the identifier is suppressed in Customer.io",),
        next_step=MEANINGS["customer_unknown"].next_step,
        now=ws.now,
    )


async def _or_missing(read: Read) -> Any:
    try:
        return await read()
    except NotFound as missing:
        return missing


async def _nothing() -> None:
    return None


def _next_step(verdict: Verdict, message: Message | None) -> str:
    if verdict == "delivered" and message and message.type != "email":
        return DELIVERED_ELSEWHERE
    return MEANINGS[verdict].next_step


def _who(person: Person) -> PersonRef:
    return who(Identifiers(id=person.id, email=person.email, cio_id=person.cio_id))


def _source_line(source: Source | None) -> SourceLine | None:
    kind = next((kind for kind, model in MODELS.items() if isinstance(source, model)), None)
    return SourceLine(kind=kind, id=source.id, name=source.name) if source and kind else None
