"""Events of the Track API, v1: of people and anonymous; a repeated id is ignored."""

from typing import TYPE_CHECKING, Any

from cio_mcp.sandbox.api.track_bodies import ACCEPTED, byte_length, found, identifier, told
from cio_mcp.sandbox.http import Asked, Route, track_error
from cio_mcp.sandbox.world.people import id_type_of
from cio_mcp.sandbox.world.profiles import identify, is_suppressed

if TYPE_CHECKING:
    from cio_mcp.sandbox.world.workspace import Workspace

# https://docs.customer.io/integrations/api/track/
EVENT_NAME_BYTES = 100
EVENT_DATA_BYTES = 100_000


def _event(workspace: "Workspace", asked: Asked) -> Any:
    event, named = _checked_event(asked), identifier(asked)

    def happen(later: "Workspace") -> None:
        if is_suppressed(later, named) or not _is_new(later, event):
            return
        person = found(later, named)
        if person is None:
            if id_type_of(named) == "cio_id":
                return
            identify(later, named, {})
            person = found(later, named)
        at = event["timestamp"] or later.now
        later.events.append({"customer": named, "at": at, **event})
        if person is not None:
            later.happened(person, event["name"], event["data"], at, event["id"])

    workspace.soon(happen)
    return ACCEPTED


def _anonymous_event(workspace: "Workspace", asked: Asked) -> Any:
    event = _checked_event(asked)

    def happen(later: "Workspace") -> None:
        if _is_new(later, event):
            later.events.append({"customer": None, "at": event["timestamp"] or later.now, **event})

    workspace.soon(happen)
    return ACCEPTED


def _checked_event(asked: Asked) -> dict[str, Any]:
    body = told(asked)
    name, data, stamp = body.get("name"), body.get("data"), body.get("timestamp")
    if not isinstance(name, str) or not name.strip():
        raise track_error("name is required")
    if byte_length(name) > EVENT_NAME_BYTES:
        raise track_error(f"name must have at most {EVENT_NAME_BYTES} bytes")
    if body.get("type", "event") not in {"event", "page", "screen"}:
        raise track_error("type must be event, page or screen")
    if data is not None and not isinstance(data, dict):
        raise track_error("data must be an object")
    if byte_length(data or {}) > EVENT_DATA_BYTES:
        raise track_error(f"data must have at most {EVENT_DATA_BYTES} bytes")
    if stamp is not None and (not isinstance(stamp, int) or isinstance(stamp, bool)):
        raise track_error("timestamp must be a unix timestamp")
    return {"name": name.strip(), "data": data or {}, "timestamp": stamp, "id": str(body.get("id") or "")}


def _is_new(workspace: "Workspace", event: dict[str, Any]) -> bool:
    """A repeated event id is ignored; an event without one is always new and gets one."""
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
