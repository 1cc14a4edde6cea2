"""The App API's routes for reporting webhooks."""

from collections.abc import Callable, Sequence
from typing import Any

from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.http import ApiRequest, ApiResponse, app_error, require
from cio_mcp.sandbox.webhooks.endpoints import EVENTS, ReportingWebhook, is_http_url
from cio_mcp.sandbox.world.workspace import Workspace


def _list(workspace: Workspace, _: ApiRequest) -> Any:
    return {"reporting_webhooks": [webhook.as_json for webhook in workspace.webhooks.values()]}


def _find(workspace: Workspace, request: ApiRequest) -> ReportingWebhook:
    return require(workspace.webhooks.get(request.path_id("webhook_id")))


def _create(workspace: Workspace, request: ApiRequest) -> Any:
    fields, number = _fields(request.body, REQUIRED), max(workspace.webhooks, default=0) + 1
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


def _fields(body: Any, required: Sequence[str] = ()) -> dict[str, Any]:
    """The fields of a valid body; one that is null or left out keeps its value, unless it is required."""
    if not isinstance(body, dict):
        raise app_error(400, "the body must be a JSON object")
    fields = {name: body[name] for name in FIELDS if body.get(name) is not None}
    if missing := [name for name in required if name not in fields]:
        raise app_error(400, f"{', '.join(missing)} must be given")
    for name, value in fields.items():
        is_valid, expectation = FIELDS[name]
        if not is_valid(value):
            raise app_error(400, f"{name} must be {expectation}")
    return {name: frozenset(value) if name == "events" else value for name, value in fields.items()}


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_endpoint(value: Any) -> bool:
    return isinstance(value, str) and is_http_url(value)


def _is_event_list(value: Any) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(event, str) and event in EVENTS for event in value)
    )


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "name": (_is_name, "text"),
    "endpoint": (_is_endpoint, "an http or https URL"),
    "events": (_is_event_list, "a list of at least one known event"),
    **dict.fromkeys(("disabled", "full_resolution", "with_content"), (_is_flag, "true or false")),
}
REQUIRED = ("name", "endpoint", "events")
WEBHOOKS = "/v1/reporting_webhooks"
ROUTES: tuple[Route, ...] = (
    ("GET", WEBHOOKS, _list),
    ("POST", WEBHOOKS, _create),
    ("GET", f"{WEBHOOKS}/{{webhook_id}}", lambda workspace, request: _find(workspace, request).as_json),
    ("PUT", f"{WEBHOOKS}/{{webhook_id}}", _update),
    ("DELETE", f"{WEBHOOKS}/{{webhook_id}}", _delete),
)
