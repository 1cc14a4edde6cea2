"""The Track API, v1: every write is checked at once, accepted, and applied a little later."""

from typing import TYPE_CHECKING, Any

from cio_mcp.sandbox.identify import identify, is_suppressed
from cio_mcp.sandbox.people import ID_TYPES, Person, as_string, id_type_of
from cio_mcp.sandbox.wire import Asked, Route, meta_error, track_error

if TYPE_CHECKING:
    from cio_mcp.sandbox.workspace import Workspace

# Sizes in bytes and counts: https://docs.customer.io/integrations/api/track/
IDENTIFIER_BYTES = NAME_BYTES = 150
VALUE_BYTES = 1000
ATTRIBUTES = 300
EVENT_NAME_BYTES = 100
EVENT_DATA_BYTES = 100_000
SEGMENT_IDS = 1000
ACCEPTED: dict[str, Any] = {}


def _object(asked: Asked) -> dict[str, Any]:
    if not isinstance(asked.body, dict):
        raise track_error("the body must be a JSON object")
    return asked.body


def _bytes(value: Any) -> int:
    return len(as_string(value).encode(errors="replace"))


def _identifier(asked: Asked) -> str:
    identifier = asked.path["identifier"]
    if not identifier.strip() or _bytes(identifier) > IDENTIFIER_BYTES:
        raise track_error(f"the identifier must have 1 to {IDENTIFIER_BYTES} bytes")
    return identifier


def _found(workspace: "Workspace", identifier: str) -> Person | None:
    return workspace.people.get(id_type_of(identifier), identifier)


def _identify(workspace: "Workspace", asked: Asked) -> Any:
    body, identifier = _object(asked), _identifier(asked)
    if len(body) > ATTRIBUTES:
        raise track_error(f"cannot identify more than {ATTRIBUTES} attributes in one request")
    for name, value in body.items():
        if not name or _bytes(name) > NAME_BYTES:
            raise track_error(f"attribute names must have 1 to {NAME_BYTES} bytes")
        if not name.startswith("cio_") and _bytes(value) > VALUE_BYTES:
            raise track_error(f"attribute values must have at most {VALUE_BYTES} bytes")
    stamp = body.get("_timestamp")
    if stamp is not None and (not isinstance(stamp, int) or isinstance(stamp, bool)):
        raise track_error("_timestamp must be a unix timestamp")
    workspace.soon(lambda later: identify(later, identifier, body))
    return ACCEPTED


def _delete(workspace: "Workspace", asked: Asked) -> Any:
    identifier = _identifier(asked)

    def delete(later: "Workspace") -> None:
        if person := _found(later, identifier):
            later.people.remove(person)
            later.record("profile_delete", person, {})

    workspace.soon(delete)
    return ACCEPTED


def _event(workspace: "Workspace", asked: Asked) -> Any:
    event, identifier = _checked_event(asked), _identifier(asked)

    def happen(later: "Workspace") -> None:
        if is_suppressed(later, identifier) or not _is_new(later, event):
            return
        person = _found(later, identifier)
        if person is None:
            if id_type_of(identifier) == "cio_id":
                return
            identify(later, identifier, {})
            person = _found(later, identifier)
        at = event["timestamp"] or later.now
        later.events.append({"customer": identifier, "at": at, **event})
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
    body = _object(asked)
    name, data, stamp = body.get("name"), body.get("data"), body.get("timestamp")
    if not isinstance(name, str) or not name.strip():
        raise track_error("name is required")
    if _bytes(name) > EVENT_NAME_BYTES:
        raise track_error(f"name must have at most {EVENT_NAME_BYTES} bytes")
    if body.get("type", "event") not in {"event", "page", "screen"}:
        raise track_error("type must be event, page or screen")
    if data is not None and not isinstance(data, dict):
        raise track_error("data must be an object")
    if _bytes(data or {}) > EVENT_DATA_BYTES:
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


def _suppress(workspace: "Workspace", asked: Asked) -> Any:
    identifier = _identifier(asked)

    def suppress(later: "Workspace") -> None:
        person = _found(later, identifier)
        blocked = {identifier, person.id, person.email} if person else {identifier}
        later.people.suppressed.update(filter(None, blocked))
        if person:
            later.people.remove(person)
            later.record("profile_delete", person, {"suppressed": True})

    workspace.soon(suppress)
    return ACCEPTED


