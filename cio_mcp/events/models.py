"""Reporting webhooks, parsed leniently: one envelope, and the source of a message in four shapes."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, JsonValue, ValidationError
from pydantic_core import to_json

from cio_mcp.customerio.api.base import Blank, Identifiers, Model
from cio_mcp.storage.rows import HUMAN_METRICS, MACHINE_MARKS, EventQuery, EventRow
from cio_mcp.text.timestamps import from_unix

__all__ = ["Broadcast", "Campaign", "Envelope", "Event", "EventQuery", "Newsletter", "Parent", "Transactional"]

UNKNOWN = "unknown"
BY_MACHINE = " by a machine"
"""Follows the metric of a machine's open or click."""
MAX_TIMESTAMP = 4_102_444_800
"""1 January 2100: a later time is not one in seconds."""
MIN_TIMESTAMP = 1_262_304_000
"""1 January 2010, before there was Customer.io: an event that claims an earlier time has none that can be believed."""
MAX_AHEAD_SECONDS = 8 * 86_400
"""How far ahead of this machine's clock an event may claim to be; a signature may be as far off, but no more."""
MAX_TEXT_CHARACTERS = 4_000
"""Characters kept of one text: of content, only the beginning; get_message has it whole."""
LARGE_BODY_BYTES = 2 * MAX_TEXT_CHARACTERS
"""Bytes from which a body can hold a text that is cut."""
MAX_DEPTH = 32
"""How deep data may be nested; Customer.io's is three deep."""


def _seconds(value: object) -> object:
    """Read a time in seconds: a float loses its fraction, and true is not one second past 1970."""
    if isinstance(value, bool):
        raise ValueError("a truth value is not a time")  # noqa: TRY004 - what pydantic takes for invalid
    return int(value) if isinstance(value, float) else value


Text = Annotated[str, BeforeValidator(lambda value: value.replace("\0", "") if isinstance(value, str) else value)]
Name = Annotated[Text, Field(min_length=1, max_length=200)]
Id = Annotated[Annotated[Text, Field(max_length=500)] | None, Blank]
Data = Annotated[dict[str, Any], BeforeValidator(lambda value: {} if value is None else value)]
Seconds = Annotated[int, BeforeValidator(_seconds)]


class Campaign(Model):
    """A message of a campaign."""

    kind: Literal["campaign"] = "campaign"
    id: Id = Field(default=None, alias="campaign_id")
    action_id: Id = None
    journey_id: Id = None
    trigger_event_id: Id = None
    parent_action_id: Id = None


class Broadcast(Model):
    """A message of an API-triggered broadcast."""

    kind: Literal["broadcast"] = "broadcast"
    id: Id = Field(default=None, alias="broadcast_id")
    trigger_id: Id = None
    action_id: Id = None
    journey_id: Id = None
    parent_action_id: Id = None


class Newsletter(Model):
    """A message of a newsletter."""

    kind: Literal["newsletter"] = "newsletter"
    id: Id = Field(default=None, alias="newsletter_id")
    content_id: Id = None


class Transactional(Model):
    """A transactional message."""

    kind: Literal["transactional"] = "transactional"
    id: Id = Field(default=None, alias="transactional_message_id")


Parent = Campaign | Broadcast | Newsletter | Transactional
PARENTS: dict[str, type[Parent]] = {
    "broadcast_id": Broadcast,
    "campaign_id": Campaign,
    "newsletter_id": Newsletter,
    "transactional_message_id": Transactional,
}
"""Which parent an event has, by the key that names it."""
KINDS: dict[str, str] = {key: shape.model_fields["kind"].default for key, shape in PARENTS.items()}


