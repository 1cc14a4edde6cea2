"""The write tool for manual segments."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.api.segments import MAX_IDS
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.plan import Plan
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.arguments import CustomerInList, Name, SegmentRef
from cio_mcp.tools.common.name_checks import check_visible
from cio_mcp.tools.common.people_lookup import find_people, read_entries, refuse_faults
from cio_mcp.tools.common.segment_members import plan_membership, refuse_dynamic
from cio_mcp.tools.common.segment_plans import plan_creation, plan_deletion
from cio_mcp.tools.core.segment_messages import customers_of
from cio_mcp.workspace import CallContext

Action = Literal["create", "delete", "add", "remove"]

LOOKUP_SIZE = 50
"""Customers who are looked up at once. Chosen: a search by email has two conditions for each."""


async def update_segment(
    ws: CallContext,
    action: Action,
    segment: Annotated[SegmentRef | None, Field(description="ID or exact name")] = None,
    customers: Annotated[
        list[CustomerInList] | None,
        Field(description="IDs, emails, +phones, or cio_…"),
    ] = None,
    messages: Annotated[
        dict[str, JsonValue] | None,
        Field(description="Or all with a metric: {metric, since, until, kind, id}"),
    ] = None,
    name: Annotated[Name | None, Field(description="To create")] = None,
) -> Plan:
    """Create or delete a manual segment, or add or remove customers. Requires approval."""
    if faults := [*_faults(action, segment, customers, messages, name)]:
        field, problem = faults[0]
        raise InvalidArgument(field, ". ".join([problem, *(f"{other}: {text}" for other, text in faults[1:])]))
    if action == "create":
        return await _creation(ws, (name or "").strip())
    current = await ws.segments.find(segment or "")
    refuse_dynamic(current, action)
    if action == "delete":
        return await plan_deletion(ws, current)
    if messages:
        chosen = await customers_of(ws, messages)
        planned = await plan_membership(ws, current, chosen.people, add=action == "add")
        return planned.model_copy(update={"notes": (chosen.note, *planned.notes)})
    people = await _people(ws, customers or ())
    return await plan_membership(ws, current, people, add=action == "add")


def _faults(
    action: Action, segment: str | None, customers: Sequence[str] | None, messages: object, name: str | None
) -> Iterator[tuple[str, str]]:
    """The arguments that an action lacks or does not take, each with what is expected."""
    changes_members = action in {"add", "remove"}
    if action == "create" and not (name or "").strip():
        yield "name", "expected the name of the new segment"
    if action != "create" and name is not None:
        yield "name", f"is for action=create; omit it to {action}. The API can't rename a segment"
    if action == "create" and segment is not None:
        yield "segment", "omit it to create a segment, and pass its name as name"
    if action != "create" and segment is None:
        yield "segment", "expected the ID or exact name of a manual segment"
    if customers and len(customers) > MAX_IDS:
        yield "customers", f"lists {len(customers):,}; at most {MAX_IDS:,} per call"
    if customers and messages:
        yield "messages", "omit it when passing customers"
    if changes_members and not customers and not messages:
        yield "customers", f"expected the customers to {action}, or messages"
    if not changes_members and (customers or messages):
        hint = "a new segment is empty; add customers to it once it exists" if action == "create" else "omit it"
        yield "customers", hint


async def _creation(ws: CallContext, name: str) -> Plan:
    check_visible("name", name)
    if same := next((each for each in await ws.segments.all() if each.name.strip() == name), None):
        if same.type == "dynamic":
            raise InvalidArgument("name", f"the dynamic segment {same.id} already has the name {quoted(name)}")
        return Plan(
            risk="data",
            summary=f"Segment {same.id} already has the name {quoted(name)}.",
            rests_on={"name": name, "id": same.id},
        )
    return plan_creation(name)


async def _people(ws: CallContext, customers: Sequence[str]) -> list[Person]:
    """The profiles of a list, each once; Customer.io would ignore unknown ones silently, so they are refused by name.

    Raises:
        InvalidArgument: some are unknown or ambiguous; the text has each with the reason.
    """
    entries, faults = read_entries(customers, None)
    references = [entry.reference for entry in entries]
    lookups: dict[Reference, Person | str] = {}
    for start in range(0, len(references), LOOKUP_SIZE):
        lookups |= await find_people(ws, references[start : start + LOOKUP_SIZE])
    people: dict[str, Person] = {}
    for entry in entries:
        match lookups[entry.reference]:
            case str() as reason:
                faults[entry.number] = reason
            case person:
                people.setdefault(person.reference.value, person)
    refuse_faults(customers, faults)
    return [*people.values()]
