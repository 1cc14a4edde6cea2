"""Payloads of reporting webhooks: one event for each step of a delivery, or for a person who (un)subscribes."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from cio_mcp.sandbox.world.deliveries import Delivery
from cio_mcp.sandbox.world.people import Person

OBJECT_TYPES = {"email": "email", "twilio": "sms", "push": "push", "whatsapp": "whatsapp", "in_app": "in_app"}
"""What events call a channel; no events are published for messages of an inbox."""
UNPUBLISHED = {
    "sms": {"opened", "unsubscribed", "spammed", "dropped"},
    "push": {"unsubscribed", "spammed"},
    "whatsapp": {"unsubscribed", "spammed"},
    "in_app": {"delivered", "unsubscribed", "spammed", "bounced", "dropped"},
}
"""Metrics for which the published specification has no event of the channel."""
DELIVERY_STEPS: dict[str, tuple[str, dict[str, bool]]] = {
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
"""Times that a delivery has, each with the metric to report and the extra data of an email's event."""
UNKNOWN_FAILURE = "Something went wrong."
FAILURES = {"bounced", "dropped", "failed", "undeliverable"}


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """One event; `is_repeated` marks an open or click after the first, `content` is the body that was sent."""

    event_id: str
    object_type: str
    metric: str
    timestamp: int
    data: dict[str, Any]
    is_repeated: bool = False
    content: str | None = None

    @property
    def name(self) -> str:
        """The name to subscribe to, as in the `events` of a reporting webhook."""
        return f"{self.object_type}_{self.metric}"

    def body(self, *, with_content: bool) -> bytes:
        """The request body to post."""
        data = {**self.data, "content": self.content} if with_content and self.content else self.data
        payload = {
            "data": data,
            "event_id": self.event_id,
            "object_type": self.object_type,
            "metric": self.metric,
            "timestamp": self.timestamp,
        }
        return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def delivery_event(delivery: Delivery, step: str, at: int, event_id: str) -> WebhookEvent:
    """The event of a step of a delivery; `step` is one of DELIVERY_STEPS."""
    metric, email_data = DELIVERY_STEPS[step]
    channel = delivery.template.channel
    data = {**_source_fields(delivery), **CHANNEL_FIELDS[channel](delivery, metric)}
    if channel == "email":
        data |= email_data
    if metric == "clicked":
        data |= {"href": (*delivery.template.links, "https://acme.example")[0], "link_id": 1}
    if metric in FAILURES and channel != "push":
        data["failure_message"] = delivery.failure or UNKNOWN_FAILURE
    return WebhookEvent(
        event_id, OBJECT_TYPES[channel], metric, at, data,
        is_repeated=metric in {"opened", "clicked"} and at > delivery.metrics.get(metric, at),
        content=delivery.body if metric == "sent" and not delivery.forgotten else None,
    )  # fmt: skip


def is_reported(channel: str, step: str) -> bool:
    """Whether there are events for a step of a channel's deliveries."""
    object_type = OBJECT_TYPES.get(channel, "")
    return object_type != "" and DELIVERY_STEPS[step][0] not in UNPUBLISHED.get(object_type, ())


def customer_event(person: Person, metric: str, at: int, event_id: str) -> WebhookEvent:
    """The event of a person who subscribed or unsubscribed."""
    return WebhookEvent(event_id, "customer", metric, at, {**_person_fields(person), "email_address": person.email})


def _source_fields(delivery: Delivery) -> dict[str, Any]:
    source, template = delivery.source, delivery.template
    data: dict[str, Any] = {**_person_fields(delivery.person), "delivery_id": delivery.id}
    if source.kind == "transactional":
        return {**data, "transactional_message_id": source.id}
    if source.kind == "newsletter":
        return {**data, "newsletter_id": source.id, "content_id": template.id}
    if template.parent is not None:
        data["parent_action_id"] = template.parent
    data |= {f"{source.kind}_id": source.id, "action_id": template.id, "journey_id": _journey_id(delivery)}
    if source.kind == "broadcast":
        return {**data, "trigger_id": delivery.trigger_id}
    return {**data, "trigger_event_id": delivery.event_id}


def _person_fields(person: Person) -> dict[str, Any]:
    return {"customer_id": person.id or "", "identifiers": person.identifiers}


def _journey_id(delivery: Delivery) -> str:
    start = f"{delivery.person.cio_id}:{delivery.source.id}:{delivery.event_id or delivery.trigger_id}"
    return f"01{hashlib.sha256(start.encode()).hexdigest()[:24].upper()}"


def _email_fields(delivery: Delivery, _: str) -> dict[str, Any]:
    return {"recipient": delivery.recipient, "subject": delivery.subject}


def _sms_fields(delivery: Delivery, _: str) -> dict[str, Any]:
    return {"recipient": delivery.recipient}


def _push_fields(delivery: Delivery, metric: str) -> dict[str, Any]:
    """Each device of `recipients` has its own failure; a push that reached no device has one at the top."""
    failure = {"failure_message": delivery.failure or UNKNOWN_FAILURE} if metric in FAILURES else {}
    if metric in {"failed", "undeliverable"}:
        return failure
    platforms = {device["id"]: device.get("platform") for device in delivery.person.devices}
    platform = platforms.get(delivery.recipient) or "ios"
    return {"recipients": [{"device_id": delivery.recipient, "device_platform": platform, **failure}]}


CHANNEL_FIELDS = {
    "email": _email_fields, "twilio": _sms_fields, "push": _push_fields, "whatsapp": _sms_fields,
    "in_app": _sms_fields,
}  # fmt: skip
