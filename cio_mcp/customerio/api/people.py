"""People: finding one by any identifier, searching for many, and reading profiles."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, JsonValue

from cio_mcp.customerio.api.base import (
    ActivityPage,
    Blank,
    Complete,
    Flag,
    Identifiers,
    IdType,
    Listed,
    Model,
    Moment,
    NextToken,
    Reference,
    Subject,
    items_of,
)
from cio_mcp.customerio.api.reads import BAD_REQUEST, PersonReads, unknown_customer
from cio_mcp.customerio.call import read
from cio_mcp.customerio.references import other_references, reference_of
from cio_mcp.errors import Ambiguous, InvalidArgument, NotFound, Rejected
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.timestamps import from_unix, moment

MAX_COMPARED = 5
"""People with one address whose profiles are read to tell them apart. Chosen: more would cost the lane."""
MAX_PROFILES_PER_REQUEST = 100
"""Profiles in one request at most: https://docs.customer.io/integrations/api/app/"""


class Device(Model):
    """A device that can receive a push."""

    id: str
    platform: Annotated[str | None, Blank] = None
    last_used: Moment = None


class Person(Model):
    """A profile; Customer.io stores every attribute as a string."""

    identifiers: Identifiers = Identifiers()
    attributes: Annotated[dict[str, JsonValue], BeforeValidator(lambda value: value or {})] = Field(
        default_factory=dict
    )
    timestamps: Annotated[dict[str, JsonValue], BeforeValidator(lambda value: value or {})] = Field(
        default_factory=dict
    )
    unsubscribed: Flag = False
    devices: Annotated[tuple[Device, ...], Listed] = ()

    @property
    def id(self) -> str | None:
        """The `id`, where the person has one."""
        return self.identifiers.id or self._text("id")

    @property
    def email(self) -> str | None:
        """The email address, where the person has one."""
        return self.identifiers.email or self._text("email")

    @property
    def phone(self) -> str | None:
        """The phone number, where the person has one."""
        return self.identifiers.phone or self._text("phone")

    @property
    def cio_id(self) -> str | None:
        """Customer.io's own identifier, which never changes; without the `cio_` it takes in a path."""
        return self.identifiers.cio_id or self._text("cio_id")

    @property
    def created(self) -> datetime | None:
        """`created_at`, which the customer's own systems set: a Unix time, where they set it as documented."""
        text = self._text("created_at") or ""
        return from_unix(int(text)) if text.isascii() and text.isdigit() and len(text) <= len("1234567890") else None

    @property
    def reference(self) -> Reference:
        """The reference that holds longest."""
        return Identifiers(id=self.id, email=self.email, cio_id=self.cio_id).reference

    def _text(self, name: str) -> str | None:
        value = self.attributes.get(name)
        return None if value in (None, "") else str(value)


class SeveralPeople(Ambiguous):
    """Several people share what was given; `people` are their profiles, `count` how many there are."""

    def __init__(self, people: Sequence[Person], count: int) -> None:
        listed = "; ".join(map(_label, people))
        rest = f"; and {count - len(people)} more" if count > len(people) else ""
        super().__init__(f"customer: {count} customers share it. Specify one by cio_id: {listed}{rest}.")
        self.people = tuple(people)
        self.count = count


class PeoplePage(Model):
    """People that match a search, by their identifiers."""

    identifiers: Annotated[tuple[Identifiers, ...], Subject]
    next: NextToken = None


def _unwrapped(profiles: Any) -> Any:
    """Each may stand under `customer`, as published, or by itself, as answered."""
    return [each.get("customer", each) if isinstance(each, dict) else each for each in items_of(profiles)]


class _Profiles(Model):
    customers: Annotated[tuple[Person, ...], BeforeValidator(_unwrapped)]


class _Results(Model):
    results: Annotated[tuple[Identifiers, ...], Complete]


class _Profile(Model):
    customer: Person


