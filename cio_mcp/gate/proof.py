"""Proofs: what can be read once a write is visible, and could not before."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.api.objects import Objects
from cio_mcp.customerio.api.people import People
from cio_mcp.customerio.api.segments import Segments
from cio_mcp.customerio.api.suppressions import Suppressions, SuppressionType
from cio_mcp.customerio.client import Reader
from cio_mcp.errors import NotFound
from cio_mcp.gate.values import same

RELATED_PAGES = 10
"""Pages of related customers that are read. Chosen."""


class _Proof(BaseModel):
    model_config = ConfigDict(frozen=True)


class _PersonProof(_Proof):
    """A proof about one customer, `cio_…`."""

    person: str

    @property
    def people(self) -> frozenset[str]:
        """The people it names."""
        return frozenset({self.person})


class PersonGone(_PersonProof):
    """No customer has this `cio_…` anymore."""

    kind: Literal["person_gone"] = "person_gone"

    async def holds(self, reader: Reader) -> bool:
        """Whether it is so.

        Raises:
            CioError: it could not be read.
        """
        try:
            await People(reader).attributes(Reference(self.person, "cio_id"))
        except NotFound:
            return True
        return False


class DeviceState(_PersonProof):
    """A customer has a device of this platform, or no longer has the device."""

    kind: Literal["device"] = "device"
    device: str
    platform: str | None

    async def holds(self, reader: Reader) -> bool:
        """Whether it is so.

        Raises:
            CioError: it could not be read.
        """
        profile = await People(reader).attributes(Reference(self.person, "cio_id"))
        platforms = {device.id: device.platform for device in profile.devices}
        return platforms.get(self.device) == self.platform if self.platform else self.device not in platforms


class ObjectState(_Proof):
    """An object has attributes, or is gone; the customers (`cio_…`) are related to it, or no longer are."""

    kind: Literal["object"] = "object"
    type_id: str
    id: str
    gone: bool = False
    attributes: Mapping[str, JsonValue] = Field(default_factory=dict)
    customers: tuple[str, ...] = ()
    related: bool = True

    @property
    def people(self) -> frozenset[str]:
        """The people it names."""
        return frozenset(self.customers)

    async def holds(self, reader: Reader) -> bool:
        """Whether it is so.

        Raises:
            CioError: it could not be read.
        """
        objects = Objects(reader)
        try:
            record = await objects.get(self.type_id, self.id)
        except NotFound:
            return self.gone
        if self.gone or not all(same(record.attributes.get(name), value) for name, value in self.attributes.items()):
            return False
        if not self.customers:
            return True
        read = await objects.related(self.type_id, self.id, pages=RELATED_PAGES)
        there = {person.reference.value for person in read.people}
        return there.issuperset(self.customers) if self.related else read.complete and there.isdisjoint(self.customers)


class SegmentMembers(_Proof):
    """Customers (`cio_…`) are in a segment, or none of them is."""

    kind: Literal["segment_members"] = "segment_members"
    segment: str
    customers: tuple[str, ...]
    members: bool

    @property
    def people(self) -> frozenset[str]:
        """The people it names."""
        return frozenset(self.customers)

    async def holds(self, reader: Reader) -> bool:
        """Whether it is so.

        Raises:
            CioError: it could not be read.
        """
        cio_ids = [customer.removeprefix("cio_") for customer in self.customers]
        there = await Segments(reader).members_among(self.segment, cio_ids)
        return there == (frozenset(cio_ids) if self.members else frozenset())


class AddressSuppressed(_Proof):
    """The email provider suppresses an address for a reason, or not for any."""

    kind: Literal["address_suppressed"] = "address_suppressed"
    email: str
    reason: SuppressionType
    suppressed: bool

    @property
    def people(self) -> frozenset[str]:
        """The people it names."""
        return frozenset({self.email})

    async def holds(self, reader: Reader) -> bool:
        """Whether it is so.

        Raises:
            CioError: it could not be read.
        """
        page = await Suppressions(reader).of(self.email)
        there = bool(page.suppressions)
        return there and page.type in (self.reason, None) if self.suppressed else not there


Proof = Annotated[
    PersonGone | DeviceState | ObjectState | SegmentMembers | AddressSuppressed, Field(discriminator="kind")
]
