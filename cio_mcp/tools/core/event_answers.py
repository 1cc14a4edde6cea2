"""A reported event as answers show it: one line that says when, what, to whom, sent by what, and caused by what."""

from collections.abc import Iterable
from datetime import datetime

from cio_mcp.events.models import BY_MACHINE, UNKNOWN, Event
from cio_mcp.text.sanitize import quoted, word
from cio_mcp.text.timestamps import moment
from cio_mcp.tools.common.person_ref import AnswerPart, PersonRef, who
from cio_mcp.tools.common.sources import Source, SourceRef, sources
from cio_mcp.workspace import CallContext

DETAILS = ("failure_message", "href", "reason")
"""What more is said of some events; the first that is there is shown."""
DETAIL = 200
"""Characters shown of it: an SMTP server says in its last words why it refuses."""
STRANGE = "something this server does not know"


class Cause(AnswerPart):
    """The change of this server that caused an event."""

    change: str
    summary: str | None = None

    def __str__(self) -> str:
        return f"caused by change {self.change}{f': {self.summary}' if self.summary else ''}"


class EventLine(AnswerPart):
    """One event."""

    id: str
    at: datetime
    object_type: str
    metric: str
    machine: bool | None = None
    subject: str | None = None
    recipient: str | None = None
    customer: PersonRef | None = None
    source: Source | None = None
    delivery: str | None = None
    detail: str | None = None
    cause: Cause | None = None

    def __str__(self) -> str:
        name = self.recipient or (self.customer and (self.customer.email or self.customer.id or self.customer.cio_id))
        known = f"{word(self.object_type)} {word(self.metric)}{BY_MACHINE if self.machine else ''}"
        parts = [
            f"{moment(self.at)} {STRANGE if self.object_type == UNKNOWN else known}",
            quoted(name) if name else None,
            quoted(self.subject) if self.subject else None,
            str(self.source) if self.source else None,
            quoted(self.detail, DETAIL) if self.detail else None,
            f"delivery {word(self.delivery)}" if self.delivery else None,
            str(self.cause) if self.cause else None,
        ]
        return ", ".join(part for part in parts if part)


async def happenings(ws: CallContext, events: Iterable[Event]) -> list[EventLine]:
    """Make a line of each event, with the name of what sent it and of the change that caused it."""
    told = [(event, _thing(event)) for event in events]
    named = await sources(ws, (thing for _, thing in told if thing))
    causes = {change: await _cause(ws, change) for change in {event.change for event, _ in told if event.change}}
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
            source=named.get(thing) if thing else None,
            delivery=event.delivery_id,
            detail=_text(event, "body") if event.object_type == UNKNOWN else _detail(event),
            cause=causes.get(event.change) if event.change else None,
        )
        for event, thing in told
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
