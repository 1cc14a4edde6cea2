"""Events as rows and as questions about them; light, so that whoever asks need not load the driver."""

from dataclasses import dataclass
from datetime import datetime

BY_SOMEBODY = ("opened", "clicked")
"""Metrics of what somebody does with a message: a person, or a machine in their place."""
MACHINE = ("machine", "prefetched", "synthetic")
"""What marks in the data that no person did it."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """One reporting webhook; `at` (when it happened) and `received_at` are Unix seconds, `data` is JSON text.

    `sequence` is the order of storing, 0 before it is stored; `change` is the id of the change that caused it.
    """

    event_id: str
    object_type: str
    metric: str
    at: int
    received_at: float
    data: str
    delivery_id: str | None = None
    trigger_event_id: str | None = None
    cio_id: str | None = None
    person_id: str | None = None
    email: str | None = None
    kind: str | None = None
    parent_id: str | None = None
    sequence: int = 0
    change: str | None = None


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events: each condition that is not None must hold.

    `also` are metrics that count beside `metric`; `person` is `cio_…`, an email, or an id; `delivery` is what it
    happened to, `trigger_event` the event that started it; `kind` and `id` name the campaign, broadcast, newsletter or
    transactional message; `since` (inclusive) and `until` (exclusive) are aware moments of happening.
    """

    object_type: str | None = None
    metric: str | None = None
    also: tuple[str, ...] = ()
    person: str | None = None
    delivery: str | None = None
    trigger_event: str | None = None
    kind: str | None = None
    id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the events, newest first: what follows is older."""

    at: int
    sequence: int