def _unsuppress(workspace: "Workspace", asked: Asked) -> Any:
    identifier = _identifier(asked)
    workspace.soon(lambda later: later.people.suppressed.discard(identifier))
    return ACCEPTED


def _add_device(workspace: "Workspace", asked: Asked) -> Any:
    identifier, device = _identifier(asked), _object(asked).get("device")
    if not isinstance(device, dict) or not device.get("id") or device.get("platform") not in {"ios", "android"}:
        raise track_error("device.id and device.platform (ios or android) are required")

    def add(later: "Workspace") -> None:
        if person := _found(later, identifier):
            kept = [held for held in person.devices if held["id"] != device["id"]]
            person.devices = [*kept, {"last_used": later.now, "attributes": {}, **device}]

    workspace.soon(add)
    return ACCEPTED


def _delete_device(workspace: "Workspace", asked: Asked) -> Any:
    identifier, gone = _identifier(asked), asked.path["device_id"]

    def delete(later: "Workspace") -> None:
        if person := _found(later, identifier):
            person.devices = [held for held in person.devices if held["id"] != gone]

    workspace.soon(delete)
    return ACCEPTED


def _merge(workspace: "Workspace", asked: Asked) -> Any:
    primary, secondary = (_one_key(_object(asked).get(side), side) for side in ("primary", "secondary"))

    def merge(later: "Workspace") -> None:
        kept, lost = later.people.get(*primary), later.people.get(*secondary)
        if kept is None or lost is None or kept is lost:
            return
        for name, value in lost.attributes.items():
            kept.attributes.setdefault(name, value)
        kept.manual_segments |= lost.manual_segments
        later.ledger.move(lost, kept)
        later.people.remove(lost)
        later.record("profile_merge", kept, {"secondary": lost.identifiers})

    workspace.soon(merge)
    return ACCEPTED


def _one_key(told: Any, side: str) -> tuple[str, str]:
    if (
        not isinstance(told, dict)
        or len(told) != 1
        or next(iter(told)) not in ID_TYPES
        or not next(iter(told.values()))
    ):
        raise meta_error(400, f"{side} must hold exactly one of id, email or cio_id")
    name, value = next(iter(told.items()))
    return name, str(value)


def _membership(workspace: "Workspace", asked: Asked, *, member: bool) -> Any:
    ids = _object(asked).get("ids")
    id_type = asked.choice("id_type", ID_TYPES) or "id"
    if not isinstance(ids, list) or not ids or len(ids) > SEGMENT_IDS:
        raise track_error(f"ids must be a list of 1 to {SEGMENT_IDS} values")
    number = asked.path["segment_id"]
    segment = workspace.segments.get(int(number)) if number.isdecimal() else None
    if segment is None or segment.holds:
        raise track_error("segment_id must be a manual segment")

    def change(later: "Workspace") -> None:
        for value in ids:
            if person := later.people.get(id_type, str(value)):
                (person.manual_segments.add if member else person.manual_segments.discard)(segment.id)

    workspace.soon(change)
    return ACCEPTED


def _region(_: "Workspace", __: Asked) -> Any:
    return {"url": "https://track.customer.io", "region": "us", "environment_id": 100}


PERSON = "/api/v1/customers/{identifier}"
SEGMENT = "/api/v1/segments/{segment_id}"
ROUTES: tuple[Route, ...] = (
    ("GET", "/api/v1/accounts/region", _region),
    ("PUT", PERSON, _identify),
    ("DELETE", PERSON, _delete),
    ("POST", f"{PERSON}/events", _event),
    ("POST", "/api/v1/events", _anonymous_event),
    ("POST", f"{PERSON}/suppress", _suppress),
    ("POST", f"{PERSON}/unsuppress", _unsuppress),
    ("PUT", f"{PERSON}/devices", _add_device),
    ("DELETE", f"{PERSON}/devices/{{device_id}}", _delete_device),
    ("POST", "/api/v1/merge_customers", _merge),
    ("POST", f"{SEGMENT}/add_customers", lambda workspace, asked: _membership(workspace, asked, member=True)),
    ("POST", f"{SEGMENT}/remove_customers", lambda workspace, asked: _membership(workspace, asked, member=False)),
)
