"""The schemas of published answers, as JSON Schema."""

from typing import Any

from tests.published import document, is_here, resolve

APIS = ("app", "track")


def answer_schema(route: str, method: str, status: int) -> Any:
    """The schema of an answer; None where there is none, or no specification is here."""
    for api in filter(is_here, APIS):
        operation = document(api)["paths"].get(route, {}).get(method.lower())
        if operation is None:
            continue
        answer = resolve(api, operation["responses"].get(str(status), {}))
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        return None if schema is None else loosen(api, schema)
    return None


def published_statuses(route: str, method: str) -> set[str]:
    """The statuses that an operation is published with."""
    paths = (document(api)["paths"] for api in filter(is_here, APIS))
    return {status for one in paths for status in one.get(route, {}).get(method.lower(), {}).get("responses", ())}


def schema_of(template: str, method: str = "get", status: str = "200") -> Any:
    """The schema of an answer of the App API."""
    answer = resolve("app", document("app")["paths"][template][method]["responses"][status])
    return loosen("app", answer["content"]["application/json"]["schema"])


def loosen(api: str, schema: Any) -> Any:
    """As JSON Schema: references followed, `nullable` a type, one of several variants enough."""
    schema = dict(resolve(api, schema))
    for word in ("allOf", "anyOf", "oneOf"):
        if word in schema:
            schema["anyOf" if word == "oneOf" else word] = [loosen(api, one) for one in schema[word]]
    schema.pop("oneOf", None)
    if isinstance(schema.get("properties"), dict):
        schema["properties"] = {name: loosen(api, one) for name, one in schema["properties"].items()}
    for word in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(word), dict):
            schema[word] = loosen(api, schema[word])
    if schema.pop("nullable", False) and "type" in schema:
        schema["type"] = [schema["type"], "null"]
    schema.pop("format", None)
    schema.pop("pattern", None)
    return schema
