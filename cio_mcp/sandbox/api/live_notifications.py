"""Live notifications: started, updated, and ended on the device of a person; each is delivered at once."""

import re
from typing import Any

from cio_mcp.sandbox.api.fields import is_optional_object
from cio_mcp.sandbox.api.resources import check_required
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.http import ApiRequest, app_error, require
from cio_mcp.sandbox.world.deliveries import new_delivery_id
from cio_mcp.sandbox.world.records import Record
from cio_mcp.sandbox.world.workspace import Workspace

# https://docs.customer.io/integrations/api/app/ (Live Notifications)
LIVE = "/v1/live_notifications"
MAX_LIFE_SECONDS = 6 * 3600
IDENTIFIERS = ("id", "email", "phone", "internal")
PLATFORMS = ("ios", "android")
ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def _start(workspace: Workspace, request: ApiRequest) -> Any:
    fields, now = request.fields, workspace.now
    check_required(fields, ("identifiers", "notification_type", "attributes", "content_state"))
    _check(fields)
    identifiers, platform = fields["identifiers"], fields.get("platform") or "ios"
    if not isinstance(identifiers, dict) or len(identifiers) != 1 or next(iter(identifiers)) not in IDENTIFIERS:
        raise app_error(400, f"identifiers must hold exactly one of {', '.join(IDENTIFIERS)}")
    if platform not in PLATFORMS:
        raise app_error(400, f"platform must be one of {', '.join(PLATFORMS)}")
    if platform == "ios" and not fields.get("push_payload"):
        raise app_error(400, "push_payload.alert is required on iOS")
    expires = fields.get("expiration") or now + MAX_LIFE_SECONDS
    if not isinstance(expires, int) or not now <= expires <= now + MAX_LIFE_SECONDS:
        raise app_error(400, "expiration must be at most 6 hours ahead")
    record: Record = {
        "instance_id": workspace.ulid(now), "notification_type": fields["notification_type"], "platform": platform,
        "state": "active", "started_at": now, "expires_at": expires,
    }  # fmt: skip
    workspace.records.put(LIVE, record["instance_id"], record)
    return _deliver(workspace, record, "start")


def _update(workspace: Workspace, request: ApiRequest) -> Any:
    check_required(request.fields, ("content_state",))
    return _deliver(workspace, _active(workspace, request), "update")


def _end(workspace: Workspace, request: ApiRequest) -> Any:
    record = _active(workspace, request)
    record.update(state="ended", ended_at=workspace.now)
    return _deliver(workspace, record, "end")


def _active(workspace: Workspace, request: ApiRequest) -> Record:
    """The notification of a body; an unknown one is accepted, and has no effect."""
    check_required(request.fields, ("instance_id",))
    _check(request.fields)
    number = request.fields["instance_id"]
    if not isinstance(number, str) or not ULID.fullmatch(number):
        raise app_error(400, "instance_id must be a ULID")
    return workspace.records.get(LIVE, number) or {"instance_id": number}


def _check(fields: Record) -> None:
    if not all(is_optional_object(fields.get(name)) for name in ("attributes", "content_state", "push_payload")):
        raise app_error(400, "attributes, content_state and push_payload must be objects")
    alert = (fields.get("push_payload") or {}).get("alert")
    if alert is not None and not (isinstance(alert, dict) and alert.get("title") and alert.get("body")):
        raise app_error(400, "push_payload.alert must hold a title and a body")


def _deliver(workspace: Workspace, record: Record, operation: str) -> Any:
    record["last_delivery"] = {
        "id": new_delivery_id(workspace.rng), "operation": operation, "status": "sent", "source": "api",
        "created_at": workspace.now,
    }  # fmt: skip
    return {"instance_id": record["instance_id"]}


def _get(workspace: Workspace, request: ApiRequest) -> Any:
    if not ULID.fullmatch(request.path["instance_id"]):
        raise app_error(400, "instance_id must be a ULID")
    record = require(workspace.records.get(LIVE, request.path["instance_id"]))
    is_over = record["state"] == "active" and record["expires_at"] <= workspace.now
    return {**record, "state": "expired"} if is_over else record


ROUTES: tuple[Route, ...] = (
    ("POST", f"{LIVE}/start", _start),
    ("POST", f"{LIVE}/update", _update),
    ("POST", f"{LIVE}/end", _end),
    ("GET", f"{LIVE}/{{instance_id}}", _get),
)
