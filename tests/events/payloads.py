"""Payloads made from the published webhook schemas: one for each object type and metric, and each shape of parent."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.published import document, is_here, resolve

AT = 1_700_000_000
PLAIN: dict[str, Any] = {"string": "text", "integer": 7, "number": 1.5, "boolean": True}


class Payload(NamedTuple):
    """A body, the name of its schema, and which of its alternatives it is."""

    name: str
    shape: str
    body: dict[str, Any]


def payloads() -> list[Payload]:
    """Every documented payload, numbered; none where the published files are not at hand."""
    made = [(name, shape, body) for name in _events() for shape, body in _variants(_schema(name))]
    return [_finished(number, *each) for number, each in enumerate(made)]


def examples() -> dict[str, dict[str, Any]]:
    """The examples that are written out in the file."""
    if not is_here("webhooks"):
        return {}
    content = document("webhooks")["webhooks"]["reportingWebhook"]["post"]["requestBody"]["content"]["application/json"]
    return {name: each["value"] for name, each in content["examples"].items()}


def _finished(number: int, name: str, shape: str, body: dict[str, Any]) -> Payload:
    delivery = {"delivery_id": f"delivery-{number}"} if "delivery_id" in body["data"] else {}
    whole = body | {"event_id": f"EVENT{number:021d}", "timestamp": AT + number, "data": body["data"] | delivery}
    return Payload(name, shape, whole)


def _events() -> Iterator[str]:
    for family in (name for name in _schemas() if name.endswith("_event")):
        for one in _schema(family).get("oneOf", ()):
            if "$ref" in one:
                yield one["$ref"].rsplit("/", 1)[1]


def _variants(schema: Any) -> Iterator[tuple[str, Any]]:
    """An example of each alternative: the first, and then each other one of what belongs to the parent."""
    schema = resolve("webhooks", schema)
    if "oneOf" in schema and all("properties" in resolve("webhooks", one) for one in schema["oneOf"]):
        for one in schema["oneOf"]:
            rest = {key: value for key, value in schema.items() if key in ("properties", "allOf")}
            for _, own in _variants(rest):
                yield one.get("title", ""), {**own, **_make(one)}
        return
    parts = [resolve("webhooks", part) for part in schema.get("allOf", ())]
    made: list[tuple[str, Any]] = [("", {})]
    for part in [*parts, {"properties": schema.get("properties", {})}]:
        made = [_merged(left, right) for left in made for right in _of_part(part)]
    yield from made


def _of_part(part: Any) -> list[tuple[str, Any]]:
    if "allOf" in part or "oneOf" in part:
        return list(_variants(part))
    made: list[tuple[str, Any]] = [("", {})]
    for name, value in part.get("properties", {}).items():
        inner = list(_variants(value)) if name == "data" else [("", _make(value))]
        made = [(shape or own, {**body, name: each}) for shape, body in made for own, each in inner]
    return made


def _merged(left: tuple[str, Any], right: tuple[str, Any]) -> tuple[str, Any]:
    data = {**left[1].get("data", {}), **right[1].get("data", {})}
    return left[0] or right[0], {**left[1], **right[1], **({"data": data} if data else {})}


def _make(schema: Any) -> Any:
    schema = resolve("webhooks", schema)
    if "enum" in schema:
        return schema["enum"][0]
    if "example" in schema and "properties" not in schema:
        return schema["example"]
    for one in schema.get("oneOf", schema.get("anyOf", ())):
        if one.get("type") != "null":
            return _make(one)
    if "allOf" in schema or "properties" in schema:
        return next(iter(_variants(schema)))[1]
    if schema.get("type") == "array":
        return [_make(schema.get("items", {}))]
    kind = schema.get("type", "integer")
    return PLAIN.get(kind[0] if isinstance(kind, list) else kind, {})


def _schema(name: str) -> Any:
    return _schemas()[name]


def _schemas() -> dict[str, Any]:
    return document("webhooks")["components"]["schemas"] if is_here("webhooks") else {}
