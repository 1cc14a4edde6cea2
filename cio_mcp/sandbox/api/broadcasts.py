"""Broadcasts: a list, and triggers."""

from typing import Any

from cio_mcp.sandbox.api import audiences
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.api.sources import SourceRoutes, action, sources_of, summary, template_refs
from cio_mcp.sandbox.http import ApiError, ApiRequest, app_error, not_found, page
from cio_mcp.sandbox.world.lifecycle import create_delivery, deliver
from cio_mcp.sandbox.world.sources import Source
from cio_mcp.sandbox.world.workspace import Workspace

MAX_QUEUED = 5
"""Triggers of a broadcast that may wait: https://docs.customer.io/integrations/api/app/ (Send Messages)."""
PROCESSING_SECONDS = 3.0
"""Until a trigger is processed. Chosen."""


def _broadcast(source: Source) -> dict[str, Any]:
    return {**summary(source), "type": "triggered_broadcast", "msg_template_ids": template_refs(source)}


def _list(workspace: Workspace, _: ApiRequest) -> Any:
    return {"broadcasts": [_broadcast(source) for source in sources_of(workspace, "broadcast")]}


def _trigger_json(workspace: Workspace, trigger: dict[str, Any]) -> dict[str, Any]:
    processed = trigger["processed_at"] if trigger["processed_at"] <= workspace.now else None
    return {**{name: trigger[name] for name in ("id", "broadcast_id", "created_at")}, "processed_at": processed}


def _triggers(workspace: Workspace, request: ApiRequest) -> Any:
    source = BROADCASTS.find(workspace, request)
    return {"triggers": [_trigger_json(workspace, trigger) for trigger in _triggers_of(workspace, source)]}


def _triggers_of(workspace: Workspace, source: Source) -> list[dict[str, Any]]:
    return [one for one in workspace.triggers.values() if one["broadcast_id"] == source.id]


def _find_trigger(workspace: Workspace, request: ApiRequest) -> dict[str, Any]:
    source = BROADCASTS.find(workspace, request)
    trigger = workspace.triggers.get(request.path_id("trigger_id"))
    if trigger is None or trigger["broadcast_id"] != source.id:
        raise not_found()
    return trigger


def _status(workspace: Workspace, request: ApiRequest) -> Any:
    return _trigger_json(workspace, _find_trigger(workspace, request))


def _errors(workspace: Workspace, request: ApiRequest) -> Any:
    rows, token = page(_find_trigger(workspace, request)["errors"], request, 50, 1000)
    return {"errors": rows, "next": token}


def _trigger(workspace: Workspace, request: ApiRequest) -> Any:
    source, body = BROADCASTS.find(workspace, request), request.body if request.body is not None else {}
    audiences.check(body)
    waiting = [each for each in _triggers_of(workspace, source) if each["processed_at"] > workspace.now]
    if len(waiting) >= MAX_QUEUED:
        raise app_error(429, f"at most {MAX_QUEUED} triggers can be queued")
    number = max(workspace.triggers, default=0) + 1
    now = workspace.now
    trigger: dict[str, Any] = {
        "id": number,
        "broadcast_id": source.id,
        "created_at": now,
        "processed_at": now + int(PROCESSING_SECONDS),
        "errors": [],
    }
    workspace.triggers[number] = trigger
    if listed := next((name for name in audiences.LISTS if body.get(name)), None):
        trigger["errors"] = audiences.of_list(workspace, body).errors
        if trigger["errors"]:
            raise _unprocessable(listed, number)
    workspace.counts["triggers"] += 1
    workspace.apply_after(PROCESSING_SECONDS, lambda: _process(workspace, source, body, trigger))
    return {"id": number}


def _unprocessable(name: str, number: int) -> ApiError:
    """The published answer to a list of people of whom some cannot be sent to: its detail names the trigger."""
    detail = (
        "Errors were found while processing per user data (ids, emails or json data). More detail available from the "
        f"errors endpoint for trigger {number}"
    )
    pointer = {"pointer": f"/data/attributes/{name}"}
    return ApiError(422, {"errors": [{"detail": detail, "source": pointer, "status": "422"}]})


def _process(workspace: Workspace, source: Source, body: dict[str, Any], trigger: dict[str, Any]) -> None:
    """Deliver to the audience; a missing person fails the whole broadcast unless the request ignores missing people."""
    audience = audiences.of(workspace, source, body)
    trigger["errors"] = audience.errors
    if audience.errors:
        return
    template = source.templates[0]
    for person, own in audience.people:
        data = {**(body.get("data") or {}), **own}
        delivery = create_delivery(workspace, person, source, template, person.address(template.channel), data=data)
        deliver(workspace, delivery).trigger_id = trigger["id"]


BROADCAST = "/v1/broadcasts/{broadcast_id}"
TRIGGERS = "/v1/campaigns/{broadcast_id}/triggers"
BROADCASTS = SourceRoutes("broadcast", BROADCAST, "broadcast", _broadcast, "action", action)
ROUTES: tuple[Route, ...] = (
    ("GET", "/v1/broadcasts", _list),
    *BROADCASTS.of_sources,
    *BROADCASTS.of_parts,
    ("GET", f"{BROADCAST}/triggers", _triggers),
    ("POST", TRIGGERS, _trigger),
    ("GET", f"{TRIGGERS}/{{trigger_id}}", _status),
    ("GET", f"{TRIGGERS}/{{trigger_id}}/errors", _errors),
)
