"""The messages of the campaigns that an event triggers: the data they need, and a preview of the first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import anyio
import anyio.to_thread
from pydantic import JsonValue

from cio_mcp.customerio.api.base import Content
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.api.people import Person
from cio_mcp.gate.plan import NOT_READ
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.gather import or_none, together
from cio_mcp.tools.common.message_preview import (
    content_digest,
    listed_names,
    missing_data,
    preview_message,
    required_by,
)
from cio_mcp.workspace import CallContext

MAX_CAMPAIGNS = 10
"""Campaigns whose messages are read. Chosen."""

MAX_MESSAGES = 20
"""Maximum messages to read, over all campaigns. Chosen."""

MAX_PAGES = 2
"""Requests for the messages of one campaign; Customer.io gives ten a page."""

READ_SECONDS = 5.0
"""How long reading all of it may take, so that time is left for a person to answer. Chosen."""


@dataclass(frozen=True, slots=True)
class EventMessages:
    """The part of a plan about the messages of the triggered campaigns, and their digest."""

    preview: tuple[str, ...] = ()
    missing_data: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    digest: JsonValue = ""
    """SHA-256 (hex) over what the messages say; `NOT_READ` where those of a campaign could not be read."""


async def event_messages(
    ws: CallContext, campaigns: Sequence[Campaign], person: Person | None, data: Mapping[str, JsonValue]
) -> EventMessages:
    """Read the messages of campaigns and compare what they need with the data of an event.

    What cannot be read is a warning.
    """
    looked_into, left = campaigns[:MAX_CAMPAIGNS], MAX_MESSAGES
    end = anyio.current_time() + READ_SECONDS
    read = await _actions(ws, looked_into, end)
    warnings: list[str] = []
    missing: list[str] = []
    unread: list[str] = []
    for campaign in looked_into:
        actions = read[campaign.id]
        if actions is None:
            warnings.append(f"The messages of campaign {campaign.id} could not be read.")
            continue
        if anyio.current_time() > end:
            left = 0
        lacking, partly_read = await anyio.to_thread.run_sync(_lacking, campaign, actions[:left], data)
        missing += lacking
        warnings += partly_read
        if max(len(actions), len(campaign.actions)) > left:
            unread.append(campaign.id)
        left = max(0, left - len(actions))
    unread += [campaign.id for campaign in campaigns[MAX_CAMPAIGNS:]]
    if unread:
        warnings.append(f"Some messages were not read (campaigns {listed_names(unread)}).")
    preview = await _preview(read, person, data, ws.now) if len(campaigns) == 1 else ()
    contents = [content for actions in read.values() for content in actions or ()]
    digest = NOT_READ if None in read.values() else content_digest(contents)
    return EventMessages(preview, tuple(missing), tuple(warnings), digest)


async def _actions(ws: CallContext, campaigns: Sequence[Campaign], end: float) -> dict[str, list[Content] | None]:
    """The actions of each campaign by its id, None where they cannot be read before `end`."""
    actions = partial(ws.until(end).campaigns.actions, most=MAX_PAGES)
    return await together({campaign.id: partial(or_none, partial(actions, campaign)) for campaign in campaigns})


def _lacking(
    campaign: Campaign, actions: Sequence[Content], data: Mapping[str, JsonValue]
) -> tuple[list[str], list[str]]:
    """A sentence about the data that messages lack, and a warning where one can't be read."""
    required = [required_by([action]) for action in actions]
    missing = missing_data(frozenset().union(*filter(None, required)), data)
    label = f"Campaign {campaign.id} {quoted(campaign.name)}"
    sentences = [f"{label} uses event data that is missing: {listed_names(missing)}."] if missing else []
    unread = [f"{label} has a message that could not be read. It may use more event data."] if None in required else []
    return sentences, unread


async def _preview(
    read: Mapping[str, list[Content] | None], person: Person | None, data: Mapping[str, JsonValue], now: datetime
) -> tuple[str, ...]:
    """The subject of the first message of the only campaign."""
    first = next((actions[:1] for actions in read.values() if actions), [])
    whole = await preview_message(first, person, data, now)
    return whole.model_copy(update={"beginning": None}).lines
