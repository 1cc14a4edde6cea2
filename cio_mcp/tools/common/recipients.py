"""Shared by plan functions: the recipient of a write, and the lines of a question about them."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from pydantic import JsonValue

from cio_mcp.customerio.api.base import KIND_NAMES, IdType, Reference
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.api.segments import Segment
from cio_mcp.customerio.references import reference_of
from cio_mcp.errors import Ambiguous, InvalidArgument, NotFound
from cio_mcp.gate.plan import Starts
from cio_mcp.text.sanitize import quoted, word
from cio_mcp.text.timestamps import from_unix, has_zone, parse
from cio_mcp.workspace import CallContext

log = logging.getLogger(__name__)

WITH_ARTICLE: dict[IdType, str] = {
    kind: f"{'an' if name[0] in 'aeiou' else 'a'} {name}" for kind, name in KIND_NAMES.items()
}

UNKNOWN_CUSTOMER = "This server can't check whether the customer exists."
ZONE_ASSUMED = "No time zone was given, so it was read as UTC."
UNREAD = "No App API key: current values are unknown, and the result can't be verified."


@dataclass(frozen=True, slots=True)
class Recipient:
    """The customer a write is about, as its request names them; `person` None where the profile cannot be read."""

    reference: Reference
    person: Person | None

    @property
    def identifier(self) -> str:
        """The value of the reference."""
        return self.reference.value

    @property
    def cio_id(self) -> str | None:
        """The `cio_…` of a profile that was read; the effect of a write can only be searched by it."""
        return self.identifier if self.person and self.reference.kind == "cio_id" else None

    @classmethod
    def of(cls, person: Person) -> Self:
        """The person whose profile was read."""
        return cls(person.reference, person)

    @property
    def name(self) -> str:
        """How our sentences name them."""
        known_as = self.person and (self.person.id or self.person.email)
        return quoted(known_as or self.identifier)

    @property
    def example(self) -> str:
        """The line of a question: identifiers, and whether mail reaches the customer."""
        known_by = word(self.identifier) if self.cio_id else WITH_ARTICLE[self.reference.kind]
        return f"{self.name} ({known_by}), {', '.join(self._facts)}"

    @property
    def details(self) -> str:
        """Who they are and whether mail reaches them, beside the identifier of their request."""
        return ", ".join(dict.fromkeys([self.name, *self._facts] if self.person else self._facts))

    @property
    def _facts(self) -> tuple[str, ...]:
        if self.person is None:
            return ("profile unknown",)
        known = (quoted(one) for one in (self.person.email, self.person.phone) if one and one != self.person.id)
        return (*known, "unsubscribed" if self.person.unsubscribed else "subscribed")

    @property
    def recipients(self) -> tuple[str, ...]:
        """The recipient of a message to them: their address, else their `cio_…`; none where the profile is unknown."""
        if self.person is None or not (self.person.email or self.person.cio_id):
            return ()
        return (self.person.email or f"cio_{self.person.cio_id}",)

    @property
    def rests_on(self) -> dict[str, JsonValue]:
        """Preconditions that must still hold when the write is applied."""
        return {"person": self.identifier, "unsubscribed": self.person.unsubscribed if self.person else None}


async def recipient_of(ws: CallContext, customer: str, id_type: IdType | None) -> Recipient:
    """Find the person a write is about.

    Raises:
        NotFound: no customer has this identifier.
        Ambiguous: several people have this email address.
        InvalidArgument: the identifier is malformed.
    """
    if not ws.settings.has_app:
        return Recipient(reference_of(customer, id_type), None)
    return Recipient.of(await ws.people.resolve(customer, id_type))


async def test_profiles(ws: CallContext, recipient: Recipient) -> tuple[str, ...]:
    """The person as a recipient, where they are in the segment of test profiles that the policy names.

    Only a manual segment counts: an assistant may be allowed to change attributes, and they decide about the others.
    """
    if recipient.person is None or (segment := await _segment_of_test_profiles(ws)) is None:
        return ()
    held = await ws.person_records.segments_of(recipient.person.reference)
    return recipient.recipients if segment.id in {each.id for each in held} else ()


async def test_profiles_among(ws: CallContext, people: Sequence[Recipient]) -> tuple[str, ...]:
    """The same for several people, in one request; a person without a `cio_…` is not among them."""
    by_id = {recipient.cio_id: recipient for recipient in people if recipient.cio_id}
    if not by_id or (segment := await _segment_of_test_profiles(ws)) is None:
        return ()
    # An attribute may have any value: only a customer whom the answer names by their own `cio_id` counts.
    either: list[JsonValue] = [
        {"attribute": {"field": "cio_id", "operator": "eq", "value": cio_id.removeprefix("cio_")}} for cio_id in by_id
    ]
    page = await ws.people.search({"and": [{"segment": {"id": int(segment.id)}}, {"or": either}]}, limit=len(by_id))
    members = [by_id.get(f"cio_{person.cio_id}") for person in page.identifiers]
    return tuple(address for recipient in members if recipient for address in recipient.recipients)


async def _segment_of_test_profiles(ws: CallContext) -> Segment | None:
    name = ws.gate.policy.recipients.segment
    if name is None:
        return None
    try:
        segment = await ws.segments.find(name)
    except (NotFound, Ambiguous):
        log.warning("CIO_POLICY_FILE: no single segment matches %s, so it allows nobody", quoted(name))
        return None
    if segment.type != "manual":
        log.warning("CIO_POLICY_FILE: segment %s is not manual, so it allows nobody", quoted(name))
        return None
    return segment


def may_start(campaigns: Iterable[Campaign]) -> tuple[str, ...]:
    """The campaigns a write may start, a line each."""
    return tuple(f"campaign {campaign.id} {quoted(campaign.name)}" for campaign in campaigns)


def starts_as_json(starts: Starts) -> JsonValue:
    """What a write may start, as a plan rests on it."""
    return starts if isinstance(starts, str) else list(starts or ())


def time_of(field: str, text: str | None) -> datetime | None:
    """Read a time with a zone that Customer.io can keep, which counts seconds since 1970.

    Raises:
        InvalidArgument: it is no ISO 8601 time, has no zone, or lies before 1970.
    """
    at = None if text is None else parse(text, field)
    if at is not None and at < from_unix(0):
        raise InvalidArgument(field, "must be 1970 or later")
    return at


def zone_notes(text: str | None) -> tuple[str, ...]:
    """What a person must know about a time that was given without a zone; every answer says it to the caller."""
    return () if text is None or has_zone(text) else (ZONE_ASSUMED,)
