"""The tools that list segments and read one."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Annotated

from pydantic import Field

from cio_mcp.customerio.api.segments import MemberPage, Segment, Usage
from cio_mcp.text.sanitize import quoted_name, quoted_text
from cio_mcp.text.timestamps import moment
from cio_mcp.text.untrusted import Untrusted
from cio_mcp.tools.common.arguments import Cursor, Limit, Name, SegmentRef
from cio_mcp.tools.common.gather import Read, together
from cio_mcp.tools.common.pages import PageAnswer, continuation, cut, offset_of, page_of
from cio_mcp.tools.common.person_ref import AnswerPart, PersonRef, who
from cio_mcp.tools.common.sources import Source, SourceRef, sources
from cio_mcp.workspace import CallContext

MAX_USERS = 100
"""Campaigns, sent and draft newsletters that use a segment in one answer, each. Chosen."""


class SegmentLine(AnswerPart):
    """A segment; `dynamic` ones follow conditions, `manual` ones contain added customers."""

    id: str
    name: str
    type: str | None = None
    description: Untrusted | None = None
    building: bool | None = Field(default=None, description="Membership is still being built")

    def __str__(self) -> str:
        building = ", still building" if self.building else ""
        about = f": {quoted_text(self.description)}" if self.description else ""
        return f"{quoted_name(self.name)} (id {self.id}, {self.type or 'of unknown type'}{building}){about}"


class SegmentsAnswer(PageAnswer):
    """Segments of the workspace."""

    segments: list[SegmentLine]
    total: int

    def lines(self) -> Iterable[str]:
        """Each segment on a line."""
        yield f"{self.total} segments" if self.total != 1 else "1 segment"
        yield from map(str, self.segments)
        yield from self.more(self.total)


class SegmentAnswer(PageAnswer):
    """One segment: its size, and a page of what uses it; with members, the first uses and a page of members."""

    segment: SegmentLine
    count: int
    campaigns: list[Source]
    sent_newsletters: list[Source]
    draft_newsletters: list[Source]
    users_total: int | None = None
    updated_at: datetime | None = None
    members: list[PersonRef] | None = None

    def lines(self) -> Iterable[str]:
        """Name, size, uses, and members."""
        yield str(self.segment)
        yield f"{self.count:,} {'person' if self.count == 1 else 'people'}" + (
            f", updated {moment(self.updated_at)}" if self.updated_at else ""
        )
        users = [*self.campaigns, *self.sent_newsletters, *(f"{draft} (draft)" for draft in self.draft_newsletters)]
        yield f"Used by: {', '.join(map(str, users)) or 'nothing'}"
        if self.members is None:
            yield from self.more(self.users_total)
            return
        if self.users_total:
            yield f"These are the first of {self.users_total:,} uses. To list the others, call again without members."
        yield f"Members:{'' if self.members else ' none'}"
        yield from (f"- {member}" for member in self.members)
        yield from self.more(self.count)


async def list_segments(
    ws: CallContext,
    name: Annotated[Name | None, Field(description="Part of the name")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> SegmentsAnswer:
    """List the segments we have with their IDs, names, and types. Archived segments are excluded."""
    fragment = (name or "").strip().casefold()
    matches = [segment for segment in await ws.segments.all() if fragment in segment.name.casefold()]
    listed, page = cut(matches, limit, cursor)
    return SegmentsAnswer(segments=[_line(segment) for segment in listed], total=len(matches), **page)


async def get_segment(
    ws: CallContext,
    segment: SegmentRef,
    members: Annotated[bool, Field(description="Include a page of members")] = False,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> SegmentAnswer:
    """Get how many people are in a segment, who they are, and which campaigns and newsletters use it."""
    start = 0 if members else offset_of(cursor)
    current = await ws.segments.find(segment)
    reads: dict[str, Read] = {
        "count": partial(ws.segments.count, current.id),
        "usage": partial(ws.segments.used_by, current.id),
    }
    if members:
        reads["members"] = partial(page_of, partial(ws.segments.members, current.id), "identifiers", limit, cursor)
    read = await together(reads)
    usage: Usage = read["usage"]
    end = start + MAX_USERS
    campaigns = [SourceRef("campaign", id_) for id_ in usage.campaigns[start:end]]
    sent = [SourceRef("newsletter", id_) for id_ in usage.sent_newsletters[start:end]]
    drafts = [SourceRef("newsletter", id_) for id_ in usage.draft_newsletters[start:end]]
    users = (usage.campaigns, usage.sent_newsletters, usage.draft_newsletters)
    unlisted = sum(len(each[end:]) for each in users)
    known = await sources(ws, [*campaigns, *sent, *drafts])
    # Customer.io counts broadcasts among the campaigns that use a segment.
    nameless = [SourceRef("broadcast", thing.id) for thing in campaigns if known[thing].name is None]
    broadcasts = await sources(ws, nameless)
    known |= {
        SourceRef("campaign", thing.id): source for thing, source in broadcasts.items() if source.name is not None
    }
    page: MemberPage | None = read.get("members")
    if page is None:
        token, omitted = str(end) if unlisted else None, unlisted
    else:
        token, omitted = page.next, read["count"] - len(page.identifiers) if page.next and cursor is None else 0
    return SegmentAnswer(
        segment=_line(current),
        count=read["count"],
        campaigns=[known[thing] for thing in campaigns],
        sent_newsletters=[known[thing] for thing in sent],
        draft_newsletters=[known[thing] for thing in drafts],
        users_total=sum(map(len, users)) if start or unlisted else None,
        updated_at=current.updated_at,
        members=[who(person) for person in page.identifiers] if page else None,
        **continuation(token),
        omitted=omitted if omitted > 0 else None,
    )


def _line(segment: Segment) -> SegmentLine:
    return SegmentLine(
        id=segment.id,
        name=segment.name,
        type=segment.type,
        description=segment.description,
        building=None if segment.settled else True,
    )
