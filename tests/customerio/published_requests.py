"""The published OpenAPI files as an oracle: whether a request is one that Customer.io documents."""

import re
from typing import Any

import jsonschema
import pytest

from cio_mcp.customerio.call import Call
from tests.published import MISSING, document, is_here, resolve

BASES = {"pipelines": "/v1"}
"""What the servers of a file add to its paths."""

NEWER = {
    ("GET", "/v1/customers/{}/relationships"): {"id_type"},
}
"""Parameters that the reference of 2026-09 (docs.customer.io/integrations/api/app) has and the saved file lacks."""


def assert_published(call: Call) -> None:
    """Fail unless path, method, query (names, types, what is required) and body are published.

    Without the files the test is skipped.
    """
    template, operation, shared = _operation(call)
    parameters = [resolve(call.api, one) for one in [*shared, *operation.get("parameters", [])]]
    query = {one["name"]: one for one in parameters if one["in"] == "query"}
    newer = NEWER.get((call.method, _shape(template)), set())
    unknown = set(call.query) - set(query) - newer
    assert not unknown, f"{call.method} {template} has no parameter {sorted(unknown)}"
    missing = {name for name, one in query.items() if one.get("required")} - set(call.query)
    assert not missing, f"{call.method} {template} needs {sorted(missing)}"
    for name in set(call.query) & set(query):
        _assert_fits(call.api, f"{call.method} {template} {name}", call.query[name], query[name]["schema"])
    _assert_body(call, template, operation)


def body_of(call: Call) -> dict[str, Any]:
    """The published schema of a call's body."""
    _, operation, _ = _operation(call)
    contents = resolve(call.api, operation["requestBody"])["content"]
    found: dict[str, Any] = _plain(resolve(call.api, next(iter(contents.values()))["schema"]))
    return found


def answers_of(call: Call) -> set[str]:
    """The keys of the answer that is published for success."""
    _, operation, _ = _operation(call)
    content = resolve(call.api, operation["responses"]["200"]).get("content", {})
    schemas = [_plain(resolve(call.api, media["schema"])) for media in content.values()]
    return {key for schema in schemas for key in schema.get("properties", {})}


def _operation(call: Call) -> tuple[str, dict[str, Any], list[Any]]:
    for template, methods in _published(call.api)["paths"].items():
        if BASES.get(call.api, "") + _shape(template) == _shape(call.route) and call.method.lower() in methods:
            return template, methods[call.method.lower()], methods.get("parameters", [])
    raise AssertionError(f"{call.method} {call.route} is not published")


def _assert_fits(api: str, what: str, value: str, schema: Any) -> None:
    schema = resolve(api, schema)
    kind = schema.get("type")
    typed: Any = value
    if kind == "integer":
        assert re.fullmatch(r"-?\d+", value), f"{what}: {value!r} is no integer"
        typed = int(value)
    if kind == "boolean":
        assert value in {"true", "false"}, f"{what}: {value!r} is no boolean"
        return
    # `phone` came with the reference of 2026-09.
    allowed = [*schema.get("enum", []), *(["phone"] if what.endswith(" id_type") else [])]
    assert typed in allowed or "enum" not in schema, f"{what}: {value!r} is none of {allowed}"
    if kind == "integer":
        assert typed <= schema.get("maximum", typed), f"{what}: {value!r} is over the maximum"


def _assert_body(call: Call, template: str, operation: dict[str, Any]) -> None:
    contents = resolve(call.api, operation.get("requestBody", {})).get("content", {})
    if call.body is None:
        assert not contents, f"{call.method} {template} needs a body"
        return
    assert contents, f"{call.method} {template} takes no body"
    schema = next(iter(contents.values()))["schema"]
    documents = {"components": _published(call.api).get("components", {}), **schema}
    wrong = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(_plain(documents)).iter_errors(call.body))
    assert wrong is None, f"{call.method} {template}: {wrong.message}"
    known = _keys(call.api, schema)
    if isinstance(call.body, dict) and known is not None:
        assert set(call.body) <= known, f"{call.method} {template} takes no {sorted(set(call.body) - known)}"


def _keys(api: str, schema: Any) -> set[str] | None:
    """The keys a body may have; None where any may."""
    schema = resolve(api, schema)
    parts = [part for word in ("allOf", "oneOf", "anyOf") for part in schema.get(word, [])]
    found = [_keys(api, part) for part in parts]
    if schema.get("additionalProperties") or any(keys is None for keys in found):
        return None
    return set(schema.get("properties", {})).union(*(keys for keys in found if keys))


def _plain(schema: Any) -> Any:
    """The schema as JSON Schema: `nullable` translated, what is no constraint gone.

    `oneOf` is read as `anyOf`: the published alternatives require no keys, so they overlap.
    """
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    renamed = {"oneOf": "anyOf"}
    dropped = {"example", "nullable", "format"}
    kept = {renamed.get(key, key): _plain(value) for key, value in schema.items() if key not in dropped}
    if schema.get("nullable") and isinstance(kept.get("type"), str):
        kept["type"] = [kept["type"], "null"]
    return kept


def _shape(path: str) -> str:
    return re.sub(r"{[^}]*}", "{}", path)


def _published(api: str) -> dict[str, Any]:
    if not is_here(api):
        pytest.skip(MISSING)
    return document(api)
