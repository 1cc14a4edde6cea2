"""Reads what `explain_delivery` needs to know, as much as possible at once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from cio_mcp.customerio.api.base import Activity, Content, Message, Reference
from cio_mcp.customerio.api.broadcasts import Broadcast
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.attribute_checks import SENDABLE_ADDRESS
from cio_mcp.tools.common.arguments import Kind
from cio_mcp.tools.common.gather import Read, or_none, together
from cio_mcp.tools.common.lookup import Source, reads_of
from cio_mcp.tools.common.source_contents import contents_of
from cio_mcp.tools.core.deliveries import sent_by
from cio_mcp.tools.core.explanation.conditions import OPTOUT_CHANNELS, channels_of
from cio_mcp.tools.core.explanation.facts import LEEWAY, Facts
from cio_mcp.workspace import CallContext

MAX_REQUESTS = 20
"""Requests of one call at most, where customer and message are given by ID; a name costs those of its lists."""
MAX_PAGES = 3
"""Pages of the customer's messages that are searched for those of one source. Chosen."""
PAGE_SIZE = 200
WINDOW = timedelta(days=180)
"""How far back Customer.io lists messages at once: six months (its API reference), less a few days."""
MAX_MESSAGES = 6
"""Messages of the source that are kept: the latest, and five before it."""
MAX_DRAFTS = 2
"""Drafts that are read: Customer.io's lists of messages leave them out, and activities name them."""
MAX_ACTIVITIES = 100
"""Activities in a page at most: https://docs.customer.io/integrations/api/app/"""
LATELY = timedelta(days=30)
"""How long ago a message counts as lately: as long as Customer.io keeps activities."""
MAX_CONTENT_PAGES = 2


async def facts_of(ws: CallContext, person: Person, kind: Kind | None, source: Source | None) -> Facts:
    """Read the facts about a customer and the source, or, without one, about the latest message and its source.

    Raises:
        CioError: the messages can't be read; anything else that can't is named in `unread`.
    """
    reference, id_ = person.reference, source.id if source else None
    read = await _read_all(
        {"messages": partial(_messages, ws, reference, kind, id_)},
        {
            "segments": partial(ws.person_records.segments_of, reference),
            "subscription preferences": partial(ws.person_records.subscriptions_of, reference),
            "activities": partial(ws.person_records.activities_of, reference, limit=MAX_ACTIVITIES),
            "names of segments": ws.segments.all,
            **_of_source(ws, reference, source),
        },
    )
    activities = read["activities"] and read["activities"].activities
    messages = await _with_drafts(ws, read["messages"].messages, activities or (), kind, id_)
    lately = [each for each in messages if each.created and each.created > ws.now - LATELY]
    message = next(iter(messages if source else lately), None)
    facts = Facts(
        now=ws.now,
        person=person,
        source=source,
        message=message,
        earlier=tuple(each for each in messages if each is not message),
        back_to=read["messages"].back_to,
        contents=_tuple(read.get("templates", ())),
        segments=_tuple(read["segments"]),
        segment_names={segment.id: segment.name for segment in read["names of segments"] or ()},
        subscriptions=read["subscription preferences"],
        activities=_tuple(activities),
        activities_cut=bool(read["activities"] and read["activities"].next),
        events=_events(source, read),
        triggers=_tuple(read.get("triggers", ())),
        campaigns=_tuple(read.get("campaigns", ())),
        unread=_unread(read),
    )
    return await _with_details(ws, await _with_older(ws, facts, kind))


async def _with_older(ws: CallContext, facts: Facts, kind: Kind | None) -> Facts:
    """Add messages of the source that are older than six months, where there is none that answers."""
    source = facts.source
    if source is None or facts.answered or (facts.message and not facts.due):
        return facts
    if facts.due and facts.due > facts.now - WINDOW:
        return facts
    until = facts.due + WINDOW - LEEWAY if facts.due else facts.now - WINDOW
    search = await _messages(ws, facts.person.reference, kind, source.id, until)
    if not search.messages:
        return facts
    message, *earlier = search.messages
    return replace(facts, message=message, earlier=tuple(earlier))


async def _read_all(needed: Mapping[str, Read], optional: Mapping[str, Read]) -> dict[str, Any]:
    """Make all reads at once; an optional one that fails is None."""
    return await together({**needed, **{name: partial(or_none, read) for name, read in optional.items()}})


def _of_source(ws: CallContext, reference: Reference, source: Source | None) -> dict[str, Read]:
    match source:
        case Campaign() as campaign:
            reads: dict[str, Read] = {"templates": partial(contents_of, ws, campaign, most=MAX_CONTENT_PAGES)}
            if campaign.event_name:
                reads["events"] = partial(
                    ws.person_records.activities_of,
                    reference,
                    limit=MAX_ACTIVITIES,
                    type_="event",
                    name=campaign.event_name,
                )
            return reads
        case Broadcast() as broadcast:
            return {
                "templates": partial(contents_of, ws, broadcast),
                "triggers": partial(ws.triggers.all, broadcast.id),
            }
        case None:
            return {"campaigns": ws.campaigns.all}
        case other:
            return {"templates": partial(contents_of, ws, other)}


