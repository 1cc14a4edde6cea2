"""Operations of the Track API, v2, on objects and deliveries."""

from collections.abc import Callable, Mapping
from typing import Any

from cio_mcp.sandbox.api.fields import is_identifier
from cio_mcp.sandbox.api.relationships import is_people_list
from cio_mcp.sandbox.http import invalid
from cio_mcp.sandbox.world.lifecycle import report_metric
from cio_mcp.sandbox.world.people import TypedIdentifier
from cio_mcp.sandbox.world.profiles import relate
from cio_mcp.sandbox.world.workspace import Workspace

DEVICE_METRICS = ("opened", "converted", "delivered")


def _key(workspace: Workspace, operation: Mapping[str, Any]) -> tuple[str, str]:
    """The type and ID of the object."""
    identifiers = operation.get("identifiers")
    if not isinstance(identifiers, dict):
        identifiers = {}
    if is_identifier(identifiers.get("cio_object_id")):
        name = str(identifiers["cio_object_id"]).removeprefix("ob_")
        return next((key for key in workspace.objects if key[1] == name), ("1", name))
    if not is_identifier(identifiers.get("object_type_id")) or not is_identifier(identifiers.get("object_id")):
        raise invalid("identifiers", "identifiers must hold object_type_id and object_id, or cio_object_id", "required")
    if str(identifiers["object_type_id"]) not in workspace.object_types:
        raise invalid("identifiers.object_type_id", "there is no such object type")
    return str(identifiers["object_type_id"]), str(identifiers["object_id"])


def _people(operation: Mapping[str, Any], *, required: bool) -> list[Any]:
    people = operation.get("cio_relationships")
    if people is None and not required:
        return []
    if not isinstance(people, list) or not is_people_list(people):
        raise invalid("cio_relationships", "cio_relationships must be a list of people", "required")
    return people


def _identify(workspace: Workspace, operation: Mapping[str, Any]) -> None:
    key, people = _key(workspace, operation), _people(operation, required=False)
    attributes = operation.get("attributes")
    if attributes is None:
        attributes = {}
    if not isinstance(attributes, dict):
        raise invalid("attributes", "attributes must be an object")

    def change() -> None:
        stored = workspace.objects.setdefault(key, {})
        stored.update(attributes)
        for name in [name for name, value in stored.items() if value is None or value == ""]:
            del stored[name]
        _relate(workspace, key, people, "add_relationships")

    workspace.apply_soon(change)


def _delete(workspace: Workspace, operation: Mapping[str, Any]) -> None:
    key = _key(workspace, operation)

    def delete() -> None:
        workspace.objects.pop(key, None)
        for person in workspace.people:
            relate(person, _one_relation(key, "delete_relationships", {}))

    workspace.apply_soon(delete)


def _change_relationships(workspace: Workspace, operation: Mapping[str, Any]) -> None:
    key, people, action = _key(workspace, operation), _people(operation, required=True), str(operation["action"])
    workspace.apply_soon(lambda: _relate(workspace, key, people, action))


def _identify_anonymous(workspace: Workspace, operation: Mapping[str, Any]) -> None:
    """Validate only: the sandbox has no anonymous people."""
    _key(workspace, operation)


def _relate(workspace: Workspace, key: tuple[str, str], people: list[Any], action: str) -> None:
    if people and action == "add_relationships":
        workspace.objects.setdefault(key, {})
    for one in people:
        for id_type, value in one["identifiers"].items():
            if person := workspace.people.get(id_type, TypedIdentifier(str(value), id_type)):
                relate(person, _one_relation(key, action, one.get("relationship_attributes") or {}))


def _one_relation(key: tuple[str, str], action: str, attributes: Any) -> dict[str, Any]:
    identifiers = {"object_type_id": key[0], "object_id": key[1]}
    return {
        "action": action,
        "relationships": [{"identifiers": identifiers, "relationship_attributes": attributes}],
    }


def _delivery_event(workspace: Workspace, operation: Mapping[str, Any]) -> None:
    """A metric that a device reports for a delivery; only the first of each kind counts."""
    identifiers, name, attributes = (operation.get(part) for part in ("identifiers", "name", "attributes"))
    number = identifiers.get("id") if isinstance(identifiers, dict) else None
    if not isinstance(number, str) or not number:
        raise invalid("identifiers.id", "identifiers.id must be a delivery", "required")
    if not isinstance(name, str) or name not in DEVICE_METRICS:
        raise invalid("name", f"name must be one of {', '.join(DEVICE_METRICS)}")
    if not isinstance(attributes, dict) or not attributes.get("device_token"):
        raise invalid("attributes.device_token", "attributes.device_token is required", "required")

    workspace.apply_soon(lambda: report_metric(workspace, number, name))


Actions = dict[str, Callable[[Workspace, Mapping[str, Any]], None]]
OBJECT_ACTIONS: Actions = {
    "identify": _identify,
    "identify_anonymous": _identify_anonymous,
    "delete": _delete,
    "add_relationships": _change_relationships,
    "delete_relationships": _change_relationships,
}
DELIVERY_ACTIONS: Actions = {"event": _delivery_event}
