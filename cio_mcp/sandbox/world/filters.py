"""Audience filters: `and`, `or`, `not`, segments and attributes, as searches and broadcasts take them."""

from typing import Any

from cio_mcp.sandbox.http import app_error
from cio_mcp.sandbox.world.people import Person, as_string
from cio_mcp.sandbox.world.workspace import Workspace

OPERATORS = ("eq", "exists")


def check_filter(condition: Any) -> None:
    """Check that a filter has exactly one of and, or, not, segment, attribute at every level.

    Raises:
        ApiError: 400 when it does not.
    """
    if not isinstance(condition, dict) or len(condition) != 1:
        raise app_error(400, "filter must have exactly one of and, or, not, segment, attribute")
    [(word, operand)] = condition.items()
    if word in {"and", "or"} and isinstance(operand, list) and operand:
        for part in operand:
            check_filter(part)
    elif word == "not":
        check_filter(operand)
    elif word == "segment" and isinstance(operand, dict) and isinstance(operand.get("id"), int):
        return
    elif word == "attribute" and isinstance(operand, dict) and isinstance(operand.get("field"), str):
        operator = operand.get("operator")
        if operator not in OPERATORS or (operator == "eq" and "value" not in operand):
            raise app_error(400, "attribute needs the operator eq with a value, or exists")
    else:
        raise app_error(400, f"filter has an unknown or malformed part: {word}")


def segments_in(condition: dict[str, Any]) -> tuple[int, ...]:
    """The segments that a checked filter names, in order."""
    [(word, operand)] = condition.items()
    if word == "segment":
        return (operand["id"],)
    parts = operand if word in {"and", "or"} else [operand] if word == "not" else []
    return tuple(dict.fromkeys(number for part in parts for number in segments_in(part)))


def matches(workspace: Workspace, condition: dict[str, Any], person: Person) -> bool:
    """Whether a checked filter includes a person; attributes compare by their string form."""
    [(word, operand)] = condition.items()
    if word == "and":
        return all(matches(workspace, part, person) for part in operand)
    if word == "or":
        return any(matches(workspace, part, person) for part in operand)
    if word == "not":
        return not matches(workspace, operand, person)
    if word == "segment":
        segment = workspace.segments.get(operand["id"])
        return segment is not None and segment.has(person)
    value = person.value(operand["field"])
    if operand["operator"] == "exists":
        return value not in (None, "")
    return value is not None and as_string(value) == as_string(operand["value"])
