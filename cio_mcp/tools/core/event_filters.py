"""Event filters: converts arguments of tools and queries of resources to one query of the event log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from cio_mcp.customerio.api.base import is_number
from cio_mcp.customerio.api.webhooks import EVENTS
from cio_mcp.customerio.references import reference_of
from cio_mcp.errors import InvalidArgument, NotFound
from cio_mcp.events.log import EventLog
from cio_mcp.events.models import UNKNOWN, EventQuery
from cio_mcp.text.sanitize import quoted, without_quotation_marks
from cio_mcp.text.spelling import closest_word, same_stem
from cio_mcp.tools.common.arguments import Kind, Name, span
from cio_mcp.tools.common.lookup import find
from cio_mcp.workspace import CallContext

ObjectType = Literal["customer", "email", "sms", "whatsapp", "push", "in_app", "slack", "webhook", "unknown"]
Reported = Annotated[Name, Field(description="sent, delivered, opened, clicked, converted, bounced, failed…")]
Delivery = Annotated[Name, Field(description="Delivery ID")]
ChangeId = Annotated[Name, Field(description="Only events it caused")]

METRICS = frozenset(metric for metrics in EVENTS.values() for metric in metrics) | {
    "cio_subscription_preferences_changed",
    UNKNOWN,
}
"""Known metrics; another name is accepted once it was reported."""
BEGINNING = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """The requested filters."""

    customer: str | None = None
    object_type: str | None = None
    metric: str | None = None
    delivery: str | None = None
    change: str | None = None
    kind: Kind | None = None
    id: str | None = None
    since: str | None = None
    until: str | None = None

    async def query(self, ws: CallContext) -> EventQuery:
        """The question to the feed.

        Raises:
            InvalidArgument: an argument is not acceptable, or is missing beside another.
            NotFound: there is no such campaign, change, or person with this phone number.
        """
        start, end = span(self.since, self.until)
        delivery, event = await _led_to(ws, self.change, _non_empty("delivery", self.delivery))
        return EventQuery(
            object_type=_one_of("object_type", get_args(ObjectType), self.object_type),
            metric=await _metric(ws.events, self.metric),
            person=None if self.customer is None else await _person(ws, self.customer),
            delivery=delivery,
            trigger_event=event,
            kind=_one_of("kind", get_args(Kind), self.kind),
            id=await _source(ws, self.kind, self.id),
            since=start,
            until=end,
        )


async def listed_events(ws: CallContext, arguments: Mapping[str, Any]) -> object:
    """What a resource with these arguments lists now: IDs of events, equal as long as they are the same.

    It asks Customer.io for nothing. Whose a phone number is, or what has a name, may change at any time: for these it
    returns what equals nothing.

    Raises:
        InvalidArgument: an argument is malformed.
    """
    phone = "customer" in arguments and reference_of(arguments["customer"]).id_type == "phone"
    if phone or not _is_id(arguments.get("id", "0")):
        return object()
    query = await EventFilter(**arguments).query(ws)
    return [event.id for event in (await ws.events.recent(query)).events]


def _one_of(field: str, names: tuple[str, ...], value: str | None) -> str | None:
    """Tools have it checked already, resources have not."""
    if value is not None and value not in names:
        raise InvalidArgument(field, f"expected one of {', '.join(names)}")
    return value


async def _metric(feed: EventLog, value: str | None) -> str | None:
    if value is None:
        return None
    metric = without_quotation_marks(value).lower()
    if metric in METRICS or (metric and (await feed.recent(EventQuery(metric=metric), 1)).events):
        return metric
    if matched := same_stem(metric, METRICS):
        return matched
    closest = closest_word(metric, METRICS)
    hint = f". Did you mean {closest}?" if closest else ""
    raise InvalidArgument("metric", f"unknown metric; expected one of {', '.join(sorted(METRICS))}{hint}")


async def _person(ws: CallContext, customer: str) -> str:
    """Events name people by cio_id, id and email; whose a phone number is, is looked up."""
    reference = reference_of(customer)
    if reference.id_type != "phone":
        return reference.value
    if not ws.settings.has_app:
        raise InvalidArgument("customer", "without an App API key, expected an ID, an email address, or cio_…")
    return (await ws.people.resolve(customer)).reference.value


async def _source(ws: CallContext, kind: Kind | None, id_or_name: str | None) -> str | None:
    """The id needs no request, since what sent an event may be gone; a name does."""
    if (kind is None) != (id_or_name is None):
        raise InvalidArgument("id" if id_or_name is None else "kind", "pass kind and id together")
    if kind is None or id_or_name is None or _is_id(id_or_name):
        return id_or_name and id_or_name.strip()
    if not ws.settings.has_app:
        raise InvalidArgument("id", "without an App API key, expected a number, not a name")
    return (await find(ws, kind, id_or_name)).id


async def _led_to(ws: CallContext, change: str | None, delivery: str | None) -> tuple[str | None, str | None]:
    """The delivery and event to look for: those that a change caused, or the requested delivery."""
    if change is None:
        return delivery, None
    row = await ws.gate.journal.summary(change)
    if row is None:
        raise NotFound(f"change: there is no change {quoted(change, 40)}; list_changes lists them.")
    if not (row.delivery_id or row.event_id):
        raise InvalidArgument("change", "only changes that sent a message or an event have events; see list_changes")
    if row.delivery_id and delivery not in (None, row.delivery_id):
        raise InvalidArgument("delivery", "the change produced another delivery; pass only one of the two")
    return row.delivery_id or delivery, row.event_id


def _is_id(id_or_name: str) -> bool:
    return is_number(id_or_name.strip())


def _non_empty(field: str, value: str | None) -> str | None:
    if value is not None and not value:
        raise InvalidArgument(field, "expected an ID")
    return value
