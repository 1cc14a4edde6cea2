"""The App API's customers: searches, and the parts of one profile."""

from typing import Any

from cio_mcp.sandbox.api.activities import activities_of
from cio_mcp.sandbox.api.messages import list_messages
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.http import ApiRequest, app_error, not_found, page
from cio_mcp.sandbox.world.filters import check_filter, matches
from cio_mcp.sandbox.world.fixtures import TOPICS
from cio_mcp.sandbox.world.people import ID_TYPES, Person, as_string
from cio_mcp.sandbox.world.workspace import Workspace

MAX_IDS = 100


def find_customer(workspace: Workspace, request: ApiRequest) -> Person:
    """The person in the path, or 404."""
    id_type = request.query.get("id_type") or "id"
    if id_type not in ID_TYPES:
        raise app_error(400, "id_type must be one of id, email, cio_id")
    person = workspace.people.get(id_type, request.path["customer_id"])
    if person is None:
        raise not_found()
    return person


def _by_email(workspace: Workspace, request: ApiRequest) -> Any:
    email = request.query.get("email", "")
    if not email:
        raise app_error(400, "email is required")
    return {"results": [person.identifiers for person in workspace.people.with_email(email)]}


def _search(workspace: Workspace, request: ApiRequest) -> Any:
    condition = request.body.get("filter") if isinstance(request.body, dict) else None
    if condition is None:
        raise app_error(400, "filter is required")
    check_filter(condition)
    people = [person for person in workspace.people if matches(workspace, condition, person)]
    rows, token = page(people, request, 50, 1000)
    return {
        "identifiers": [person.identifiers for person in rows],
        "ids": [person.id or "" for person in rows],
        "next": token,
    }


def profile(person: Person) -> dict[str, Any]:
    """A person as the attributes endpoints return them: every value is a string."""
    computed = {"topics": {f"topic_{number}": value for number, value in subscriptions_of(person).items()}}
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


def _attributes(workspace: Workspace, request: ApiRequest) -> Any:
    return {"customer": profile(find_customer(workspace, request))}


def _attributes_of_many(workspace: Workspace, request: ApiRequest) -> Any:
    ids = request.body.get("ids") if isinstance(request.body, dict) else None
    if not isinstance(ids, list) or not 1 <= len(ids) <= MAX_IDS:
        raise app_error(400, f"ids must be a list of 1 to {MAX_IDS} values")
    id_type = request.choice("id_type", ID_TYPES) or "id"
    people = (workspace.people.get(id_type, str(value)) for value in ids)
    # Not wrapped in "customer", unlike the specification; unknown IDs are left out.
    return {"customers": [profile(person) for person in people if person]}


def _segments(workspace: Workspace, request: ApiRequest) -> Any:
    person = find_customer(workspace, request)
    segments = [segment for segment in workspace.segments.values() if segment.has(person)]
    return {"segments": [{"id": one.id, "name": one.name, "description": one.description} for one in segments]}


def _messages(workspace: Workspace, request: ApiRequest) -> Any:
    return list_messages(workspace, request, workspace.deliveries.to(find_customer(workspace, request)))


def _activities(workspace: Workspace, request: ApiRequest) -> Any:
    return activities_of(workspace, find_customer(workspace, request), request)


def _relationships(workspace: Workspace, request: ApiRequest) -> Any:
    rows, token = page(find_customer(workspace, request).relationships, request, 50, 1000)
    return {"cio_relationships": rows, "next": token}


def subscriptions_of(person: Person) -> dict[int, bool]:
    """Whether a person is subscribed, by topic."""
    preferences = (person.attributes.get("cio_subscription_preferences") or {}).get("topics") or {}
    return {
        number: False if person.unsubscribed else bool(preferences.get(f"topic_{number}", default))
        for number, _, _, default in TOPICS
    }


def _subscription_preferences(workspace: Workspace, request: ApiRequest) -> Any:
    person = find_customer(workspace, request)
    subscriptions = subscriptions_of(person)
    topics = [
        {"id": str(number), "subscribed": subscriptions[number], "name": name, "description": description}
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
