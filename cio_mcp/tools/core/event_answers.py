"""An event in answers: one line with time, type, customer, source, and cause."""

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

from cio_mcp.events.models import BY_MACHINE, UNKNOWN, Event
from cio_mcp.text.sanitize import quoted_name, quoted_text, word
from cio_mcp.text.timestamps import moment
from cio_mcp.text.untrusted import Prose, Untrusted
from cio_mcp.tools.common.person_ref import AnswerPart, PersonRef, who
from cio_mcp.tools.common.sources import Source, SourceRef, sources
from cio_mcp.workspace import CallContext

DETAILS = ("failure_message", "href", "reason")
"""Details of some events; the first that exists is shown."""
UNREADABLE_EVENT = "unknown (not readable by this server)"


class Cause(AnswerPart):
    """The change of this server that caused an event."""

    change: str
    summary: Prose | None = None

    def __str__(self) -> str:
        return f"caused by change {self.change}{f': {self.summary}' if self.summary else ''}"


class EventLine(AnswerPart):
    """One event."""

    personal: ClassVar[bool] = True

    id: str
    at: datetime
    object_type: str
    metric: str
    machine: bool | None = None
    subject: Untrusted | None = None
    recipient: str | None = None
    customer: PersonRef | None = None
    source: Source | None = None
    delivery: str | None = None
    detail: Untrusted | None = None
    cause: Cause | None = None

    def __str__(self) -> str:
        known = f"{word(self.object_type)} {word(self.metric)}{BY_MACHINE if self.machine else ''}"
        parts = [
            f"{moment(self.at)} {UNREADABLE_EVENT if self.object_type == UNKNOWN else known}",
            self._person(),
            quoted_text(self.subject) if self.subject else None,
            str(self.source) if self.source else None,
            quoted_text(self.detail) if self.detail else None,
            f"delivery {word(self.delivery, 200)}" if self.delivery else None,
            str(self.cause) if self.cause else None,
        ]
        return ", ".join(part for part in parts if part)

    def _person(self) -> str | None:
        """The address first, then the other identifiers, each once."""
        person = self.customer or PersonRef()
        names = [quoted_name(name) for name in (self.recipient, person.email, person.id) if name]
        if person.cio_id:
            names.append(word(person.cio_id))
        if not names:
            return None
        first, *others = dict.fromkeys(names)
        return f"{first} ({', '.join(others)})" if others else first


async def event_lines(ws: CallContext, events: Iterable[Event]) -> list[EventLine]:
    """Make a line of each event, with the names of its source and the change that caused it."""
    pairs = [(event, _thing(event)) for event in events]
    names = await sources(ws, (thing for _, thing in pairs if thing))
    causes = {change: await _cause(ws, change) for change in {event.change for event, _ in pairs if event.change}}
    return [
        EventLine(
            id=event.id,
            at=event.at,
            object_type=event.object_type,
            metric=event.metric,
            machine=event.by_machine or None,
            subject=_text(event, "subject"),
            recipient=_text(event, "recipient"),
            customer=who(event.person) if any((event.person.cio_id, event.person.id, event.person.email)) else None,
            source=names.get(thing) if thing else None,
            delivery=event.delivery_id,
            detail=_text(event, "body") if event.object_type == UNKNOWN else _detail(event),
            cause=causes.get(event.change) if event.change else None,
        )
        for event, thing in pairs
    ]


def _thing(event: Event) -> SourceRef | None:
    parent = event.parent
    return SourceRef(parent.kind, parent.id) if parent and parent.id else None


async def _cause(ws: CallContext, change: str) -> Cause:
    row = await ws.gate.journal.summary(change)
    return Cause(change=change, summary=row.summary if row else None)


def _detail(event: Event) -> str | None:
    return next(filter(None, (_text(event, name) for name in DETAILS)), None)


def _text(event: Event, name: str) -> str | None:
    value = event.data.get(name)
    return value if isinstance(value, str) and value else None
