"""The tool that finds objects."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import Field, JsonValue

from cio_mcp.customerio.api.objects import ObjectRecord
from cio_mcp.errors import InvalidArgument, NotFound
from cio_mcp.text.sanitize import quoted_name
from cio_mcp.tools.common.arguments import Cursor, Limit
from cio_mcp.tools.common.gather import together
from cio_mcp.tools.common.pages import PageAnswer, continuation, page_of, total_of
from cio_mcp.tools.common.people_filter import check_filter
from cio_mcp.tools.core.customer_parts import flat
from cio_mcp.tools.objects.lines import ObjectId, ObjectLine, ObjectTypeLine, ObjectTypeRef
from cio_mcp.workspace import CallContext

MAX_IDS = 20
"""Objects that are read by ID in one call. Chosen: each costs a request."""
MAX_TYPES = 100
"""Object types in an answer. Chosen."""
ANY = "name"
"""The attribute of the condition that every object meets: it is set, or it is not."""


ObjectFilter = Annotated[
    dict[str, Any], Field(description="{and|or: […]} or {not: …} of {attribute: {field, operator: eq|exists, value}}")
]


class ObjectsAnswer(PageAnswer):
    """Objects found; without a type, the object types of the workspace."""

    objects: list[ObjectLine] | None = None
    types: list[ObjectTypeLine] | None = None
    missing: list[str] | None = Field(default=None, description="IDs without an object")
    total: int | None = None

    def lines(self) -> Iterable[str]:
        """Each type or object on a line."""
        if self.types is not None:
            yield f"Object types: {', '.join(map(str, self.types)) or 'none'}"
        if self.objects is not None:
            if self.total:
                yield f"{self.total:,} {'object' if self.total == 1 else 'objects'}"
            if not self.objects:
                yield "No objects found."
            yield from map(str, self.objects)
        if self.missing:
            yield f"No object has these IDs: {', '.join(map(quoted_name, self.missing))}."
        yield from self.more(self.total)


async def find_objects(
    ws: CallContext,
    type: ObjectTypeRef | None = None,  # noqa: A002 - Customer.io's own word
    filter: ObjectFilter | None = None,  # noqa: A002 - Customer.io's own word
    ids: Annotated[tuple[ObjectId, ...], Field(description="Instead of filter", max_length=MAX_IDS)] = (),
    limit: Limit = 20,
    cursor: Cursor = None,
) -> ObjectsAnswer:
    """Find objects, such as companies or accounts, by type and attributes, or by ids. Without type, list the types."""
    if type is None:
        return await _types(ws, given=filter is not None or bool(ids) or cursor is not None)
    if ids and (filter is not None or cursor is not None):
        raise InvalidArgument("ids", "omit filter and cursor when passing ids")
    kind = await ws.objects.find_type(type)
    if ids:
        return await _by_ids(ws, kind.id, tuple(dict.fromkeys(ids)))
    condition = as_object_filter(check_filter(filter), kind.id) if filter else match_all(kind.id)
    page = await page_of(partial(ws.objects.search, kind.id, condition), "identifiers", limit, cursor)
    return ObjectsAnswer(
        objects=[ObjectLine(**each.model_dump()) for each in page.identifiers],
        total=total_of(len(page.identifiers), cursor, page.next),
        **continuation(page.next),
    )


async def _types(ws: CallContext, *, given: bool) -> ObjectsAnswer:
    types = await ws.objects.types()
    if given:
        listed = ", ".join(f"{quoted_name(each.name)} (id {each.id})" for each in types[:MAX_IDS])
        raise InvalidArgument("type", f"is required with other arguments; there are {listed or 'no object types'}")
    lines = [ObjectTypeLine(id=each.id, name=each.name, enabled=each.enabled) for each in types]
    return ObjectsAnswer(types=lines[:MAX_TYPES], omitted=len(lines[MAX_TYPES:]) or None)


async def _by_ids(ws: CallContext, type_id: str, ids: Sequence[str]) -> ObjectsAnswer:
    async def read(object_id: str) -> ObjectRecord | None:
        try:
            return await ws.objects.get(type_id, object_id)
        except NotFound:
            return None

    records: Mapping[str, ObjectRecord | None] = await together({each: partial(read, each) for each in ids})
    return ObjectsAnswer(
        objects=[_line(ws, id_, record) for id_ in ids if (record := records[id_]) is not None],
        missing=[id_ for id_ in ids if records[id_] is None] or None,
    )


def _line(ws: CallContext, object_id: str, record: ObjectRecord) -> ObjectLine:
    present = {name: value for name, value in record.attributes.items() if value is not None}
    attributes = flat(present, mask=ws.settings.mask_pii)
    return ObjectLine(
        object_id=object_id,
        cio_object_id=record.identifiers.cio_object_id,
        attributes=attributes,
        attributes_omitted=len(present) - len(attributes or {}) or None,
    )


def match_all(type_id: str) -> JsonValue:
    """A filter that every object of a type meets: Customer.io requires one."""
    condition: JsonValue = {"object_attribute": {"field": ANY, "operator": "exists", "type_id": type_id}}
    return {"or": [condition, {"not": condition}]}


def as_object_filter(filter_: dict[str, Any], type_id: str) -> JsonValue:
    """A filter that was checked, with conditions on objects of a type instead of customers.

    Raises:
        InvalidArgument: it has a condition on a segment.
    """
    if any(True for _ in _segments(filter_)):
        raise InvalidArgument("filter", "objects are in no segment; compare attributes")
    return _converted(filter_, type_id)


def _segments(node: dict[str, Any]) -> Iterator[Any]:
    [(key, value)] = node.items()
    if key == "segment":
        yield value
    for inner in value if key in {"and", "or"} else [value] if key == "not" else ():
        yield from _segments(inner)


def _converted(node: dict[str, Any], type_id: str) -> JsonValue:
    [(key, value)] = node.items()
    if key in {"and", "or"}:
        return {key: [_converted(inner, type_id) for inner in value]}
    if key == "not":
        return {key: _converted(value, type_id)}
    return {"object_attribute": {**value, "type_id": type_id}}
