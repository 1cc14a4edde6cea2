"""What can be done with the emails of Design Studio, beside reading and writing them.

A published email counts as unchanged until it is written again. No review finds anything, and no preview is a picture
of more than one point.
"""

import base64
from typing import Any

from cio_mcp.sandbox.api.resources import EMAILS, VERSIONS, check_required
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.http import ApiRequest, ApiResponse, app_error, require
from cio_mcp.sandbox.world.records import Record
from cio_mcp.sandbox.world.templates import TEMPLATE_ID_OFFSET, render
from cio_mcp.sandbox.world.workspace import Workspace

TARGETS = {
    "transactional_message": "transactional_message_id", "newsletter": "newsletter_id", "campaign_action": "action_id",
}  # fmt: skip
SCOPES = {"customer": "customer", "event": "event", "trigger": "data"}
"""Fields of a preview, and the scope of the variables that they fill."""
ERROR_FIELDS = (
    "bcc", "body", "body_amp", "body_plain", "cc", "event", "from", "layout", "message", "preheader_text", "reply_to",
    "snippets", "subject", "to", "trigger",
)  # fmt: skip
CLIENTS = (
    {"id": "gmail_web", "client": "Gmail", "category": "web", "os": "Windows", "browser": "Chrome"},
    {"id": "apple_mail", "client": "Apple Mail", "category": "desktop", "os": "macOS", "browser": ""},
)
CREDITS = 100
PICTURE = base64.b64decode("R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=")
"""A GIF of one point."""
RUNS = "/v1/design_studio/inbox_previews/jobs"


def _link(workspace: Workspace, request: ApiRequest) -> Any:
    email, target = EMAILS.find(workspace, request), request.fields.get("target")
    key = TARGETS.get(str(target.get("type"))) if isinstance(target, dict) else None
    if not isinstance(target, dict) or key is None or not isinstance(target.get(key), int):
        raise app_error(400, f"target must hold a type, one of {', '.join(TARGETS)}, and the ID that belongs to it")
    if email["is_linked"] and email["target"] != target and not request.fields.get("force"):
        raise app_error(400, "email is already linked to another destination; unlink it first")
    email.update(is_linked=True, target=target, template_id=target[key] + TEMPLATE_ID_OFFSET)
    return {"node_id": email["id"], "target": target, "template_id": email["template_id"]}


def _publish(workspace: Workspace, request: ApiRequest) -> Any:
    email = EMAILS.find(workspace, request)
    if not email["is_linked"]:
        raise app_error(400, "the email is not linked to a workflow")
    version = _version(workspace, request, email, {"name": "Published"}, on_publish=True)
    email["published"] = email["updated"]
    mapping = {"node_id": email["id"], "language": "", "template_id": email["template_id"], "version_id": version["id"]}
    return {"status": "done", "mappings": [mapping]}


def _publish_status(workspace: Workspace, request: ApiRequest) -> Any:
    EMAILS.find(workspace, request)
    return {"status": "done"}


def _changes(workspace: Workspace, request: ApiRequest) -> Any:
    email = EMAILS.find(workspace, request)
    return {"has_unpublished_changes": email.get("published") != email["updated"]}


def _review(workspace: Workspace, request: ApiRequest) -> Any:
    EMAILS.find(workspace, request)
    return {"findings": []}


def _render(workspace: Workspace, request: ApiRequest) -> Any:
    content = EMAILS.find(workspace, request)["content"]
    return {name: str(content.get(name, "")) for name in ("html", "text")}


def _preview(workspace: Workspace, request: ApiRequest) -> Any:
    content = EMAILS.find(workspace, request)["content"]
    given = {scope: request.fields.get(name) for name, scope in SCOPES.items()}
    values = {scope: value for scope, value in given.items() if isinstance(value, dict)}
    parts = {name: render(str(content.get(name, "")), values) for name in ("subject", "html", "text")}
    return {**parts, "errors": {name: [] for name in ERROR_FIELDS}, "links": []}


def _save_version(workspace: Workspace, request: ApiRequest) -> Any:
    check_required(request.fields, VERSIONS.required)
    version = _version(workspace, request, EMAILS.find(workspace, request), request.fields, on_publish=False)
    return {"created": True, "version": version}


