"""What reporting webhooks say: the payload of each step of a delivery, and of a person who subscribes or leaves."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from cio_mcp.sandbox.world.deliveries import Delivery
from cio_mcp.sandbox.world.people import Person

OBJECT_TYPES = {"email": "email", "twilio": "sms", "push": "push"}
STEPS: dict[str, tuple[str, dict[str, bool]]] = {
    "drafted": ("drafted", {}),
    "sent": ("sent", {}),
    "delivered": ("delivered", {}),
    "human_opened": ("opened", {"proxied": False, "prefetched": False}),
    "prefetch_opened": ("opened", {"proxied": False, "prefetched": True}),
    "human_clicked": ("clicked", {"machine": False}),
    "prefetch_clicked": ("clicked", {"machine": True}),
    "converted": ("converted", {}),
    "unsubscribed": ("unsubscribed", {}),
    "spammed": ("spammed", {}),
    "bounced": ("bounced", {}),
    "dropped": ("dropped", {}),
    "failed": ("failed", {}),
    "undeliverable": ("undeliverable", {}),
}
"""Times that a delivery holds, with the metric that is reported and what is said of it for email."""
UNKNOWN = "Something went wrong."
FAILURES = {"bounced", "dropped", "failed", "undeliverable"}


@dataclass(frozen=True, slots=True)
class Report:
    """One event to report; `repeated` is an open or click after the first, `content` the body of what was sent."""

    event_id: str
    object_type: str
    metric: str
    timestamp: int
    data: dict[str, Any]
    repeated: bool = False
    content: str | None = None

    @property
    def name(self) -> str:
        """As the `events` of a reporting webhook name it."""
        return f"{self.object_type}_{self.metric}"

    def body(self, *, with_content: bool) -> bytes:
        """The bytes that are posted."""
        data = {**self.data, "content": self.content} if with_content and self.content else self.data
        told = {
            "data": data,
            "event_id": self.event_id,
            "object_type": self.object_type,
            "metric": self.metric,
            "timestamp": self.timestamp,
        }
        return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def of_step(delivery: Delivery, step: str, at: int, event_id: str) -> Report:
    """Report a step of a delivery; `step` is one of STEPS."""
    metric, said = STEPS[step]
    channel = delivery.template.channel
    data = {**_belongs_to(delivery), **IN_CHANNEL[channel](delivery, metric)}
    if channel == "email":
        data |= said
    if metric == "clicked":
        data |= {"href": (*delivery.template.links, "https://acme.example")[0], "link_id": 1}
    if metric in FAILURES and channel != "push":
        data["failure_message"] = delivery.failure or UNKNOWN
    return Report(
        event_id, OBJECT_TYPES[channel], metric, at, data,
        repeated=metric in {"opened", "clicked"} and at > delivery.metrics.get(metric, at),
        content=delivery.body if metric == "sent" and not delivery.forgotten else None,
    )  # fmt: skip


def of_person(person: Person, metric: str, at: int, event_id: str) -> Report:
    """Report that a person subscribed or unsubscribed."""
    return Report(event_id, "customer", metric, at, {**_who(person), "email_address": person.email})


def _belongs_to(delivery: Delivery) -> dict[str, Any]:
    parent, template = delivery.parent, delivery.template
    data: dict[str, Any] = {**_who(delivery.person), "delivery_id": delivery.id}
    if parent.kind == "transactional":
        return {**data, "transactional_message_id": parent.id}
    if parent.kind == "newsletter":
        return {**data, "newsletter_id": parent.id, "content_id": template.id}
    data |= {f"{parent.kind}_id": parent.id, "action_id": template.id, "journey_id": _journey(delivery)}
    if parent.kind == "broadcast":
        return {**data, "trigger_id": delivery.trigger_id}
    return {**data, "trigger_event_id": delivery.event_id}


def _who(person: Person) -> dict[str, Any]:
    return {"customer_id": person.id or "", "identifiers": person.identifiers}


def _journey(delivery: Delivery) -> str:
    start = f"{delivery.person.cio_id}:{delivery.parent.id}:{delivery.event_id or delivery.trigger_id}"
    return f"01{hashlib.sha256(start.encode()).hexdigest()[:24].upper()}"


def _email(delivery: Delivery, _: str) -> dict[str, Any]:
    return {"recipient": delivery.recipient, "subject": delivery.subject}


def _sms(delivery: Delivery, _: str) -> dict[str, Any]:
    return {"recipient": delivery.recipient}


def _push(delivery: Delivery, metric: str) -> dict[str, Any]:
    """Devices stand in a list, each with its failure; a push that came to none has one of its own."""
    failure = {"failure_message": delivery.failure or UNKNOWN} if metric in FAILURES else {}
    if metric in {"failed", "undeliverable"}:
        return failure
    platforms = {held["id"]: held.get("platform") for held in delivery.person.devices}
    platform = platforms.get(delivery.recipient) or "ios"
    return {"recipients": [{"device_id": delivery.recipient, "device_platform": platform, **failure}]}


IN_CHANNEL = {"email": _email, "twilio": _sms, "push": _push}
