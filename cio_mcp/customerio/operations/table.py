"""The table of operations: lookups by id, by route, and by the body of a request."""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from cio_mcp.customerio.operations import design, people, pipelines, sources, track, workspace
from cio_mcp.customerio.operations.row import EVERYTHING, Api, Operation, Retry

OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {row.id: row for module in (sources, people, workspace, design, track, pipelines) for row in module.ROWS}
)
"""Every operation by its id, which never changes: each published one, and each action of those that take several."""


class Effect(NamedTuple):
    """One thing that a request does: the row that describes it, and the part of the body that asks for it."""

    operation: Operation
    body: Any


def operation(id_: str) -> Operation:
    """The operation of an id.

    Raises:
        KeyError: there is none.
    """
    return OPERATIONS[id_]


def by_route(api: Api, method: str, route: str) -> Operation | None:
    """The published operation of a route template, exactly as published; None if there is none."""
    return _routes().get((api, method, route))


def effects(row: Operation, body: Any) -> tuple[Effect, ...]:
    """What a request does, by its body: one effect, or one for each request of a batch.

    Names of actions are compared without regard to case and outer spaces. An action that is not known, or a batch
    that cannot be read, counts as the shared operation, whose risk is the highest that any of its actions has.
    """
    elements = body.get(row.elements) if row.elements and isinstance(body, dict) else None
    if elements and isinstance(elements, list):
        return tuple(Effect(_action(_shared(row, one), one), one) for one in elements)
    return (Effect(_action(row, body), body),)


def action_fields(row: Operation) -> tuple[str, ...]:
    """The body fields that select one action of an operation that takes several; none for any other operation."""
    _, choice = _published(row.id)
    return choice.fields if choice else ()


def classify_retry(effects: Sequence[Effect]) -> Retry:
    """Whether a request may be sent again: only if each of its effects may, and each event has its id."""
    once = any(one.retry == "once" or (one.event_id and not _has(part, one.event_id)) for one, part in effects)
    return "once" if once else effects[0].operation.retry


def cache_families(effects: Sequence[Effect]) -> frozenset[str]:
    """The cache families that a request fills or, if it writes, empties."""
    return frozenset(family for row in {effect.operation for effect in effects} for family in row.families)


def _has(body: Any, field: str) -> bool:
    return isinstance(body, dict) and bool(body.get(field))


def _shared(batch: Operation, element: Any) -> Operation:
    """The published operation that takes an element of a batch by itself; the batch if there is none."""
    if batch.api == "track":
        return OPERATIONS["apply_entity"]
    type_ = element.get("type") if isinstance(element, dict) else None
    single = OPERATIONS.get(f"pipelines_{type_}")
    return single if single is not None and not single.when else batch


def _action(row: Operation, body: Any) -> Operation:
    # The row that a caller names does not count: what the body says is what Customer.io does.
    shared, choice = _published(row.id)
    if choice is None or not isinstance(body, dict):
        return shared
    values = tuple([_folded(body.get(field)) for field in choice.fields])
    return choice.rows.get(values, shared if "" in values else choice.other)


def _folded(value: Any) -> str:
    return " ".join(value.casefold().split()) if isinstance(value, str) else ""


@cache
def _routes() -> dict[tuple[str, str, str], Operation]:
    return {(row.api, row.method, row.route): row for row in OPERATIONS.values() if not row.when}


class _Choice(NamedTuple):
    """The actions of a shared route, by the folded values of the fields that select one."""

    fields: tuple[str, ...]
    rows: dict[tuple[str, ...], Operation]
    other: Operation


@cache
def _published(id_: str) -> tuple[Operation, _Choice | None]:
    """The published operation that an operation is or is an action of, and the actions that it takes."""
    row = OPERATIONS[id_]
    published = _routes()[row.api, row.method, row.route]
    return published, _choices().get(published.id)


@cache
def _choices() -> dict[str, _Choice]:
    choices: dict[str, _Choice] = {}
    for row in OPERATIONS.values():
        if not row.when:
            continue
        shared = _routes()[row.api, row.method, row.route]
        fields, values = zip(*row.when, strict=True)
        choice = choices.get(shared.id) or _Choice(fields, {}, shared)
        if EVERYTHING in values:
            choice = choice._replace(other=row)
        else:
            choice.rows[tuple(map(_folded, values))] = row
        choices[shared.id] = choice
    return choices
