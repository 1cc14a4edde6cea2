"""The plans that create a manual segment and delete one."""

from collections.abc import Iterable

from pydantic import JsonValue

from cio_mcp.customerio.api import segments
from cio_mcp.customerio.api.segments import Segment, Usage
from cio_mcp.gate.evidence import Evidence
from cio_mcp.gate.plan import Plan
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.gather import together
from cio_mcp.tools.common.segment_members import decides_recipients_note
from cio_mcp.tools.common.sources import SourceRef, sources
from cio_mcp.workspace import CallContext

MAX_RECORDED = 1_000
"""Members whom the plan of a deletion keeps, so that an undo can add them again. Chosen."""
MAX_USERS = 20
"""Campaigns and newsletters that a question names. Chosen."""


def plan_creation(name: str, description: str = "") -> Plan:
    """Plan to create an empty manual segment."""
    return Plan(
        risk="data",
        summary=f"Create manual segment {quoted(name)}.",
        notes=("It will be empty.",),
        affected=0,
        effect_title="create 1 segment",
        calls=(segments.create(name, description),),
        rests_on={"name": name},
        once=True,
        trace=Evidence(segment=name),
        next_step="Add customers with update_segment, action=add.",
    )


async def plan_deletion(ws: CallContext, segment: Segment) -> Plan:
    """Plan to delete a manual segment: its size, what uses it, and its name to type."""
    read = await together(
        {
            "count": lambda: ws.segments.count(segment.id),
            "usage": lambda: ws.segments.used_by(segment.id),
            "members": lambda: ws.segments.members(segment.id, limit=MAX_RECORDED),
        }
    )
    count: int = read["count"]
    users = await _users(ws, read["usage"])
    in_use = ("Customer.io may refuse to delete a segment in use.",) if users else ()
    members: list[JsonValue] = [person.cio_id for person in read["members"].identifiers if person.cio_id]
    return Plan(
        risk="destroy",
        summary=f"Delete manual segment {segment.id} {quoted(segment.name)}.",
        notes=(f"It has {count:,} {'member' if count == 1 else 'members'}.", f"Used by: {_listed(users)}."),
        affected=0,
        warnings=(*in_use, *decides_recipients_note(ws, segment), "Its ID can't be restored."),
        effect_title="delete 1 segment",
        calls=(segments.delete(segment.id),),
        rests_on={
            "segment": [segment.id, segment.name, segment.type],
            "description": segment.description,
            "users": [*users],
            "count": count,
            "members": members,
        },
        confirmation=segment.name.strip() or segment.id,
    )


async def _users(ws: CallContext, usage: Usage) -> list[str]:
    """What uses a segment, a line each; Customer.io counts broadcasts among the campaigns."""
    refs = [
        *(SourceRef("campaign", id_) for id_ in usage.campaigns),
        *(SourceRef("newsletter", id_) for id_ in (*usage.draft_newsletters, *usage.sent_newsletters)),
    ]
    known = await sources(ws, refs[:MAX_USERS])
    nameless = [SourceRef("broadcast", ref.id) for ref in refs[:MAX_USERS] if known[ref].name is None]
    broadcasts = await sources(ws, nameless)
    lines = []
    for ref in refs[:MAX_USERS]:
        broadcast = broadcasts.get(SourceRef("broadcast", ref.id)) if ref.kind == "campaign" else None
        lines.append(str(broadcast if broadcast and broadcast.name else known[ref]))
    return [*lines, *([f"{len(refs) - MAX_USERS:,} more"] if len(refs) > MAX_USERS else [])]


def _listed(users: Iterable[str]) -> str:
    return ", ".join(users) or "no campaign, broadcast, or newsletter"
