"""The undo of a change of a manual segment, as far as there is one."""

from collections.abc import Sequence
from typing import Any

from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.api.segments import Segment
from cio_mcp.customerio.call import Call
from cio_mcp.gate.plan import Plan
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.list_lookup import look_up
from cio_mcp.tools.common.segment_job import MAX_RECORDED as MAX_KEPT
from cio_mcp.tools.common.segment_job import MemberEdits, members_of, plan_job
from cio_mcp.tools.common.segment_members import plan_membership
from cio_mcp.tools.common.segment_plans import MAX_RECORDED, plan_creation, plan_deletion
from cio_mcp.tools.core.undo.values import PastChange, as_undo, refusal
from cio_mcp.workspace import CallContext

EFFECTS_STAY = "Campaigns that it started, and messages sent since then, can't be undone."
NEW_ID = "The segment gets a new ID. What used the old one doesn't use it."


async def undo_membership(ws: CallContext, past: PastChange) -> Plan:
    """Plan to remove the people whom a change added, or to add those whom it removed."""
    segment = await _segment(ws, past, past.plan.calls[0].path["segment_id"])
    added = past.plan.calls[0].operation == "add_to_segment"
    people, gone = await _people(ws, [reference for call in past.plan.calls for reference in _references(call)])
    planned = await plan_membership(ws, segment, people, add=not added)
    lost = (f"{gone:,} of the customers no longer exist.",) if gone else ()
    return _undoing(past, planned, (*lost, EFFECTS_STAY))


async def undo_member_edits(ws: CallContext, past: PastChange) -> Plan:
    """Plan to remove the people whom a job added and who are still in, and to add those whom it removed."""
    kept: dict[str, Any] = past.plan.rests_on
    segment, recorded = await _segment(ws, past, kept["segment"][0]), kept["edits"]
    if recorded is None:
        raise refusal(past.id, f"it changed more than the {MAX_KEPT:,} members that are recorded; sync the former list")
    members = await members_of(ws, segment)
    added = [holder for cio_id in recorded["add"] for holder in members.holders(_by_cio_id(cio_id))]
    gone = [reference for cio_id in recorded["remove"] if not members.holders(reference := _by_cio_id(cio_id))]
    found = [each for each in (await look_up(ws, gone)).values() if not isinstance(each, str)]
    edits = MemberEdits(segment, members, found, added)
    summary = f"Restore members of segment {segment.id} {quoted(segment.name)}"
    planned = await plan_job(ws, edits, summary, settled="All that it changed was changed back.")
    lost = (f"{len(gone) - len(found):,} of the customers no longer exist.",) if len(gone) > len(found) else ()
    return _undoing(past, planned, (*lost, EFFECTS_STAY))


async def undo_creation(ws: CallContext, past: PastChange) -> Plan:
    """Plan to delete a segment that a change created, if one manual segment has its name."""
    body: Any = past.plan.calls[0].body
    name = body["segment"]["name"]
    matches = [each for each in await ws.segments.all() if each.name.strip() == name]
    if len(matches) != 1 or matches[0].type == "dynamic":
        raise refusal(past.id, f"{len(matches)} manual segments are named {quoted(name)} now, and 1 is expected")
    return _undoing(past, await plan_deletion(ws, matches[0]), ())


async def undo_deletion(ws: CallContext, past: PastChange) -> Plan:
    """Plan to create a deleted segment again; once it exists, to add its members."""
    kept: dict[str, Any] = past.plan.rests_on
    name, members, count = kept["segment"][1], kept["members"], kept["count"]
    existing = [each for each in await ws.segments.all() if each.name.strip() == name.strip()]
    if not existing:
        planned = plan_creation(name.strip(), kept["description"] or "")
        again = f"To add its {len(members):,} members, call undo_change with this change again: change={past.id}."
        return _undoing(past, planned, (NEW_ID,)).model_copy(update={"next_step": again if members else ""})
    if len(existing) > 1 or existing[0].type == "dynamic":
        raise refusal(past.id, f"another segment is named {quoted(name)} now")
    people, gone = await _people(ws, [_by_cio_id(cio_id) for cio_id in members])
    planned = await plan_membership(ws, existing[0], people, add=True)
    lost = (f"{gone:,} of its members no longer exist.",) if gone else ()
    unrecorded = (f"Only {MAX_RECORDED:,} of its {count:,} members were recorded.",) if count > len(members) else ()
    return _undoing(past, planned, (*lost, *unrecorded, NEW_ID))


def _by_cio_id(cio_id: str) -> Reference:
    return Reference(f"cio_{cio_id}", "cio_id")


async def _segment(ws: CallContext, past: PastChange, id_: str) -> Segment:
    if segment := next((each for each in await ws.segments.all() if each.id == id_), None):
        return segment
    raise refusal(past.id, f"segment {id_} no longer exists")


def _references(call: Call) -> list[Reference]:
    body: Any = call.body
    is_cio_id = call.query.get("id_type") == "cio_id"
    return [Reference(value, "cio_id" if is_cio_id else None) for value in body["ids"]]


async def _people(ws: CallContext, references: Sequence[Reference]) -> tuple[list[Person], int]:
    """The profiles that exist, and how many do not."""
    ids = [one.value for one in references if one.kind == "id"]
    cio_ids = [one.value for one in references if one.kind == "cio_id"]
    people = [
        *(await ws.people.profiles_by(ids, None) if ids else ()),
        *(await ws.people.profiles_by(cio_ids, "cio_id") if cio_ids else ()),
    ]
    return people, len(references) - len(people)


def _undoing(past: PastChange, planned: Plan, warnings: tuple[str, ...]) -> Plan:
    summary = f"{planned.summary[0].lower()}{planned.summary[1:]}"
    return as_undo(past, planned, *(warnings if planned.is_needed else ()), summary=summary)
