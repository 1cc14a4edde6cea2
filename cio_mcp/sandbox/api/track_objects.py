"""What version 2 of the Track API does to objects and deliveries."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from cio_mcp.sandbox.http import invalid
from cio_mcp.sandbox.world.lifecycle import take_step
from cio_mcp.sandbox.world.profiles import relate

if TYPE_CHECKING:
    from cio_mcp.sandbox.world.workspace import Workspace

OBJECT_TYPES = {"1"}
STEP_OF = {"opened": "human_opened", "converted": "converted", "delivered": "delivered"}


def _key(operation: Mapping[str, Any]) -> tuple[str, str]:
    """Type and id of the object meant."""
    told = operation.get("identifiers")
    told = told if isinstance(told, dict) else {}
    if told.get("cio_object_id"):
        return "1", str(told["cio_object_id"]).removeprefix("ob_")
    if not told.get("object_type_id") or not told.get("object_id"):
        raise invalid("identifiers", "identifiers must hold object_type_id and object_id, or cio_object_id", "required")
    if str(told["object_type_id"]) not in OBJECT_TYPES:
        raise invalid("identifiers.object_type_id", "there is no such object type")
    return str(told["object_type_id"]), str(told["object_id"])


def _related(operation: Mapping[str, Any], *, needed: bool) -> list[Any]:
    told = operation.get("cio_relationships")
    if told is None and not needed:
        return []
    if not isinstance(told, list) or not all(
        isinstance(one, dict) and isinstance(one.get("identifiers"), dict) for one in told
    ):
        raise invalid("cio_relationships", "cio_relationships must be a list of people", "required")
    return told


def _identify(workspace: "Workspace", operation: Mapping[str, Any]) -> None:
    key, related = _key(operation), _related(operation, needed=False)
    attributes = operation.get("attributes") or {}
    if not isinstance(attributes, dict):
        raise invalid("attributes", "attributes must be an object")

    def change(later: "Workspace") -> None:
        held = later.objects.setdefault(key, {})
        held.update(attributes)
        for name in [name for name, value in held.items() if value in (None, "")]:
            del held[name]
        _relate(later, key, related, "add_relationships")

    workspace.soon(change)


def _delete(workspace: "Workspace", operation: Mapping[str, Any]) -> None:
    key = _key(operation)

    def delete(later: "Workspace") -> None:
        later.objects.pop(key, None)
        for person in later.people:
            relate(person, _one_relation(key, "delete_relationships", {}))

    workspace.soon(delete)


def _change_relationships(workspace: "Workspace", operation: Mapping[str, Any]) -> None:
    key, related, action = _key(operation), _related(operation, needed=True), str(operation["action"])
    workspace.soon(lambda later: _relate(later, key, related, action))


def _identify_anonymous(_: "Workspace", operation: Mapping[str, Any]) -> None:
    """Checked, and of no effect: the sandbox has no anonymous people."""
    _key(operation)


def _relate(workspace: "Workspace", key: tuple[str, str], related: list[Any], action: str) -> None:
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


def _delivery_event(workspace: "Workspace", operation: Mapping[str, Any]) -> None:
    """A metric that a device reports of a delivery; the first of a kind counts."""
    identifiers, name, attributes = (operation.get(part) for part in ("identifiers", "name", "attributes"))
    number = identifiers.get("id") if isinstance(identifiers, dict) else None
    if not isinstance(number, str) or not number:
        raise invalid("identifiers.id", "identifiers.id must be a delivery", "required")
    if not isinstance(name, str) or name not in STEP_OF:
        raise invalid("name", f"name must be one of {', '.join(STEP_OF)}")
    if not isinstance(attributes, dict) or not attributes.get("device_token"):
        raise invalid("attributes.device_token", "attributes.device_token is required", "required")

    def happen(later: "Workspace") -> None:
        delivery, step = later.ledger.get(number), STEP_OF[name]
        if delivery is not None and delivery.metrics.get(step, later.now + 1) > later.now:
            delivery.metrics[step] = later.now
            delivery.metrics[name] = min(delivery.metrics.get(name, later.now), later.now)
            take_step(later, delivery, step, later.now)

    workspace.soon(happen)


Actions = dict[str, Callable[["Workspace", Mapping[str, Any]], None]]
OF_OBJECTS: Actions = {
    "identify": _identify,
    "identify_anonymous": _identify_anonymous,
    "delete": _delete,
    "add_relationships": _change_relationships,
    "delete_relationships": _change_relationships,
}
OF_DELIVERIES: Actions = {"event": _delivery_event}
