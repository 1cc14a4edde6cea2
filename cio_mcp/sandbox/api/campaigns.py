"""Campaigns: lists, actions, metrics and deliveries; broadcasts share their actions' shape."""

from typing import TYPE_CHECKING, Any

from cio_mcp.sandbox.api.messages import listed
from cio_mcp.sandbox.api.metrics import journeys, links, metrics
from cio_mcp.sandbox.http import Asked, Route, not_found, page
from cio_mcp.sandbox.world.deliveries import Delivery
from cio_mcp.sandbox.world.templates import SENDER, Kind, Parent, Template

if TYPE_CHECKING:
    from cio_mcp.sandbox.world.workspace import Workspace


def parent_of(workspace: "Workspace", asked: Asked, kind: Kind) -> Parent:
    """The campaign, broadcast, newsletter or message in the path, or 404."""
    parent = workspace.parents.get((kind, asked.whole(f"{kind}_id")))
    if parent is None:
        raise not_found()
    return parent


def deliveries_of(workspace: "Workspace", asked: Asked, kind: Kind) -> list[Delivery]:
    """The deliveries of what is in the path, of one action or content where that is there too."""
    parent = parent_of(workspace, asked, kind)
    found = workspace.ledger.of(kind, parent.id)
    for part in ("action_id", "content_id"):
        if part in asked.path:
            template = template_of(parent, asked, part)
            found = [delivery for delivery in found if delivery.template is template]
    return found


def template_of(parent: Parent, asked: Asked, part: str) -> Template:
    """The action or content in the path, or 404."""
    number = asked.whole(part)
    for template in parent.templates:
        if template.id == number:
            return template
    raise not_found()


def summary(parent: Parent) -> dict[str, Any]:
    """What campaigns and broadcasts have in common in lists."""
    return {
        "id": parent.id,
        "deduplicate_id": parent.deduplicate_id,
        "name": parent.name,
        "created": parent.created,
        "updated": parent.created,
        "active": parent.state == "running",
        "state": parent.state,
        "actions": [{"id": template.id, "type": template.channel} for template in parent.templates],
        "first_started": parent.created,
        "tags": list(parent.tags),
    }


def templates_listed(parent: Parent) -> list[dict[str, Any]]:
    """Message templates as lists show them."""
    return [{"id": template.id + 5000, "type": template.channel} for template in parent.templates]


def contents(parent: Parent, template: Template) -> dict[str, Any]:
    """What an action and a content have in common; an email has all fields, other channels a few."""
    shown: dict[str, Any] = {
        "id": template.id,
        "name": template.name,
        "created": parent.created,
        "updated": parent.created,
        "body": template.body,
        "type": template.channel,
        "language": "",
        "recipient": "{{customer.email}}" if template.channel == "email" else "{{customer.phone}}",
    }
    if template.channel == "email":
        shown |= {
            "layout": "",
            "from": SENDER,
            "from_id": 1,
            "reply_to": "",
            "reply_to_id": None,
            "preprocessor": "premailer",
            "subject": template.subject,
            "bcc": "",
            "fake_bcc": False,
            "preheader_text": "",
            "body_amp": "",
            "headers": "[]",
        }
    return shown


def action(parent: Parent, template: Template) -> dict[str, Any]:
    """An action of a campaign or broadcast; its id is a string here, an integer in lists of campaigns."""
    return {
        **contents(parent, template),
        "id": str(template.id),
        f"{parent.kind}_id": parent.id,
        "deduplicate_id": f"{template.id}:{parent.created}",
        "sending_state": "automatic",
    }


def _campaign(parent: Parent) -> dict[str, Any]:
    started_by: dict[str, Any] = (
        {"type": "event", "event_name": parent.event_name}
        if parent.event_name
        else {"type": "segment", "trigger_segment_ids": list(parent.trigger_segments)}
    )
    shared = {"filter_segment_ids": [], "msg_templates": templates_listed(parent)}
    return {**summary(parent), **started_by, **shared}


def _list(workspace: "Workspace", _: Asked) -> Any:
    return {"campaigns": [_campaign(parent) for parent in workspace.parents.values() if parent.kind == "campaign"]}


def _get(workspace: "Workspace", asked: Asked) -> Any:
    return {"campaign": _campaign(parent_of(workspace, asked, "campaign"))}


def _actions(workspace: "Workspace", asked: Asked) -> Any:
    parent = parent_of(workspace, asked, "campaign")
    some, following = page(parent.templates, asked, 10, 10)
    return {"actions": [action(parent, template) for template in some], "next": following}


def _action(workspace: "Workspace", asked: Asked) -> Any:
    parent = parent_of(workspace, asked, "campaign")
    return {"action": action(parent, template_of(parent, asked, "action_id"))}


def _metrics(workspace: "Workspace", asked: Asked) -> Any:
    return metrics(workspace, asked, deliveries_of(workspace, asked, "campaign"), newer=True)


def _links(workspace: "Workspace", asked: Asked) -> Any:
    return links(workspace, asked, deliveries_of(workspace, asked, "campaign"))


def _journeys(workspace: "Workspace", asked: Asked) -> Any:
    return journeys(workspace, asked, parent_of(workspace, asked, "campaign"))


def _messages(workspace: "Workspace", asked: Asked) -> Any:
    return listed(workspace, asked, deliveries_of(workspace, asked, "campaign"))


CAMPAIGN = "/v1/campaigns/{campaign_id}"
ROUTES: tuple[Route, ...] = (
    ("GET", "/v1/campaigns", _list),
    ("GET", CAMPAIGN, _get),
    ("GET", f"{CAMPAIGN}/metrics", _metrics),
    ("GET", f"{CAMPAIGN}/metrics/links", _links),
    ("GET", f"{CAMPAIGN}/journey_metrics", _journeys),
    ("GET", f"{CAMPAIGN}/messages", _messages),
    ("GET", f"{CAMPAIGN}/actions", _actions),
    ("GET", f"{CAMPAIGN}/actions/{{action_id}}", _action),
    ("GET", f"{CAMPAIGN}/actions/{{action_id}}/metrics", _metrics),
    ("GET", f"{CAMPAIGN}/actions/{{action_id}}/metrics/links", _links),
)
