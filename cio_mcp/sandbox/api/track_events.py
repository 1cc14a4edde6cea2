"""Events of the Track API, v1, of people or anonymous; a repeated event ID is ignored."""

from typing import Any

from cio_mcp.sandbox.api.fields import is_optional_text, is_timestamp
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.api.track_bodies import ACCEPTED, byte_length, find_person, json_object, path_identifier
from cio_mcp.sandbox.http import ApiRequest, track_error
from cio_mcp.sandbox.world.lifecycle import receive_event
from cio_mcp.sandbox.world.people import id_type_of
from cio_mcp.sandbox.world.profiles import identify, is_suppressed
from cio_mcp.sandbox.world.workspace import Workspace

# https://docs.customer.io/integrations/api/track/
MAX_EVENT_NAME_BYTES = 100
MAX_EVENT_DATA_BYTES = 100_000


def _event(workspace: Workspace, request: ApiRequest) -> Any:
    event, identifier = _validate_event(request), path_identifier(request)
    workspace.apply_soon(lambda: receive(workspace, identifier, event))
    return ACCEPTED


def receive(workspace: Workspace, identifier: str, event: dict[str, Any]) -> None:
    """Apply a valid event, unless it is a repeat; an unknown person is created."""
    if is_suppressed(workspace, identifier) or not _is_new(workspace, event):
        return
    person = find_person(workspace, identifier)
    if person is None:
        if id_type_of(identifier) == "cio_id":
            return
        identify(workspace, identifier, {})
        person = find_person(workspace, identifier)
    at = event["timestamp"] or workspace.now
    workspace.events.append({"customer": identifier, "at": at, **event})
    if person is not None:
        receive_event(workspace, person, event["name"], event["data"], at, event["id"])


def _anonymous_event(workspace: Workspace, request: ApiRequest) -> Any:
    event = _validate_event(request)

    def apply() -> None:
        if _is_new(workspace, event):
            workspace.events.append({"customer": None, "at": event["timestamp"] or workspace.now, **event})

    workspace.apply_soon(apply)
    return ACCEPTED


def _validate_event(request: ApiRequest) -> dict[str, Any]:
    body = json_object(request)
    name, data, stamp = body.get("name"), body.get("data"), body.get("timestamp")
    if not isinstance(name, str) or not name.strip():
        raise track_error("name is required")
    if body.get("type") not in (None, "event", "page", "screen"):
        raise track_error("type must be event, page or screen")
    # The limit is published for events; the name of a page is its URL, and often longer.
    if body.get("type") in (None, "event") and byte_length(name) > MAX_EVENT_NAME_BYTES:
        raise track_error(f"name must have at most {MAX_EVENT_NAME_BYTES} bytes")
    if data is not None and not isinstance(data, dict):
        raise track_error("data must be an object")
    if byte_length(data or {}) > MAX_EVENT_DATA_BYTES:
        raise track_error(f"data must have at most {MAX_EVENT_DATA_BYTES} bytes")
    if not is_optional_text(body.get("id")):
        raise track_error("id must be a ULID")
    if stamp is not None and not is_timestamp(stamp):
        raise track_error("timestamp must be a unix timestamp")
    return {"name": name.strip(), "data": data or {}, "timestamp": stamp, "id": body.get("id") or ""}


def _is_new(workspace: Workspace, event: dict[str, Any]) -> bool:
    """Whether an event is not a repeat; an event without an ID is new, and gets one."""
    if not event["id"]:
        event["id"] = workspace.ulid(workspace.now)
    if event["id"] in workspace.event_ids:
        workspace.counts["duplicate_events"] += 1
        return False
    workspace.event_ids.add(event["id"])
    workspace.counts["events"] += 1
    return True


ROUTES: tuple[Route, ...] = (
    ("POST", "/api/v1/customers/{identifier}/events", _event),
    ("POST", "/api/v1/events", _anonymous_event),
)
