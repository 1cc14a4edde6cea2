"""The people that a request names, in the fields that its operations declare."""

from collections.abc import Iterator
from typing import Any

from cio_mcp.customerio.api.base import IDENTIFIER_KINDS, Reference
from cio_mcp.customerio.call import Call
from cio_mcp.customerio.identities import by_shape
from cio_mcp.customerio.operations import EVERYTHING, Effect, value_at


def people_in(call: Call) -> frozenset[str]:
    """Every value with which a request names people; all of the body where its fields are not published."""
    return frozenset(value for effect in call.effects for value in _names(call, effect))


def person_of(call: Call, effect: Effect) -> Reference | None:
    """The person whom an effect of the Track API is about, with the kind of identifier; None if it names no one.

    A path of version 1 leaves the kind to the shape of the identifier.
    """
    name = next(iter(effect.operation.people), "")
    if name in call.path:
        return by_shape(call.path[name])
    person = value_at(effect.body, name)
    identifiers = person if isinstance(person, dict) else {}
    kinds = (kind for kind in IDENTIFIER_KINDS if identifiers.get(kind) not in (None, ""))
    return next((Reference(str(identifiers[kind]), kind) for kind in kinds), None)


def created_people(call: Call) -> tuple[str, ...]:
    """The identifiers by which a request may create a person; empty for a person it does not name.

    Customer.io creates no person for an unknown cio_id.
    """
    return tuple(_created(call))


def _created(call: Call) -> Iterator[str]:
    for effect in call.effects:
        row = effect.operation
        if "creation" not in row.guardrails or (row.updates_only and value_at(effect.body, row.updates_only) is True):
            continue
        person = person_of(call, effect)
        if person is None or person.kind != "cio_id":
            yield person.value if person else ""


def _names(call: Call, effect: Effect) -> Iterator[str]:
    row = effect.operation
    for name in (*row.people, EVERYTHING) if row.unpublished else row.people:
        yield from [call.path[name]] if name in call.path else _texts(value_at(effect.body, name))


def _texts(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for inner in value.values():
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)
        case bool() | None:
            pass
        case _:
            yield str(value)
