"""The write tool for events."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, JsonValue
from ulid import ULID

from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.attribute_checks import within
from cio_mcp.customerio.call import canonical
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.evidence import Evidence
from cio_mcp.gate.plan import Plan, Starts
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.spelling import match_word
from cio_mcp.text.timestamps import moment
from cio_mcp.tools.common.arguments import Customer, CustomerIdType, Moment, Name
from cio_mcp.tools.common.event_messages import event_messages
from cio_mcp.tools.common.name_checks import check_visible
from cio_mcp.tools.common.recipients import (
    UNKNOWN_CUSTOMER,
    UNREAD,
    Recipient,
    may_start,
    recipient_of,
    starts_as_json,
    test_profiles,
    time_of,
    zone_notes,
)
from cio_mcp.workspace import CallContext

CLOCK_TOLERANCE = timedelta(minutes=1)
"""How far clocks may differ before a time counts as future. Chosen."""

FOLLOW = "To follow the messages it triggers, call wait_for_event with this change and metric=delivered."
UNSUBSCRIBED = (
    "The customer is unsubscribed, so messages that it triggers reach them only if they are set to send to "
    "unsubscribed people, which the API doesn't show."
)
NOTHING_STARTS = "No running campaign has this event as its trigger. To check, call recent_events with this change."


async def send_event(
    ws: CallContext,
    customer: Customer,
    name: Annotated[Name, Field(description="Event name")],
    data: Annotated[dict[str, JsonValue] | None, Field(description="Event data")] = None,
    timestamp: Annotated[Moment | None, Field(description="ISO 8601 with zone. Default: now")] = None,
    repeat: Annotated[bool, Field(description="Allow a duplicate")] = False,
    id_type: CustomerIdType = None,
) -> Plan:
    """Send an event for one customer. Events can trigger campaigns. Requires approval."""
    name = name.strip()
    if not name:
        raise InvalidArgument("name", "expected the event's name")
    within("name", name, tracking.EVENT_NAME_BYTES)
    check_visible("name", name)
    within("data", canonical(data or {}), tracking.EVENT_DATA_BYTES)
    at = time_of("timestamp", timestamp)
    recipient = await recipient_of(ws, customer, id_type)
    age = ws.now - at if at else timedelta(0)
    old = age > tracking.MAX_TRIGGER_AGE
    campaigns = [] if old or not ws.settings.has_app else await ws.campaigns.started_by_event(name)
    messages = await event_messages(ws, campaigns, recipient.person, data or {})
    starts = await _starts(ws, campaigns)
    similar = () if campaigns or old else await _similar_name(ws, name)
    return Plan(
        risk="send",
        summary=f"Send event {quoted(name)} for {recipient.name}.",
        notes=((f"It happened at {moment(at)}.", *zone_notes(timestamp)) if at else ()),
        preview=messages.preview,
        missing_data=messages.missing_data,
        examples=(recipient.example,),
        recipients=recipient.recipients,
        test_profiles=await test_profiles(ws, recipient),
        starts=starts,
        warnings=(*_warnings(recipient, age, starts), *similar, *messages.warnings),
        effect_title="send 1 event; no running campaign uses it" if starts == () else _effect_title(recipient),
        calls=(tracking.event(recipient.reference, name, data or {}, ulid=str(ULID()), at=at),),
        rests_on=recipient.rests_on | {"starts": starts_as_json(starts), "messages": messages.digest},
        once=True,
        repeat=repeat,
        trace=Evidence(person=recipient.cio_id, event=name) if recipient.cio_id else None,
        next_step=FOLLOW if campaigns or starts == "unknown" else NOTHING_STARTS,
    )


async def _starts(ws: CallContext, by_event: list[Campaign]) -> tuple[str, ...] | Literal["unknown"]:
    """The campaigns that an event may start; one that starts from a segment may depend on it, too, at any age."""
    if not ws.settings.has_app:
        return "unknown"
    others = [each for each in await ws.campaigns.by_segment() if each not in by_event]
    by_segment = [f"{line}, if its segment depends on this event" for line in may_start(others)]
    return (*may_start(by_event), *by_segment)


async def _similar_name(ws: CallContext, name: str) -> tuple[str, ...]:
    """A warning if a running campaign starts on an event with almost this name."""
    if not ws.settings.has_app:
        return ()
    names = {each.event_name for each in await ws.campaigns.all() if each.running and each.event_name}
    meant = match_word(name, names)
    return (f"No running campaign has this event as its trigger, but one has {quoted(meant)}.",) if meant else ()


def _effect_title(recipient: Recipient) -> str:
    unsubscribed = recipient.person is not None and recipient.person.unsubscribed
    return f"send 1 event; this may send messages{', though the customer is unsubscribed' if unsubscribed else ''}"


def _warnings(recipient: Recipient, age: timedelta, starts: Starts) -> tuple[str, ...]:
    warnings = []
    if starts and recipient.person and recipient.person.unsubscribed:
        warnings.append(UNSUBSCRIBED)
    if age > tracking.MAX_TRIGGER_AGE:
        warnings.append("It is older than 72 hours, so it triggers no event-triggered campaign.")
    if age < -CLOCK_TOLERANCE:
        warnings.append("Its time is in the future.")
    if recipient.person is None:
        warnings.append(UNREAD)
        if recipient.reference.kind != "cio_id":
            warnings.append(f"{UNKNOWN_CUSTOMER} If not, the event creates the customer.")
    return tuple(warnings)
