"""The tools that find customers and read one."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, ClassVar

from pydantic import Field

from cio_mcp.customerio.api.base import Identifiers
from cio_mcp.customerio.api.people import PeoplePage, Person, SeveralPeople
from cio_mcp.customerio.api.segments import MemberPage
from cio_mcp.errors import InvalidArgument
from cio_mcp.text.render import Answer
from cio_mcp.text.sanitize import quoted_name
from cio_mcp.text.untrusted import Prose, Untrusted
from cio_mcp.tools.common.arguments import Cursor, Customer, CustomerIdType, Email, Limit, SegmentRef
from cio_mcp.tools.common.gather import together
from cio_mcp.tools.common.pages import PageAnswer, continuation, cut, page_of, total_of
from cio_mcp.tools.common.people_filter import Filter, audience
from cio_mcp.tools.common.person_ref import AnswerPart, PersonRef, pairs, who
from cio_mcp.tools.core.customer_attributes import (
    attributes_of,
    cut_to_fit,
    differences_of,
    fit_attributes,
    missing_note,
    named_attributes,
)
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

MAX_OMITTED_NAMES = 100
"""Attributes that are left out and named. Chosen."""
MAX_ROW_ATTRIBUTES, MAX_PERSON_ATTRIBUTES = 10, 30
"""Maximum attributes to request by name, in a list and of one person. Chosen."""
FOR_MORE: dict[Include, str] = {
    "messages": "For more messages, call list_messages with this customer.",
    "segments": "Whether the customer is in a segment that is not listed, find_customers answers with a filter on that "
    "segment and on the attribute cio_id.",
    "activities": "For older activities, call read_api (toolset api) with list_customer_activities.",
    "relationships": "For all relationships, call read_api (toolset api) with list_customer_relationships.",
}
"""How to get at the rest of a list that is incomplete."""
MAX_DEVICES = 20
"""Devices in one answer. Chosen."""


class CustomersAnswer(PageAnswer):
    """People found."""

    customers: list[PersonRef]
    total: int | None = None
    note: Prose | None = None

    def lines(self) -> Iterable[str]:
        """How many, then each person on a line."""
        if self.note:
            yield self.note
        elif self.total:
            yield f"{self.total:,} {'person' if self.total == 1 else 'people'}"
        if not self.customers:
            yield "No more customers." if self.total else "No customers found."
        yield from map(str, self.customers)
        yield from self.more(self.total)


class CustomerAnswer(Answer):
    """One customer; or, if several share the identifier, only `several`."""

    personal: ClassVar[bool] = True

    cio_id: str | None = None
    id: str | None = None
    email: str | None = None
    phone: str | None = None
    unsubscribed: bool | None = None
    created_at: datetime | None = None
    attributes: dict[str, Untrusted] | None = None
    attributes_omitted: int | None = None
    omitted_names: list[str] | None = None
    devices: list[DeviceLine] | None = None
    devices_omitted: int | None = None
    segments: list[SegmentLine] | None = None
    subscriptions: list[TopicLine] | None = None
    relationships: list[RelationshipLine] | None = None
    messages: list[MessageLine] | None = None
    activities: list[ActivityLine] | None = None
    incomplete: list[Include] | None = Field(default=None, description="Lists that are incomplete")
    totals: dict[str, int] | None = None
    next_step: Prose | None = None
    several: list[PersonRef] | None = None
    note: Prose | None = None

    def lines(self) -> Iterable[str]:
        """The identifiers first, then the included parts."""
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
        if self.omitted_names:
            names = ", ".join(quoted_name(name) for name in self.omitted_names)
            omitted = _share(self.attributes_omitted, len(self.attributes or {}))
            yield f"{omitted} attributes are omitted. Pass their names in attributes: {names}"
        yield from _inline("Devices", self.devices)
        if self.devices_omitted:
            yield f"{_share(self.devices_omitted, len(self.devices or ()))} devices are omitted."
        yield from _inline("Segments", self.segments)
        yield from _inline("Topics", self.subscriptions)
        yield from _inline("Related to", self.relationships)
        yield from _below("Messages", self.messages)
        yield from _below("Activities", self.activities)
        if self.incomplete:
            yield f"Incomplete lists: {', '.join(map(self._incomplete, self.incomplete))}."
        if self.next_step:
            yield self.next_step

    def _incomplete(self, name: Include) -> str:
        total = (self.totals or {}).get(name)
        return name if total is None else f"{name} ({len(getattr(self, name)):,} of {total:,})"


async def find_customers(
    ws: CallContext,
    email: Email | None = None,
    filter: Filter | None = None,  # noqa: A002 - Customer.io's own word
    segment: SegmentRef | None = None,
    attributes: Annotated[tuple[str, ...], Field(max_length=MAX_ROW_ATTRIBUTES)] = (),
    limit: Limit = 20,
    cursor: Cursor = None,
) -> CustomersAnswer:
    """Search for and count customers (people) by email, filter (attributes and segments), or segment. Pass one."""
    if sum(choice is not None for choice in (email, filter, segment)) != 1:
        raise InvalidArgument("email, filter, segment", "pass exactly one of them")
    if email is not None:
        return await _by_email(ws, email.strip(), attributes, limit, cursor)
    condition = (
        {"segment": {"id": int((await ws.segments.find(segment)).id)}} if segment else await audience(ws, filter)
    )
    page, total = await _page(ws, condition, limit, cursor)
    return CustomersAnswer(
        customers=await _rows(ws, page.identifiers, attributes),
        total=total,
        **continuation(page.next),
        omitted=total - len(page.identifiers) if total and page.next and cursor is None else None,
    )


async def get_customer(
    ws: CallContext,
    customer: Customer,
    id_type: CustomerIdType = None,
    include: Annotated[tuple[Include, ...], Field(description="Related data to add")] = (),
    attributes: Annotated[
        tuple[str, ...], Field(description="Only these attributes", max_length=MAX_PERSON_ATTRIBUTES)
    ] = (),
) -> CustomerAnswer:
    """Get everything about a customer: profile, subscriptions, attributes, devices; segments and more with include."""
    try:
        reference = await ws.people.locate(customer, id_type)
    except SeveralPeople as several:
        people = differences_of(several.people, mask=ws.settings.mask_pii)
        return CustomerAnswer(several=people, note=_shared_address_note(several.count))
    parts = dict.fromkeys(include)
    results = await together(
        {
            "profile": partial(ws.people.attributes, reference),
            **{name: partial(FETCH[name], ws, reference) for name in parts},
        }
    )
    person: Person = results["profile"]
    listed, omitted = fit_attributes(named_attributes(person, attributes) if attributes else attributes_of(person))
    return CustomerAnswer(
        cio_id=f"cio_{person.cio_id}" if person.cio_id else None,
        id=person.id,
        email=person.email,
        phone=person.phone,
        unsubscribed=person.unsubscribed,
        created_at=person.created,
        attributes=listed or None,
        attributes_omitted=len(omitted) or None,
        omitted_names=omitted[:MAX_OMITTED_NAMES] or None,
        note=missing_note(person, attributes),
        devices=[DeviceLine(**device.model_dump()) for device in person.devices[:MAX_DEVICES]] or None,
        devices_omitted=len(person.devices[MAX_DEVICES:]) or None,
        incomplete=[name for name in parts if results[name].more] or None,
        next_step=" ".join(FOR_MORE[name] for name in parts if results[name].more and name in FOR_MORE) or None,
        totals={name: results[name].total for name in parts if results[name].more and results[name].total} or None,
        **{name: results[name].lines for name in parts},
    )


async def _page(
    ws: CallContext, condition: dict[str, Any], limit: int, cursor: str | None
) -> tuple[MemberPage | PeoplePage, int | None]:
    """A page of people and how many there are in all, which Customer.io counts for a segment only."""
    if "segment" not in condition:
        people = await page_of(partial(ws.people.search, condition), "identifiers", limit, cursor)
        return people, total_of(len(people.identifiers), cursor, people.next)
    id_ = str(condition["segment"]["id"])
    read = await together(
        {
            "members": partial(page_of, partial(ws.segments.members, id_), "identifiers", limit, cursor),
            "count": partial(ws.segments.count, id_),
        }
    )
    return read["members"], read["count"]


async def _rows(ws: CallContext, people: Sequence[Identifiers], attributes: Sequence[str]) -> list[PersonRef]:
    if not attributes:
        return list(map(who, people))
    profiles = await ws.people.profiles_of_many(people)
    rows = {cio_id: named_attributes(profile, attributes) or None for cio_id, profile in profiles.items()}
    return cut_to_fit(
        [who(person).model_copy(update={"attributes": rows.get(person.cio_id or "")}) for person in people],
        mask=ws.settings.mask_pii,
    )


async def _by_email(
    ws: CallContext, email: str, attributes: Sequence[str], limit: int, cursor: str | None
) -> CustomersAnswer:
    if "@" not in email:
        raise InvalidArgument("email", "expected an email address")
    matches = await ws.people.find_by_email(email)
    listed, page = cut(matches, limit, cursor)
    if len(matches) < 2 or attributes:  # noqa: PLR2004 - one person needs no telling apart
        customers = await _rows(ws, listed, attributes)
    else:
        profiles = await ws.people.profiles_of_many(listed)
        customers = differences_of(list(profiles.values()), mask=ws.settings.mask_pii)
    return CustomersAnswer(
        customers=customers,
        total=len(matches),
        note=_shared_address_note(len(matches)) if len(matches) > 1 else None,
        **page,
    )


def _shared_address_note(count: int) -> str:
    return f"{count} customers share this address. Specify one by cio_id."


def _share(omitted: int | None, shown: int) -> str:
    return f"{omitted or 0:,} of {(omitted or 0) + shown:,}"


def _inline(title: str, part: Sequence[AnswerPart] | None) -> Iterable[str]:
    if part is not None:
        yield f"{title}: {', '.join(map(str, part)) or 'none'}"


def _below(title: str, part: Sequence[AnswerPart] | None) -> Iterable[str]:
    if part is not None:
        yield f"{title}:{'' if part else ' none'}"
        yield from (f"- {line}" for line in part)