def _version(workspace: Workspace, request: ApiRequest, email: Record, fields: Record, *, on_publish: bool) -> Record:
    record: Record = {
        "id": workspace.records.new_uuid(),
        "name": str(fields["name"]),
        "node_id": email["id"],
        "node_type": "EMAIL",
        "created": workspace.now,
        "created_on_publish": on_publish,
        "feedback": False,
        "node": {"content": dict(email["content"]), "envelope": dict(email["envelope"])},
    }
    if fields.get("description"):
        record["description"] = str(fields["description"])
    return workspace.records.put(VERSIONS.place(request), record["id"], record)


def _restore(workspace: Workspace, request: ApiRequest) -> Any:
    email, version = EMAILS.find(workspace, request), VERSIONS.find(workspace, request, "version_id")
    email.update(version["node"], updated=workspace.now)
    return {"node_id": email["id"], "restored_node_ids": [email["id"]], "version_id": version["id"]}


def _submit(workspace: Workspace, request: ApiRequest) -> Any:
    email, clients = EMAILS.find(workspace, request), request.fields.get("client_ids")
    if (
        not isinstance(clients, list)
        or not clients
        or not {str(one) for one in clients} <= {one["id"] for one in CLIENTS}
    ):
        raise app_error(400, "client_ids must be a list of known clients")
    for run in workspace.records.of(RUNS):
        if (run["node_id"], run["client_ids"], run["content"]) == (email["id"], clients, email["content"]):
            return {**_shown(run), "replayed": True}
    run = {
        "run_id": workspace.records.new_number(), "node_id": email["id"], "name": request.fields.get("name", ""),
        "client_ids": clients, "created_at": workspace.now, "updated_at": workspace.now, "is_processed": True,
        "total_previews_requested": len(clients), "total_previews_ready": len(clients), "total_previews_bounced": 0,
        "content": email["content"],
    }  # fmt: skip
    return {**_shown(workspace.records.put(RUNS, str(run["run_id"]), run)), "replayed": False}


def _shown(run: Record) -> Record:
    return {name: value for name, value in run.items() if name != "content"}


def _run(workspace: Workspace, request: ApiRequest) -> Any:
    EMAILS.find(workspace, request)
    run = require(workspace.records.get(RUNS, request.path["run_id"]))
    return {**_shown(run), "previews": [{"client_id": one, "status": "ready"} for one in run["client_ids"]]}


def _capture(workspace: Workspace, request: ApiRequest) -> Any:
    EMAILS.find(workspace, request)
    run = require(workspace.records.get(RUNS, request.path["run_id"]))
    require(request.path["client_id"] if request.path["client_id"] in run["client_ids"] else None)
    return ApiResponse(200, PICTURE, {"content-type": "image/gif"})


def _runs(workspace: Workspace, _: ApiRequest) -> Any:
    return {"jobs": [_shown(run) for run in workspace.records.of(RUNS)]}


def _credits(workspace: Workspace, _: ApiRequest) -> Any:
    spent = sum(run["total_previews_requested"] for run in workspace.records.of(RUNS))
    pool = {"tier": "standard", "credits_original": CREDITS, "credits_remaining": CREDITS - spent, "expires_at": None}
    return {"credits": [pool]}


EMAIL = f"{EMAILS.collection}/{{id}}"
PREVIEWS = f"{EMAIL}/inbox_previews"
ROUTES: tuple[Route, ...] = (
    ("POST", f"{EMAIL}/link", _link),
    ("POST", f"{EMAIL}/publish", _publish),
    ("GET", f"{EMAIL}/publish_status", _publish_status),
    ("GET", f"{EMAIL}/unpublished_changes", _changes),
    ("GET", f"{EMAIL}/review", _review),
    ("GET", f"{EMAIL}/render", _render),
    ("POST", f"{EMAIL}/preview", _preview),
    ("POST", VERSIONS.collection, _save_version),
    ("POST", f"{VERSIONS.collection}/{{version_id}}/restore", _restore),
    ("POST", PREVIEWS, _submit),
    ("GET", f"{PREVIEWS}/{{run_id}}", _run),
    ("GET", f"{PREVIEWS}/{{run_id}}/captures/{{client_id}}", _capture),
    ("GET", RUNS, _runs),
    ("GET", "/v1/design_studio/inbox_previews/clients", lambda _, __: {"clients": list(CLIENTS)}),
    ("GET", "/v1/design_studio/inbox_previews/credits", _credits),
)
