"""Customer.io's audience filter: validated before it is sent, with segments resolved by name."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from cio_mcp.customerio.api.base import is_number
from cio_mcp.errors import Ambiguous, InvalidArgument, NotFound
from cio_mcp.text.sanitize import quoted, without_quotation_marks
from cio_mcp.text.spelling import closest_word, same_word
from cio_mcp.tools.common.arguments import READ_AS
from cio_mcp.workspace import CallContext

MAX_DEPTH = 10
"""Levels of nesting taken. Chosen: deeper is a mistake."""
MAX_CONDITIONS = 100
"""Conditions in one list. Chosen: more is a list of people and not a filter."""
MAX_TOTAL_CONDITIONS = 500
"""Conditions in all lists of a filter. Chosen."""
MAX_FAULTS = 8
"""Faults in one error. Chosen: more do not help."""


class SegmentCondition(BaseModel):
    """Whether a person is in a segment; `read_filter` also accepts a number, a `name`, and either by itself."""

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

    model_config = ConfigDict(json_schema_extra={READ_AS: "filter"})

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
"""A filter: clients are shown `FilterShape`, `read_filter` accepts all that Customer.io does, at any depth."""

FORMS = ("and", "or", "not", "segment", "attribute")
EXACTLY_ONE = f"exactly one of {', '.join(FORMS)}"
ACCEPTED = f"expected {EXACTLY_ONE}"
COMPARE = "compare an attribute with {attribute: {field, operator, value}}"
COMBINE = 'to combine conditions, list them under "and" or "or"'
SEGMENT = "expected an ID or name, or an object with either id or name; list_segments returns both"

Faults = dict[str, str]
"""What is wrong with a filter, as a sentence without its period that begins with the place, by place."""


async def audience(ws: CallContext, filter_: Any, *, field: str = "filter") -> dict[str, Any]:
    """Check a filter and return it as Customer.io takes it, every segment by its number.

    Raises:
        InvalidArgument: it is not acceptable; the text names each place and what is accepted there.
        NotFound: segments do not exist, or their name is not unique; the text names each and suggests close names.
    """
    taken = check_filter(filter_, field=field)
    ids: dict[str, int] = {}
    problems: list[str] = []
    for place, segment in _segments(taken, field):
        try:
            if "name" in segment:
                ids[segment["name"]] = int((await ws.segments.find(segment["name"], field=place, is_name=True)).id)
            else:
                await ws.segments.check_id(str(segment["id"]), field=place)
        except (NotFound, Ambiguous) as problem:
            problems.append(str(problem))
        if len(problems) == MAX_FAULTS:
            problems.append("Other conditions were not checked")
            break
    if problems:
        raise NotFound(_sentences(problems))
    return _with_ids(taken, ids) if ids else taken


def segments_of(filter_: Any) -> list[str]:
    """The IDs of the segments that a checked filter names."""
    return list(dict.fromkeys(str(segment["id"]) for _, segment in _segments(filter_, "filter")))


def _segments(node: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The segments, each with its place and either its `id` or its `name`."""
    [(key, value)] = node.items()
    here = f"{place}.{key}"
    if key == "segment":
        yield here, value
    elif key in {"and", "or"}:
        for index, item in enumerate(value):
            yield from _segments(item, f"{here}[{index}]")
    elif key == "not":
        yield from _segments(value, here)


def _with_ids(node: dict[str, Any], ids: Mapping[str, int]) -> dict[str, Any]:
    [(key, value)] = node.items()
    if key == "segment":
        return {key: {"id": ids[value["name"]]} if "name" in value else value}
    if key in {"and", "or"}:
        return {key: [_with_ids(item, ids) for item in value]}
    return {key: _with_ids(value, ids)} if key == "not" else node


def check_filter(filter_: Any, *, field: str = "filter") -> dict[str, Any]:
    """Return a filter as `read_filter` reads it.

    Raises:
        InvalidArgument: it is not acceptable; the text names each place and what is accepted there.
    """
    read, faults = read_filter(filter_, field)
    if not faults:
        return read
    place = next(iter(faults))
    raise InvalidArgument(place, _joined([*faults.values()]).removeprefix(f"{place}: "))


def _joined(problems: list[str]) -> str:
    more = [f"{len(problems) - MAX_FAULTS} more conditions are invalid"] if len(problems) > MAX_FAULTS else []
    return _sentences([*problems[:MAX_FAULTS], *more])


def _sentences(problems: list[str]) -> str:
    return " ".join(text if text.endswith(("?", ".")) else f"{text}." for text in problems)


def read_filter(filter_: Any, field: str) -> tuple[dict[str, Any], Faults]:
    """Read a filter as Customer.io takes it, but for the names of segments, and find everything wrong with it.

    What is compared is text, since `eq` compares strings. With faults, the filter that is returned is incomplete.
    """
    faults: Faults = {}
    if (conditions := _count_conditions(filter_)) > MAX_TOTAL_CONDITIONS:
        _fault(faults, field, f"has {conditions:,} conditions; at most {MAX_TOTAL_CONDITIONS} are allowed")
        return {}, faults
    return _node(filter_, field, faults, depth=0), faults


