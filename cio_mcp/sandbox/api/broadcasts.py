"""Broadcasts: a list, and triggers."""

from typing import Any

from cio_mcp.sandbox.api.fields import is_optional_object
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.api.sources import SourceRoutes, action, sources_of, summary, template_refs
from cio_mcp.sandbox.http import ApiError, ApiRequest, app_error, not_found, page
from cio_mcp.sandbox.world.filters import check_filter, matches
from cio_mcp.sandbox.world.lifecycle import create_delivery, deliver
from cio_mcp.sandbox.world.people import Person, as_string
from cio_mcp.sandbox.world.sources import Source
from cio_mcp.sandbox.world.workspace import Workspace

# https://docs.customer.io/integrations/api/app/ (Send Messages)
MAX_DATA_BYTES = 50_000
MAX_RECIPIENTS = 10_000
AUDIENCES = ("recipients", "emails", "ids", "per_user_data", "data_file_url")
PROCESSING_SECONDS = 3.0
"""Until a trigger is processed; chosen."""


def _broadcast(source: Source) -> dict[str, Any]:
    return {**summary(source), "type": "triggered_broadcast", "msg_template_ids": template_refs(source)}


def _list(workspace: Workspace, _: ApiRequest) -> Any:
    return {"broadcasts": [_broadcast(source) for source in sources_of(workspace, "broadcast")]}


def _trigger_json(workspace: Workspace, trigger: dict[str, Any]) -> dict[str, Any]:
    processed = trigger["processed_at"] if trigger["processed_at"] <= workspace.now else None
    return {**{name: trigger[name] for name in ("id", "broadcast_id", "created_at")}, "processed_at": processed}


def _triggers(workspace: Workspace, request: ApiRequest) -> Any:
    source = BROADCASTS.find(workspace, request)
    triggers = [one for one in workspace.triggers.values() if one["broadcast_id"] == source.id]
    return {"triggers": [_trigger_json(workspace, trigger) for trigger in triggers]}


def _find_trigger(workspace: Workspace, request: ApiRequest) -> dict[str, Any]:
    source = BROADCASTS.find(workspace, request)
    trigger = workspace.triggers.get(request.path_id("trigger_id"))
    if trigger is None or trigger["broadcast_id"] != source.id:
        raise not_found()
    return trigger


def _status(workspace: Workspace, request: ApiRequest) -> Any:
    return _trigger_json(workspace, _find_trigger(workspace, request))


def _errors(workspace: Workspace, request: ApiRequest) -> Any:
    rows, token = page(_find_trigger(workspace, request)["errors"], request, 50, 1000)
    return {"errors": rows, "next": token}


def _trigger(workspace: Workspace, request: ApiRequest) -> Any:
    source, body = BROADCASTS.find(workspace, request), request.body if request.body is not None else {}
    _check(body)
    number = max(workspace.triggers, default=0) + 1
    now = workspace.now
    trigger: dict[str, Any] = {
        "id": number,
        "broadcast_id": source.id,
        "created_at": now,
        "processed_at": now + int(PROCESSING_SECONDS),
        "errors": [],
    }
    workspace.triggers[number] = trigger
    workspace.counts["triggers"] += 1
    workspace.apply_after(PROCESSING_SECONDS, lambda: _process(workspace, source, body, trigger))
    return {"id": number}


def _check(body: Any) -> None:
    if not isinstance(body, dict):
        raise app_error(400, "the body must be a JSON object")
    audiences = [name for name in AUDIENCES if body.get(name) is not None]
    if len(audiences) > 1:
        raise app_error(422, f"only one of {', '.join(AUDIENCES)} can be given")
    data = {} if body.get("data") is None else body["data"]
    if not isinstance(data, dict) or len(as_string(data).encode()) > MAX_DATA_BYTES:
        raise app_error(422, f"data must be an object of at most {MAX_DATA_BYTES} bytes")
    for name in audiences:
        _check_audience(name, body[name])


def _check_audience(name: str, value: Any) -> None:
    if name == "recipients":
        try:
            check_filter(value)
        except ApiError as error:
            raise ApiError(422, {"errors": [{**error.response.body["errors"][0], "status": "422"}]}) from None
    elif name == "data_file_url":
        if not isinstance(value, str) or not value.startswith(("http://", "https://")):
            raise app_error(422, "data_file_url must be an http or https URL")
    elif not isinstance(value, list) or not 1 <= len(value) <= MAX_RECIPIENTS:
        raise app_error(422, f"{name} must be a list of 1 to {MAX_RECIPIENTS}")
    if name == "per_user_data" and not all(map(_is_user_data, value)):
        raise app_error(422, "per_user_data must hold objects with an id or email, and data")


def _is_user_data(value: Any) -> bool:
    return isinstance(value, dict) and bool({"id", "email"} & value.keys()) and is_optional_object(value.get("data"))


def _process(workspace: Workspace, source: Source, body: dict[str, Any], trigger: dict[str, Any]) -> None:
    """Deliver to the audience; a missing person fails the whole broadcast unless the request ignores missing people."""
    audience, missing = _audience(workspace, source, body)
    trigger["errors"] = missing
    if missing:
        return
    template = source.templates[0]
    for person, own in audience:
        data = {**(body.get("data") or {}), **own}
        delivery = create_delivery(workspace, person, source, template, person.email or "", data=data)
        deliver(workspace, delivery).trigger_id = trigger["id"]


def _audience(
    workspace: Workspace, source: Source, body: dict[str, Any]
) -> tuple[list[tuple[Person, dict[str, Any]]], list[str]]:
    if body.get("data_file_url"):
        return [], ["data_file_url could not be downloaded"]
    condition = body.get("recipients")
    keys: list[tuple[str, Any, dict[str, Any]]] = [("id", value, {}) for value in body.get("ids") or ()]
    keys += [("email", value, {}) for value in body.get("emails") or ()]
    for one in body.get("per_user_data") or ():
        id_type = "id" if "id" in one else "email"
        keys.append((id_type, one.get(id_type), one.get("data") or {}))
    if not keys:
        condition = condition or {"or": [{"segment": {"id": number}} for number in source.trigger_segments]}
        return [(person, {}) for person in workspace.people if matches(workspace, condition, person)], []
    people_with_data: list[tuple[Person, dict[str, Any]]] = []
    missing: list[str] = []
    for line, (id_type, value, own) in enumerate(keys, 1):
        people = workspace.people.with_email(str(value)) if id_type == "email" else _by_id(workspace, str(value))
        if not people and not body.get(f"{id_type}_ignore_missing"):
            missing.append(f"line {line}: no person with this {id_type}")
        chosen = people if body.get("email_add_duplicates") else people[:1]
        people_with_data.extend((person, own) for person in chosen)
    return people_with_data, missing


def _by_id(workspace: Workspace, value: str) -> list[Person]:
    person = workspace.people.get("id", value)
    return [person] if person else []


BROADCAST = "/v1/broadcasts/{broadcast_id}"
TRIGGERS = "/v1/campaigns/{broadcast_id}/triggers"
BROADCASTS = SourceRoutes("broadcast", BROADCAST, "broadcast", _broadcast, "action", action)
ROUTES: tuple[Route, ...] = (
    ("GET", "/v1/broadcasts", _list),
    *BROADCASTS.of_sources,
    *BROADCASTS.of_parts,
    ("GET", f"{BROADCAST}/triggers", _triggers),
    ("POST", TRIGGERS, _trigger),
    ("GET", f"{TRIGGERS}/{{trigger_id}}", _status),
    ("GET", f"{TRIGGERS}/{{trigger_id}}/errors", _errors),
)
