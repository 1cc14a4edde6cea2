"""Activities of people and deliveries, newest first."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ulid import ULID

from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.http import ApiRequest, app_error, page
from cio_mcp.sandbox.world.deliveries import Delivery
from cio_mcp.sandbox.world.people import ID_TYPES, Person
from cio_mcp.sandbox.world.workspace import Workspace

MAX_AGE_SECONDS = 30 * 86_400
"""How long activities are kept (App API, activities)."""
COMMON_METRICS = {"sent", "delivered", "bounced", "drafted", "dropped", "failed", "undeliverable"}
DELIVERY_METRICS = {
    "email": COMMON_METRICS | {"opened", "clicked", "converted", "spammed", "unsubscribed"},
    "push": COMMON_METRICS | {"opened", "clicked"},
    "twilio": COMMON_METRICS | {"clicked", "converted"},
    "in_app": {"sent", "drafted", "failed", "undeliverable", "opened", "clicked", "converted"},
}
"""Metrics that activities are published for, by channel."""
ACTIVITY_TYPES = {
    "event", "page", "screen", "attribute_change", "failed_attribute_change", "profile_create", "profile_delete",
    "profile_merge", "device_change", "add_relationship", "delete_relationship", "anon_merge", "skipped_update",
    "failed_event", *(f"{metric}_{channel}" for channel, metrics in DELIVERY_METRICS.items() for metric in metrics),
}  # fmt: skip
DELIVERY_TYPES = {"email": "email", "twilio": "phone", "push": "ios"}


@dataclass(frozen=True, slots=True)
class Activity:
    """One activity; it is converted to JSON only for the page that contains it."""

    at: int
    kind: str
    name: str
    source: Delivery | dict[str, Any]

    def to_json(self, now: int) -> dict[str, Any]:
        """As the App API lists it."""
        if isinstance(self.source, dict):
            return self.source
        delivery = self.source
        seed = sha256(f"{delivery.id}{self.kind}".encode()).digest()[:10]
        fields: dict[str, Any] = {
            "id": str(ULID.from_bytes((self.at * 1000).to_bytes(6) + seed)),
            "type": self.kind,
            "timestamp": self.at,
            "customer_id": delivery.person.id or "",
            "customer_identifiers": delivery.person.identifiers,
        }
        if self.name:
            return {**fields, "name": self.name, "data": delivery.data}
        metrics = delivery.metrics_at(now)
        data = {"delivery_id": delivery.id, "delivered": metrics.get("delivered"), "opened": "opened" in metrics}
        fields |= {"data": data, "delivery_id": delivery.id}
        to = DELIVERY_TYPES.get(delivery.template.channel)
        return {**fields, "delivery_type": to} if to else fields


def activities_of(
    workspace: Workspace, person: Person | None, request: ApiRequest, *, deleted: bool = False
) -> dict[str, Any]:
    """One page of the activities of the last 30 days, of one person or of all, newest first."""
    kind, name = request.choice("type", ACTIVITY_TYPES), request.query.get("name")
    deliveries = workspace.deliveries if person is None else workspace.deliveries.to(person)
    now, since = workspace.now, workspace.now - MAX_AGE_SECONDS
    activities = [
        one
        for one in (*_recorded_activities(workspace, person), *_delivery_activities(deliveries, since, workspace))
        if one.at >= since
        and (kind is None or one.kind == kind)
        and (not name or one.name == name)
        and (not deleted or one.kind == "profile_delete")
    ]
    activities.sort(key=lambda one: one.at, reverse=True)
    rows, token = page(activities, request, 10, 100)
    return {"activities": [one.to_json(now) for one in rows], "next": token}


def _recorded_activities(workspace: Workspace, person: Person | None) -> Iterator[Activity]:
    for activity in reversed(workspace.activities):
        if person is None or activity["customer_identifiers"]["cio_id"] == person.cio_id:
            yield Activity(activity["timestamp"], activity["type"], activity.get("name", ""), activity)


def _delivery_activities(deliveries: Iterable[Delivery], since: int, workspace: Workspace) -> Iterator[Activity]:
    """Activities of deliveries: their metrics and, before the sandbox started, the events that triggered them."""
    now, started_at = workspace.now, workspace.started_at
    for delivery in deliveries:
        if delivery.created > now:
            continue
        if delivery.created < since:
            return
        if delivery.event_id and delivery.created < started_at and delivery.template is delivery.source.templates[0]:
            yield Activity(delivery.created - delivery.template.wait, "event", delivery.source.event_name, delivery)
        channel = delivery.template.channel
        for metric, at in delivery.metrics.items():
            if at <= now and metric in DELIVERY_METRICS.get(channel, ()):
                yield Activity(at, f"{metric}_{channel}", "", delivery)


def _of_former_profile(workspace: Workspace, request: ApiRequest, id_type: str, identifier: str) -> dict[str, Any]:
    """That a profile was deleted, by the identifiers it had."""
    deleted = request.flag("deleted")
    value = identifier.removeprefix("cio_") if id_type == "cio_id" else identifier
    removals = [
        activity
        for activity in reversed(workspace.activities)
        if deleted and activity["type"] == "profile_delete" and activity["customer_identifiers"][id_type] == value
    ]
    rows, token = page(removals, request, 10, 100)
    return {"activities": rows, "next": token}


def _list(workspace: Workspace, request: ApiRequest) -> Any:
    id_type = request.choice("id_type", ID_TYPES) or "id"
    person = None
    if identifier := request.query.get("customer_id"):
        person = workspace.people.get(id_type, identifier)
        if person is None:
            return _of_former_profile(workspace, request, id_type, identifier)
    elif "id_type" in request.query:
        raise app_error(400, "id_type needs customer_id")
    return activities_of(workspace, person, request, deleted=request.flag("deleted"))


ROUTES: tuple[Route, ...] = (("GET", "/v1/activities", _list),)
