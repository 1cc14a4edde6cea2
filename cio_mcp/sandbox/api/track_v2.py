"""The Track API, v2: one operation or a batch, on people, objects and deliveries; each is validated on its own."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from cio_mcp.sandbox.api import track, track_events
from cio_mcp.sandbox.api.fields import is_identifier
from cio_mcp.sandbox.api.relationships import is_relationship_list
from cio_mcp.sandbox.api.routes import Handler, Route
from cio_mcp.sandbox.api.track_bodies import ACCEPTED
from cio_mcp.sandbox.api.track_objects import DELIVERY_ACTIONS, OBJECT_ACTIONS, Actions
from cio_mcp.sandbox.http import ApiError, ApiRequest, ApiResponse, invalid
from cio_mcp.sandbox.world.people import TypedIdentifier
from cio_mcp.sandbox.world.workspace import Workspace

# Sizes in bytes: https://docs.customer.io/integrations/api/track/
MAX_ENTITY_BYTES = 32 * 1024
MAX_BATCH_BYTES = 500 * 1024
V1: dict[tuple[str, str], Handler] = {
    (method, template): handler for method, template, handler in (*track.ROUTES, *track_events.ROUTES)
}

Operation = Mapping[str, Any]
Problem = dict[str, Any]


def _entity(workspace: Workspace, request: ApiRequest) -> Any:
    if request.size > MAX_ENTITY_BYTES:
        raise invalid("", f"the request must be at most {MAX_ENTITY_BYTES} bytes")
    _accept(workspace, request.body)
    return ACCEPTED


def _batch(workspace: Workspace, request: ApiRequest) -> Any:
    """Accept the valid operations and list the others; only a malformed batch is rejected as a whole."""
    if request.size > MAX_BATCH_BYTES:
        raise invalid("", f"the request must be at most {MAX_BATCH_BYTES} bytes")
    operations = request.body.get("batch") if isinstance(request.body, dict) else None
    if not isinstance(operations, list) or not operations:
        raise invalid("batch", "batch must be a list of at least one operation", "required")
    problems: list[Problem] = []
    for index, operation in enumerate(operations):
        try:
            if len(json.dumps(operation, ensure_ascii=False).encode(errors="replace")) > MAX_ENTITY_BYTES:
                raise invalid("", f"an operation must be at most {MAX_ENTITY_BYTES} bytes")
            _accept(workspace, operation)
        except ApiError as error:
            problems += [{"batch_index": index, **problem} for problem in error.response.body["errors"]]
    return ApiResponse(207, {"errors": problems}) if problems else ACCEPTED


def _accept(workspace: Workspace, operation: Any) -> None:
    """Accept one operation.

    Raises:
        ApiError: 400 with its problems.
    """
    if not isinstance(operation, dict):
        raise invalid("", "an operation must be a JSON object")
    kind, action = operation.get("type"), operation.get("action")
    actions = ACTIONS.get(kind) if isinstance(kind, str) else None
    if actions is None:
        raise invalid("type", f"type must be one of {', '.join(ACTIONS)}", "required" if kind is None else "invalid")
    apply = actions.get(action) if isinstance(action, str) else None
    if apply is None:
        raise invalid(
            "action", f"action must be one of {', '.join(actions)}", "required" if action is None else "invalid"
        )
    apply(workspace, operation)


def _identifier(operation: Operation) -> TypedIdentifier:
    """The person's identifier, of exactly the given type."""
    identifiers = operation.get("identifiers")
    if not isinstance(identifiers, dict) or len(identifiers) != 1:
        raise invalid("identifiers", "identifiers must hold exactly one of id, email or cio_id", "required")
    [(name, value)] = identifiers.items()
    if name == "phone":
        raise invalid("identifiers", "phone is not enabled as an identifier in this workspace")
    if name not in {"id", "email", "cio_id"} or not is_identifier(value):
        raise invalid("identifiers", "identifiers must hold exactly one of id, email or cio_id")
    if name == "email" and "@" not in str(value):
        raise invalid("identifiers.email", "email must be an address")
    return TypedIdentifier(str(value), name)


def _object(operation: Operation, name: str) -> dict[str, Any]:
    value = operation.get(name)
    if value is not None and not isinstance(value, dict):
        raise invalid(name, f"{name} must be an object")
    return value or {}


def _attributes(operation: Operation) -> Any:
    body = dict(_object(operation, "attributes"))
    if operation.get("timestamp") is not None:
        body["_timestamp"] = operation["timestamp"]
    relationships = operation.get("cio_relationships")
    return body if relationships is None else {**body, **_relationships({**operation, "action": "add_relationships"})}


def _relationships(operation: Operation) -> Any:
    relationships = operation.get("cio_relationships")
    if not is_relationship_list(relationships):
        raise invalid("cio_relationships", "cio_relationships must be a list", "required")
    return {"cio_relationships": {"action": operation["action"], "relationships": relationships}}


def _event(operation: Operation) -> Any:
    fields = {name: operation[name] for name in ("name", "id", "timestamp") if operation.get(name) is not None}
    return {**fields, "type": operation["action"], "data": _object(operation, "attributes")}


def _device(operation: Operation) -> Any:
    device = _object(operation, "device")
    fields = {name: value for name, value in device.items() if name != "token"}
    return {"device": {**fields, "id": device.get("token")}}


def _token(operation: Operation) -> str:
    token = _object(operation, "device").get("token")
    if not is_identifier(token):
        raise invalid("device.token", "device.token is required", "required")
    return str(token)


def _like_v1(method: str, template: str, body: Callable[[Operation], Any] = lambda _: None) -> Any:
    """An operation with the effect of a v1 request."""
    handler, has_identifier = V1[method, template], "{identifier}" in template

    def apply(workspace: Workspace, operation: Operation) -> None:
        path: dict[str, str] = {"identifier": _identifier(operation)} if has_identifier else {}
        if "{device_id}" in template:
            path["device_id"] = _token(operation)
        try:
            handler(workspace, ApiRequest(path, {}, body(operation)))
        except ApiError as error:
            raise _as_v2(error) from None

    return apply


def _as_v2(error: ApiError) -> ApiError:
    body = error.response.body
    if "errors" in body:
        return error
    messages = body["meta"].get("errors") or [body["meta"]["error"]]
    return invalid(str(messages[0]).partition(" ")[0].strip(","), str(messages[0]))


EVENT = _like_v1("POST", f"{track.PERSON}/events", _event)
RELATE = _like_v1("PUT", track.PERSON, _relationships)
PERSON_ACTIONS: Actions = {
    "identify": _like_v1("PUT", track.PERSON, _attributes),
    "delete": _like_v1("DELETE", track.PERSON),
    "event": EVENT,
    "page": EVENT,
    "screen": EVENT,
    "add_relationships": RELATE,
    "delete_relationships": RELATE,
    "add_device": _like_v1("PUT", f"{track.PERSON}/devices", _device),
    "delete_device": _like_v1("DELETE", f"{track.PERSON}/devices/{{device_id}}"),
    "merge": _like_v1("POST", "/api/v1/merge_customers", dict),
    "suppress": _like_v1("POST", f"{track.PERSON}/suppress"),
    "unsuppress": _like_v1("POST", f"{track.PERSON}/unsuppress"),
}
ACTIONS: dict[str, Actions] = {"person": PERSON_ACTIONS, "object": OBJECT_ACTIONS, "delivery": DELIVERY_ACTIONS}
ROUTES: tuple[Route, ...] = (("POST", "/api/v2/entity", _entity), ("POST", "/api/v2/batch", _batch))
