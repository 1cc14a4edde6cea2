"""Operations of the Track API, v2, on objects and deliveries."""

from collections.abc import Callable, Mapping
from typing import Any

from cio_mcp.sandbox.http import invalid
from cio_mcp.sandbox.world.lifecycle import complete_step
from cio_mcp.sandbox.world.profiles import relate
from cio_mcp.sandbox.world.workspace import Workspace

OBJECT_TYPES = {"1"}
STEP_OF_METRIC = {"opened": "human_opened", "converted": "converted", "delivered": "delivered"}


def _key(operation: Mapping[str, Any]) -> tuple[str, str]:
    """The type and ID of the object."""
    identifiers = operation.get("identifiers")
    identifiers = identifiers if isinstance(identifiers, dict) else {}
    if identifiers.get("cio_object_id"):
        return "1", str(identifiers["cio_object_id"]).removeprefix("ob_")
    if not identifiers.get("object_type_id") or not identifiers.get("object_id"):
        raise invalid("identifiers", "identifiers must hold object_type_id and object_id, or cio_object_id", "required")
    if str(identifiers["object_type_id"]) not in OBJECT_TYPES:
        raise invalid("identifiers.object_type_id", "there is no such object type")
    return str(identifiers["object_type_id"]), str(identifiers["object_id"])


def _related(operation: Mapping[str, Any], *, required: bool) -> list[Any]:
    people = operation.get("cio_relationships")
    if people is None and not required:
        return []
    if not isinstance(people, list) or not all(
        isinstance(one, dict) and isinstance(one.get("identifiers"), dict) for one in people
    ):
        raise invalid("cio_relationships", "cio_relationships must be a list of people", "required")
    return people


def _identify(workspace: Workspace, operation: Mapping[str, Any]) -> None:
    key, related = _key(operation), _related(operation, required=False)
    attributes = operation.get("attributes") or {}
    if not isinstance(attributes, dict):
        raise invalid("attributes", "attributes must be an object")

    def change() -> None:
        stored = workspace.objects.setdefault(key, {})
        stored.update(attributes)
        for name in [name for name, value in stored.items() if value in (None, "")]:
            del stored[name]
        _relate(workspace, key, related, "add_relationships")

    workspace.apply_soon(change)


def _delete(workspace: Workspace, operation: Mapping[str, Any]) -> None:
    key = _key(operation)

    def delete() -> None:
        workspace.objects.pop(key, None)
        for person in workspace.people:
            relate(person, _one_relation(key, "delete_relationships", {}))

    workspace.apply_soon(delete)


def _change_relationships(workspace: Workspace, operation: Mapping[str, Any]) -> None:
    key, related, action = _key(operation), _related(operation, required=True), str(operation["action"])
    workspace.apply_soon(lambda: _relate(workspace, key, related, action))


def _identify_anonymous(_: Workspace, operation: Mapping[str, Any]) -> None:
    """Validate only: the sandbox has no anonymous people."""
    _key(operation)


def _relate(workspace: Workspace, key: tuple[str, str], related: list[Any], action: str) -> None:
    if related and action == "add_relationships":
        workspace.objects.setdefault(key, {})
    for one in related:
        for id_type, value in one["identifiers"].items():
            if person := workspace.people.get(id_type, str(value)):
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
    if not isinstance(name, str) or name not in STEP_OF_METRIC:
        raise invalid("name", f"name must be one of {', '.join(STEP_OF_METRIC)}")
    if not isinstance(attributes, dict) or not attributes.get("device_token"):
        raise invalid("attributes.device_token", "attributes.device_token is required", "required")

    def apply() -> None:
        delivery, step = workspace.deliveries.get(number), STEP_OF_METRIC[name]
        if delivery is not None and delivery.metrics.get(step, workspace.now + 1) > workspace.now:
            delivery.metrics[step] = workspace.now
            delivery.metrics[name] = min(delivery.metrics.get(name, workspace.now), workspace.now)
            complete_step(workspace, delivery, step, workspace.now)

    workspace.apply_soon(apply)


Actions = dict[str, Callable[[Workspace, Mapping[str, Any]], None]]
OBJECT_ACTIONS: Actions = {
    "identify": _identify,
    "identify_anonymous": _identify_anonymous,
    "delete": _delete,
    "add_relationships": _change_relationships,
    "delete_relationships": _change_relationships,
}
DELIVERY_ACTIONS: Actions = {"event": _delivery_event}
