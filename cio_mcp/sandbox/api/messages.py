"""Deliveries as the App API lists and shows them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from cio_mcp.sandbox.http import Asked, Route, not_found, page
from cio_mcp.sandbox.world.deliveries import Delivery

if TYPE_CHECKING:
    from cio_mcp.sandbox.world.workspace import Workspace

CHANNELS = {"email", "webhook", "twilio", "whatsapp", "slack", "push", "in_app"}
METRICS = {
    "attempted", "sent", "delivered", "opened", "clicked", "converted", "bounced", "spammed", "unsubscribed", "dropped",
    "failed", "undeliverable",
}  # fmt: skip
STATES = {"failed", "sent", "drafted", "attempted"}
SIX_MONTHS = 184 * 86_400
PARENT_KEYS = {
    "campaign": "campaign_id",
    "broadcast": "broadcast_id",
    "newsletter": "newsletter_id",
    "transactional": "transactional_message_id",
}


def shown(delivery: Delivery, now: int) -> dict[str, Any]:
    """One delivery: metrics are the times of what has happened, and only the parent's key is set."""
    metrics = delivery.shown(now)
    parent, template, person = delivery.parent, delivery.template, delivery.person
    happened = metrics.keys() & {"failed", "undeliverable", "dropped", "bounced"}
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
        "failure_message": delivery.failure if happened else None,
        "campaign_id": None,
        "newsletter_id": None,
        "broadcast_id": None,
        "type": template.channel,
        "forgotten": delivery.forgotten,
        PARENT_KEYS[parent.kind]: parent.id,
    }
    if parent.kind in {"campaign", "broadcast"}:
        message["action_id"] = template.id
    else:
        message["content_id"] = template.id
    if parent.kind == "campaign":
        message["trigger_event_id"] = delivery.event_id
    if parent.kind == "broadcast":
        message["trigger_id"] = delivery.trigger_id
    return message


def listed(workspace: "Workspace", asked: Asked, deliveries: Iterable[Delivery]) -> dict[str, Any]:
    """Filter deliveries that come newest first and cut one page; the window is capped at six months."""
    now = workspace.now
    channel = asked.choice("type", CHANNELS)
    metric, state = asked.choice("metric", METRICS), asked.choice("state", STATES)
    end = asked.integer("end_ts", now)
    start = max(asked.integer("start_ts", 0), min(end, now) - SIX_MONTHS)
    drafts = asked.flag("drafts")

    def wanted(delivery: Delivery) -> bool:
        return (
            start <= delivery.created <= min(end, now)
            and (channel is None or delivery.template.channel == channel)
            and all(word is None or delivery.metrics.get(word, now + 1) <= now for word in (metric, state))
            and drafts == ("drafted" in delivery.metrics and "sent" not in delivery.metrics)
        )

    some, following = page(filter(wanted, deliveries), asked, 50, 1000)
    return {"messages": [shown(delivery, now) for delivery in some], "next": following}


def _list(workspace: "Workspace", asked: Asked) -> Any:
    campaign, newsletter = asked.integer("campaign_id", 0), asked.integer("newsletter_id", 0)
    action = asked.integer("action_id", 0)
    if campaign:
        found: Iterable[Delivery] = workspace.ledger.of("campaign", campaign)
    elif newsletter:
        found = workspace.ledger.of("newsletter", newsletter)
    else:
        found = workspace.ledger
    return listed(workspace, asked, (one for one in found if action in (0, one.template.id)))


def _one(workspace: "Workspace", asked: Asked) -> Delivery:
    delivery = workspace.ledger.get(asked.path["message_id"])
    if delivery is None or delivery.created > workspace.now:
        raise not_found()
    return delivery


def _get(workspace: "Workspace", asked: Asked) -> Any:
    return {"message": shown(_one(workspace, asked), workspace.now)}


def _archived(workspace: "Workspace", asked: Asked) -> Any:
    delivery = _one(workspace, asked)
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
