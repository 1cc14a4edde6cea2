"""The parts of a customer that can be included: how each is fetched and shown."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from cio_mcp.customerio.api.base import Activity, Reference
from cio_mcp.customerio.api.person_records import Relationship
from cio_mcp.customerio.call import canonical
from cio_mcp.text.mask import mask_text
from cio_mcp.text.sanitize import cut, quoted_name, quoted_text, word
from cio_mcp.text.timestamps import moment
from cio_mcp.text.untrusted import Untrusted, UntrustedValue
from cio_mcp.tools.common.person_ref import AnswerPart, Scalar, pairs
from cio_mcp.tools.core.deliveries import lines_of
from cio_mcp.workspace import CallContext

Include = Literal["segments", "messages", "activities", "subscriptions", "relationships"]

MAX_INCLUDED = 10
"""Messages, activities and relationships that come with a customer. Chosen: a model needs the latest."""
MAX_KEYS = 20
"""Keys of an event's data, or of a relationship's attributes, that are shown. Chosen."""
MAX_VALUE_CHARACTERS = 200
"""Characters shown of one value in them. Chosen."""
MAX_DATA_CHARACTERS = 1_000
"""Characters of keys and values together after which no further key is shown. Chosen: some 300 tokens."""
MAX_LINES = 100
"""Segments and topics that come with a customer. Chosen: more would hide the rest of the answer."""

OF_THE_MESSAGE = {"delivery_id", "delivered", "opened"}
"""Attributes of an activity that repeat its message."""


class DeviceLine(AnswerPart):
    """A device that receives pushes."""

    id: str
    platform: str | None = None
    last_used: datetime | None = None

    def __str__(self) -> str:
        used = f"last used {moment(self.last_used)}" if self.last_used else ""
        return " ".join(filter(None, [word(self.platform or "device"), quoted_name(self.id), used]))


class SegmentLine(AnswerPart):
    """A segment the person is in."""

    id: str
    name: str

    def __str__(self) -> str:
        return f"{quoted_name(self.name)} (id {word(self.id)})"


class TopicLine(AnswerPart):
    """A subscription topic, and whether the person is subscribed to it."""

    id: str
    name: str
    subscribed: bool | None

    def __str__(self) -> str:
        state = "not stated" if self.subscribed is None else "yes" if self.subscribed else "no"
        return f"{quoted_name(self.name)} (id {word(self.id)}) {state}"


class RelationshipLine(AnswerPart):
    """An object the person is related to."""

    object_type_id: str
    object_id: str | None = None
    cio_object_id: str | None = None
    attributes: dict[str, UntrustedValue] | None = None
    attributes_omitted: int | None = None

    def __str__(self) -> str:
        names = [quoted_name(name) for name in (self.object_id, self.cio_object_id) if name]
        facts = [f"object type {word(self.object_type_id)}", *pairs(self.attributes)]
        return f"{' '.join(names)} ({', '.join(facts)})"


class ActivityLine(AnswerPart):
    """Something the person did or received."""

    at: datetime | None = None
    type: str
    name: Untrusted | None = None
    message: str | None = None
    data: dict[str, UntrustedValue] | None = None
    data_omitted: int | None = None

    def __str__(self) -> str:
        title = f" {quoted_text(self.name)}" if self.name else ""
        about = f", message {word(self.message, 200)}" if self.message else ""
        details = ", ".join([*pairs(self.data), *([f"{self.data_omitted} more"] if self.data_omitted else [])])
        when = moment(self.at) if self.at else "undated"
        return f"{when} {word(self.type)}{title}{about}{f' ({details})' if details else ''}"


class Fetched(NamedTuple):
    """The lines of a part, whether there are more, and how many there are in all, where that is known."""

    lines: Sequence[Any]
    more: bool = False
    total: int | None = None


async def _segments(ws: CallContext, reference: Reference) -> Fetched:
    segments = await ws.person_records.segments_of(reference)
    return _some([SegmentLine(id=segment.id, name=segment.name) for segment in segments])


async def _messages(ws: CallContext, reference: Reference) -> Fetched:
    page = await ws.person_records.messages_of(reference, limit=MAX_INCLUDED)
    lines = await lines_of(ws, ((message, None) for message in page.messages[:MAX_INCLUDED]))
    return Fetched(lines, _has_more(page.messages, page.next))


async def _activities(ws: CallContext, reference: Reference) -> Fetched:
    page = await ws.person_records.activities_of(reference, limit=MAX_INCLUDED)
    first = page.activities[:MAX_INCLUDED]
    lines = [_activity(activity, mask=ws.settings.mask_pii) for activity in first]
    return Fetched(lines, _has_more(page.activities, page.next))


async def _subscriptions(ws: CallContext, reference: Reference) -> Fetched:
    topics = (await ws.person_records.subscriptions_of(reference)).topics
    return _some([TopicLine(id=topic.id, name=topic.name, subscribed=topic.subscribed) for topic in topics])


async def _relationships(ws: CallContext, reference: Reference) -> Fetched:
    page = await ws.person_records.relationships_of(reference, limit=MAX_INCLUDED)
    first = page.cio_relationships[:MAX_INCLUDED]
    lines = [_relationship(related, mask=ws.settings.mask_pii) for related in first]
    return Fetched(lines, _has_more(page.cio_relationships, page.next))


FETCH: dict[Include, Callable[[CallContext, Reference], Awaitable[Fetched]]] = {
    "segments": _segments,
    "messages": _messages,
    "activities": _activities,
    "subscriptions": _subscriptions,
    "relationships": _relationships,
}


def flat(values: dict[str, Any] | None, *, mask: bool = False) -> dict[str, Scalar] | None:
    """The first keys of foreign data without nulls, what is nested as JSON text; None where there is none.

    With `mask`, texts are masked before they are cut, so that none ends in half an address.
    """
    kept: dict[str, Scalar] = {}
    room = MAX_DATA_CHARACTERS
    for key, value in _present(values)[:MAX_KEYS]:
        text = value if isinstance(value, str) else canonical(value)
        text = mask_text(text, key) if mask else text
        room -= len(key) + min(len(text), MAX_VALUE_CHARACTERS)
        if kept and room < 0:
            break
        kept[key] = value if isinstance(value, int | float) else cut(text, MAX_VALUE_CHARACTERS)
    return kept or None


def _present(values: dict[str, Any] | None) -> list[tuple[str, Any]]:
    return [(key, value) for key, value in (values or {}).items() if value is not None]


def _omitted(values: dict[str, Any] | None, kept: dict[str, Scalar] | None) -> int | None:
    return len(_present(values)) - len(kept or {}) or None


def _has_more(rows: Sequence[Any], token: str | None) -> bool:
    return bool(token) or len(rows) > MAX_INCLUDED


def _some(lines: Sequence[Any]) -> Fetched:
    return Fetched(lines[:MAX_LINES], len(lines) > MAX_LINES, len(lines))


def _activity(activity: Activity, *, mask: bool) -> ActivityLine:
    own = {key: value for key, value in (activity.data or {}).items() if key not in OF_THE_MESSAGE}
    data = flat(own, mask=mask)
    return ActivityLine(
        at=activity.timestamp,
        type=activity.type,
        name=activity.name,
        message=activity.delivery_id,
        data=data,
        data_omitted=_omitted(own, data),
    )


def _relationship(related: Relationship, *, mask: bool) -> RelationshipLine:
    attributes = flat(related.attributes, mask=mask)
    return RelationshipLine(
        object_type_id=related.object_type_id,
        object_id=related.identifiers.object_id,
        cio_object_id=related.identifiers.cio_object_id,
        attributes=attributes,
        attributes_omitted=_omitted(related.attributes, attributes),
    )
