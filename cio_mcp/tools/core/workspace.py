"""The tool that describes the workspace as a whole."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Literal

from cio_mcp.customerio.api.account import RegionRecord, WorkspaceRecord
from cio_mcp.errors import CioError
from cio_mcp.settings import Settings
from cio_mcp.text.render import Answer
from cio_mcp.text.sanitize import quoted_name, quoted_text, word
from cio_mcp.text.timestamps import clock_line
from cio_mcp.text.untrusted import Prose, Untrusted
from cio_mcp.tools.common.gather import Read, together
from cio_mcp.tools.common.person_ref import AnswerPart
from cio_mcp.tools.core.health.report import Health, health, pause_in_force
from cio_mcp.tools.core.limits import LaneNow, lanes_now
from cio_mcp.workspace import CallContext

Section = Literal["overview", "senders", "subscription_topics", "object_types", "limits", "health"]

MAX_LISTED = 100
"""Senders, topics or object types in one answer. Chosen."""


class Overview(AnswerPart):
    """The workspace and what is possible in it; counts of people and messages may be two hours old."""

    name: str | None = None
    id: str | None = None
    region: str | None = None
    keys: tuple[str, ...]
    read_only: bool
    masked: bool
    writes_stopped: Prose | None = None
    people: int | None = None
    messages_sent: int | None = None
    segments: int | None = None
    campaigns: int | None = None
    campaigns_running: int | None = None
    broadcasts: int | None = None
    transactional_messages: int | None = None
    account_workspaces: tuple[str, ...] | None = None

    def lines(self) -> Iterable[str]:
        """Which, what may be done, how much there is."""
        where = f"region {self.region}" if self.region else None
        label = f"workspace {quoted_name(self.name)}" if self.name else "a workspace of unknown name"
        yield ", ".join(filter(None, [label, self.id and f"id {self.id}", where]))
        changes = "nothing can be changed (read-only)" if self.read_only else "changes require a person's approval"
        masked = ", addresses and phone numbers are masked" if self.masked else ""
        yield f"keys: {', '.join(self.keys)}; {changes}{masked}"
        counts = {
            "people": self.people,
            "segments": self.segments,
            "campaigns": self.campaigns,
            "campaigns running": self.campaigns_running,
            "broadcasts": self.broadcasts,
            "transactional messages": self.transactional_messages,
            "messages sent this billing period": self.messages_sent,
        }
        if self.writes_stopped:
            yield self.writes_stopped
        if details := [f"{noun} {count:,}" for noun, count in counts.items() if count is not None]:
            yield ", ".join(details)
        if self.account_workspaces:
            yield f"the account has several: {', '.join(quoted_name(name) for name in self.account_workspaces)}"


class SenderRow(AnswerPart):
    """Senders of messages."""

    id: str
    address: str | None = None
    type: str | None = None

    def __str__(self) -> str:
        return f"{self.id} {quoted_name(self.address or '')}{f' ({self.type})' if self.type else ''}"


class TopicRow(AnswerPart):
    """A subscription topic; `identifier` names it in a person's preferences."""

    id: str
    name: str
    identifier: str | None = None
    description: Untrusted | None = None
    subscribed_by_default: bool | None = None

    def __str__(self) -> str:
        default = {True: "opted in", False: "opted out", None: "not stated"}[self.subscribed_by_default]
        identifier = word(self.identifier, 200) if self.identifier else "no identifier"
        about = f": {quoted_text(self.description)}" if self.description else ""
        return f"{self.id} {quoted_name(self.name)} ({identifier}), by default {default}{about}"


class ObjectTypeRow(AnswerPart):
    """A type of object."""

    id: str
    name: str
    enabled: bool | None = None

    def __str__(self) -> str:
        return f"{self.id} {quoted_name(self.name)}{', disabled' if self.enabled is False else ''}"


class WorkspaceAnswer(Answer):
    """One section about the workspace."""

    section: Section
    overview: Overview | None = None
    senders: tuple[SenderRow, ...] | None = None
    subscription_topics: tuple[TopicRow, ...] | None = None
    object_types: tuple[ObjectTypeRow, ...] | None = None
    limits: tuple[LaneNow, ...] | None = None
    health: Health | None = None
    omitted: int | None = None
    now: datetime

    def lines(self) -> Iterable[str]:
        """The requested section."""
        if self.overview:
            yield from self.overview.lines()
        for lane in self.limits or ():
            yield from lane.lines()
        if self.health:
            yield from self.health.lines()
        for rows in (self.senders, self.subscription_topics, self.object_types):
            if rows is not None:
                count, things = len(rows) + (self.omitted or 0), self.section.replace("_", " ")
                yield f"{count} {things.removesuffix('s') if count == 1 else things}"
                yield from map(str, rows)
                if self.omitted:
                    yield f"… {self.omitted} of {count} omitted"
        yield clock_line(self.now)


