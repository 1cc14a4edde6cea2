"""Customer.io's audience filter, checked before it is sent."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from cio_mcp.customerio.api.base import is_number
from cio_mcp.errors import InvalidArgument
from cio_mcp.text.sanitize import quoted

DEEPEST = 10
"""Levels of nesting taken; no source, deeper is a mistake."""


class SegmentCondition(BaseModel):
    """Whether somebody is in a segment."""

    id: int


class AttributeCondition(BaseModel):
    """Whether an attribute has a value, or exists."""

    field: str
    operator: Literal["eq", "exists"]
    value: str = ""


class Condition(BaseModel):
    """One of two; the other is null or left out."""

    segment: SegmentCondition | None = None
    attribute: AttributeCondition | None = None


class FilterShape(BaseModel):
    """A filter as clients are shown it: what converters can declare, which is one level of nesting."""

    and_: list[Annotated[Condition, Field(description="Must hold")]] = Field([], alias="and")
    or_: list[Annotated[Condition, Field(description="May hold")]] = Field([], alias="or")
    not_: Annotated[Condition, Field(description="Must not hold")] | None = Field(None, alias="not")


class _Shape:
    def __get_pydantic_json_schema__(self, _core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(FilterShape.__pydantic_core_schema__)


Filter = Annotated[dict[str, Any], _Shape(), Field(description="One of and, or, not; conditions may nest")]
"""A filter: clients are shown `FilterShape`, `checked` accepts all that Customer.io does, at any depth."""

ACCEPTED = "expected exactly one of and, or, not, segment, attribute"


def checked(filter_: Any, *, field: str = "filter", depth: int = 0) -> dict[str, Any]:
    """Check a filter and return it as Customer.io takes it: `eq` compares strings, segments have a number.

    Raises:
        InvalidArgument: it is not acceptable; the text names the place, the key, and what is accepted.
    """
    if depth > DEEPEST:
        raise InvalidArgument(field, f"nested more than {DEEPEST} levels deep")
    if not isinstance(filter_, dict) or len(filter_) != 1:
        raise InvalidArgument(field, ACCEPTED)
    [(key, value)] = filter_.items()
    if key not in _CHECKS:
        raise InvalidArgument(field, f"unknown key {quoted(str(key), 40)}; {ACCEPTED}")
    return {key: _CHECKS[key](value, f"{field}.{key}", depth + 1)}


def _all_of(value: Any, field: str, depth: int) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value:
        raise InvalidArgument(field, "expected a list of conditions")
    return [checked(item, field=f"{field}[{index}]", depth=depth) for index, item in enumerate(value)]


def _one(value: Any, field: str, depth: int) -> dict[str, Any]:
    return checked(value, field=field, depth=depth)


def _segment(value: Any, field: str, _depth: int) -> dict[str, Any]:
    _only(value, {"id"}, field)
    id_ = value.get("id")
    numbered = is_number(id_) if isinstance(id_, str) else isinstance(id_, int) and 0 <= id_ < 2**64
    if isinstance(id_, bool) or not numbered:
        raise InvalidArgument(field, 'expected {"id": <number of the segment>}; list_segments has the numbers')
    return {"id": int(id_)}


def _attribute(value: Any, field: str, _depth: int) -> dict[str, Any]:
    _only(value, {"field", "operator", "value"}, field)
    name, operator = value.get("field"), value.get("operator")
    if not isinstance(name, str) or not name:
        raise InvalidArgument(f"{field}.field", "expected the name of an attribute")
    if operator == "exists":
        if value.get("value", "") not in (None, ""):
            raise InvalidArgument(f"{field}.value", "exists takes none; eq does")
        return {"field": name, "operator": "exists"}
    if operator != "eq":
        raise InvalidArgument(f"{field}.operator", "expected eq or exists; Customer.io's search has no other")
    compared = value.get("value")
    if not isinstance(compared, str | int | float):
        raise InvalidArgument(f"{field}.value", "eq needs a text, a number or true/false")
    text = str(compared).lower() if isinstance(compared, bool) else str(compared)
    return {"field": name, "operator": "eq", "value": text}


def _only(value: Any, keys: set[str], field: str) -> None:
    if not isinstance(value, dict):
        raise InvalidArgument(field, f"expected an object with {', '.join(sorted(keys))}")
    if unknown := [str(key) for key in value if key not in keys]:
        raise InvalidArgument(field, f"unknown key {quoted(unknown[0], 40)}; expected {', '.join(sorted(keys))}")


_CHECKS: dict[str, Callable[[Any, str, int], Any]] = {
    "and": _all_of,
    "or": _all_of,
    "not": _one,
    "segment": _segment,
    "attribute": _attribute,
}
