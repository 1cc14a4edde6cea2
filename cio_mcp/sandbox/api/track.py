"""The Track API, v1: every write is checked at once, accepted, and applied a little later."""

from typing import TYPE_CHECKING, Any

from cio_mcp.sandbox.api.track_bodies import ACCEPTED, byte_length, found, identifier, told
from cio_mcp.sandbox.http import Asked, Route, meta_error, track_error
from cio_mcp.sandbox.world.people import ID_TYPES
from cio_mcp.sandbox.world.profiles import identify

if TYPE_CHECKING:
    from cio_mcp.sandbox.world.workspace import Workspace

# Sizes in bytes and counts: https://docs.customer.io/integrations/api/track/
NAME_BYTES = 150
VALUE_BYTES = 1000
ATTRIBUTES = 300
SEGMENT_IDS = 1000


def _identify(workspace: "Workspace", asked: Asked) -> Any:
    body, named = told(asked), identifier(asked)
    if len(body) > ATTRIBUTES:
        raise track_error(f"cannot identify more than {ATTRIBUTES} attributes in one request")
    for name, value in body.items():
        if not name or byte_length(name) > NAME_BYTES:
            raise track_error(f"attribute names must have 1 to {NAME_BYTES} bytes")
        if not name.startswith("cio_") and byte_length(value) > VALUE_BYTES:
            raise track_error(f"attribute values must have at most {VALUE_BYTES} bytes")
    _check_reserved(body)
    stamp = body.get("_timestamp")
    if stamp is not None and (not isinstance(stamp, int) or isinstance(stamp, bool)):
        raise track_error("_timestamp must be a unix timestamp")
    workspace.soon(lambda later: identify(later, named, body))
    return ACCEPTED


def _check_reserved(body: dict[str, Any]) -> None:
    relations = body.get("cio_relationships")
    if relations is not None and not (
        isinstance(relations, dict)
        and relations.get("action") in {"add_relationships", "delete_relationships"}
        and isinstance(relations.get("relationships"), list)
        and all(
            isinstance(one, dict) and isinstance(one.get("identifiers"), dict) for one in relations["relationships"]
        )
    ):
        raise track_error("cio_relationships must hold an action and a list of relationships")
    preferences = body.get("cio_subscription_preferences")
    if preferences is not None and not (
        isinstance(preferences, dict) and isinstance(preferences.get("topics", {}), dict)
    ):
        raise track_error("cio_subscription_preferences must hold topics")


def _delete(workspace: "Workspace", asked: Asked) -> Any:
    named = identifier(asked)

    def delete(later: "Workspace") -> None:
        if person := found(later, named):
            later.people.remove(person)
            later.record("profile_delete", person, {})

    workspace.soon(delete)
    return ACCEPTED


def _suppress(workspace: "Workspace", asked: Asked) -> Any:
    named = identifier(asked)

    def suppress(later: "Workspace") -> None:
        person = found(later, named)
        blocked = {named, person.id, person.email} if person else {named}
        later.people.suppress(*filter(None, blocked))
        if person:
            later.people.remove(person)
            later.record("profile_delete", person, {"suppressed": True})

    workspace.soon(suppress)
    return ACCEPTED


def _unsuppress(workspace: "Workspace", asked: Asked) -> Any:
    named = identifier(asked)
    workspace.soon(lambda later: later.people.unsuppress(named))
    return ACCEPTED


def _add_device(workspace: "Workspace", asked: Asked) -> Any:
    named, device = identifier(asked), told(asked).get("device")
    if not isinstance(device, dict) or not device.get("id") or device.get("platform") not in {"ios", "android"}:
        raise track_error("device.id and device.platform (ios or android) are required")

    def add(later: "Workspace") -> None:
        if person := found(later, named):
            kept = [held for held in person.devices if held["id"] != device["id"]]
            person.devices = [*kept, {"last_used": later.now, "attributes": {}, **device}]

    workspace.soon(add)
    return ACCEPTED


def _delete_device(workspace: "Workspace", asked: Asked) -> Any:
    named, gone = identifier(asked), asked.path["device_id"]

    def delete(later: "Workspace") -> None:
        if person := found(later, named):
            person.devices = [held for held in person.devices if held["id"] != gone]

    workspace.soon(delete)
    return ACCEPTED


def _merge(workspace: "Workspace", asked: Asked) -> Any:
    primary, secondary = (_one_key(told(asked).get(side), side) for side in ("primary", "secondary"))

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


def _one_key(given: Any, side: str) -> tuple[str, str]:
    if isinstance(given, dict) and len(given) == 1:
        [(name, value)] = given.items()
        if name in ID_TYPES and value:
            return name, str(value)
    raise meta_error(400, f"{side} must hold exactly one of id, email or cio_id")


def _membership(workspace: "Workspace", asked: Asked, *, member: bool) -> Any:
    ids = told(asked).get("ids")
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
    ("POST", f"{PERSON}/suppress", _suppress),
    ("POST", f"{PERSON}/unsuppress", _unsuppress),
    ("PUT", f"{PERSON}/devices", _add_device),
    ("DELETE", f"{PERSON}/devices/{{device_id}}", _delete_device),
    ("POST", "/api/v1/merge_customers", _merge),
    ("POST", f"{SEGMENT}/add_customers", lambda workspace, asked: _membership(workspace, asked, member=True)),
    ("POST", f"{SEGMENT}/remove_customers", lambda workspace, asked: _membership(workspace, asked, member=False)),
)
