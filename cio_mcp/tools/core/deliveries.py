"""A delivery in answers: one line with time, recipient, subject, and status."""

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar, NamedTuple

from cio_mcp.customerio.api.base import Message
from cio_mcp.customerio.api.metrics import TYPES
from cio_mcp.text.sanitize import quoted_name, quoted_text, word
from cio_mcp.text.timestamps import from_unix_if_readable, moment
from cio_mcp.text.untrusted import Untrusted
from cio_mcp.tools.common.person_ref import AnswerPart
from cio_mcp.tools.common.sources import Source, SourceRef, sources
from cio_mcp.workspace import CallContext

CHANNELS = {type_: channel for channel, type_ in TYPES.items()}
"""Customer.io's word for a channel where its API has another."""

FIRST_TIMESTAMP = 1_000_000_000
"""Below it a value is a count: Customer.io documents `human_…` and `prefetch_…` as counts, and answers times."""

MACHINE = ("prefetch", "machine")
"""What newer and older answers call an open or click that no person made."""

OUTCOMES = (
    "spammed", "bounced", "dropped", "undeliverable", "failed", "unsubscribed", "converted", "clicked", "opened",
    "clicked by a machine", "opened by a machine", "delivered", "sent", "deferred", "attempted", "drafted", "created",
)  # fmt: skip
"""Statuses of a delivery; the first that applies is shown."""


class Status(NamedTuple):
    """The status of a delivery, and its time if known."""

    word: str
    at: datetime | None


class DeliveryEvent(NamedTuple):
    """A metric of a message: when it happened, where that is stated, and whether only a machine did it."""

    metric: str
    at: datetime | None
    machine: bool


class MessageLine(AnswerPart):
    """One delivery; `happened` is when the metric that was given did, `machine` that only a machine did it."""

    personal: ClassVar[bool] = True

    id: str
    happened: datetime | None = None
    machine: bool | None = None
    created: datetime | None = None
    channel: str
    subject: Untrusted | None = None
    status: str
    status_at: datetime | None = None
    failure: Untrusted | None = None
    recipient: str | None = None
    customer: str | None = None
    source: Source | None = None

    def __str__(self) -> str:
        created = moment(self.created) if self.created else "undated"
        machine = " by a machine" if self.machine else ""
        to = [
            *([quoted_name(self.recipient)] if self.recipient else []),
            *([word(self.customer, 200)] if self.customer else []),
        ]
        shown = {self.created, self.happened}
        at = f" {moment(self.status_at)}" if self.status_at and self.status_at not in shown else ""
        parts = [
            f"{moment(self.happened)}{machine}, {word(self.channel)} of {created}"
            if self.happened
            else f"{created} {word(self.channel)}",
            quoted_text(self.subject) if self.subject else None,
            f"to {' '.join(to)}" if to else None,
            f"{self.status}{at}{f' ({quoted_text(self.failure)})' if self.failure else ''}",
            str(self.source) if self.source else None,
            f"id {word(self.id, 200)}",
        ]
        return ", ".join(part for part in parts if part)


def status_of(message: Message) -> Status:
    """Determine the status of a delivery. An open or click is a person's, unless only a machine's is reported."""
    held = timeline(message)
    for act in ("clicked", "opened"):
        if event := happening_of(message, act):
            held.pop(act, None)
            held[f"{act} by a machine" if event.machine else act] = event.at
    word = next((outcome for outcome in OUTCOMES if outcome in held), "created")
    return Status(word, held.get(word) or message.created)


def happening_of(message: Message, metric: str) -> DeliveryEvent | None:
    """When a metric happened, by a person rather than a machine; None where it did not."""
    happened = timeline(message)
    machine = next((name for name in (f"{prefix}_{metric}" for prefix in MACHINE) if name in happened), None)
    if (human := f"human_{metric}") in happened:
        return DeliveryEvent(metric, happened[human] or happened.get(metric), machine=False)
    if machine:
        return DeliveryEvent(metric, happened[machine] or happened.get(metric), machine=True)
    return DeliveryEvent(metric, happened[metric], machine=False) if metric in happened else None


def timeline(message: Message) -> dict[str, datetime | None]:
    """What happened to a message and when, in order; None where Customer.io gives a count instead of a time."""
    reached = {name: value for name, value in message.metrics.items() if value}
    moments = {
        name: from_unix_if_readable(value) if value >= FIRST_TIMESTAMP else None for name, value in reached.items()
    }
    return dict(sorted(moments.items(), key=lambda item: reached[item[0]]))


def sent_by(message: Message) -> SourceRef | None:
    """Which campaign, broadcast, newsletter or transactional message a delivery belongs to."""
    if message.broadcast_id:
        return SourceRef("broadcast", message.broadcast_id)
    if message.newsletter_id:
        return SourceRef("newsletter", message.newsletter_id)
    if message.transactional_message_id:
        return SourceRef("transactional", message.transactional_message_id)
    return SourceRef("campaign", message.campaign_id) if message.campaign_id else None


def channel_of(message: Message) -> str:
    """The channel in Customer.io's own words."""
    return CHANNELS.get(message.type, message.type)


def type_of(channel: str | None) -> str | None:
    """The channel as the API calls it."""
    return channel and TYPES.get(channel, channel)


Delivery = tuple[Message, DeliveryEvent | None]
"""A message, and the metric's time if the search has a metric."""


async def lines_of(
    ws: CallContext, deliveries: Iterable[Delivery], source: SourceRef | None = None
) -> list[MessageLine]:
    """Make a line of each message, with names beside ids; `source` is what sent those that do not state it."""
    known = [(message, event, sent_by(message) or source) for message, event in deliveries]
    names = await sources(ws, (thing for *_, thing in known if thing))
    return [line_of(message, event, names[thing] if thing else None) for message, event, thing in known]


def line_of(message: Message, event: DeliveryEvent | None = None, source: Source | None = None) -> MessageLine:
    """A message as a line, with its source where that is not stated elsewhere."""
    status, who = status_of(message), message.customer_identifiers
    return MessageLine(
        id=message.id,
        happened=event and event.at,
        machine=(event and event.machine) or None,
        created=message.created,
        channel=channel_of(message),
        subject=message.subject,
        status=status.word,
        status_at=status.at,
        failure=message.failure_message,
        recipient=message.recipient,
        customer=f"cio_{who.cio_id}" if who and who.cio_id else message.customer_id,
        source=source,
    )
