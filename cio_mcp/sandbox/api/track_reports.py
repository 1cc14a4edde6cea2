"""The Track API's other routes: unsubscribe requests, reported metrics, and forms."""

from typing import Any

from cio_mcp.sandbox.api.fields import is_identifier, is_optional_flag, is_timestamp
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.api.track import check_attributes
from cio_mcp.sandbox.api.track_bodies import ACCEPTED, json_object
from cio_mcp.sandbox.http import ApiRequest, ApiResponse, track_error
from cio_mcp.sandbox.world.lifecycle import report_metric
from cio_mcp.sandbox.world.profiles import identify
from cio_mcp.sandbox.world.workspace import Workspace

METRICS = ("bounced", "clicked", "converted", "deferred", "delivered", "dropped", "opened", "spammed")
"""Across channels: https://docs.customer.io/integrations/api/track/ (metrics)"""
PUSH_METRICS = ("opened", "converted", "delivered")
MAX_FORM_ID_CHARACTERS = 200


def _unsubscribe(workspace: Workspace, request: ApiRequest) -> Any:
    """Unsubscribe the person of a delivery, or subscribe them again; an unknown delivery has no effect."""
    body, delivery_id = json_object(request), request.path["delivery_id"]
    if not delivery_id.strip() or not is_optional_flag(body.get("unsubscribe")):
        raise track_error("expected a delivery ID in the path and unsubscribe true or false")
    if body.get("unsubscribe"):
        workspace.apply_soon(lambda: report_metric(workspace, delivery_id, "unsubscribed"))
    elif body.get("unsubscribe") is False:
        workspace.apply_soon(lambda: _resubscribe(workspace, delivery_id))
    return ACCEPTED


def _resubscribe(workspace: Workspace, delivery_id: str) -> None:
    if delivery := workspace.deliveries.get(delivery_id):
        identify(workspace, f"cio_{delivery.person.cio_id}", {"unsubscribed": False})


def _metric(workspace: Workspace, request: ApiRequest) -> Any:
    body = json_object(request)
    return _report(workspace, body, body.get("metric"), METRICS)


def _push_event(workspace: Workspace, request: ApiRequest) -> Any:
    body = json_object(request)
    return _report(workspace, body, body.get("event"), PUSH_METRICS)


def _report(workspace: Workspace, body: dict[str, Any], metric: Any, allowed: tuple[str, ...]) -> Any:
    delivery_id, timestamp = body.get("delivery_id"), body.get("timestamp")
    if not isinstance(delivery_id, str) or not delivery_id.strip():
        raise track_error("delivery_id is required")
    if metric not in allowed:
        raise track_error(f"the metric must be one of {', '.join(allowed)}")
    if timestamp is not None and not is_timestamp(timestamp):
        raise track_error("timestamp must be a unix timestamp")
    workspace.apply_soon(lambda: report_metric(workspace, delivery_id, metric))
    return ACCEPTED


def _submit_form(workspace: Workspace, request: ApiRequest) -> Any:
    """Set the fields of a form as attributes of the person that it identifies."""
    data, form_id = json_object(request).get("data"), request.path["form_id"]
    if not form_id.strip() or len(form_id) > MAX_FORM_ID_CHARACTERS:
        raise track_error("the form ID in the path is not valid")
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        raise track_error("data must be an object of strings")
    identifiers = [data[name] for name in ("id", "email") if name in data]
    if len(identifiers) != 1 or not is_identifier(identifiers[0]):
        raise track_error("data must hold exactly one of id or email")
    check_attributes(data)
    workspace.apply_soon(lambda: identify(workspace, identifiers[0], data))
    return ApiResponse(204)


ROUTES: tuple[Route, ...] = (
    ("POST", "/unsubscribe/{delivery_id}", _unsubscribe),
    ("POST", "/api/v1/metrics", _metric),
    ("POST", "/api/v1/push/events", _push_event),
    ("POST", "/api/v1/forms/{form_id}/submit", _submit_form),
)