class _Search(NamedTuple):
    """Messages, newest first; where not all could be searched, the oldest that was is created at `back_to`."""

    messages: list[Message]
    back_to: datetime | None = None


async def _messages(
    ws: CallContext, reference: Reference, kind: Kind | None, id_: str | None, until: datetime | None = None
) -> _Search:
    """Search the latest messages of the source, or of any, in the six months before `until`, or before now."""
    matches: list[Message] = []
    start: str | None = None
    limit = MAX_MESSAGES if kind is None else PAGE_SIZE
    since = until and until - WINDOW
    for _ in range(MAX_PAGES):
        page = await ws.person_records.messages_of(reference, limit=limit, start=start, since=since, until=until)
        matches += [message for message in page.messages if _is_of(message, kind, id_)]
        start = page.next
        if not start or not page.messages or len(matches) >= MAX_MESSAGES:
            return _Search(matches[:MAX_MESSAGES])
    oldest = min((message.created for message in page.messages if message.created), default=None)
    return _Search(matches[:MAX_MESSAGES], oldest)


def _is_of(message: Message, kind: Kind | None, id_: str | None) -> bool:
    source = sent_by(message)
    return kind is None or (source is not None and source.kind == kind and id_ in {None, source.id})


async def _with_drafts(
    ws: CallContext, messages: list[Message], activities: Sequence[Activity], kind: Kind | None, id_: str | None
) -> list[Message]:
    known = {message.id for message in messages}
    drafts = {
        each.delivery_id: None for each in activities if each.type.startswith("drafted_") and each.delivery_id
    }.keys() - known
    chosen = [each.delivery_id for each in activities if each.delivery_id in drafts]
    reads = {id_: partial(ws.messages.get, id_) for id_ in list(dict.fromkeys(chosen))[:MAX_DRAFTS]}
    read = await _read_all({}, reads)
    found = [message for message in read.values() if message and _is_of(message, kind, id_)]
    return sorted([*messages, *found], key=lambda each: each.created or ws.now, reverse=True)[:MAX_MESSAGES]


async def _with_details(ws: CallContext, facts: Facts) -> Facts:
    """Add what can only be read now: the suppression of the address, errors of a trigger, the source of a message."""
    message = facts.answered
    reads: dict[str, Read] = {}
    if address := _address(facts.person, message):
        reads["email provider"] = partial(ws.suppressions.of, address)
    if isinstance(facts.source, Broadcast) and facts.trigger and message is None:
        reads["errors of the trigger"] = partial(ws.triggers.failed, facts.source.id, facts.trigger.id)
    if OPTOUT_CHANNELS & {*channels_of(facts.contents or ())}:
        reads["opt-outs"] = partial(ws.person_records.optouts_of, facts.person.reference)
    if facts.source is None and message is not None and (sender := sent_by(message)):
        reads["source"] = partial(_source_with_contents, ws, sender.kind, sender.id)
    read = await _read_all({}, reads)
    source, contents = read.get("source") or (facts.source, facts.contents)
    return replace(
        facts,
        source=source,
        contents=_tuple(contents),
        events=facts.events if facts.source else _events_before(facts, source),
        suppressions=read.get("email provider"),
        optouts=_tuple(read.get("opt-outs", ())),
        trigger_failed=read.get("errors of the trigger", False),
        unread=(*facts.unread, *_unread(read)),
    )


async def _source_with_contents(ws: CallContext, kind: Kind, id_: str) -> tuple[Source, Sequence[Content]]:
    source: Source = await reads_of(ws, kind).get(id_)
    return source, await contents_of(ws, source, most=MAX_CONTENT_PAGES)


def _address(person: Person, message: Message | None) -> str | None:
    """The address to look up: the one that the message went to, else the one in the profile."""
    recipient = (message and message.type == "email" and message.recipient) or person.email or ""
    address = recipient.rpartition("<")[2].removesuffix(">").strip()
    return address if SENDABLE_ADDRESS.fullmatch(address) else None


def _events(source: Source | None, read: dict[str, Any]) -> tuple[Activity, ...] | None:
    page = read.get("events")
    if page is None:
        return None if "events" in read else ()
    name = source.event_name if isinstance(source, Campaign) else None
    return tuple(each for each in page.activities if each.name in {name, None})


def _events_before(facts: Facts, source: Source | None) -> tuple[Activity, ...]:
    """The events that may have created the latest message, where no campaign was named."""
    name = source.event_name if isinstance(source, Campaign) else None
    end = facts.at + LEEWAY
    return tuple(
        each
        for each in facts.activities or ()
        if name and each.type == "event" and each.name == name and each.timestamp and each.timestamp <= end
    )


def _tuple(values: Sequence[Any] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(values)


def _unread(read: dict[str, Any]) -> tuple[str, ...]:
    return tuple(name for name, value in read.items() if value is None)
