"""The Track API, v1: each write is validated, accepted, and applied a moment later."""

from typing import Any

from cio_mcp.sandbox.api.devices import device_of, set_device
from cio_mcp.sandbox.api.fields import is_identifier, is_timestamp
from cio_mcp.sandbox.api.relationships import is_relationship_list
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.api.track_bodies import ACCEPTED, byte_length, find_person, json_object, path_identifier
from cio_mcp.sandbox.http import ApiError, ApiRequest, meta_error, track_error
from cio_mcp.sandbox.world.lifecycle import segment_changes
from cio_mcp.sandbox.world.people import ID_TYPES, TypedIdentifier
from cio_mcp.sandbox.world.profiles import identify, merge_profiles
from cio_mcp.sandbox.world.workspace import Workspace

# Sizes in bytes and counts: https://docs.customer.io/integrations/api/track/
MAX_NAME_BYTES = 150
MAX_VALUE_BYTES = 1000
MAX_ATTRIBUTES = 300
MAX_SEGMENT_IDS = 1000
RELATIONSHIP_ACTIONS = ("add_relationships", "delete_relationships")


def _identify(workspace: Workspace, request: ApiRequest) -> Any:
    body, identifier = json_object(request), path_identifier(request)
    check_attributes(body)
    workspace.apply_soon(lambda: identify(workspace, identifier, body))
    return ACCEPTED


def check_attributes(body: dict[str, Any]) -> None:
    """Check the attributes of a person.

    Raises:
        ApiError: 400 in Track v1's shape.
    """
    if len(body) > MAX_ATTRIBUTES:
        raise track_error(f"cannot identify more than {MAX_ATTRIBUTES} attributes in one request")
    for name, value in body.items():
        if not name or byte_length(name) > MAX_NAME_BYTES:
            raise track_error(f"attribute names must have 1 to {MAX_NAME_BYTES} bytes")
        if not name.startswith("cio_") and byte_length(value) > MAX_VALUE_BYTES:
            raise track_error(f"attribute values must have at most {MAX_VALUE_BYTES} bytes")
    _check_reserved(body)
    stamp = body.get("_timestamp")
    if stamp is not None and not is_timestamp(stamp):
        raise track_error("_timestamp must be a unix timestamp")


def _check_reserved(body: dict[str, Any]) -> None:
    relations = body.get("cio_relationships")
    if relations is not None and not (
        isinstance(relations, dict)
        and relations.get("action") in RELATIONSHIP_ACTIONS
        and is_relationship_list(relations.get("relationships"))
    ):
        raise track_error("cio_relationships must hold an action and a list of relationships")
    preferences = body.get("cio_subscription_preferences")
    if preferences is not None and not (
        isinstance(preferences, dict) and isinstance(preferences.get("topics", {}), dict)
    ):
        raise track_error("cio_subscription_preferences must hold topics")


def _delete(workspace: Workspace, request: ApiRequest) -> Any:
    identifier = path_identifier(request)

    def delete() -> None:
        if person := find_person(workspace, identifier):
            workspace.people.remove(person)
            workspace.record("profile_delete", person, {})

    workspace.apply_soon(delete)
    return ACCEPTED


def _suppress(workspace: Workspace, request: ApiRequest) -> Any:
    identifier = path_identifier(request)

    def suppress() -> None:
        person = find_person(workspace, identifier)
        identifiers = {identifier, person.id, person.email} if person else {identifier}
        workspace.people.suppress(*filter(None, identifiers))
        if person:
            workspace.people.remove(person)
            workspace.record("profile_delete", person, {"suppressed": True})

    workspace.apply_soon(suppress)
    return ACCEPTED


def _unsuppress(workspace: Workspace, request: ApiRequest) -> Any:
    identifier = path_identifier(request)
    workspace.apply_soon(lambda: workspace.people.unsuppress(identifier))
    return ACCEPTED


def _add_device(workspace: Workspace, request: ApiRequest) -> Any:
    identifier, device = path_identifier(request), device_of(json_object(request).get("device"))
    if device is None:
        raise track_error("device.id and device.platform (ios or android) are required")

    def add() -> None:
        if person := find_person(workspace, identifier):
            set_device(person, device, workspace.now)

    workspace.apply_soon(add)
    return ACCEPTED


def _delete_device(workspace: Workspace, request: ApiRequest) -> Any:
    identifier, device_id = path_identifier(request), request.path["device_id"]

    def delete() -> None:
        if person := find_person(workspace, identifier):
            person.devices = [device for device in person.devices if device["id"] != device_id]

    workspace.apply_soon(delete)
    return ACCEPTED


def _merge(workspace: Workspace, request: ApiRequest) -> Any:
    primary_key, secondary_key = (_one_key(json_object(request).get(side), side) for side in ("primary", "secondary"))

    def merge() -> None:
        primary, secondary = workspace.people.get(*primary_key), workspace.people.get(*secondary_key)
        if primary is None or secondary is None or primary is secondary:
            return
        merge_profiles(workspace, primary, secondary)
        workspace.record("profile_merge", primary, {"secondary": secondary.identifiers})

    workspace.apply_soon(merge)
    return ACCEPTED


def _one_key(value: Any, side: str) -> tuple[str, str]:
    if isinstance(value, dict) and len(value) == 1:
        [(name, identifier)] = value.items()
        if name in ID_TYPES and is_identifier(identifier):
            return name, TypedIdentifier(str(identifier), name)
    raise meta_error(400, f"{side} must hold exactly one of id, email or cio_id")


def _membership(workspace: Workspace, request: ApiRequest, *, member: bool) -> Any:
    ids = json_object(request).get("ids")
    id_type = request.choice("id_type", ID_TYPES) or "id"
    if not isinstance(ids, list) or not ids or len(ids) > MAX_SEGMENT_IDS:
        raise track_error(f"ids must be a list of 1 to {MAX_SEGMENT_IDS} values")
    segment = workspace.segments.get(_segment_id(request))
    if segment is None or segment.condition:
        raise track_error("segment_id must be a manual segment")

    def change() -> None:
        for value in ids:
            if person := workspace.people.get(id_type, TypedIdentifier(str(value), id_type)):
                with segment_changes(workspace, person):
                    (person.manual_segments.add if member else person.manual_segments.discard)(segment.id)

    workspace.apply_soon(change)
    return ACCEPTED


def _segment_id(request: ApiRequest) -> int:
    try:
        return request.path_id("segment_id")
    except ApiError:
        return 0


def _region(_: Workspace, __: ApiRequest) -> Any:
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
    ("POST", f"{SEGMENT}/add_customers", lambda workspace, request: _membership(workspace, request, member=True)),
    ("POST", f"{SEGMENT}/remove_customers", lambda workspace, request: _membership(workspace, request, member=False)),
)