async def get_workspace(ws: CallContext, section: Section = "overview") -> WorkspaceAnswer:
    """Get the workspace's name, region, keys, and counts, or its senders, subscription topics, or rate limits.

    Section health checks what is wrong: failing messages, silent sources, rising bounces, odd states, and more.
    """
    answer = partial(WorkspaceAnswer, section=section, now=ws.now)
    match section:
        case "overview":
            return answer(overview=await _overview(ws))
        case "senders":
            senders = [
                SenderRow(id=each.id, address=each.address or each.email or each.name, type=each.template_type)
                for each in await ws.account.senders()
            ]
            return answer(senders=tuple(senders[:MAX_LISTED]), omitted=_omitted(senders))
        case "subscription_topics":
            topics = [TopicRow(**topic.model_dump()) for topic in await ws.account.topics()]
            return answer(subscription_topics=tuple(topics[:MAX_LISTED]), omitted=_omitted(topics))
        case "object_types":
            types = [ObjectTypeRow(**each.model_dump()) for each in await ws.account.object_types()]
            return answer(object_types=tuple(types[:MAX_LISTED]), omitted=_omitted(types))
        case "limits":
            return answer(limits=await lanes_now(ws))
        case "health":
            return answer(health=await health(ws, await lanes_now(ws)))


async def _overview(ws: CallContext) -> Overview:
    settings = ws.settings
    reads: dict[str, Read] = {}
    if settings.has_app:
        reads |= {
            "workspaces": ws.account.workspaces,
            "segments": ws.segments.all,
            "campaigns": ws.campaigns.all,
            "broadcasts": ws.broadcasts.all,
            "transactional": ws.transactional.all,
        }
    if settings.has_track:
        reads["track"] = partial(_track_region, ws)
    got = await together(reads)
    track: RegionRecord = got.get("track", RegionRecord())
    known: Sequence[WorkspaceRecord] = got.get("workspaces", ())
    own = _own(known, track.environment_id, settings.workspace)
    return Overview(
        name=own.name if own else settings.workspace,
        id=own.id if own else track.environment_id,
        region=track.region or (settings.region if settings.region != "auto" else None),
        keys=_keys(settings),
        read_only=settings.read_only,
        masked=settings.mask_pii,
        writes_stopped=await pause_in_force(ws),
        people=own.people if own else None,
        messages_sent=own.messages_sent if own else None,
        account_workspaces=None if own else tuple(each.name for each in known[:MAX_LISTED]) or None,
        **_counts(got),
    )


def _counts(got: dict[str, Any]) -> dict[str, int]:
    if "campaigns" not in got:
        return {}
    return {
        "segments": len(got["segments"]),
        "campaigns": len(got["campaigns"]),
        "campaigns_running": sum(campaign.running for campaign in got["campaigns"]),
        "broadcasts": len(got["broadcasts"]),
        "transactional_messages": len(got["transactional"]),
    }


def _keys(settings: Settings) -> tuple[str, ...]:
    keys = {"App": settings.has_app, "Track": settings.has_track, "Pipelines": settings.has_pipelines}
    return tuple(name for name, there in keys.items() if there)


def _own(known: Sequence[WorkspaceRecord], id_: str | None, name: str | None) -> WorkspaceRecord | None:
    """The keys' own workspace among those of the account: the only one, else by the Track keys' id, else by name."""
    if len(known) == 1:
        return known[0]
    return next((each for each in known if each.id == id_), None) or next(
        (each for each in known if name and each.name == name), None
    )


async def _track_region(ws: CallContext) -> RegionRecord:
    """The region is worth a read, not an error: what needs the Track keys says itself what is wrong with them."""
    try:
        return await ws.account.region()
    except CioError:
        return RegionRecord()


def _omitted(rows: Sequence[object]) -> int | None:
    return len(rows[MAX_LISTED:]) or None
