"""Tools that find people and show what Customer.io knows about them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, ClassVar

from pydantic import Field

from cio_mcp.customerio.api.people import COMPARED, Person, SeveralPeople
from cio_mcp.customerio.call import canonical
from cio_mcp.errors import InvalidArgument
from cio_mcp.text.render import Answer
from cio_mcp.text.sanitize import quoted_name
from cio_mcp.text.untrusted import Prose, Untrusted
from cio_mcp.tools.common.arguments import Cursor, Customer, CustomerIdType, Email, Limit, SegmentRef
from cio_mcp.tools.common.gather import together
from cio_mcp.tools.common.pages import PageAnswer, following
from cio_mcp.tools.common.people_filter import Filter, checked
from cio_mcp.tools.common.person_ref import AnswerPart, PersonRef, pairs, who
from cio_mcp.tools.core.customer_parts import (
    FETCH,
    ActivityLine,
    DeviceLine,
    Include,
    RelationshipLine,
    SegmentLine,
    TopicLine,
)
from cio_mcp.tools.core.deliveries import MessageLine
from cio_mcp.workspace import CallContext

DIFFERING = 5
"""Attributes that tell people apart; no source, more would hide them."""
ELSEWHERE = {"id", "email", "phone", "cio_id", "unsubscribed", "_cio_subscription_preferences_computed"}
"""Attributes that stand elsewhere in the answer, or follow from what does."""


class CustomersAnswer(PageAnswer):
    """People found."""

    customers: list[PersonRef]
    note: Prose | None = None

    def lines(self) -> Iterable[str]:
        """Each person on a line."""
        if self.note:
            yield self.note
        if not self.customers:
            yield "Nobody found."
        yield from map(str, self.customers)
        yield from self.more()


class CustomerAnswer(Answer):
    """One customer; or, where several share what was given, `several` and nothing else."""

    personal: ClassVar[bool] = True

    cio_id: str | None = None
    id: str | None = None
    email: str | None = None
    phone: str | None = None
    unsubscribed: bool | None = None
    created_at: datetime | None = None
    attributes: dict[str, Untrusted] | None = None
    devices: list[DeviceLine] | None = None
    segments: list[SegmentLine] | None = None
    subscriptions: list[TopicLine] | None = None
    relationships: list[RelationshipLine] | None = None
    messages: list[MessageLine] | None = None
    activities: list[ActivityLine] | None = None
    incomplete: list[Include] | None = Field(default=None, description="Included lists that go on")
    several: list[PersonRef] | None = None
    note: Prose | None = None

    def lines(self) -> Iterable[str]:
        """Who it is first, then what was included."""
        if self.note:
            yield self.note
        if self.several is not None:
            yield from map(str, self.several)
            return
        person = PersonRef(cio_id=self.cio_id, id=self.id, email=self.email, created_at=self.created_at)
        phone = f", phone {quoted_name(self.phone)}" if self.phone else ""
        yield f"{person}{phone}; {'unsubscribed' if self.unsubscribed else 'subscribed'}"
        if attributes := pairs(self.attributes):
            yield f"Attributes: {', '.join(attributes)}"
        yield from _inline("Devices", self.devices)
        yield from _inline("Segments", self.segments)
        yield from _inline("Topics", self.subscriptions)
        yield from _inline("Related to", self.relationships)
        yield from _below("Messages", self.messages)
        yield from _below("Activities", self.activities)
        if self.incomplete:
            yield f"There is more of: {', '.join(self.incomplete)}."


async def find_customers(
    ws: CallContext,
    email: Email | None = None,
    filter: Filter | None = None,  # noqa: A002 - Customer.io's own word
    segment: SegmentRef | None = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> CustomersAnswer:
    """Find people. Give exactly one of email, filter (by attributes and segments), segment."""
    if sum(given is not None for given in (email, filter, segment)) != 1:
        raise InvalidArgument("email, filter, segment", "give exactly one of them")
    if email is not None:
        return await _by_email(ws, email.strip(), limit)
    if segment is not None:
        page = await ws.segments.members((await ws.segments.find(segment)).id, limit=limit, start=cursor)
        return CustomersAnswer(customers=[who(person) for person in page.identifiers], **following(page.next))
    people = await ws.people.search(checked(filter), limit=limit, start=cursor)
    return CustomersAnswer(customers=[who(person) for person in people.identifiers], **following(people.next))


async def get_customer(
    ws: CallContext,
    customer: Customer,
    id_type: CustomerIdType = None,
    include: Annotated[tuple[Include, ...], Field(description="What else to fetch")] = (),
) -> CustomerAnswer:
    """Show one person: identifiers, subscription, attributes, devices, and what is included."""
    try:
        reference = await ws.people.locate(customer, id_type)
    except SeveralPeople as several:
        return CustomerAnswer(several=_apart(several.people), note=_shared(several.count))
    parts = dict.fromkeys(include)
    found = await together(
        {
            "profile": partial(ws.people.attributes, reference),
            **{name: partial(FETCH[name], ws, reference) for name in parts},
        }
    )
    person: Person = found["profile"]
    return CustomerAnswer(
        cio_id=f"cio_{person.cio_id}" if person.cio_id else None,
        id=person.id,
        email=person.email,
        phone=person.phone,
        unsubscribed=person.unsubscribed,
        created_at=person.created,
        attributes=_attributes(person),
        devices=[DeviceLine(**device.model_dump()) for device in person.devices] or None,
        incomplete=[name for name in parts if found[name].more] or None,
        **{name: found[name].lines for name in parts},
    )


async def _by_email(ws: CallContext, email: str, limit: int) -> CustomersAnswer:
    if "@" not in email:
        raise InvalidArgument("email", "expected an email address")
    found = await ws.people.find_by_email(email)
    if len(found) < 2:  # noqa: PLR2004 - one person needs no telling apart
        return CustomersAnswer(customers=[who(person) for person in found])
    compared = found[: min(COMPARED, limit)]
    people = _apart(await ws.people.profiles(compared))
    omitted = len(found) - len(compared)
    return CustomersAnswer(customers=people, note=_shared(len(found)), omitted=omitted or None)


def _shared(count: int) -> str:
    return f"{count} people share this address; none was picked. Name the one that is meant by its cio_id."


def _apart(people: Sequence[Person]) -> list[PersonRef]:
    """Several people with what tells them apart: the attributes in which they differ."""
    known = [_attributes(person) or {} for person in people]
    names = dict.fromkeys(name for attributes in known for name in attributes if name != "created_at")
    differing = [name for name in names if len({attributes.get(name) for attributes in known}) > 1][:DIFFERING]
    return [
        PersonRef(
            cio_id=f"cio_{person.cio_id}",
            id=person.id,
            email=person.email,
            created_at=person.created,
            attributes={name: attributes[name] for name in differing if name in attributes} or None,
        )
        for person, attributes in zip(people, known, strict=True)
    ]


def _attributes(person: Person) -> dict[str, str] | None:
    hidden = ELSEWHERE | ({"created_at"} if person.created else set())
    told = {name: value for name, value in person.attributes.items() if name not in hidden and value is not None}
    return {name: value if isinstance(value, str) else canonical(value) for name, value in told.items()} or None


def _inline(title: str, part: Sequence[AnswerPart] | None) -> Iterable[str]:
    if part is not None:
        yield f"{title}: {', '.join(map(str, part)) or 'none'}"


def _below(title: str, part: Sequence[AnswerPart] | None) -> Iterable[str]:
    if part is not None:
        yield f"{title}:{'' if part else ' none'}"
        yield from (f"- {line}" for line in part)
