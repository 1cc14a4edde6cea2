"""Reporting webhooks: the list that the App API keeps, and what waits to be posted to each."""

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cio_mcp.sandbox.http import Answer, Asked, Route, app_error, not_found
from cio_mcp.sandbox.webhooks.payloads import Report
from cio_mcp.sandbox.webhooks.policy import Outcome

if TYPE_CHECKING:
    from cio_mcp.sandbox.world.workspace import Workspace

LONGEST_LINE = 200_000
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
"""All that can be subscribed to: https://docs.customer.io/integrations/api/app/ (Reporting Webhooks)"""
FLAGS = ("disabled", "full_resolution", "with_content")


@dataclass(slots=True, eq=False)
class Pending:
    """An event that waits for its turn: `due` is when it may be tried (Unix seconds), `stamp` what was signed."""

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
    """One endpoint; nothing is ever posted to a `made_up` one, and more than `longest` events do not wait."""

    id: int
    name: str
    endpoint: str
    events: frozenset[str]
    disabled: bool = False
    full_resolution: bool = False
    with_content: bool = False
    made_up: bool = False
    longest: int = LONGEST_LINE
    line: deque[Pending] = field(default_factory=deque)
    delivered: int = 0
    attempts: int = 0
    expired: int = 0
    overflowed: int = 0
    last: Outcome | None = None

    def wants(self, report: Report) -> bool:
        """Whether it is told of an event."""
        heard = report.name in self.events and (self.full_resolution or not report.repeated)
        return heard and not self.disabled and not self.made_up

    def queue(self, report: Report, now: float) -> None:
        """Put an event at the end of the line, if there is room."""
        if len(self.line) >= self.longest:
            self.overflowed += 1
            return
        self.line.append(Pending(report.event_id, report.body(with_content=self.with_content), now))

    def has_work(self, now: float) -> bool:
        """Whether the head of its line may be tried."""
        return bool(self.line) and not self.disabled and self.line[0].due <= now

    @property
    def shown(self) -> dict[str, Any]:
        """As the App API lists it."""
        return {
            "id": self.id, "type": "webhook", "name": self.name, "endpoint": self.endpoint, "disabled": self.disabled,
            "full_resolution": self.full_resolution, "with_content": self.with_content, "events": sorted(self.events),
        }  # fmt: skip

    @property
    def state(self) -> dict[str, Any]:
        """How posting goes; `next_attempt` is a Unix time."""
        head = self.line[0] if self.line else None
        return {
            "id": self.id, "name": self.name, "host": urlsplit(self.endpoint).hostname, "disabled": self.disabled,
            "queued": len(self.line), "attempts": self.attempts, "delivered": self.delivered, "expired": self.expired,
            "overflowed": self.overflowed, "last_status": self.last,
            "head": head and {"event_id": head.event_id, "attempts": head.attempts, "next_attempt": head.due},
        }  # fmt: skip


def first_webhooks(url: str = "") -> dict[int, ReportingWebhook]:
    """The one that belongs to the story, and, for a `url`, one that is told everything.

    Raises:
        ValueError: the `url` is none of http or https.
    """
    if url and not _is_address(url):
        raise ValueError("the webhook URL must begin with http:// or https:// and name a host")
    told = frozenset({"email_sent", "email_opened", "email_bounced"})
    endpoint = "https://loader:do-not-show@warehouse.acme.example/cio"
    made = [ReportingWebhook(1, "Data warehouse", endpoint, told, full_resolution=True, made_up=True)]
    if url:
        made.append(ReportingWebhook(2, "Sandbox receiver", url, EVENTS, full_resolution=True))
    return {webhook.id: webhook for webhook in made}


def _list(workspace: "Workspace", _: Asked) -> Any:
    return {"reporting_webhooks": [webhook.shown for webhook in workspace.webhooks.values()]}


def _one(workspace: "Workspace", asked: Asked) -> ReportingWebhook:
    webhook = workspace.webhooks.get(asked.whole("webhook_id"))
    if webhook is None:
        raise not_found()
    return webhook


def _create(workspace: "Workspace", asked: Asked) -> Any:
    told, number = _checked(asked.body), max(workspace.webhooks, default=0) + 1
    workspace.webhooks[number] = ReportingWebhook(number, **told)
    return workspace.webhooks[number].shown


def _update(workspace: "Workspace", asked: Asked) -> Any:
    webhook = _one(workspace, asked)
    for name, value in _checked(asked.body).items():
        if name == "endpoint" and value != webhook.endpoint:
            webhook.made_up = False
        setattr(webhook, name, value)
    return webhook.shown


def _delete(workspace: "Workspace", asked: Asked) -> Any:
    del workspace.webhooks[_one(workspace, asked).id]
    return Answer(200)


def _checked(body: Any) -> dict[str, Any]:
    """What a body says; a flag that is left out keeps its value."""
    if not isinstance(body, dict):
        raise app_error(400, "the body must be a JSON object")
    name, endpoint, events = body.get("name"), body.get("endpoint"), body.get("events")
    if not isinstance(name, str) or not name.strip():
        raise app_error(400, "name is required")
    if not isinstance(endpoint, str) or not _is_address(endpoint):
        raise app_error(400, "endpoint must be an http or https URL")
    if not isinstance(events, list) or not events:
        raise app_error(400, "events must be a list of at least one")
    if unknown := sorted({str(event) for event in events} - EVENTS):
        raise app_error(400, f"events has unknown values: {', '.join(unknown)}")
    flags = {flag: body[flag] for flag in FLAGS if body.get(flag) is not None}
    if not all(isinstance(value, bool) for value in flags.values()):
        raise app_error(400, f"{', '.join(FLAGS)} must be true or false")
    return {"name": name, "endpoint": endpoint, "events": frozenset(events), **flags}


def _is_address(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


WEBHOOKS = "/v1/reporting_webhooks"
ROUTES: tuple[Route, ...] = (
    ("GET", WEBHOOKS, _list),
    ("POST", WEBHOOKS, _create),
    ("GET", f"{WEBHOOKS}/{{webhook_id}}", lambda workspace, asked: _one(workspace, asked).shown),
    ("PUT", f"{WEBHOOKS}/{{webhook_id}}", _update),
    ("DELETE", f"{WEBHOOKS}/{{webhook_id}}", _delete),
)
