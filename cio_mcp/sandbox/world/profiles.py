"""What a profile write does once its time has come."""

from typing import TYPE_CHECKING, Any

from cio_mcp.sandbox.world.lifecycle import report_subscription
from cio_mcp.sandbox.world.people import ID_TYPES, Person, id_type_of

if TYPE_CHECKING:
    from cio_mcp.sandbox.world.workspace import Workspace

RESERVED = {"_timestamp", "_update", "anonymous_id", "cio_relationships", "cio_id"}


def identify(workspace: "Workspace", identifier: str, body: dict[str, Any]) -> None:
    """Create or update the person in the path; a conflict or an unknown `cio_` changes nothing."""
    people = workspace.people
    id_type = id_type_of(identifier)
    person = people.get(id_type, identifier)
    if is_suppressed(workspace, identifier, body.get("id"), body.get("email")):
        return
    if person is None:
        if id_type == "cio_id" or str(body.get("_update", "")).lower() == "true":
            return
        person = created(workspace, {id_type: identifier})
    changed = _identifiers(workspace, person, id_type, body)
    if changed is None:
        reason = "The identifiers belong to different people."
        workspace.record("failed_attribute_change", person, {"attributes": body, "failure_message": reason})
        return
    if changed:
        people.rename(person, **changed)
        person.timestamps.update(dict.fromkeys(changed, workspace.now))
    relate(person, body.get("cio_relationships"))
    _set(workspace, person, body)


def is_suppressed(workspace: "Workspace", *identifiers: object) -> bool:
    """Whether one of the identifiers is blocked."""
    return any(identifier in workspace.people.suppressed for identifier in identifiers if isinstance(identifier, str))


def created(workspace: "Workspace", identifiers: dict[str, str]) -> Person:
    """Make a profile that has nothing but identifiers."""
    now = workspace.now
    person = Person(workspace.people.mint(), identifiers.get("id"), identifiers.get("email"), now)
    person.timestamps.update(dict.fromkeys([*identifiers, "cio_id"], now))
    workspace.people.add(person)
    workspace.record("profile_create", person, {})
    return person


def _identifiers(workspace: "Workspace", person: Person, id_type: str, body: dict[str, Any]) -> dict[str, str] | None:
    """The identifiers that the body changes; None when they conflict with the path or with another person."""
    changed: dict[str, str] = {}
    for name in ("id", "email"):
        told, held = body.get(name), getattr(person, name)
        if told in (None, "") or str(told) == held:
            continue
        # Only a cio_ in the path may change an id; an email may also be changed by id (a workspace setting).
        fixed = held is not None and id_type != "cio_id" and (name == "id" or id_type == "email")
        owner = workspace.people.get(name, str(told))
        if fixed or owner not in (None, person):
            return None
        changed[name] = str(told)
    return changed


def _set(workspace: "Workspace", person: Person, body: dict[str, Any]) -> None:
    stamp = body.get("_timestamp")
    at = stamp if isinstance(stamp, int) else workspace.now
    changes: dict[str, Any] = {}
    was_unsubscribed = person.unsubscribed
    for name, value in _flattened(person, body).items():
        if name in RESERVED or name in ID_TYPES or at < person.timestamps.get(name, 0):
            continue
        before = person.attributes.get(name)
        if value in (None, ""):
            person.attributes.pop(name, None)
        else:
            person.attributes[name] = value
        person.timestamps[name] = at
        if before != value:
            changes[name] = {"from": before, "to": value}
    if changes:
        workspace.record("attribute_change", person, changes)
    if person.unsubscribed != was_unsubscribed:
        report_subscription(workspace, person)


def _flattened(person: Person, body: dict[str, Any]) -> dict[str, Any]:
    """Merge `cio_subscription_preferences`, whole or by dotted topic, into what the person has."""
    plain: dict[str, Any] = {}
    topics = dict((person.attributes.get("cio_subscription_preferences") or {}).get("topics") or {})
    told = False
    for name, value in body.items():
        if name == "cio_subscription_preferences" and isinstance(value, dict):
            told = True
            topics.update(value.get("topics") or {})
        elif name.startswith("cio_subscription_preferences.topics."):
            told = True
            topics[name.rpartition(".")[2]] = value
        else:
            plain[name] = value
    return {**plain, "cio_subscription_preferences": {"topics": topics}} if told else plain


def relate(person: Person, told: Any) -> None:
    """Add or delete relationships of a person with objects, as `cio_relationships` of v1 says."""
    if not isinstance(told, dict):
        return
    for relation in told.get("relationships") or []:
        identifiers = relation.get("identifiers") or {}
        number, name = str(identifiers.get("object_type_id", 1)), str(identifiers.get("object_id", ""))
        person.relationships = [
            held
            for held in person.relationships
            if (str(held["object_type_id"]), held["identifiers"]["object_id"]) != (number, name)
        ]
        if told.get("action") != "delete_relationships":
            person.relationships.append(
                {
                    "object_type_id": int(number) if number.isdecimal() else 1,
                    "identifiers": {"object_id": name, "cio_object_id": f"ob_{name}"},
                    "attributes": relation.get("relationship_attributes") or {},
                    "timestamps": {},
                }
            )