class People(PersonReads):
    """Reads of `/v1/customers`."""

    async def resolve(self, customer: str, id_type: IdType | None = None) -> Person:
        """Find the one person that `customer` names, with the profile.

        Raises:
            NotFound: no customer has this identifier.
            SeveralPeople: several people have this email address.
            InvalidArgument: the identifier is malformed, or of a kind the workspace does not use.
        """
        return await self.attributes(await self.locate(customer, id_type))

    async def locate(self, customer: str, id_type: IdType | None = None) -> Reference:
        """Find how to refer to the one person that `customer` names; only an email address costs a request.

        Raises:
            NotFound: no customer has this email address.
            SeveralPeople: several people have it.
            InvalidArgument: the identifier is malformed.
        """
        reference = reference_of(customer, id_type)
        if reference.id_type != "email":
            return reference
        matches = await self.find_by_email(reference.value)
        if not matches:
            raise unknown_customer(reference)
        if len(matches) > 1:
            raise SeveralPeople(await self.profiles(matches[:MAX_COMPARED]), len(matches))
        return matches[0].reference

    async def known_otherwise(self, reference: Reference) -> Person | None:
        """Find the person who has a value as another kind of identifier.

        Raises:
            SeveralPeople: several people have it as their email address.
        """
        for other in other_references(reference):
            with suppress(NotFound, InvalidArgument):
                return await self.resolve(other.value, other.kind)
        return None

    async def find_by_email(self, email: str) -> tuple[Identifiers, ...]:
        """Find all people with this email address."""
        answer = await self._reader.read(read("find_customers_by_email", query={"email": email}))
        return _Results.of(answer).results

    async def search(self, filter_: JsonValue, *, limit: int, start: str | None = None) -> PeoplePage:
        """Find all people who match Customer.io's filter, a page of at most 1,000 at a time."""
        call = read("search_customers", query={"start": start, "limit": limit}, body={"filter": filter_})
        return PeoplePage.of(await self._reader.read(call))

    async def profiles(self, people: Sequence[Identifiers]) -> list[Person]:
        """Read the profiles of a few people, in order; one that no longer exists is left out."""
        profiles = []
        for person in people:
            with suppress(NotFound):
                profiles.append(await self.attributes(person.reference))
        return profiles

    async def profiles_of_many(self, people: Sequence[Identifiers]) -> dict[str, Person]:
        """Read profiles by `cio_id`, `MAX_PROFILES_PER_REQUEST` in a request; one that no longer exists is left out.

        People without an `id` are read in requests of their own.
        """
        by_id = [person.id for person in people if person.id and person.cio_id]
        by_cio_id = [f"cio_{person.cio_id}" for person in people if person.cio_id and not person.id]
        profiles = [*await self.profiles_by(by_id, None), *await self.profiles_by(by_cio_id, "cio_id")]
        wanted = {person.cio_id for person in people}
        return {person.cio_id: person for person in profiles if person.cio_id and person.cio_id in wanted}

    async def emails_in_use(self, emails: Sequence[str]) -> frozenset[str] | None:
        """Find which addresses customers have, in lower case, `MAX_PROFILES_PER_REQUEST` in a request.

        Case does not matter: https://docs.customer.io/journeys/identifying-people (case sensitivity of identifiers).
        None if that can't be found out this way: the workspace does not identify customers by their address.
        """
        try:
            profiles = await self.profiles_by(emails, "email")
        except Rejected as rejected:
            if rejected.status == BAD_REQUEST:
                return None
            raise
        return frozenset(person.email.casefold() for person in profiles if person.email)

    async def profiles_by(self, values: Sequence[str], id_type: Literal["cio_id", "email"] | None) -> list[Person]:
        """Read the profiles that exist by `id` (None), `cio_…`, or email, `MAX_PROFILES_PER_REQUEST` in a request.

        By email it is refused (400) where the workspace does not identify customers by their address.
        """
        profiles: list[Person] = []
        for start in range(0, len(values), MAX_PROFILES_PER_REQUEST):
            body: JsonValue = {"ids": [*values[start : start + MAX_PROFILES_PER_REQUEST]]}
            call = read("get_customers", query={"id_type": id_type}, body=body)
            profiles += _Profiles.of(await self._reader.read(call)).customers
        return profiles

    async def attributes(self, reference: Reference) -> Person:
        """Read a profile.

        Raises:
            NotFound: no customer has this identifier.
            InvalidArgument: the workspace does not identify people this way.
        """
        return (await self._of(reference, "get_customer_attributes", _Profile)).customer

    async def deleted_at(self, reference: Reference) -> datetime | None:
        """When the profile that had this identifier was deleted, if that was in the last 30 days."""
        query = {"customer_id": reference.value, "id_type": reference.id_type, "deleted": True, "limit": 1}
        page = ActivityPage.of(await self._reader.read(read("list_activities", query=query)))
        return next((activity.timestamp for activity in page.activities), None)


def _label(person: Person) -> str:
    """What distinguishes a person from another with the same address, without the address."""
    cio_id = f"cio_{person.cio_id}"
    id_part = f" (id {quoted(person.id, 40)})" if person.id and "@" not in person.id else ""
    created = f", created {moment(person.created)}" if person.created else ""
    return f"{cio_id}{id_part}{created}"
