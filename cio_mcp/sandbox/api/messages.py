"""Deliveries, which the App API calls messages."""

from collections.abc import Iterable
from typing import Any

from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.http import ApiRequest, not_found, page
from cio_mcp.sandbox.world.deliveries import Delivery
from cio_mcp.sandbox.world.sources import Kind
from cio_mcp.sandbox.world.templates import TEMPLATE_ID_OFFSET
from cio_mcp.sandbox.world.workspace import Workspace

CHANNELS = frozenset({"email", "webhook", "twilio", "whatsapp", "slack", "push", "in_app"})
NEWSLETTER_CHANNELS = CHANNELS | {"inbox"}
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
SOURCE_FILTERS: dict[Kind, str] = {
    "campaign": "campaign_id",
    "broadcast": "broadcast_id",
    "newsletter": "newsletter_id",
    "transactional": "transactional_id",
}
FILTERS = (*SOURCE_FILTERS.values(), "action_id", "content_id", "template_id", "trigger_id")


def message_json(delivery: Delivery, now: int) -> dict[str, Any]:
    """One delivery, with the metrics so far; only its own source's key is set."""
    metrics = delivery.metrics_at(now)
    source, template, person = delivery.source, delivery.template, delivery.person
    failures = metrics.keys() & {"failed", "undeliverable", "dropped", "bounced"}
    message: dict[str, Any] = {
        "id": delivery.id,
        "deduplicate_id": f"{delivery.id}:{delivery.created}",
        "message_template_id": template.id + TEMPLATE_ID_OFFSET,
        # Not in the specification, but in live responses.
        "msg_template_id": template.id + TEMPLATE_ID_OFFSET,
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
    message[_template_key(delivery)] = template.id
    if template.parent is not None:
        message["parent_action_id"] = template.parent
    if source.kind == "campaign":
        message["trigger_event_id"] = delivery.event_id
    if source.kind == "broadcast":
        message["trigger_id"] = delivery.trigger_id
    return message


def list_messages(
    workspace: Workspace, request: ApiRequest, deliveries: Iterable[Delivery], channels: Iterable[str] = CHANNELS
) -> dict[str, Any]:
    """Filter deliveries, newest first, and cut one page; the time window is at most six months."""
    now = workspace.now
    channel = request.choice("type", channels)
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
    filters = {name: number for name in FILTERS if (number := request.integer(name, 0))}
    sources = [(kind, number) for kind, name in SOURCE_FILTERS.items() if (number := filters.get(name, 0))]
    deliveries = workspace.deliveries.of(*sources[0]) if sources else workspace.deliveries
    return list_messages(workspace, request, (one for one in deliveries if _has(one, filters)))


def _has(delivery: Delivery, filters: dict[str, int]) -> bool:
    values = {
        SOURCE_FILTERS[delivery.source.kind]: delivery.source.id,
        _template_key(delivery): delivery.template.id,
        "template_id": delivery.template.id + TEMPLATE_ID_OFFSET,
        "trigger_id": delivery.trigger_id,
    }
    return all(values.get(name) == number for name, number in filters.items())


def _template_key(delivery: Delivery) -> str:
    return "action_id" if delivery.source.kind in {"campaign", "broadcast"} else "content_id"


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
