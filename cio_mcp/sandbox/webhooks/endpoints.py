"""Reporting webhooks: the endpoints, and the events that wait to be posted to each."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cio_mcp.sandbox.webhooks.payloads import WebhookEvent
from cio_mcp.sandbox.webhooks.policy import Outcome

MAX_QUEUED_EVENTS = 200_000
DELIVERY = "drafted attempted sent clicked converted failed undeliverable"
METRICS = {
    "customer": "subscribed unsubscribed subscription_preferences_changed",
    "email": f"{DELIVERY} delivered opened bounced dropped deferred spammed unsubscribed",
    "push": f"{DELIVERY} delivered opened bounced dropped",
    "in_app": f"{DELIVERY} opened",
    "sms": f"{DELIVERY} delivered bounced dropped replied",
    "whatsapp": f"{DELIVERY} delivered opened bounced dropped replied",
    "slack": DELIVERY,
    "webhook": DELIVERY,
}
EVENTS = frozenset(f"{kind}_{metric}" for kind, metrics in METRICS.items() for metric in metrics.split())
"""Events to subscribe to: https://docs.customer.io/integrations/api/app/ (Reporting Webhooks)"""


@dataclass(slots=True, eq=False)
class QueuedEvent:
    """An event to post: `due` is the time of the next attempt (Unix seconds), `stamp` the signed timestamp."""

    event_id: str
    body: bytes
    due: float
    attempts: int = 0
    first: float = 0.0
    stamp: int = 0
    slowed: bool = False
    overtaken: bool = False


@dataclass(slots=True, eq=False)
class ReportingWebhook:
    """One endpoint; nothing is posted to a placeholder, and at most `max_queued` events wait."""

    id: int
    name: str
    endpoint: str
    events: frozenset[str]
    disabled: bool = False
    full_resolution: bool = False
    with_content: bool = False
    is_placeholder: bool = False
    max_queued: int = MAX_QUEUED_EVENTS
    queue: deque[QueuedEvent] = field(default_factory=deque)
    delivered: int = 0
    attempts: int = 0
    expired: int = 0
    overflowed: int = 0
    last: Outcome | None = None

    def subscribes_to(self, event: WebhookEvent) -> bool:
        """Whether an event must be posted to it."""
        is_selected = event.name in self.events and (self.full_resolution or not event.is_repeated)
        return is_selected and not self.disabled and not self.is_placeholder

    def enqueue(self, event: WebhookEvent, now: float) -> None:
        """Add an event to the end of the queue, or count it as overflowed when the queue is full."""
        if len(self.queue) >= self.max_queued:
            self.overflowed += 1
            return
        self.queue.append(QueuedEvent(event.event_id, event.body(with_content=self.with_content), now))

    def is_due(self, now: float) -> bool:
        """Whether the head of its queue may be attempted."""
        return bool(self.queue) and not self.disabled and self.queue[0].due <= now

    @property
    def as_json(self) -> dict[str, Any]:
        """As the App API lists it."""
        return {
            "id": self.id, "type": "webhook", "name": self.name, "endpoint": self.endpoint, "disabled": self.disabled,
            "full_resolution": self.full_resolution, "with_content": self.with_content, "events": sorted(self.events),
        }  # fmt: skip

    @property
    def status(self) -> dict[str, Any]:
        """The progress of posting, as the control API shows it; `next_attempt` is a Unix time."""
        head = self.queue[0] if self.queue else None
        return {
            "id": self.id, "name": self.name, "host": urlsplit(self.endpoint).hostname, "disabled": self.disabled,
            "queued": len(self.queue), "attempts": self.attempts, "delivered": self.delivered, "expired": self.expired,
            "overflowed": self.overflowed, "last_status": self.last,
            "head": head and {"event_id": head.event_id, "attempts": head.attempts, "next_attempt": head.due},
        }  # fmt: skip


def initial_webhooks(url: str = "") -> dict[int, ReportingWebhook]:
    """A placeholder for the data warehouse, and, with a `url`, a webhook for all events.

    Raises:
        ValueError: the `url` is not an http or https URL.
    """
    if url and not is_http_url(url):
        raise ValueError("the webhook URL must begin with http:// or https:// and name a host")
    events = frozenset({"email_sent", "email_opened", "email_bounced"})
    endpoint = "https://loader:do-not-show@warehouse.acme.example/cio"
    webhooks = [ReportingWebhook(1, "Data warehouse", endpoint, events, full_resolution=True, is_placeholder=True)]
    if url:
        webhooks.append(ReportingWebhook(2, "Sandbox receiver", url, EVENTS, full_resolution=True))
    return {webhook.id: webhook for webhook in webhooks}


def is_http_url(endpoint: str) -> bool:
    """Whether an endpoint is an http or https URL with a host."""
    try:
        parts = urlsplit(endpoint)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