class Envelope(Model):
    """What every reporting webhook is, whatever happened; what has another shape is `unknown`, its body in `data`."""

    event_id: Name
    object_type: Name = Field(validation_alias=AliasChoices("object_type", "object_type_type"))
    """A channel or `customer`; where preferences changed, the published schema has a slip for its name."""
    metric: Name
    timestamp: Annotated[Seconds, Field(gt=0, lt=MAX_TIMESTAMP)]
    data: Data = Field(default_factory=dict)

    @classmethod
    def read(cls, body: bytes, *, received_at: float) -> "Envelope":
        """Read a body; never raises."""
        try:
            envelope = cls.model_validate_json(body)
        except (ValueError, OverflowError):
            return cls.unknown(body, received_at)
        if not MIN_TIMESTAMP <= envelope.timestamp <= received_at + MAX_AHEAD_SECONDS:
            return cls.unknown(body, received_at)
        if len(body) > LARGE_BODY_BYTES:
            envelope = envelope.model_copy(update={"data": _cut(envelope.data)})
        return envelope

    @classmethod
    def unknown(cls, body: bytes, received_at: float) -> "Envelope":
        """Keep a body that is no event as one; the same body has the same id."""
        return cls(
            event_id=f"sha256:{hashlib.sha256(body).hexdigest()}",
            object_type=UNKNOWN,
            metric=UNKNOWN,
            timestamp=max(1, int(received_at)),
            data={"body": _cut(body.decode(errors="replace").replace("\0", "\ufffd"))},
        )

    @property
    def parent(self) -> Parent | None:
        """The campaign, broadcast, newsletter or transactional message that it belongs to."""
        key = _parent_key(self.data)
        source: Parent | None = _lenient(PARENTS[key], self.data) if key else None
        return source

    @property
    def person(self) -> Identifiers:
        """The customer; old webhooks have it in `customer_id` and `email_address`."""
        return Identifiers(**self._who())

    def _who(self) -> dict[str, str | None]:
        whose = self.data.get("identifiers")
        customer: dict[str, Any] = whose if isinstance(whose, dict) else {}
        return {
            "id": _text(customer.get("id")) or _text(self.data.get("customer_id")),
            "email": _text(customer.get("email")) or _text(self.data.get("email_address")),
            "phone": _text(customer.get("phone")),
            "cio_id": _text(customer.get("cio_id")),
        }

    def row(self, received_at: float) -> EventRow:
        """The row that storage keeps."""
        data, who, key = self.data, self._who(), _parent_key(self.data)
        person = who["id"]
        # An id may be an address, and then people are found by it.
        email = who["email"] or (person if person and "@" in person else None)
        return EventRow(
            event_id=self.event_id,
            object_type=self.object_type,
            metric=self.metric,
            at=self.timestamp,
            received_at=received_at,
            data=to_json(data, inf_nan_mode="null").decode(),
            delivery_id=_text(data.get("delivery_id")),
            trigger_event_id=_text(data.get("trigger_event_id")),
            cio_id=who["cio_id"],
            person_id=person,
            email=email.lower() if email else None,
            kind=key and KINDS[key],
            parent_id=key and _text(data.get(key)),
        )


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it is read: `change` is the id of the change of this server that caused it."""

    sequence: int
    envelope: Envelope
    change: str | None = None

    @classmethod
    def of(cls, row: EventRow) -> "Event":
        """Read a row."""
        envelope = Envelope(
            event_id=row.event_id,
            object_type=row.object_type,
            metric=row.metric,
            timestamp=row.at,
            data=json.loads(row.data),
        )
        return cls(row.sequence, envelope, row.change)

    @property
    def id(self) -> str:
        """Customer.io's id of the event."""
        return self.envelope.event_id

    @property
    def object_type(self) -> str:
        """A channel, `customer`, or `unknown`."""
        return self.envelope.object_type

    @property
    def metric(self) -> str:
        """The metric: sent, delivered, opened, …."""
        return self.envelope.metric

    @property
    def by_machine(self) -> bool:
        """Whether it is a machine's open or click."""
        return self.metric in HUMAN_METRICS and any(self.data.get(sign) is True for sign in MACHINE_MARKS)

    @property
    def at(self) -> datetime:
        """When it happened (UTC)."""
        return from_unix(self.envelope.timestamp)

    @property
    def delivery_id(self) -> str | None:
        """The delivery that it happened to."""
        return _text(self.envelope.data.get("delivery_id"))

    @property
    def person(self) -> Identifiers:
        """The customer it is about."""
        return self.envelope.person

    @property
    def parent(self) -> Parent | None:
        """The campaign, broadcast, newsletter or transactional message that it belongs to."""
        return self.envelope.parent

    @property
    def data(self) -> dict[str, JsonValue]:
        """The whole payload, with long texts cut."""
        return self.envelope.data


def _lenient(shape: Any, value: Any) -> Any:
    try:
        return shape.model_validate(value)
    except ValidationError:
        return None


def _parent_key(data: dict[str, JsonValue]) -> str | None:
    return next((key for key in PARENTS if _text(data.get(key))), None)


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int) or value in ("", 0):
        return None
    return str(value).replace("\0", "")[:500]


def _cut(value: Any, depth: int = MAX_DEPTH) -> Any:
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT_CHARACTERS else value[:MAX_TEXT_CHARACTERS] + "…"
    if depth and isinstance(value, dict):
        return {key: _cut(each, depth - 1) for key, each in value.items()}
    if depth and isinstance(value, list):
        return [_cut(each, depth - 1) for each in value]
    return value
