"""The tools that read campaigns, broadcasts, newsletters and transactional messages."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import Field

from cio_mcp.customerio.api.base import Content
from cio_mcp.customerio.api.broadcasts import Broadcast
from cio_mcp.customerio.api.campaigns import Campaign, StartsOn
from cio_mcp.customerio.api.newsletters import MAX_NEWSLETTERS, Newsletter, TestGroup
from cio_mcp.customerio.api.reads import JourneySource
from cio_mcp.customerio.api.transactional import TransactionalMessage, variables
from cio_mcp.errors import InvalidArgument
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.arguments import Cursor, Id, Kind, Limit, Name
from cio_mcp.tools.common.gather import together
from cio_mcp.tools.common.lookup import Source, find, reads_of
from cio_mcp.tools.common.pages import continuation, cut, page_of, total_of
from cio_mcp.tools.core.campaign_answers import (
    CampaignAnswer,
    CampaignList,
    CampaignRow,
    JourneyCounts,
    MessageRow,
    SegmentName,
    StepCounts,
)
from cio_mcp.tools.core.deliveries import CHANNELS
from cio_mcp.tools.core.journeys import MAX_STEPS, count_people, in_order
from cio_mcp.tools.core.name_matches import matches_elsewhere, matching
from cio_mcp.tools.core.sent_counts import sent_counts
from cio_mcp.workspace import CallContext

State = Literal["running", "draft", "stopped", "sent"]
STATES: dict[Kind, tuple[State, ...]] = {
    "campaign": ("running", "draft", "stopped"),
    "broadcast": ("running", "draft"),
    "newsletter": ("sent", "draft"),
    "transactional": (),
}

STARTS: dict[StartsOn, str] = {
    "event": "an event",
    "segment": "joining or leaving a segment",
    "form": "a form",
    "date": "a date in an attribute",
    "relationship": "a relationship",
    "object": "an object",
    "webhook": "a webhook",
    "unknown": "something the API does not return",
}

NOT_VISIBLE = "Delays, time windows, conditions, and goals are not visible through the API."
NOT_REACHED = "Who has not reached a step waits before it, took another branch, or left; the API does not tell which."
NOT_COUNTED = "Some counts could not be read, or not in time. Ask again in a moment."
MAX_MESSAGES = 50
"""Messages of one broadcast, newsletter or transactional message in an answer; a cursor leads on. No source."""
MAX_SEGMENTS, MAX_TAGS, MAX_VARIABLES = 50, 50, 100
"""Segments, tags and variables of one campaign in an answer. Chosen: in practice there are fewer."""


async def list_campaigns(
    ws: CallContext,
    kind: Kind = "campaign",
    state: State | None = None,
    name: Annotated[Name | None, Field(description="Part of the name")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> CampaignList:
    """List all campaigns, broadcasts, newsletters, or transactional messages we have, and which are running."""
    if state is not None and state not in STATES[kind]:
        accepted = " or ".join(STATES[kind]) or "none, because transactional messages have no state; omit it"
        raise InvalidArgument("state", f"for kind={kind} expected {accepted}")
    if kind == "newsletter" and state is None and name is None:
        page = await page_of(ws.newsletters.page, "newsletters", limit, cursor)
        rows = await _with_counts(ws, page.newsletters)
        token = page.next if rows else None
        return CampaignList(kind=kind, campaigns=rows, total=total_of(len(rows), cursor, token), **continuation(token))
    every: Sequence[Source] = await reads_of(ws, kind).all()
    named = matching(every, name or "")
    matches = [thing for thing in named if state in {None, _row(thing).state}]
    kept, more = cut(matches, limit, cursor)
    searched = MAX_NEWSLETTERS if kind == "newsletter" and len(every) == MAX_NEWSLETTERS else None
    rows = await _with_counts(ws, kept)
    elsewhere = await matches_elsewhere(ws, kind, name, len(named)) if name and not matches else None
    return CampaignList(kind=kind, campaigns=rows, total=len(matches), searched=searched, elsewhere=elsewhere, **more)


async def get_campaign(
    ws: CallContext,
    id: Annotated[Id, Field(description="ID or exact name")],  # noqa: A002 - the argument's name is fixed
    kind: Kind = "campaign",
    cursor: Cursor = None,
) -> CampaignAnswer:
    """Get how a campaign, broadcast, newsletter, or transactional message works: state, trigger, and messages.

    For a campaign: its steps in order, and how many people entered, reached each step, and left.
    """
    match await find(ws, kind, id):
        case Campaign() as campaign:
            return await _campaign(ws, campaign, cursor)
        case Broadcast() as broadcast:
            return await _broadcast(ws, broadcast, cursor)
        case Newsletter() as newsletter:
            return await _newsletter(ws, newsletter, cursor)
        case TransactionalMessage() as message:
            return await _transactional(ws, message, cursor)


async def _with_counts(ws: CallContext, things: Sequence[Source]) -> tuple[CampaignRow, ...]:
    counts = await sent_counts(ws, [thing for thing in things if isinstance(thing, Newsletter)])
    return tuple(_row(thing).model_copy(update={"sent": counts.get(thing.id)}) for thing in things)


def _row(thing: Source) -> CampaignRow:
    row = CampaignRow(id=thing.id, name=thing.name)
    match thing:
        case Campaign():
            of = {
                "state": thing.state,
                "starts_on": _start(thing),
                "tags": thing.tags[:MAX_TAGS] or None,
                "updated": thing.updated,
            }
        case Broadcast():
            of = {"state": thing.state, "tags": thing.tags[:MAX_TAGS] or None, "updated": thing.updated}
        case Newsletter():
            of = {
                "state": thing.state,
                "sent_at": thing.sent_at,
                "tags": thing.tags[:MAX_TAGS] or None,
                "updated": thing.updated,
            }
        case TransactionalMessage():
            of = {"updated": thing.updated_at}
    return row.model_copy(update=of)


def _start(campaign: Campaign) -> str:
    if campaign.event_name:
        return f"event {quoted(campaign.event_name)}"
    if campaign.date_attribute:
        return f"the date in attribute {quoted(campaign.date_attribute)}"
    return STARTS[campaign.starts_on]


async def _campaign(ws: CallContext, campaign: Campaign, cursor: str | None) -> CampaignAnswer:
    got = await together({"names": partial(_segment_names, ws), "actions": partial(ws.campaigns.actions, campaign)})
    steps = in_order(campaign, got["actions"])
    page, _ = cut(steps, MAX_STEPS, cursor)
    journeys, people = await count_people(ws, campaign, page)
    triggers = _with_names(campaign.trigger_segment_ids, got["names"])
    start = f"segment {', '.join(map(str, triggers))}" if triggers else _start(campaign)
    return CampaignAnswer(
        kind="campaign",
        starts=f"starts on {start}{f', {campaign.frequency}' if campaign.frequency else ''}",
        event_name=campaign.event_name,
        trigger_segments=triggers,
        filter_segments=_with_names(campaign.filter_segment_ids, got["names"]),
        **_history(campaign),
        journeys=journeys,
        notes=_notes(journeys, len(people) < len(page)),
        **_messages(steps, cursor, most=MAX_STEPS, people=people),
    )


def _notes(journeys: JourneyCounts | None, is_incomplete: bool) -> tuple[str, ...]:
    missing = journeys is None or is_incomplete
    return (*((NOT_COUNTED,) if missing else ()), *((NOT_REACHED,) if journeys else ()), NOT_VISIBLE)


async def _broadcast(ws: CallContext, broadcast: Broadcast, cursor: str | None) -> CampaignAnswer:
    return CampaignAnswer(
        kind="broadcast",
        starts="starts when an API call triggers it; the API does not return the audience set in Customer.io",
        **_history(broadcast),
        **_messages(await ws.broadcasts.actions(broadcast), cursor),
    )


def _history(source: JourneySource) -> dict[str, Any]:
    """The name, state, times, and tags of a campaign or broadcast."""
    fields = source.model_dump(include={"id", "name", "state", "first_started", "created", "updated"})
    return {**fields, "tags": source.tags[:MAX_TAGS] or None}


async def _newsletter(ws: CallContext, newsletter: Newsletter, cursor: str | None) -> CampaignAnswer:
    got = await together(
        {
            "names": partial(_segment_names, ws),
            "contents": partial(ws.newsletters.contents, newsletter.id),
            "groups": partial(ws.newsletters.test_groups, newsletter.id),
            "topics": ws.account.topics if newsletter.subscription_topic_id else _nothing,
        }
    )
    recipients = _with_names(newsletter.recipient_segment_ids, got["names"])
    to = f" to segment {', '.join(map(str, recipients))}" if recipients else ""
    topics = {topic.id: topic.name for topic in got["topics"]}
    return CampaignAnswer(
        kind="newsletter",
        id=newsletter.id,
        name=newsletter.name,
        state=newsletter.state,
        starts=f"goes out once{to}; the API returns only the segments of its recipient filter",
        recipient_segments=recipients,
        subscription_topic=topics.get(newsletter.subscription_topic_id or ""),
        sent_at=newsletter.sent_at,
        created=newsletter.created,
        updated=newsletter.updated,
        tags=newsletter.tags[:MAX_TAGS] or None,
        **_messages(got["contents"], cursor, got["groups"]),
    )


async def _transactional(ws: CallContext, message: TransactionalMessage, cursor: str | None) -> CampaignAnswer:
    contents = await ws.transactional.contents(message.id)
    return CampaignAnswer(
        kind="transactional",
        id=message.id,
        name=message.name,
        starts="is sent to one person by an API call",
        description=message.description,
        created=message.created_at,
        updated=message.updated_at,
        send_to_unsubscribed=message.send_to_unsubscribed,
        queue_drafts=message.queue_drafts,
        variables=tuple(sorted(variables(contents)))[:MAX_VARIABLES] or None,
        **_messages(contents, cursor),
    )


def _messages(
    contents: Sequence[Content],
    cursor: str | None,
    groups: Iterable[TestGroup] = (),
    *,
    most: int = MAX_MESSAGES,
    people: Mapping[str, StepCounts] | None = None,
) -> dict[str, Any]:
    tested = {content_id: group for group in groups for content_id in group.content_ids}
    page, more = cut(contents, most, cursor)
    rows = tuple(_message(content, tested.get(content.id), (people or {}).get(content.id)) for content in page)
    return {"messages": rows, "messages_total": len(contents), **more}


def _message(content: Content, group: TestGroup | None, people: StepCounts | None) -> MessageRow:
    return MessageRow(
        id=content.id,
        type=CHANNELS.get(content.type or "", content.type),
        name=content.name,
        subject=content.subject or None,
        language=content.language or None,
        sender=content.from_ or None,
        sending_state=content.sending_state,
        test_group=(group.label or group.name) if group else None,
        winner=group.winner if group else None,
        parent=content.parent_action_id,
        people=people,
    )


def _with_names(ids: Iterable[str], names: Mapping[str, str]) -> tuple[SegmentName, ...] | None:
    return tuple(SegmentName(id=each, name=names.get(each)) for each in islice(ids, MAX_SEGMENTS)) or None


async def _segment_names(ws: CallContext) -> dict[str, str]:
    return {segment.id: segment.name for segment in await ws.segments.all()}


async def _nothing() -> tuple[()]:
    return ()