def _count_conditions(filter_: Any) -> int:
    """How many items all its lists have."""
    count, pending = 0, [filter_]
    while pending:
        match pending.pop():
            case list() as items:
                count += len(items)
                pending += items
            case dict() as members:
                pending += members.values()
    return count


def _fault(faults: Faults, place: str, problem: str) -> None:
    faults.setdefault(place, f"{place}: {problem}")


def _node(value: Any, place: str, faults: Faults, depth: int) -> dict[str, Any]:
    if depth > MAX_DEPTH:
        _fault(faults, place, f"nested more than {MAX_DEPTH} levels deep")
        return {}
    if not isinstance(value, dict):
        combine = f"; {COMBINE}" if isinstance(value, list) else ""
        _fault(faults, place, f"expected an object with {EXACTLY_ONE}{combine}")
        return {}
    fields = {key: inner for key, inner in value.items() if inner is not None}
    forms = {same_word(str(key), FORMS) or str(key): inner for key, inner in fields.items()}
    if unknown := [key for key in forms if key not in FORMS]:
        is_attribute = not any(closest_word(key, FORMS) for key in unknown[:MAX_FAULTS])
        _fault(faults, place, f"{_unknown_keys(unknown, FORMS)}; {ACCEPTED}{f'; {COMPARE}' if is_attribute else ''}")
    elif len(fields) != 1:
        _fault(faults, place, f"{ACCEPTED}{f'; {COMBINE}' if fields else ''}")
    return {
        key: _READS[key](inner, f"{place}.{key}", faults, depth + 1) for key, inner in forms.items() if key in _READS
    }


def _unknown_keys(unknown: Sequence[str], accepted: Collection[str]) -> str:
    sentences = []
    for key in unknown[:MAX_FAULTS]:
        closest = closest_word(key, accepted)
        sentences.append(f"{quoted(key, 40)}{f' (did you mean {closest}?)' if closest else ''}")
    return f"unknown {'key' if len(sentences) == 1 else 'keys'} {', '.join(sentences)}"


def _all_of(value: Any, place: str, faults: Faults, depth: int) -> list[dict[str, Any]]:
    conditions = [value] if isinstance(value, dict) else value
    if not isinstance(conditions, list) or not conditions:
        _fault(faults, place, "expected a list of conditions")
        return []
    if len(conditions) > MAX_CONDITIONS:
        _fault(faults, place, f"has {len(conditions):,} conditions; at most {MAX_CONDITIONS} are allowed")
        return []
    return [_node(item, f"{place}[{index}]", faults, depth) for index, item in enumerate(conditions)]


def _segment(value: Any, place: str, faults: Faults, _depth: int) -> dict[str, Any]:
    value = value if isinstance(value, dict) else {"id": value}
    if not _has_only(value, ("id", "name"), place, faults):
        return {}
    match {key: inner for key, inner in value.items() if inner is not None and inner != ""}:
        case {"id": int() as id_, **rest} if not rest and not isinstance(id_, bool) and 0 <= id_ < 2**64:
            return {"id": id_}
        case {"id": str() as id_, **rest} if not rest and is_number(text := without_quotation_marks(id_)):
            return {"id": int(text)}
        case {"name": str() as name, **rest} | {"id": str() as name, **rest} if not rest and name.strip():
            return {"name": without_quotation_marks(name)}
        case _:
            _fault(faults, place, SEGMENT)
            return {}


def _attribute(value: Any, place: str, faults: Faults, _depth: int) -> dict[str, Any]:
    if not _has_only(value, ("field", "operator", "value"), place, faults):
        return {}
    name, operator, compared = value.get("field"), value.get("operator"), value.get("value")
    if not isinstance(name, str) or not name:
        _fault(faults, f"{place}.field", "expected the name of an attribute")
    if operator == "exists":
        if compared not in (None, ""):
            _fault(faults, f"{place}.value", "must be omitted for exists")
        return {"field": name, "operator": "exists"}
    if operator != "eq":
        _fault(faults, f"{place}.operator", "expected eq or exists, the only operators Customer.io supports")
    elif not isinstance(compared, str | int | float):
        _fault(faults, f"{place}.value", "eq requires text, a number, or true or false")
    text = str(compared).lower() if isinstance(compared, bool) else str(compared)
    if name == "cio_id":
        text = text.removeprefix("cio_")  # which it takes in paths, and so in answers
    return {"field": name, "operator": "eq", "value": text}


def _has_only(value: Any, keys: tuple[str, ...], place: str, faults: Faults) -> bool:
    if not isinstance(value, dict):
        _fault(faults, place, f"expected an object with {', '.join(keys)}")
        return False
    if unknown := [str(key) for key in value if key not in keys]:
        _fault(faults, place, f"{_unknown_keys(unknown, keys)}; expected {', '.join(keys)}")
    return not unknown


_READS: dict[str, Callable[[Any, str, Faults, int], Any]] = {
    "and": _all_of,
    "or": _all_of,
    "not": _node,
    "segment": _segment,
    "attribute": _attribute,
}
