"""What `explain_delivery` knows: everything that was read, without a verdict. None means that it could not be read."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import JsonValue
from ulid import ULID

from cio_mcp.customerio.api.base import Activity, Content, Message
from cio_mcp.customerio.api.broadcasts import Broadcast
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.api.newsletters import Newsletter
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.api.person_records import Optout, SegmentName, Subscriptions
from cio_mcp.customerio.api.suppressions import AddressSuppressions
from cio_mcp.customerio.api.triggers import Trigger
from cio_mcp.text.timestamps import from_unix_if_readable
from cio_mcp.tools.common.lookup import Source

LEEWAY = timedelta(minutes=2)
"""How much earlier than its trigger a message may seem to be created, since clocks differ. Chosen."""
MAX_EVENT_AGE = timedelta(hours=72)
"""Older events start no campaign: https://docs.customer.io/integrations/api/track/ (track)."""


@dataclass(frozen=True)
class Facts:
    """What was read about a customer and a message; times are when Customer.io says that something happened.

    `source` is None where no message is named and there is none lately. `message` is the latest delivery, `earlier`
    those before it; where there were too many to search, `back_to` is how far back the search went. `events` have the
    name of the campaign's trigger, `activities` are all of the last 30 days, both newest first;
    with `activities_cut` there are more than were read.
    """

    now: datetime
    person: Person
    source: Source | None = None
    message: Message | None = None
    earlier: tuple[Message, ...] = ()
    back_to: datetime | None = None
    contents: tuple[Content, ...] | None = ()
    segments: tuple[SegmentName, ...] | None = ()
    segment_names: dict[str, str] = field(default_factory=dict)
    subscriptions: Subscriptions | None = None
    suppressions: AddressSuppressions | None = None
    optouts: tuple[Optout, ...] | None = ()
    activities: tuple[Activity, ...] | None = ()
    activities_cut: bool = False
    events: tuple[Activity, ...] | None = ()
    triggers: tuple[Trigger, ...] | None = ()
    trigger_failed: bool | None = False
    campaigns: tuple[Campaign, ...] | None = ()
    unread: tuple[str, ...] = ()

    @property
    def event(self) -> Activity | None:
        """The latest event that could start the campaign."""
        return self.events[0] if self.events else None

    @property
    def trigger(self) -> Trigger | None:
        """The latest trigger of the broadcast."""
        dated = [each for each in self.triggers or () if each.created_at]
        return max(dated, key=lambda each: each.created_at or self.now, default=None)

    @property
    def due(self) -> datetime | None:
        """When the message should have been created, where the API has a time: of the event, trigger, or sending."""
        match self.source:
            case Campaign():
                return self.event.timestamp if self.event else None
            case Broadcast():
                return self.trigger.created_at if self.trigger else None
            case Newsletter():
                return self.source.sent_at
            case _:
                return None

    @property
    def answered(self) -> Message | None:
        """The message to explain: the latest, unless what should create one came after it."""
        if self.message is None or self.message.created is None or self.due is None:
            return self.message
        return self.message if self.message.created >= self.due - LEEWAY else None

    @property
    def at(self) -> datetime:
        """The time at which causes must hold."""
        return (self.answered and self.answered.created) or self.due or self.now

    @property
    def data(self) -> dict[str, JsonValue] | None:
        """The data of the event that the message to explain belongs to; None where they are not visible."""
        before = [each for each in self.events or () if each.timestamp and each.timestamp <= self.at + LEEWAY]
        return (before[0].data or {}) if before and isinstance(self.source, Campaign) else None

    def since(self, *names: str) -> datetime | None:
        """When one of the attributes was last set, where the profile states it."""
        stamps = (self.person.timestamps.get(name) for name in names)
        return next((at for stamp in stamps if (at := _time(stamp)) is not None), None)


def received_late(event: Activity) -> datetime | None:
    """When an event was received, if its ID holds a time more than 72 hours after its own."""
    if event.timestamp is None or event.id is None:
        return None
    try:
        received = ULID.from_str(event.id).datetime
    except ValueError:
        return None
    return received if received - event.timestamp > MAX_EVENT_AGE else None


def _time(stamp: object) -> datetime | None:
    number = float(stamp) if isinstance(stamp, str) and stamp.isascii() and stamp.isdigit() else stamp
    return from_unix_if_readable(number) if isinstance(number, int | float) else None
