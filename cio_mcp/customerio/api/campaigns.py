"""Campaigns: what they are, what starts them, and their actions in order."""

from collections.abc import Collection
from typing import Annotated, Literal

from cio_mcp.customerio.api.base import (
    LIST_SECONDS,
    MAX_PAGES,
    Blank,
    Complete,
    Content,
    Enumerated,
    Id,
    Listed,
    Model,
)
from cio_mcp.customerio.api.reads import JourneySource, SourceReads
from cio_mcp.customerio.call import read
from cio_mcp.text.names import fold, normalized_name

RELATIONSHIPS = "cio_relationships"
"""The attribute that relates a person to objects."""

StartsOn = Literal["segment", "event", "form", "date", "relationship", "object", "webhook", "unknown"]
"""The seven triggers Customer.io documents, and what it does not tell."""


SET_AT_CREATION = ("id", "email", "created_at")
"""The attributes that a new customer may have without being given them."""


class ActionRef(Model):
    """An action as a campaign lists it: both parts may be missing."""

    id: Annotated[Id | None, Blank] = None
    type: Enumerated | None = None


class Campaign(JourneySource):
    """A campaign; which of the trigger's fields are there tells what starts it."""

    actions: Annotated[tuple[ActionRef, ...], Listed] = ()
    event_name: Annotated[str | None, Blank] = None
    trigger_segment_ids: Annotated[tuple[Id, ...], Complete] = ()
    filter_segment_ids: Annotated[tuple[Id, ...], Listed] = ()
    frequency: Annotated[Enumerated | None, Blank] = None
    date_attribute: Annotated[str | None, Blank] = None
    object_type_id: Annotated[str | None, Blank] = None
    webhook_id: Annotated[str | None, Blank] = None

    @property
    def starts_on(self) -> StartsOn:
        """What starts it, from the fields that are there, else from the deprecated `type`."""
        if self.event_name:
            return "event"
        if self.trigger_segment_ids:
            return "segment"
        if self.date_attribute:
            return "date"
        if self.webhook_id:
            return "webhook"
        match self.type:
            case "segment" | "event" | "form" | "date" | "relationship" | "object" | "webhook":
                return self.type
            case _:
                return "object" if self.object_type_id else "unknown"

    def may_start_from_event(self, name: str) -> bool:
        """Whether this event starts it; spellings that look alike count as one, and an unnamed event may be any."""
        if self.starts_on != "event":
            return self.starts_on == "unknown"
        return self.event_name is None or fold(self.event_name) == fold(name)

    def may_start_from_attributes(self, attributes: Collection[str]) -> bool:
        """Whether setting these profile attributes may start it: by a segment, a date, or a relationship."""
        names = {normalized_name(name) for name in attributes}
        match self.starts_on:
            case "date":
                return self.date_attribute is None or normalized_name(self.date_attribute) in names
            case "relationship" | "object":
                return RELATIONSHIPS in names
            case other:
                return other in {"segment", "unknown"}

    def may_start_from_creation(self, attributes: Collection[str]) -> bool:
        """Whether a new customer with these attributes may start it."""
        return self.may_start_from_attributes({*attributes, *SET_AT_CREATION})


class Campaigns(SourceReads[Campaign]):
    """Reads of `/v1/campaigns`."""

    model, key, kind = Campaign, "campaign", "campaign"
    listing, reading = "list_campaigns", "get_campaign"
    complete = True

    async def actions(self, campaign: Campaign, *, most: int = MAX_PAGES) -> list[Content]:
        """Its actions in the order of the campaign, those it does not list at the end; at most `most` pages."""
        call = read("list_campaign_actions", campaign_id=campaign.id)
        actions = await self._pages(Content, "actions", call, most=most, cache=LIST_SECONDS)
        order = {action.id: place for place, action in enumerate(campaign.actions)}
        return sorted(actions, key=lambda action: order.get(action.id, len(order)))

    async def started_by_event(self, name: str) -> list[Campaign]:
        """The running campaigns that this event may start directly, and those whose trigger is unknown."""
        return [each for each in await self.all() if each.running and each.may_start_from_event(name)]

    async def by_segment(self) -> list[Campaign]:
        """The running campaigns that may start from a segment, which may depend on anything."""
        return [each for each in await self.all() if each.running and each.starts_on in {"segment", "unknown"}]

    async def started_by_creation(self, attributes: Collection[str]) -> list[Campaign]:
        """The running campaigns that a new customer with these attributes may start."""
        return [each for each in await self.all() if each.running and each.may_start_from_creation(attributes)]

    async def started_by_attributes(self, attributes: Collection[str]) -> list[Campaign]:
        """The running campaigns that setting these profile attributes may start; segments may rest on any."""
        return [each for each in await self.all() if each.running and each.may_start_from_attributes(attributes)]
