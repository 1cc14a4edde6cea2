"""Sample values of the published OpenAPI files: bodies of requests, answers, and parameters, by their schemas."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from cio_mcp.customerio.operations import Operation, effects
from tests.customerio.published_operations import base
from tests.published import document, resolve

MAX_ALTERNATIVES = 200
"""Shapes of one body that are sampled; the largest has 66: 17 actions, most with four kinds of identifiers."""
MAX_DEPTH = 8
BY_TYPE: dict[str, Any] = {"string": "sample", "integer": 7, "number": 1.5, "boolean": True}


def requests_of(row: Operation) -> list[Any]:
    """Bodies of an operation: each published shape with all its fields and with what it requires; None if none."""
    content = _operation(row).get("requestBody", {})
    media = [*resolve(row.api, content).get("content", {}).values()]
    if not media:
        return [None]
    schema = media[0]["schema"]
    shapes = (body for whole in (True, False) for body in _samples(row.api, schema, whole=whole))
    return [_without_generated(row, body) for body in islice(shapes, MAX_ALTERNATIVES)]


def _without_generated(row: Operation, body: Any) -> Any:
    """A body without the ids and times that this server fills in, which it takes from no caller."""
    if not isinstance(body, dict):
        return body
    if row.elements:
        parts = effects(row, body)
        return {**body, row.elements: [_without(part.operation, part.body) for part in parts]}
    return _without(effects(row, body)[0].operation, body)


def _without(row: Operation, body: Any) -> Any:
    return {name: value for name, value in body.items() if name not in row.generated}


def answers_of(row: Operation) -> list[Any]:
    """The documented answers of success: the example of each, and a sample with every field; [] without a schema."""
    found: list[Any] = []
    for status, response in _operation(row).get("responses", {}).items():
        if not status.startswith("2"):
            continue
        for media in resolve(row.api, response).get("content", {}).values():
            found += [media["example"]] if "example" in media else []
            found += [each["value"] for each in media.get("examples", {}).values() if "value" in each]
            found += [*islice(_samples(row.api, media.get("schema", {}), whole=True), 4)]
    return [answer for answer in found if isinstance(answer, dict)]


def parameters_of(row: Operation, place: str, *, required: bool = False) -> dict[str, Any]:
    """A value for each parameter in `path` or `query`; with `required`, only for those."""
    template = document(row.api)["paths"][row.route.removeprefix(base(row.api))]
    listed = [*template.get("parameters", []), *_operation(row).get("parameters", [])]
    resolved = [resolve(row.api, each) for each in listed]
    wanted = [each for each in resolved if each["in"] == place and (each.get("required") or not required)]
    return {each["name"]: _scalar(row.api, each.get("schema", {})) for each in wanted}


def _operation(row: Operation) -> dict[str, Any]:
    paths = document(row.api)["paths"]
    found: dict[str, Any] = paths[row.route.removeprefix(base(row.api))][row.method.lower()]
    return found


def _scalar(api: str, schema: Any) -> Any:
    (value,) = islice(_samples(api, schema, whole=True), 1)
    return value


def _samples(api: str, schema: Any, *, whole: bool, depth: int = 0) -> Iterator[Any]:
    """Values of a schema, one for each of its alternatives; `whole` objects have every field."""
    schema = resolve(api, schema)
    if depth > MAX_DEPTH:
        yield {} if _type(schema) == "object" else "sample"
        return
    if arms := _arms(api, schema):
        for arm in arms:
            yield from _samples(api, arm, whole=whole, depth=depth)
        return
    if "enum" in schema:
        yield schema["enum"][0]
    elif "properties" in schema:
        yield from _objects(api, schema, whole=whole, depth=depth)
    elif _type(schema) == "array":
        item = next(_samples(api, schema.get("items", {}), whole=whole, depth=depth + 1), "sample")
        yield [item]
    elif isinstance(schema.get("example"), _TYPES.get(_type(schema), ())):
        yield schema["example"]
    elif _type(schema) == "object":
        yield {}
    else:
        yield BY_TYPE.get(_type(schema), "sample")


def _arms(api: str, schema: Any) -> list[Any]:
    """The schemas that one stands for: its parts together, or one for each alternative; none where it is plain."""
    if "allOf" in schema:
        merged = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            merged = _merged(merged, resolve(api, part))
        return [merged]
    word = next((word for word in ("oneOf", "anyOf") if word in schema), None)
    rest = {key: value for key, value in schema.items() if key != word}
    return [_merged(rest, resolve(api, arm)) for arm in schema[word]] if word else []


def _type(schema: Any) -> str:
    stated = schema.get("type", "string")
    return next(each for each in stated if each != "null") if isinstance(stated, list) else str(stated)


_TYPES: dict[str, Any] = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict}


def _objects(api: str, schema: Any, *, whole: bool, depth: int) -> Iterator[Any]:
    """Objects of a schema: one for each alternative of the field that has most of them."""
    names = [name for name in schema["properties"] if whole or name in schema.get("required", ())]
    fields = {
        name: [*islice(_samples(api, schema["properties"][name], whole=whole, depth=depth + 1), MAX_ALTERNATIVES)]
        for name in names
    }
    count = max(map(len, fields.values()), default=1) if depth < 2 else 1
    for number in range(count):
        yield {name: values[min(number, len(values) - 1)] for name, values in fields.items()}


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = {**one, **other}
    if "properties" in one and "properties" in other:
        both["properties"] = {**one["properties"], **other["properties"]}
    if "required" in one and "required" in other:
        both["required"] = [*one["required"], *other["required"]]
    if "allOf" in one and "allOf" in other:
        both["allOf"] = [*one["allOf"], *other["allOf"]]
    return both
