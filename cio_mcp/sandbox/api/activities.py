"""What people did and what was sent to them, newest first."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ulid import ULID

from cio_mcp.sandbox.http import Asked, Route, app_error, page
from cio_mcp.sandbox.world.deliveries import Delivery
from cio_mcp.sandbox.world.people import ID_TYPES, Person

if TYPE_CHECKING:
    from cio_mcp.sandbox.world.workspace import Workspace

KEPT = 30 * 86_400
"""Seconds that activities are kept at least (App API, activities)."""
ALWAYS = {"sent", "delivered", "bounced", "drafted", "dropped", "failed", "undeliverable"}
OF_DELIVERIES = {
    "email": ALWAYS | {"opened", "clicked", "converted", "spammed", "unsubscribed"},
    "push": ALWAYS | {"opened", "clicked"},
    "twilio": ALWAYS | {"clicked", "converted"},
}
ACTIVITY_TYPES = {
    "event", "page", "screen", "attribute_change", "failed_attribute_change", "profile_create", "profile_delete",
    "profile_merge", "device_change", "add_relationship", "delete_relationship", "anon_merge", "skipped_update",
    "failed_event", *(f"{metric}_{channel}" for channel, metrics in OF_DELIVERIES.items() for metric in metrics),
}  # fmt: skip
DELIVERED_TO = {"email": "email", "twilio": "phone", "push": "ios"}


@dataclass(frozen=True, slots=True)
class Happening:
    """One activity; its answer is made only for the page that shows it."""

    at: int
    kind: str
    name: str
    source: Delivery | dict[str, Any]

    def shown(self, now: int) -> dict[str, Any]:
        """As the App API lists it."""
        if isinstance(self.source, dict):
            return self.source
        delivery = self.source
        seed = sha256(f"{delivery.id}{self.kind}".encode()).digest()[:10]
        shown: dict[str, Any] = {
            "id": str(ULID.from_bytes((self.at * 1000).to_bytes(6) + seed)),
            "type": self.kind,
            "timestamp": self.at,
            "customer_id": delivery.person.id or "",
            "customer_identifiers": delivery.person.identifiers,
        }
        if self.name:
            return {**shown, "name": self.name, "data": delivery.data}
        metrics = delivery.shown(now)
        data = {"delivery_id": delivery.id, "delivered": metrics.get("delivered"), "opened": "opened" in metrics}
        to = DELIVERED_TO[delivery.template.channel]
        return {**shown, "data": data, "delivery_id": delivery.id, "delivery_type": to}


def activities_of(
    workspace: "Workspace", person: Person | None, asked: Asked, *, deleted: bool = False
) -> dict[str, Any]:
    """One page of the activities of the last 30 days, of one person or of all, newest first."""
    kind, name = asked.choice("type", ACTIVITY_TYPES), asked.query.get("name")
    deliveries = workspace.ledger if person is None else workspace.ledger.to(person)
    now, since = workspace.now, workspace.now - KEPT
    found = [
        one
        for one in (*_recorded(workspace, person), *_told_by(deliveries, since, workspace))
        if one.at >= since
        and (kind is None or one.kind == kind)
        and (not name or one.name == name)
        and (not deleted or one.kind == "profile_delete")
    ]
    found.sort(key=lambda one: one.at, reverse=True)
    some, following = page(found, asked, 10, 100)
    return {"activities": [one.shown(now) for one in some], "next": following}


def _recorded(workspace: "Workspace", person: Person | None) -> Iterator[Happening]:
    for activity in reversed(workspace.activities):
        if person is None or activity["customer_identifiers"]["cio_id"] == person.cio_id:
            yield Happening(activity["timestamp"], activity["type"], activity.get("name", ""), activity)


def _told_by(deliveries: Iterable[Delivery], since: int, workspace: "Workspace") -> Iterator[Happening]:
    """What deliveries tell: what became of them, and, before the sandbox began, the events that started them."""
    now, born = workspace.now, workspace.born
    for delivery in deliveries:
        if delivery.created > now:
            continue
        if delivery.created < since:
            return
        if delivery.event_id and delivery.created < born and delivery.template is delivery.parent.templates[0]:
            yield Happening(delivery.created - delivery.template.wait, "event", delivery.parent.event_name, delivery)
        channel = delivery.template.channel
        for metric, at in delivery.metrics.items():
            if at <= now and metric in OF_DELIVERIES[channel]:
                yield Happening(at, f"{metric}_{channel}", "", delivery)


def _list(workspace: "Workspace", asked: Asked) -> Any:
    id_type = asked.choice("id_type", ID_TYPES) or "id"
    person = None
    if told := asked.query.get("customer_id"):
        person = workspace.people.get(id_type, told)
        if person is None:
            return {"activities": [], "next": ""}
    elif "id_type" in asked.query:
        raise app_error(400, "id_type needs customer_id")
    return activities_of(workspace, person, asked, deleted=asked.flag("deleted"))


ROUTES: tuple[Route, ...] = (("GET", "/v1/activities", _list),)
