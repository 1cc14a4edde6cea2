"""Profile writes, applied: creating and updating people, their identifiers, attributes and relationships."""

from typing import Any

from cio_mcp.sandbox.world.lifecycle import report_subscription, segment_changes, start_segment_campaigns
from cio_mcp.sandbox.world.people import ID_TYPES, Person, id_type_of
from cio_mcp.sandbox.world.workspace import Workspace

MAX_DIGITS = 9
MERGED_EVENT_SECONDS = 30 * 86_400
"""The events that a merge keeps (Track API, merge customers)."""
RESERVED = {"_timestamp", "_update", "anonymous_id", "cio_relationships", "cio_id"}


def identify(workspace: Workspace, identifier: str, body: dict[str, Any]) -> None:
    """Create or update a person; a conflict of identifiers or an unknown `cio_id` changes nothing."""
    people = workspace.people
    id_type = id_type_of(identifier)
    person = people.get(id_type, identifier)
    if is_suppressed(workspace, identifier, body.get("id"), body.get("email")):
        return
    if person is None:
        if id_type == "cio_id" or str(body.get("_update", "")).lower() == "true":
            return
        person = create_profile(workspace, {id_type: identifier})
    changed = _identifiers(workspace, person, id_type, body)
    if changed is None:
        reason = "The identifiers belong to different people."
        workspace.record("failed_attribute_change", person, {"attributes": body, "failure_message": reason})
        return
    if changed:
        people.rename(person, **changed)
        person.timestamps.update(dict.fromkeys(changed, workspace.now))
    with segment_changes(workspace, person):
        relate(person, body.get("cio_relationships"))
        _set(workspace, person, body)


def is_suppressed(workspace: Workspace, *identifiers: object) -> bool:
    """Whether one of the identifiers is suppressed."""
    return any(identifier in workspace.people.suppressed for identifier in identifiers if isinstance(identifier, str))


def create_profile(workspace: Workspace, identifiers: dict[str, str]) -> Person:
    """Create a profile that has only identifiers."""
    now = workspace.now
    person = Person(workspace.people.new_cio_id(), identifiers.get("id"), identifiers.get("email"), now)
    person.timestamps.update(dict.fromkeys([*identifiers, "cio_id"], now))
    workspace.people.add(person)
    workspace.record("profile_create", person, {})
    start_segment_campaigns(workspace, person)
    return person


def _identifiers(workspace: Workspace, person: Person, id_type: str, body: dict[str, Any]) -> dict[str, str] | None:
    """The identifiers that the body changes; None when they conflict with the path or another person."""
    changed: dict[str, str] = {}
    for name in ("id", "email"):
        value, current = body.get(name), getattr(person, name)
        if value in (None, "") or str(value) == current:
            continue
        if not isinstance(value, str | int):
            return None
        # Only a cio_id in the path may change an id; an email may also be changed by id (a workspace setting).
        is_fixed = current is not None and id_type != "cio_id" and (name == "id" or id_type == "email")
        owner = workspace.people.get(name, str(value))
        if is_fixed or owner not in (None, person):
            return None
        changed[name] = str(value)
    return changed


def _set(workspace: Workspace, person: Person, body: dict[str, Any]) -> None:
    stamp = body.get("_timestamp")
    at = stamp if isinstance(stamp, int) else workspace.now
    changes: dict[str, Any] = {}
    was_unsubscribed = person.unsubscribed
    for name, value in _merge_preferences(person, body).items():
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


def _merge_preferences(person: Person, body: dict[str, Any]) -> dict[str, Any]:
    """Merge `cio_subscription_preferences`, as an object or by dotted topic, into the person's own."""
    plain: dict[str, Any] = {}
    topics = dict((person.attributes.get("cio_subscription_preferences") or {}).get("topics") or {})
    has_topics = False
    for name, value in body.items():
        if name == "cio_subscription_preferences" and isinstance(value, dict):
            has_topics = True
            topics.update(value.get("topics") or {})
        elif name.startswith("cio_subscription_preferences.topics."):
            has_topics = True
            topics[name.rpartition(".")[2]] = value
        else:
            plain[name] = value
    return {**plain, "cio_subscription_preferences": {"topics": topics}} if has_topics else plain


def merge_profiles(workspace: Workspace, primary: Person, secondary: Person) -> None:
    """Merge a person into another and remove them, as documented.

    Moved are attributes that the other lacks, manual segments, deliveries, journeys that the other has not entered,
    and events of the last 30 days, which start nothing. Devices and relationships are not documented, and stay behind.
    """
    since = workspace.now - MERGED_EVENT_SECONDS
    with segment_changes(workspace, primary):
        for name, value in secondary.attributes.items():
            if primary.attributes.get(name) in (None, ""):
                primary.attributes[name] = value
                primary.timestamps[name] = workspace.now
        primary.manual_segments |= secondary.manual_segments
    workspace.entered |= {(number, primary.cio_id) for number, who in workspace.entered if who == secondary.cio_id}
    workspace.deliveries.reassign(secondary, primary)
    for activity in workspace.activities:
        of_secondary = activity["customer_identifiers"]["cio_id"] == secondary.cio_id
        if of_secondary and activity["type"] == "event" and activity["timestamp"] >= since:
            activity |= {"customer_id": primary.id, "customer_identifiers": primary.identifiers}
    workspace.people.remove(secondary)


def relate(person: Person, change: Any) -> None:
    """Add or delete relationships of a person with objects, in the form of v1's `cio_relationships`."""
    if not isinstance(change, dict):
        return
    for relation in change.get("relationships") or []:
        identifiers = relation.get("identifiers") or {}
        number = str(identifiers.get("object_type_id", 1))
        name = str(identifiers.get("object_id") or str(identifiers.get("cio_object_id", "")).removeprefix("ob_"))
        person.relationships = [
            current
            for current in person.relationships
            if (str(current["object_type_id"]), current["identifiers"]["object_id"]) != (number, name)
        ]
        if change.get("action") != "delete_relationships":
            person.relationships.append(
                {
                    "object_type_id": int(number) if number.isdecimal() and len(number) <= MAX_DIGITS else 1,
                    "identifiers": {"object_id": name, "cio_object_id": f"ob_{name}"},
                    "attributes": relation.get("relationship_attributes") or {},
                    "timestamps": {},
                }
            )
