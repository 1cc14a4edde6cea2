"""The App API's routes for reporting webhooks."""

from typing import Any

from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.http import ApiRequest, ApiResponse, app_error, not_found
from cio_mcp.sandbox.webhooks.endpoints import EVENTS, ReportingWebhook, is_http_url
from cio_mcp.sandbox.world.workspace import Workspace

FLAGS = ("disabled", "full_resolution", "with_content")


def _list(workspace: Workspace, _: ApiRequest) -> Any:
    return {"reporting_webhooks": [webhook.as_json for webhook in workspace.webhooks.values()]}


def _find(workspace: Workspace, request: ApiRequest) -> ReportingWebhook:
    webhook = workspace.webhooks.get(request.path_id("webhook_id"))
    if webhook is None:
        raise not_found()
    return webhook


def _create(workspace: Workspace, request: ApiRequest) -> Any:
    fields, number = _fields(request.body), max(workspace.webhooks, default=0) + 1
    workspace.webhooks[number] = ReportingWebhook(number, **fields)
    return workspace.webhooks[number].as_json


def _update(workspace: Workspace, request: ApiRequest) -> Any:
    webhook = _find(workspace, request)
    for name, value in _fields(request.body).items():
        if name == "endpoint" and value != webhook.endpoint:
            webhook.is_placeholder = False
        setattr(webhook, name, value)
    return webhook.as_json


def _delete(workspace: Workspace, request: ApiRequest) -> Any:
    del workspace.webhooks[_find(workspace, request).id]
    return ApiResponse(200)


def _fields(body: Any) -> dict[str, Any]:
    """The fields of a valid body; a flag that is left out keeps its value."""
    if not isinstance(body, dict):
        raise app_error(400, "the body must be a JSON object")
    name, endpoint, events = body.get("name"), body.get("endpoint"), body.get("events")
    if not isinstance(name, str) or not name.strip():
        raise app_error(400, "name is required")
    if not isinstance(endpoint, str) or not is_http_url(endpoint):
        raise app_error(400, "endpoint must be an http or https URL")
    if not isinstance(events, list) or not events:
        raise app_error(400, "events must be a list of at least one")
    if unknown := sorted({str(event) for event in events} - EVENTS):
        raise app_error(400, f"events has unknown values: {', '.join(unknown)}")
    flags = {flag: body[flag] for flag in FLAGS if body.get(flag) is not None}
    if not all(isinstance(value, bool) for value in flags.values()):
        raise app_error(400, f"{', '.join(FLAGS)} must be true or false")
    return {"name": name, "endpoint": endpoint, "events": frozenset(events), **flags}


WEBHOOKS = "/v1/reporting_webhooks"
ROUTES: tuple[Route, ...] = (
    ("GET", WEBHOOKS, _list),
    ("POST", WEBHOOKS, _create),
    ("GET", f"{WEBHOOKS}/{{webhook_id}}", lambda workspace, request: _find(workspace, request).as_json),
    ("PUT", f"{WEBHOOKS}/{{webhook_id}}", _update),
    ("DELETE", f"{WEBHOOKS}/{{webhook_id}}", _delete),
)
