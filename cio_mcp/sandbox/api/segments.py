"""The App API's routes for segments."""

from typing import Any

from cio_mcp.sandbox.api.fields import is_optional_text
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.http import ApiRequest, ApiResponse, app_error, page, require
from cio_mcp.sandbox.world.segments import Segment
from cio_mcp.sandbox.world.workspace import Workspace


def _find(workspace: Workspace, request: ApiRequest) -> Segment:
    return require(workspace.segments.get(request.path_id("segment_id")))


def _list(workspace: Workspace, _: ApiRequest) -> Any:
    return {"segments": [segment.as_json for segment in workspace.segments.values()]}


def _get(workspace: Workspace, request: ApiRequest) -> Any:
    return {"segment": _find(workspace, request).as_json}


def _create(workspace: Workspace, request: ApiRequest) -> Any:
    fields = request.body.get("segment") if isinstance(request.body, dict) else None
    name = fields.get("name") if isinstance(fields, dict) else None
    if not isinstance(fields, dict) or not isinstance(name, str) or not name.strip():
        raise app_error(400, "segment.name is required")
    if not is_optional_text(fields.get("description")):
        raise app_error(400, "segment.description must be a string")
    number = max(workspace.segments, default=0) + 1
    segment = Segment(number, name.strip(), fields.get("description") or "", workspace.now)
    workspace.segments[number] = segment
    return {"segment": segment.as_json}


def _delete(workspace: Workspace, request: ApiRequest) -> Any:
    segment = _find(workspace, request)
    if segment.condition:
        raise app_error(400, "only manual segments can be deleted")
    if any(_uses(workspace, segment.id).values()):
        raise app_error(400, "the segment is in use")
    del workspace.segments[segment.id]
    for person in workspace.people:
        person.manual_segments.discard(segment.id)
    return ApiResponse(204)


def _count(workspace: Workspace, request: ApiRequest) -> Any:
    segment = _find(workspace, request)
    return {"segment_id": segment.id, "count": sum(map(segment.has, workspace.people))}


def _membership(workspace: Workspace, request: ApiRequest) -> Any:
    segment = _find(workspace, request)
    members, token = page([person for person in workspace.people if segment.has(person)], request, 1000, 30_000)
    return {
        "segment_id": segment.id,
        "ids": [person.id or "" for person in members],
        "identifiers": [person.identifiers for person in members],
        "next": token,
    }


def _uses(workspace: Workspace, number: int) -> dict[str, list[int]]:
    users = [source for source in workspace.sources.values() if number in source.trigger_segments]
    return {
        "campaigns": [source.id for source in users if source.kind in {"campaign", "broadcast"}],
        "sent_newsletters": [source.id for source in users if source.kind == "newsletter" and source.sent_at],
        "draft_newsletters": [source.id for source in users if source.kind == "newsletter" and not source.sent_at],
    }


def _used_by(workspace: Workspace, request: ApiRequest) -> Any:
    segment = _find(workspace, request)
    return {"segment_id": segment.id, "used_by": _uses(workspace, segment.id)}


ROUTES: tuple[Route, ...] = (
    ("GET", "/v1/segments", _list),
    ("POST", "/v1/segments", _create),
    ("GET", "/v1/segments/{segment_id}", _get),
    ("DELETE", "/v1/segments/{segment_id}", _delete),
    ("GET", "/v1/segments/{segment_id}/customer_count", _count),
    ("GET", "/v1/segments/{segment_id}/membership", _membership),
    ("GET", "/v1/segments/{segment_id}/used_by", _used_by),
)
