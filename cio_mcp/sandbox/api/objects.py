"""The App API's objects: searches, attributes, and the people related to one."""

from collections.abc import Mapping
from typing import Any

from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.http import ApiRequest, app_error, not_found, page
from cio_mcp.sandbox.world.filters import OPERATORS
from cio_mcp.sandbox.world.people import as_string
from cio_mcp.sandbox.world.workspace import Workspace

Key = tuple[str, str]
"""The type and the ID of an object."""
ID_TYPES = ("object_id", "cio_object_id")


def _identifiers(key: Key) -> dict[str, str]:
    return {"cio_object_id": f"ob_{key[1]}", "object_id": key[1]}


def _key(workspace: Workspace, request: ApiRequest) -> Key:
    id_type = request.choice("id_type", ID_TYPES) or "object_id"
    name = request.path["object_id"]
    key = (request.path["object_type_id"], name.removeprefix("ob_") if id_type == "cio_object_id" else name)
    if key not in workspace.objects:
        raise not_found()
    return key


def _search(workspace: Workspace, request: ApiRequest) -> Any:
    body = request.body if isinstance(request.body, dict) else {}
    number, condition = body.get("object_type_id"), body.get("filter")
    if not isinstance(number, str | int) or condition is None:
        raise app_error(400, "object_type_id and filter are required")
    _check(condition, str(number))
    keys = [key for key, values in workspace.objects.items() if key[0] == str(number) and _matches(condition, values)]
    rows, token = page(keys, request, 50, 1000)
    return {"identifiers": [_identifiers(key) for key in rows], "ids": [key[1] for key in rows], "next": token}


def _check(condition: Any, type_id: str) -> None:
    """Check that a filter has exactly one of and, or, not, object_attribute at every level.

    Raises:
        ApiError: 400 when it does not.
    """
    if not isinstance(condition, dict) or len(condition) != 1:
        raise app_error(400, "filter must have exactly one of and, or, not, object_attribute")
    [(word, operand)] = condition.items()
    if word in {"and", "or"} and isinstance(operand, list) and operand:
        for part in operand:
            _check(part, type_id)
    elif word == "not":
        _check(operand, type_id)
    elif word == "object_attribute" and isinstance(operand, dict) and isinstance(operand.get("field"), str):
        operator = operand.get("operator")
        if operator not in OPERATORS or (operator == "eq" and "value" not in operand):
            raise app_error(400, "object_attribute needs the operator eq with a value, or exists")
        if str(operand.get("type_id")) != type_id:
            raise app_error(400, "object_attribute.type_id must be the object_type_id")
    else:
        raise app_error(400, f"filter has an unknown or malformed part: {word}")


def _matches(condition: dict[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether a checked filter includes an object; attributes compare by their string form."""
    [(word, operand)] = condition.items()
    if word == "and":
        return all(_matches(part, values) for part in operand)
    if word == "or":
        return any(_matches(part, values) for part in operand)
    if word == "not":
        return not _matches(operand, values)
    value = values.get(operand["field"])
    if operand["operator"] == "exists":
        return value not in (None, "")
    return value is not None and as_string(value) == as_string(operand["value"])


def _attributes(workspace: Workspace, request: ApiRequest) -> Any:
    key = _key(workspace, request)
    values = workspace.objects[key]
    return {
        "object": {
            "attributes": {name: as_string(value) for name, value in values.items()},
            "timestamps": dict.fromkeys(values, workspace.started_at),
            "identifiers": _identifiers(key),
            "object_type_id": key[0],
        }
    }


def _relationships(workspace: Workspace, request: ApiRequest) -> Any:
    key = _key(workspace, request)
    people = [
        person
        for person in workspace.people
        for relation in person.relationships
        if (str(relation["object_type_id"]), relation["identifiers"]["object_id"]) == key
    ]
    rows, token = page(people, request, 50, 1000)
    return {
        "cio_relationships": [
            {"identifiers": person.identifiers, "object_type_id": key[0], "object_type_disabled": False}
            for person in rows
        ],
        "next": token,
    }


OBJECT = "/v1/objects/{object_type_id}/{object_id}"
ROUTES: tuple[Route, ...] = (
    ("POST", "/v1/objects", _search),
    ("GET", f"{OBJECT}/attributes", _attributes),
    ("GET", f"{OBJECT}/relationships", _relationships),
)
