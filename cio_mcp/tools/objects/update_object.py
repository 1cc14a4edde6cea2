"""The write tool for objects and their relationships to customers."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from cio_mcp.customerio.api import objects, tracking
from cio_mcp.customerio.api.base import IdType, Reference
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.attribute_checks import within
from cio_mcp.customerio.call import canonical
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.plan import Plan, ValueEdit
from cio_mcp.gate.proof import ObjectState
from cio_mcp.gate.values import same
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted_value, word
from cio_mcp.tools.common.arguments import CustomerIdType, CustomerInList
from cio_mcp.tools.common.attribute_names import name_attributes
from cio_mcp.tools.common.people_lookup import find_people, read_entries, refuse_faults
from cio_mcp.tools.common.recipients import Recipient, may_start
from cio_mcp.tools.objects.lines import ObjectId, ObjectTypeRef
from cio_mcp.tools.objects.target import Target, find_target
from cio_mcp.workspace import CallContext

Action = Literal["set", "delete", "relate", "unrelate"]
MAX_CUSTOMERS = 50
"""Customers in one call, as in update_customer."""
MAX_VALUES = 15
"""Attributes that the question about a deletion shows. Chosen."""
RELATIONSHIPS = "cio_relationships"
NEW = " For a new object, pass create=true."
MAY_FOLLOW = "Campaigns and segments that use this object or its relationships may react."
FINAL = "This cannot be undone: the object, its attributes, and its relationships are lost."
LOST_RELATIONSHIP = "Attributes of the relationships are lost. get_customer shows them with include=relationships."


async def update_object(
    ws: CallContext,
    type: ObjectTypeRef,  # noqa: A002 - Customer.io's own word
    id: ObjectId,  # noqa: A002 - Customer.io's own word
    action: Annotated[Action, Field(description="relate and unrelate take customers")],
    attributes: Annotated[
        dict[str, JsonValue] | None, Field(description="Values of the object, or of the relationships; null clears")
    ] = None,
    customers: Annotated[list[CustomerInList] | None, Field(description="Up to 50: ID, email, or +phone")] = None,
    create: Annotated[bool, Field(description="Create the object if there is none")] = False,
    id_type: CustomerIdType = None,
) -> Plan:
    """Set attributes of an object, such as a company, relate it to customers, or delete it. Requires approval."""
    attributes = attributes or {}
    _check(action, attributes, customers, create=create)
    target = await find_target(ws, type, id, create=create, hint=NEW if action == "set" else "")
    match action:
        case "set":
            return await plan_attributes(ws, target, attributes)
        case "delete":
            return _deletion(target)
        case "relate":
            return await plan_relation(ws, target, await _people(ws, customers or [], id_type), attributes)
        case _:
            return plan_separation(target, await _people(ws, customers or [], id_type))


def _check(
    action: Action, attributes: Mapping[str, JsonValue], customers: Sequence[str] | None, *, create: bool
) -> None:
    related = action in ("relate", "unrelate")
    count = len(customers or ())
    faults = {
        f"customers: is required to {action}": related and not count,
        f"customers: omit it to {action}": bool(count) and not related,
        f"customers: has {count} entries; at most {MAX_CUSTOMERS} per call": count > MAX_CUSTOMERS,
        "attributes: is required to set": action == "set" and not attributes,
        f"attributes: omit it to {action}": action in ("delete", "unrelate") and bool(attributes),
        f"attributes: has {len(attributes)} entries; Customer.io accepts at most {tracking.ATTRIBUTES}": (
            len(attributes) > tracking.ATTRIBUTES
        ),
        "create: applies only to set": create and action != "set",
    }
    if problems := [problem for problem, is_so in faults.items() if is_so]:
        field, _, first = problems[0].partition(": ")
        raise InvalidArgument(field, ". ".join([first, *problems[1:]]))
    for name, value in attributes.items():
        if not name.strip():
            raise InvalidArgument("attributes", "has an empty name")
        within(f"attributes.{word(name)}", name, tracking.ATTRIBUTE_NAME_BYTES)
        text = value if isinstance(value, str) else canonical(value)
        within(f"attributes.{word(name)}", text, tracking.ATTRIBUTE_VALUE_BYTES)


async def plan_attributes(ws: CallContext, target: Target, attributes: dict[str, JsonValue]) -> Plan:
    """Plan to set attributes of an object, omitting those that are already set, or to create it with them."""
    before = target.record.attributes if target.record else {}
    edits = tuple(
        ValueEdit(name=name, before=before.get(name), after=value)
        for name, value in attributes.items()
        if target.record is None or not same(before.get(name), value)
    )
    changed = {edit.name: edit.after for edit in edits}
    starts = may_start(await ws.campaigns.started_by_attributes({RELATIONSHIPS}))
    what = f"Set {name_attributes(sorted(attributes))} of" if target.record else "Create"
    return Plan(
        risk="send",
        summary=f"{what} the object {target.name}.",
        notes=(target.note,),
        why=MAY_FOLLOW,
        edits=edits,
        affected=target.affected,
        examples=target.examples,
        starts=starts,
        calls=(objects.set_attributes(target.kind.id, target.id, changed),) if changed else (),
        rests_on={
            "object": [target.kind.id, target.id, target.record is not None],
            "before": {edit.name: edit.before for edit in edits},
            "starts": list(starts),
        },
        confirmation=target.id if target.affected is None else None,
        exact_case=True,
        effect_title="update 1 object" if target.record else "create 1 object",
        proof=ObjectState(type_id=target.kind.id, id=target.id, attributes=changed),
        next_step="To verify, call get_object.",
    )


def _deletion(target: Target) -> Plan:
    attributes = target.record.attributes if target.record else {}
    return Plan(
        risk="destroy",
        summary=f"Delete the object {target.name}.",
        notes=(_attributes_note(attributes), target.note, FINAL, "The customers are not deleted."),
        affected=target.affected,
        examples=target.examples,
        calls=(objects.delete(target.kind.id, target.id),),
        rests_on={
            "object": [target.kind.id, target.id],
            "attributes": attributes,
            "related": sorted(target.people),
        },
        confirmation=target.id,
        exact_case=True,
        effect_title="delete 1 object",
        proof=ObjectState(type_id=target.kind.id, id=target.id, gone=True),
        next_step="To verify, call find_objects with this ID.",
    )


def _attributes_note(attributes: Mapping[str, JsonValue]) -> str:
    shown = [f"{word(name, 60)} {quoted_value(value, 60)}" for name, value in attributes.items()]
    return f"Its attributes: {join_first(shown, MAX_VALUES, separator='; ') or 'none'}."


async def plan_relation(
    ws: CallContext, target: Target, people: Sequence[Recipient], attributes: Mapping[str, JsonValue]
) -> Plan:
    """Plan to relate an object to customers, leaving out those who are, unless attributes are set."""
    there = [each for each in people if each.identifier in target.people and not attributes]
    new = [each for each in people if each not in there]
    starts = may_start(await ws.campaigns.started_by_attributes({RELATIONSHIPS}))
    cio_ids = [each.identifier for each in new]
    return Plan(
        risk="send",
        summary=f"Relate the object {target.name} to {_count(people)}.",
        notes=(target.note, *_left_out(there, "already related")),
        why=MAY_FOLLOW,
        affected=len(new),
        examples=tuple(each.example for each in new),
        recipients=tuple(address for each in new for address in each.recipients),
        starts=starts,
        calls=(objects.relate(target.kind.id, target.id, cio_ids, attributes),) if new else (),
        rests_on={
            "object": [target.kind.id, target.id],
            "customers": list(cio_ids),
            "new": [one for one in cio_ids if one not in target.people],
            "starts": list(starts),
        },
        effect_title=f"relate {_count(new)}",
        proof=_relationships(target, [one for one in cio_ids if one not in target.people], related=True),
        next_step="To verify, call get_object with customers=true.",
    )


def plan_separation(target: Target, people: Sequence[Recipient]) -> Plan:
    """Plan to remove the relationships of an object to customers, leaving out those who have none."""
    unrelated = [each for each in people if target.related.complete and each.identifier not in target.people]
    affected = [each for each in people if each not in unrelated]
    cio_ids = [each.identifier for each in affected]
    return Plan(
        risk="destroy",
        summary=f"Remove the relationships of the object {target.name} to {_count(people)}.",
        notes=(target.note, LOST_RELATIONSHIP, *_left_out(unrelated, "not related")),
        affected=len(affected),
        examples=tuple(each.example for each in affected),
        recipients=tuple(address for each in affected for address in each.recipients),
        starts="unknown",
        calls=(objects.unrelate(target.kind.id, target.id, cio_ids),) if affected else (),
        rests_on={"object": [target.kind.id, target.id], "customers": list(cio_ids)},
        confirmation=target.id,
        exact_case=True,
        effect_title=f"unrelate {_count(affected)}",
        proof=_relationships(target, [one for one in cio_ids if one in target.people], related=False),
        next_step="To verify, call get_object with customers=true.",
    )


def _relationships(target: Target, cio_ids: list[str], *, related: bool) -> ObjectState | None:
    """What proves a change of relationships: those that are not so yet, if they can all be read."""
    if not cio_ids or not target.related.complete:
        return None
    return ObjectState(type_id=target.kind.id, id=target.id, customers=tuple(cio_ids), related=related)


async def find_customers_by(ws: CallContext, cio_ids: list[str]) -> list[Recipient]:
    """Find the customers with these `cio_…` who still exist."""
    found = await find_people(ws, [Reference(cio_id, "cio_id") for cio_id in cio_ids])
    return [Recipient.of(person) for person in found.values() if isinstance(person, Person)]


async def _people(ws: CallContext, customers: list[str], id_type: IdType | None) -> list[Recipient]:
    """The customers of a list, each once; every entry that can't be used is named in one error."""
    entries, faults = read_entries(customers, id_type)
    found = await find_people(ws, [entry.reference for entry in entries])
    people: dict[str, Recipient] = {}
    for entry in entries:
        person = found[entry.reference]
        if not isinstance(person, Person):
            faults[entry.number] = person
            continue
        recipient = Recipient.of(person)
        if recipient.cio_id is None:
            faults[entry.number] = "Customer.io returned no cio_id for it"
            continue
        people.setdefault(recipient.identifier, recipient)
    refuse_faults(customers, faults)
    return [*people.values()]


def _left_out(people: Sequence[Recipient], why: str) -> tuple[str, ...]:
    return (f"Left out, because {why}: {', '.join(each.name for each in people)}.",) if people else ()


def _count(people: Sequence[Recipient]) -> str:
    return f"{len(people):,} {'customer' if len(people) == 1 else 'customers'}"
