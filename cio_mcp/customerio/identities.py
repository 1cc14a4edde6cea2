"""People in requests, each by one identifier, so that two requests about the same person can be compared."""

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from cio_mcp.customerio.api.base import IDENTIFIER_KINDS, Reference
from cio_mcp.customerio.operations import Operation

Known = Mapping[str, str]
"""The `cio_id` of people who were looked up, without prefix, by `key_of` what a request names them by."""

TYPED_BY_SHAPE = frozenset({"track", "pipelines"})
"""The APIs that infer the kind of an identifier from its shape where a text alone names a person."""


def key_of(person: Reference) -> str:
    """A text for each identifier; addresses differ in more than case."""
    value = person.in_body[person.kind]
    return f"{person.kind} {value.casefold() if person.kind == 'email' else value}"


def identify_person(row: Operation, name: str, value: Any, known: Known) -> JsonValue:
    """The person whom a field of a request names, as `[kind, identifier]`; None where it is no single identifier."""
    reference = _reference(row, name, value)
    if reference is None:
        return None
    key = key_of(reference)
    kind, _, identifier = f"cio_id {known[key]}".partition(" ") if key in known else key.partition(" ")
    return [kind, identifier]


def _reference(row: Operation, name: str, value: Any) -> Reference | None:
    match value:
        case dict() if len(value) == 1:
            [(kind, identifier)] = value.items()
            is_text = isinstance(identifier, str | int) and not isinstance(identifier, bool)
            return Reference(str(identifier), kind) if kind in IDENTIFIER_KINDS and is_text else None
        case str() if row.api in TYPED_BY_SHAPE and name == row.people[0]:
            return by_shape(value)
        case _:
            return None


def by_shape(value: str) -> Reference:
    """The person whom a text names where only its shape says of which kind it is."""
    return next(one for kind in IDENTIFIER_KINDS if (one := Reference(value, kind)).fits_path)
