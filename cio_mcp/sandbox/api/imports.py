"""Imports of files: accepted and validated, and then failed, since the sandbox downloads nothing."""

from typing import Any

from cio_mcp.sandbox.api.resources import check_required
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.http import ApiRequest, app_error, require
from cio_mcp.sandbox.world.records import Record
from cio_mcp.sandbox.world.workspace import Workspace

# https://docs.customer.io/integrations/api/app/ (Imports)
IMPORTS = "/v1/imports"
TYPES = ("people", "event", "object", "relationship")
IDENTIFIERS = ("id", "email")
SCOPES = ("all", "only_new", "only_existing")
PROCESSING_SECONDS = 2.0
"""Until an import fails. Chosen."""
PROBLEM = "data_file_url could not be downloaded"


def _create(workspace: Workspace, request: ApiRequest) -> Any:
    fields = request.fields.get("import")
    if not isinstance(fields, dict):
        raise app_error(400, "import is required")
    kind = fields.get("type")
    needed = "object_type_id" if kind == "object" else "identifier"
    check_required(fields, ("name", "data_file_url", "type", needed))
    _check(fields)
    number, now = workspace.records.new_number(), workspace.now
    record: Record = {
        "id": number, "created_at": now, "updated_at": now, "name": str(fields["name"]),
        "description": str(fields.get("description") or ""), "rows_to_import": 0, "rows_imported": 0,
        "state": "preprocessing", "type": kind, "data_to_process": fields.get("data_to_process") or "all",
        needed: str(fields[needed]),
    }  # fmt: skip
    if kind in {"people", "event"}:
        record["people_to_process"] = record["data_to_process"]
    workspace.records.put(IMPORTS, str(number), record)
    workspace.apply_after(
        PROCESSING_SECONDS, lambda: record.update(state="failed", error=PROBLEM, updated_at=workspace.now)
    )
    return {"import": dict(record)}


def _check(fields: dict[str, Any]) -> None:
    for name, allowed in (("type", TYPES), ("identifier", IDENTIFIERS), ("data_to_process", SCOPES)):
        if fields.get(name) is not None and fields[name] not in allowed:
            raise app_error(400, f"{name} must be one of {', '.join(allowed)}")
    url = fields["data_file_url"]
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise app_error(400, "data_file_url must be an http or https URL")


def _get(workspace: Workspace, request: ApiRequest) -> Any:
    return {"import": require(workspace.records.get(IMPORTS, str(request.path_id("import_id"))))}


ROUTES: tuple[Route, ...] = (("POST", IMPORTS, _create), ("GET", f"{IMPORTS}/{{import_id}}", _get))
