"""Customer.io's published operations, reduced to the facts that the table of operations states."""

import json
from functools import cache
from typing import Any, NamedTuple

from tests.published import ENDPOINTS, document, resolve


class Need(NamedTuple):
    """What is published of a field: its JSON types, and whether all or only some shapes of the body require it."""

    types: frozenset[str]
    required: bool
    conditional: bool


class Shape(NamedTuple):
    """One alternative of a body: the types of its fields, the allowed values of some, and what it requires."""

    types: dict[str, frozenset[str]]
    values: dict[str, tuple[str, ...]]
    required: frozenset[str]


class Listed(NamedTuple):
    """A published operation."""

    api: str
    method: str
    route: str
    query: dict[str, tuple[str, bool]]
    unpublished: bool
    empty_answer: bool


@cache
def listed() -> tuple[Listed, ...]:
    """Every published operation, with the path that its servers' base adds."""
    return tuple(
        Listed(
            each["api"],
            each["method"],
            base(each["api"]) + each["path"],
            {one["name"]: (one["type"], one["required"]) for one in each["params"] or [] if one["in"] == "query"},
            each["responses"] is None,
            each["responses"] is not None and _is_empty(each["responses"]),
        )
        for each in json.loads(ENDPOINTS.read_text())["operations"]
    )


def _is_empty(responses: dict[str, Any]) -> bool:
    """Whether success is answered without a body: no schema, and the description promises no empty object."""
    successes = [response for status, response in responses.items() if status.startswith("2")]
    return all(one["shape"] is None and "empty object" not in one["description"] for one in successes)


def base(api: str) -> str:
    """The path part of an API's first server."""
    return "/" + path if (path := document(api)["servers"][0]["url"].partition("://")[2].partition("/")[2]) else ""


def body(api: str, method: str, route: str) -> dict[str, Need]:
    """The fields of a published body; none where there is no body."""
    shapes = shapes_of(api, method, route)
    names = {name for shape in shapes for name in shape.types}
    return {
        name: Need(
            frozenset().union(*(shape.types.get(name, frozenset()) for shape in shapes)) or frozenset({"any"}),
            all(name in shape.required for shape in shapes),
            any(name in shape.required for shape in shapes) and not all(name in shape.required for shape in shapes),
        )
        for name in names
    }


def shapes_of(api: str, method: str, route: str) -> list[Shape]:
    """The alternatives of a published body; none where there is no body."""
    operation = document(api)["paths"][route.removeprefix(base(api))][method.lower()]
    content = resolve(api, operation.get("requestBody", {})).get("content", {})
    return [shape for media in list(content.values())[:1] for shape in _shapes(api, media["schema"])]


def _shapes(api: str, schema: Any) -> list[Shape]:
    schema = resolve(api, schema)
    properties = {name: resolve(api, one) for name, one in schema.get("properties", {}).items()}
    own = Shape(
        {name: _types(api, one) for name, one in properties.items()},
        {name: tuple(one["enum"]) for name, one in properties.items() if "enum" in one},
        frozenset(schema.get("required", [])),
    )
    found = [own]
    for part in schema.get("allOf", []):
        found = [_both(one, other) for one in found for other in _shapes(api, part)]
    for word in ("oneOf", "anyOf"):
        if alternatives := [other for part in schema.get(word, []) for other in _shapes(api, part)]:
            found = [_both(one, other) for one in found for other in alternatives]
    return found


def _both(one: Shape, other: Shape) -> Shape:
    types = {name: one.types.get(name, frozenset()) | kinds for name, kinds in other.types.items()}
    return Shape(one.types | types, one.values | other.values, one.required | other.required)


def _types(api: str, schema: Any) -> frozenset[str]:
    if stated := schema.get("type"):
        return frozenset([stated] if isinstance(stated, str) else stated) - {"null"}
    parts = [part for word in ("oneOf", "anyOf", "allOf") for part in schema.get(word, [])]
    found = frozenset[str]().union(*(_types(api, resolve(api, part)) for part in parts))
    return found or frozenset({"object"} if "properties" in schema else {"string"} if "enum" in schema else set())
