"""The published specifications (SPECS_DIR), and the schemas in them as JSON Schema."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

SPECS = Path(os.environ.get("SPECS_DIR", "/nowhere"))
FILES = ("app-arcade-0.2.1-openapi.json", "customer-io-track-api-openapi.json")


@cache
def _read(name: str) -> Any:
    file = SPECS / name
    return json.loads(file.read_text()) if file.exists() else None


def app_specification() -> Any:
    """The App API's specification, None if it is not here."""
    return _read(FILES[0])


def answer_schema(route: str, method: str, status: int) -> Any:
    """The schema of an answer; None where there is none, or no specification is here."""
    for name in FILES:
        specification = _read(name)
        operation = (specification or {"paths": {}})["paths"].get(route, {}).get(method.lower())
        if operation is None:
            continue
        answer = resolved(specification, operation["responses"].get(str(status), {}))
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        return None if schema is None else loosen(specification, schema)
    return None


def published_statuses(route: str, method: str) -> set[str]:
    """The statuses that an operation is published with."""
    found = (_read(name) or {"paths": {}} for name in FILES)
    return {
        status for one in found for status in one["paths"].get(route, {}).get(method.lower(), {}).get("responses", ())
    }


def schema_of(specification: Any, template: str, method: str = "get", status: str = "200") -> Any:
    answer = resolved(specification, specification["paths"][template][method]["responses"][status])
    return loosen(specification, answer["content"]["application/json"]["schema"])


def resolved(specification: Any, part: Any) -> Any:
    while "$ref" in part:
        found = specification
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name.replace("~1", "/").replace("~0", "~")]
        part = found
    return part


def loosen(specification: Any, schema: Any) -> Any:
    """As JSON Schema: references followed, `nullable` a type, one of several variants enough."""
    schema = dict(resolved(specification, schema))
    for word in ("allOf", "anyOf", "oneOf"):
        if word in schema:
            schema["anyOf" if word == "oneOf" else word] = [loosen(specification, one) for one in schema[word]]
    schema.pop("oneOf", None)
    if isinstance(schema.get("properties"), dict):
        schema["properties"] = {name: loosen(specification, one) for name, one in schema["properties"].items()}
    for word in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(word), dict):
            schema[word] = loosen(specification, schema[word])
    if schema.pop("nullable", False) and "type" in schema:
        schema["type"] = [schema["type"], "null"]
    schema.pop("format", None)
    schema.pop("pattern", None)
    return schema
