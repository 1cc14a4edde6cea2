"""The App API's customers: finding people and reading one."""

from typing import TYPE_CHECKING, Any

from cio_mcp.sandbox.api.activities import activities_of
from cio_mcp.sandbox.api.messages import listed
from cio_mcp.sandbox.http import Asked, Route, app_error, not_found, page
from cio_mcp.sandbox.world.people import ID_TYPES, Person, as_string

if TYPE_CHECKING:
    from cio_mcp.sandbox.world.workspace import Workspace

TOPICS = (
    (1, "Product updates", "News on the product", True),
    (2, "Monthly newsletter", "Once a month", True),
    (3, "Offers", "Discounts and events", False),
)
IDS_AT_ONCE = 100


def _one(workspace: "Workspace", asked: Asked) -> Person:
    id_type = asked.query.get("id_type") or "id"
    if id_type not in ID_TYPES:
        raise app_error(400, "id_type must be one of id, email, cio_id")
    person = workspace.people.get(id_type, asked.path["customer_id"])
    if person is None:
        raise not_found()
    return person


def _by_email(workspace: "Workspace", asked: Asked) -> Any:
    email = asked.query.get("email", "")
    if not email:
        raise app_error(400, "email is required")
    return {"results": [person.identifiers for person in workspace.people.with_email(email)]}


def _search(workspace: "Workspace", asked: Asked) -> Any:
    told = asked.body.get("filter") if isinstance(asked.body, dict) else None
    if told is None:
        raise app_error(400, "filter is required")
    valid_filter(told)
    found = [person for person in workspace.people if matches(workspace, told, person)]
    shown, following = page(found, asked, 50, 1000)
    return {
        "identifiers": [person.identifiers for person in shown],
        "ids": [person.id or "" for person in shown],
        "next": following,
    }


def valid_filter(told: Any) -> None:
    """Refuse a filter that is not exactly one of and, or, not, segment, attribute at every level."""
    if not isinstance(told, dict) or len(told) != 1:
        raise app_error(400, "filter must have exactly one of and, or, not, segment, attribute")
    [(word, operand)] = told.items()
    if word in {"and", "or"} and isinstance(operand, list) and operand:
        for part in operand:
            valid_filter(part)
    elif word == "not":
        valid_filter(operand)
    elif word == "segment" and isinstance(operand, dict) and isinstance(operand.get("id"), int):
        return
    elif word == "attribute" and isinstance(operand, dict) and isinstance(operand.get("field"), str):
        operator = operand.get("operator")
        if operator not in {"eq", "exists"} or (operator == "eq" and "value" not in operand):
            raise app_error(400, "attribute needs the operator eq with a value, or exists")
    else:
        raise app_error(400, f"filter has an unknown or malformed part: {word}")


def matches(workspace: "Workspace", told: dict[str, Any], person: Person) -> bool:
    """Whether a checked filter holds a person; attributes compare by their string form."""
    [(word, operand)] = told.items()
    if word == "and":
        return all(matches(workspace, part, person) for part in operand)
    if word == "or":
        return any(matches(workspace, part, person) for part in operand)
    if word == "not":
        return not matches(workspace, operand, person)
    if word == "segment":
        segment = workspace.segments.get(operand["id"])
        return segment is not None and segment.has(person)
    value = person.value(operand["field"])
    if operand["operator"] == "exists":
        return value not in (None, "")
    return value is not None and as_string(value) == as_string(operand["value"])


def profile(person: Person) -> dict[str, Any]:
    """A person as the attributes endpoints show them: every value a string."""
    computed = {"topics": {f"topic_{number}": taken for number, taken in _preferences(person).items()}}
    attributes = {name: as_string(value) for name, value in person.attributes.items()}
    attributes |= {name: value for name, value in person.identifiers.items() if value is not None}
    attributes["_cio_subscription_preferences_computed"] = as_string(computed)
    return {
        "id": person.id or "",
        "identifiers": person.identifiers,
        "attributes": attributes,
        "timestamps": dict(person.timestamps),
        "unsubscribed": person.unsubscribed,
        "devices": list(person.devices),
    }


def _attributes(workspace: "Workspace", asked: Asked) -> Any:
    return {"customer": profile(_one(workspace, asked))}


def _attributes_of_many(workspace: "Workspace", asked: Asked) -> Any:
    ids = asked.body.get("ids") if isinstance(asked.body, dict) else None
    if not isinstance(ids, list) or not 1 <= len(ids) <= IDS_AT_ONCE:
        raise app_error(400, f"ids must be a list of 1 to {IDS_AT_ONCE} values")
    id_type = asked.choice("id_type", ID_TYPES) or "id"
    found = (workspace.people.get(id_type, str(value)) for value in ids)
    # Not wrapped in "customer", whatever the specification says, and without those who are unknown.
    return {"customers": [profile(person) for person in found if person]}


def _segments(workspace: "Workspace", asked: Asked) -> Any:
    person = _one(workspace, asked)
    held = [segment for segment in workspace.segments.values() if segment.has(person)]
    return {"segments": [{"id": one.id, "name": one.name, "description": one.description} for one in held]}


def _messages(workspace: "Workspace", asked: Asked) -> Any:
    return listed(workspace, asked, workspace.ledger.to(_one(workspace, asked)))


def _activities(workspace: "Workspace", asked: Asked) -> Any:
    return activities_of(workspace, _one(workspace, asked), asked)


def _relationships(workspace: "Workspace", asked: Asked) -> Any:
    shown, following = page(_one(workspace, asked).relationships, asked, 50, 1000)
    return {"cio_relationships": shown, "next": following}


def _preferences(person: Person) -> dict[int, bool]:
    told = (person.attributes.get("cio_subscription_preferences") or {}).get("topics") or {}
    return {
        number: False if person.unsubscribed else bool(told.get(f"topic_{number}", default))
        for number, _, _, default in TOPICS
    }


def _subscription_preferences(workspace: "Workspace", asked: Asked) -> Any:
    person = _one(workspace, asked)
    taken = _preferences(person)
    topics = [
        {"id": str(number), "subscribed": taken[number], "name": name, "description": description}
        for number, name, description, _ in TOPICS
    ]
    header = {"title": "Your subscriptions", "subtitle": "Choose what reaches you."}
    return {
        "customer": {
            "id": person.id or "",
            "identifiers": person.identifiers,
            "topics": topics,
            "unsubscribed": person.unsubscribed,
            "header": header,
        }
    }


PERSON = "/v1/customers/{customer_id}"
ROUTES: tuple[Route, ...] = (
    ("GET", "/v1/customers", _by_email),
    ("POST", "/v1/customers", _search),
    ("POST", "/v1/customers/attributes", _attributes_of_many),
    ("GET", f"{PERSON}/attributes", _attributes),
    ("GET", f"{PERSON}/segments", _segments),
    ("GET", f"{PERSON}/messages", _messages),
    ("GET", f"{PERSON}/activities", _activities),
    ("GET", f"{PERSON}/relationships", _relationships),
    ("GET", f"{PERSON}/subscription_preferences", _subscription_preferences),
)
