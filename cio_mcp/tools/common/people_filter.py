"""Customer.io's audience filter: validated before it is sent, with segments resolved by name."""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from cio_mcp.customerio.api.base import is_number
from cio_mcp.errors import InvalidArgument
from cio_mcp.text.sanitize import quoted
from cio_mcp.workspace import CallContext

DEEPEST = 10
"""Levels of nesting taken; no source, deeper is a mistake."""
MOST_CONDITIONS = 100
"""Conditions in one list; no source, more is a list of people and not a filter."""


class SegmentCondition(BaseModel):
    """Whether a person is in a segment; `checked` also accepts a number and a `name`."""

    id: Annotated[str, Field(description="or name")]


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

    and_: list[Condition] = Field([], alias="and")
    or_: list[Condition] = Field([], alias="or")
    not_: Condition | None = Field(None, alias="not")


class _Shape:
    def __get_pydantic_json_schema__(self, _core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(FilterShape.__pydantic_core_schema__)


Filter = Annotated[
    dict[str, Any],
    _Shape(),
    Field(description="Can be nested: {and: [segment, {or: […]}]}"),
]
"""A filter: clients are shown `FilterShape`, `checked` accepts all that Customer.io does, at any depth."""

ACCEPTED = "expected exactly one of and, or, not, segment, attribute"


async def audience(ws: CallContext, filter_: Any) -> dict[str, Any]:
    """Check a filter and return it as Customer.io takes it, every segment by its number.

    Raises:
        InvalidArgument: it is not acceptable; the text names the place, the key, and what is accepted.
        NotFound: there is no segment of that name; the text suggests close names.
        Ambiguous: several segments have the name.
    """
    taken = checked(filter_)
    ids = {name: int((await ws.segments.find(name)).id) for name in dict.fromkeys(_segment_names(taken))}
    return _with_ids(taken, ids) if ids else taken


def _segment_names(node: Any) -> Iterator[str]:
    [(key, value)] = node.items()
    if key == "segment" and "name" in value:
        yield value["name"]
    elif key in {"and", "or"}:
        for item in value:
            yield from _segment_names(item)
    elif key == "not":
        yield from _segment_names(value)


def _with_ids(node: dict[str, Any], ids: Mapping[str, int]) -> dict[str, Any]:
    [(key, value)] = node.items()
    if key == "segment":
        return {key: {"id": ids[value["name"]]} if "name" in value else value}
    if key in {"and", "or"}:
        return {key: [_with_ids(item, ids) for item in value]}
    return {key: _with_ids(value, ids)} if key == "not" else node


def checked(filter_: Any, *, field: str = "filter", depth: int = 0) -> dict[str, Any]:
    """Check a filter and return it as Customer.io takes it, but for the names of segments: `eq` compares strings.

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
    if len(value) > MOST_CONDITIONS:
        raise InvalidArgument(field, f"has {len(value):,} conditions; at most {MOST_CONDITIONS} are allowed")
    return [checked(item, field=f"{field}[{index}]", depth=depth) for index, item in enumerate(value)]


def _one(value: Any, field: str, depth: int) -> dict[str, Any]:
    return checked(value, field=field, depth=depth)


def _segment(value: Any, field: str, _depth: int) -> dict[str, Any]:
    _only(value, {"id", "name"}, field)
    match {key: given for key, given in value.items() if given is not None and given != ""}:
        case {"id": int() as id_, **rest} if not rest and not isinstance(id_, bool) and 0 <= id_ < 2**64:
            return {"id": id_}
        case {"id": str() as id_, **rest} if not rest and is_number(id_):
            return {"id": int(id_)}
        case {"name": str() as name, **rest} | {"id": str() as name, **rest} if not rest and name.strip():
            return {"name": name.strip()}
        case _:
            raise InvalidArgument(field, "expected either id (a number) or name; list_segments returns both")


def _attribute(value: Any, field: str, _depth: int) -> dict[str, Any]:
    _only(value, {"field", "operator", "value"}, field)
    name, operator = value.get("field"), value.get("operator")
    if not isinstance(name, str) or not name:
        raise InvalidArgument(f"{field}.field", "expected the name of an attribute")
    if operator == "exists":
        if value.get("value", "") not in (None, ""):
            raise InvalidArgument(f"{field}.value", "must be omitted for exists")
        return {"field": name, "operator": "exists"}
    if operator != "eq":
        raise InvalidArgument(f"{field}.operator", "expected eq or exists, the only operators Customer.io supports")
    compared = value.get("value")
    if not isinstance(compared, str | int | float):
        raise InvalidArgument(f"{field}.value", "eq requires text, a number, or true or false")
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
