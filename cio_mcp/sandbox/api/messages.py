"""Deliveries, which the App API calls messages."""

from collections.abc import Iterable
from typing import Any

from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.http import ApiRequest, not_found, page
from cio_mcp.sandbox.world.deliveries import Delivery
from cio_mcp.sandbox.world.workspace import Workspace

CHANNELS = {"email", "webhook", "twilio", "whatsapp", "slack", "push", "in_app"}
METRICS = {
    "attempted", "sent", "delivered", "opened", "clicked", "converted", "bounced", "spammed", "unsubscribed", "dropped",
    "failed", "undeliverable",
}  # fmt: skip
STATES = {"failed", "sent", "drafted", "attempted"}
SIX_MONTHS_SECONDS = 184 * 86_400
SOURCE_KEYS = {
    "campaign": "campaign_id",
    "broadcast": "broadcast_id",
    "newsletter": "newsletter_id",
    "transactional": "transactional_message_id",
}


def message_json(delivery: Delivery, now: int) -> dict[str, Any]:
    """One delivery, with the metrics so far; only its own source's key is set."""
    metrics = delivery.metrics_at(now)
    source, template, person = delivery.source, delivery.template, delivery.person
    failures = metrics.keys() & {"failed", "undeliverable", "dropped", "bounced"}
    message: dict[str, Any] = {
        "id": delivery.id,
        "deduplicate_id": f"{delivery.id}:{delivery.created}",
        "msg_template_id": template.id + 5000,
        "customer_id": person.id or "",
        "customer_identifiers": person.identifiers,
        "recipient": delivery.recipient,
        "subject": delivery.subject,
        "metrics": metrics,
        "created": delivery.created,
        "failure_message": delivery.failure if failures else None,
        "campaign_id": None,
        "newsletter_id": None,
        "broadcast_id": None,
        "type": template.channel,
        "forgotten": delivery.forgotten,
        SOURCE_KEYS[source.kind]: source.id,
    }
    if source.kind in {"campaign", "broadcast"}:
        message["action_id"] = template.id
    else:
        message["content_id"] = template.id
    if source.kind == "campaign":
        message["trigger_event_id"] = delivery.event_id
    if source.kind == "broadcast":
        message["trigger_id"] = delivery.trigger_id
    return message


def list_messages(workspace: Workspace, request: ApiRequest, deliveries: Iterable[Delivery]) -> dict[str, Any]:
    """Filter deliveries, newest first, and cut one page; the time window is at most six months."""
    now = workspace.now
    channel = request.choice("type", CHANNELS)
    metric, state = request.choice("metric", METRICS), request.choice("state", STATES)
    end = request.integer("end_ts", now)
    start = max(request.integer("start_ts", 0), min(end, now) - SIX_MONTHS_SECONDS)
    drafts = request.flag("drafts")

    def is_selected(delivery: Delivery) -> bool:
        return (
            start <= delivery.created <= min(end, now)
            and (channel is None or delivery.template.channel == channel)
            and all(word is None or delivery.metrics.get(word, now + 1) <= now for word in (metric, state))
            and drafts == ("drafted" in delivery.metrics and "sent" not in delivery.metrics)
        )

    rows, token = page(filter(is_selected, deliveries), request, 50, 1000)
    return {"messages": [message_json(delivery, now) for delivery in rows], "next": token}


def _list(workspace: Workspace, request: ApiRequest) -> Any:
    campaign, newsletter = request.integer("campaign_id", 0), request.integer("newsletter_id", 0)
    action = request.integer("action_id", 0)
    if campaign:
        deliveries: Iterable[Delivery] = workspace.deliveries.of("campaign", campaign)
    elif newsletter:
        deliveries = workspace.deliveries.of("newsletter", newsletter)
    else:
        deliveries = workspace.deliveries
    return list_messages(workspace, request, (one for one in deliveries if action in (0, one.template.id)))


def _find(workspace: Workspace, request: ApiRequest) -> Delivery:
    delivery = workspace.deliveries.get(request.path["message_id"])
    if delivery is None or delivery.created > workspace.now:
        raise not_found()
    return delivery


def _get(workspace: Workspace, request: ApiRequest) -> Any:
    return {"message": message_json(_find(workspace, request), workspace.now)}


def _archived(workspace: Workspace, request: ApiRequest) -> Any:
    delivery = _find(workspace, request)
    archived = {
        "id": delivery.id,
        "body": "" if delivery.forgotten else delivery.body,
        "from": delivery.sender,
        "reply_to": str(delivery.overrides.get("reply_to", "")),
        "recipient": delivery.recipient,
        "subject": delivery.subject,
        "bcc": "",
        "fake_bcc": False,
        "preheader_text": "",
        "headers": "[]",
        "forgotten": delivery.forgotten,
    }
    return {"archived_message": archived}


ROUTES: tuple[Route, ...] = (
    ("GET", "/v1/messages", _list),
    ("GET", "/v1/messages/{message_id}", _get),
    ("GET", "/v1/messages/{message_id}/archived_message", _archived),
)
