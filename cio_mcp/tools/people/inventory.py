"""What a customer has, as far as it can be read: what a removal loses, and what a merge compares."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from pydantic import JsonValue

from cio_mcp.customerio.api.base import MessagePage
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.api.person_records import RelationshipPage, SegmentName
from cio_mcp.customerio.api.segments import Segment
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.gather import together
from cio_mcp.tools.common.recipients import Recipient
from cio_mcp.workspace import CallContext

MAX_COUNTED = 100
"""Deliveries and relationships that are counted; more are called "at least". Chosen: one request each."""
MAX_NAMED = 10
"""Segments that are named. Chosen."""
IDENTIFIERS = frozenset({"id", "email", "phone", "cio_id"})


@dataclass(frozen=True, slots=True)
class Inventory:
    """A customer's profile, segments, relationships, and deliveries of the last six months."""

    recipient: Recipient
    person: Person
    manual: tuple[SegmentName, ...]
    segments: int
    objects: tuple[str, ...]
    more_objects: bool
    messages: int
    more_messages: bool

    @property
    def attributes(self) -> dict[str, JsonValue]:
        """The attributes that are set, without identifiers and what Customer.io computes."""
        return {
            name: value
            for name, value in self.person.attributes.items()
            if name not in IDENTIFIERS and not name.startswith("_") and value not in (None, "")
        }

    @property
    def rests_on(self) -> dict[str, JsonValue]:
        """What a decision about all of the customer rests on; deliveries and computed values change by themselves."""
        return {
            "person": self.recipient.identifier,
            "identifiers": [self.person.id, self.person.email, self.person.phone],
            "unsubscribed": self.person.unsubscribed,
            "attributes": self.attributes,
            "devices": [*sorted(device.id for device in self.person.devices)],
            "segments": [*sorted(segment.id for segment in self.manual)],
            "objects": [*sorted(self.objects)],
        }

    @property
    def counts(self) -> str:
        """How much there is of each kind, in a phrase."""
        return ", ".join(self._counts())

    def _counts(self) -> Iterator[str]:
        yield _count(len(self.attributes), "attribute")
        yield _count(len(self.person.devices), "device")
        named = join_first([quoted(segment.name) for segment in self.manual], MAX_NAMED)
        yield f"{_count(len(self.manual), 'manual segment')}{f' ({named})' if named else ''}"
        yield f"{'at least ' if self.more_objects else ''}{_count(len(self.objects), 'related object')}"
        deliveries = _count(self.messages, "delivery", "deliveries")
        yield f"{'at least ' if self.more_messages else ''}{deliveries} in 6 months"


def _count(number: int, singular: str, plural: str = "") -> str:
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"


async def inventory_of(ws: CallContext, recipient: Recipient) -> Inventory:
    """Read what a customer has, whose profile was read."""
    person = recipient.person
    assert person is not None  # noqa: S101 - callers have read it
    reference = person.reference
    read = await together(
        {
            "segments": partial(ws.person_records.segments_of, reference),
            "all": ws.segments.all,
            "objects": partial(ws.person_records.relationships_of, reference, limit=MAX_COUNTED),
            "messages": partial(ws.person_records.messages_of, reference, limit=MAX_COUNTED),
        }
    )
    segments: tuple[SegmentName, ...] = read["segments"]
    every: list[Segment] = read["all"]
    objects: RelationshipPage = read["objects"]
    messages: MessagePage = read["messages"]
    dynamic = {segment.id for segment in every if segment.type == "dynamic"}
    return Inventory(
        recipient=recipient,
        person=person,
        manual=tuple(segment for segment in segments if segment.id not in dynamic),
        segments=len(segments),
        objects=tuple(f"{each.object_type_id}:{each.identifiers.object_id}" for each in objects.cio_relationships),
        more_objects=objects.next is not None,
        messages=len(messages.messages),
        more_messages=messages.next is not None,
    )


def confirmation_for(recipient: Recipient) -> tuple[str, bool]:
    """What must be typed to remove a customer: the ID, else the address, and whether its case counts."""
    person = recipient.person
    known_as = (person and (person.id or person.email)) or recipient.identifier
    return known_as, known_as != (person and person.email)
