"""Campaigns: lists, actions, metrics and deliveries; other sources share parts of their JSON."""

from typing import Any

from cio_mcp.sandbox.api.messages import list_messages
from cio_mcp.sandbox.api.metrics import journeys, links, metrics
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.http import ApiRequest, not_found, page
from cio_mcp.sandbox.world.deliveries import Delivery
from cio_mcp.sandbox.world.templates import SENDER, TEMPLATE_ID_OFFSET, Kind, Source, Template
from cio_mcp.sandbox.world.workspace import Workspace


def get_source(workspace: Workspace, request: ApiRequest, kind: Kind) -> Source:
    """The source in the path, or 404."""
    source = workspace.sources.get((kind, request.path_id(f"{kind}_id")))
    if source is None:
        raise not_found()
    return source


def deliveries_of(workspace: Workspace, request: ApiRequest, kind: Kind) -> list[Delivery]:
    """The deliveries of the source in the path, or of its action or content when the path has one."""
    source = get_source(workspace, request, kind)
    deliveries = workspace.deliveries.of(kind, source.id)
    for part in ("action_id", "content_id"):
        if part in request.path:
            template = get_template(source, request, part)
            deliveries = [delivery for delivery in deliveries if delivery.template is template]
    return deliveries


def get_template(source: Source, request: ApiRequest, part: str) -> Template:
    """The action or content in the path, or 404."""
    number = request.path_id(part)
    for template in source.templates:
        if template.id == number:
            return template
    raise not_found()


def summary(source: Source) -> dict[str, Any]:
    """The fields that campaigns and broadcasts share in lists."""
    return {
        "id": source.id,
        "deduplicate_id": source.deduplicate_id,
        "name": source.name,
        "created": source.created,
        "updated": source.created,
        "active": source.state == "running",
        "state": source.state,
        "actions": [{"id": template.id, "type": template.channel} for template in source.templates],
        "first_started": source.created,
        "tags": list(source.tags),
    }


def template_refs(source: Source) -> list[dict[str, Any]]:
    """References to message templates, as lists contain them."""
    return [{"id": template.id + TEMPLATE_ID_OFFSET, "type": template.channel} for template in source.templates]


def contents(source: Source, template: Template) -> dict[str, Any]:
    """The fields that actions and contents share; emails have all of them, other channels a few."""
    fields: dict[str, Any] = {
        "id": template.id,
        "name": template.name,
        "created": source.created,
        "updated": source.created,
        "body": template.body,
        "type": template.channel,
        "language": template.language,
        "recipient": "{{customer.email}}" if template.channel == "email" else "{{customer.phone}}",
    }
    if template.channel == "email":
        fields |= {
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
    return fields


def action(source: Source, template: Template) -> dict[str, Any]:
    """An action of a campaign or broadcast; its id is a string here, an integer in lists of campaigns."""
    return {
        **contents(source, template),
        "id": str(template.id),
        f"{source.kind}_id": source.id,
        "deduplicate_id": f"{template.id}:{source.created}",
        "sending_state": "automatic",
    }


def _campaign(source: Source) -> dict[str, Any]:
    trigger: dict[str, Any] = (
        {"type": "event", "event_name": source.event_name}
        if source.event_name
        else {"type": "segment", "trigger_segment_ids": list(source.trigger_segments)}
    )
    common = {"filter_segment_ids": [], "msg_templates": template_refs(source)}
    return {**summary(source), **trigger, **common}


def _list(workspace: Workspace, _: ApiRequest) -> Any:
    return {"campaigns": [_campaign(source) for source in workspace.sources.values() if source.kind == "campaign"]}


def _get(workspace: Workspace, request: ApiRequest) -> Any:
    return {"campaign": _campaign(get_source(workspace, request, "campaign"))}


def _actions(workspace: Workspace, request: ApiRequest) -> Any:
    source = get_source(workspace, request, "campaign")
    rows, token = page(source.templates, request, 10, 10)
    return {"actions": [action(source, template) for template in rows], "next": token}


def _action(workspace: Workspace, request: ApiRequest) -> Any:
    source = get_source(workspace, request, "campaign")
    return {"action": action(source, get_template(source, request, "action_id"))}


def _metrics(workspace: Workspace, request: ApiRequest) -> Any:
    return metrics(workspace, request, deliveries_of(workspace, request, "campaign"), has_version_2=True)


def _links(workspace: Workspace, request: ApiRequest) -> Any:
    return links(workspace, request, deliveries_of(workspace, request, "campaign"))


def _journeys(workspace: Workspace, request: ApiRequest) -> Any:
    return journeys(workspace, request, get_source(workspace, request, "campaign"))


def _messages(workspace: Workspace, request: ApiRequest) -> Any:
    return list_messages(workspace, request, deliveries_of(workspace, request, "campaign"))


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
