"""What else reads the same snippets or is aimed at the same segments as a broadcast, as far as the API tells."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import anyio
import anyio.to_thread

from cio_mcp.customerio.api.base import Content
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.api.newsletters import Newsletter
from cio_mcp.customerio.api.segments import Usage
from cio_mcp.errors import CioError
from cio_mcp.text.liquid import variables
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.gather import Read, or_none, together
from cio_mcp.tools.common.message_preview import listed_names
from cio_mcp.workspace import CallContext

MAX_CAMPAIGNS = 10
"""Running campaigns whose messages are read. Chosen."""
MAX_NEWSLETTERS = 5
"""Unsent newsletters, the newest, whose contents are read. Chosen."""
MAX_SEGMENTS = 5
"""Segments of an audience whose uses are read. Chosen."""
MAX_PAGES = 2
"""Requests for the messages of one campaign. Chosen."""
READ_SECONDS = 3.0
"""How long reading all of it may take. Chosen: an answer without a prompt has 4.5 seconds."""

UNSENT = "not sent; the API doesn't show whether it is scheduled"
NOTHING = "No running campaign or unsent newsletter was found that uses the same {}."


async def shared_uses(ws: CallContext, contents: Sequence[Content], segments: Sequence[str]) -> tuple[str, ...]:
    """Sentences about running campaigns and unsent newsletters that use the same snippets and segments."""
    bounded = ws.until(anyio.current_time() + READ_SECONDS)
    scopes = await anyio.to_thread.run_sync(_scopes, contents)
    try:
        campaigns = [each for each in await bounded.campaigns.all() if each.running]
        unsent = [each for each in (await bounded.newsletters.page()).newsletters if each.state == "draft"]
        usage = await together({id_: partial(bounded.segments.used_by, id_) for id_ in segments[:MAX_SEGMENTS]})
    except CioError:
        return ("What else uses its snippets or segments could not be read.",)
    snippets = scopes.get("snippets", set())
    lines = [
        *_same_segments(campaigns, unsent, usage),
        *(await _same_snippets(bounded, campaigns, unsent, snippets) if snippets else ()),
    ]
    shared = [f"snippets ({listed_names(sorted(snippets))})"] if snippets else []
    if not lines and (known := [*shared, *(["segments"] if segments else [])]):
        lines.append(NOTHING.format(" or ".join(known)))
    if len(segments) > MAX_SEGMENTS:
        lines.append(f"Only {MAX_SEGMENTS} of the {len(segments)} segments of the filter were looked up.")
    if journey := scopes.get("journey"):
        lines.append(
            f"It uses {listed_names(sorted(journey))} of the journey, which may come from a collection. The API shows "
            "neither which, nor what else reads it."
        )
    return tuple(lines)


def _scopes(contents: Sequence[Content]) -> dict[str, set[str]]:
    """The names that contents read, by scope: `snippets.footer` is `footer` of `snippets`."""
    scopes: dict[str, set[str]] = {}
    for content in contents:
        for template in content.templates:
            for path in variables(template) or ():
                scope, _, name = path.partition(".")
                if name:
                    scopes.setdefault(scope, set()).add(name.split(".")[0])
    return scopes


def _same_segments(
    campaigns: Sequence[Campaign], unsent: Sequence[Newsletter], usage: Mapping[str, Usage]
) -> Iterator[str]:
    for segment, uses in usage.items():
        drafts = {*uses.draft_newsletters, *(each.id for each in unsent if segment in each.recipient_segment_ids)}
        users = [
            *(_campaign(each) for each in campaigns if each.id in uses.campaigns),
            *(_newsletter(each) for each in unsent if each.id in drafts),
            *(f"newsletter {id_} ({UNSENT})" for id_ in sorted(drafts - {each.id for each in unsent})),
        ]
        if users:
            yield f"Segment {segment} is also used by {', '.join(users)}."


async def _same_snippets(
    ws: CallContext, campaigns: Sequence[Campaign], unsent: Sequence[Newsletter], snippets: set[str]
) -> list[str]:
    looked_at: dict[str, Read] = {
        _campaign(each): partial(or_none, partial(ws.campaigns.actions, each, most=MAX_PAGES))
        for each in campaigns[:MAX_CAMPAIGNS]
    }
    looked_at |= {
        _newsletter(each): partial(or_none, partial(ws.newsletters.contents, each.id))
        for each in unsent[:MAX_NEWSLETTERS]
    }
    read = await together(looked_at)
    lines = []
    for label, contents in read.items():
        scopes = await anyio.to_thread.run_sync(_scopes, contents or ())
        if shared := sorted(snippets & scopes.get("snippets", set())):
            lines.append(f"The snippets {listed_names(shared)} are also used by {label}.")
    unread = [label for label, contents in read.items() if contents is None]
    left = len(campaigns[MAX_CAMPAIGNS:]) + len(unsent[MAX_NEWSLETTERS:]) + len(unread)
    if left:
        lines.append(f"{left} running campaigns or unsent newsletters were not checked for its snippets.")
    return lines


def _campaign(campaign: Campaign) -> str:
    return f"campaign {campaign.id} {quoted(campaign.name)} (running)"


def _newsletter(newsletter: Newsletter) -> str:
    return f"newsletter {newsletter.id} {quoted(newsletter.name)} ({UNSENT})"
