"""What Customer.io knows about one person besides the profile: segments, messages, subscriptions, related objects."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from cio_mcp.customerio.api.base import (
    ActivityPage,
    Flag,
    Id,
    MessagePage,
    Model,
    NextToken,
    ObjectIdentifiers,
    Reference,
    Subject,
)
from cio_mcp.customerio.api.reads import NamedModel, PersonReads


class SegmentName(NamedModel):
    """A segment that a person is in."""


class Topic(NamedModel):
    """A subscription topic, and whether the person is subscribed to it, where that can be read."""

    subscribed: bool | None = None


class Subscriptions(Model):
    """What a person is subscribed to; `unsubscribed` overrides the topics."""

    topics: Annotated[tuple[Topic, ...], Subject]
    unsubscribed: Flag = False


class Optout(Model):
    """A sender of SMS or WhatsApp messages that a person opted out of."""

    channel: str = "sms"
    from_: str = Field(alias="from")


class Relationship(Model):
    """An object that a person is related to."""

    object_type_id: Id | Literal[""] = ""
    identifiers: ObjectIdentifiers = ObjectIdentifiers()
    attributes: dict[str, JsonValue] | None = None


class RelationshipPage(Model):
    """Relationships of a person."""

    cio_relationships: Annotated[tuple[Relationship, ...], Subject]
    next: NextToken = None


class _Segments(Model):
    segments: Annotated[tuple[SegmentName, ...], Subject]


class _Subscriptions(Model):
    customer: Subscriptions


class _Optouts(Model):
    optouts: Annotated[tuple[Optout, ...], Subject]


class PersonRecords(PersonReads):
    """Reads of the routes below `/v1/customers/{id}`.

    Each raises NotFound if no customer has the identifier, and InvalidArgument if the workspace does not identify
    people this way.
    """

    async def segments_of(self, reference: Reference) -> tuple[SegmentName, ...]:
        """Read the segments a person is in."""
        return (await self._of(reference, "list_customer_segments", _Segments)).segments

    async def messages_of(
        self,
        reference: Reference,
        *,
        limit: int,
        start: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> MessagePage:
        """Read what was sent to a person, newest first, of at most six months."""
        return await self._of(
            reference, "list_customer_messages", MessagePage, limit=limit, start=start,
            start_ts=since and int(since.timestamp()), end_ts=until and int(until.timestamp()),
        )  # fmt: skip

    async def activities_of(
        self,
        reference: Reference,
        *,
        limit: int,
        start: str | None = None,
        type_: str | None = None,
        name: str | None = None,
    ) -> ActivityPage:
        """Read what a person did and received in the last 30 days."""
        return await self._of(
            reference, "list_customer_activities", ActivityPage, limit=limit, start=start, type=type_, name=name
        )

    async def subscriptions_of(self, reference: Reference) -> Subscriptions:
        """Read which topics a person is subscribed to."""
        return (await self._of(reference, "get_customer_subscriptions", _Subscriptions)).customer

    async def optouts_of(self, reference: Reference) -> tuple[Optout, ...]:
        """Read which senders of SMS and WhatsApp messages a person opted out of."""
        return (await self._of(reference, "get_customer_optouts", _Optouts)).optouts

    async def relationships_of(self, reference: Reference, *, limit: int, start: str | None = None) -> RelationshipPage:
        """Read the objects a person is related to."""
        return await self._of(reference, "list_customer_relationships", RelationshipPage, limit=limit, start=start)
