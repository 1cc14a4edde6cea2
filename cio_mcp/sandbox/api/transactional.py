"""Transactional messages: lists, contents, metrics and deliveries."""

from typing import Any

from cio_mcp.sandbox.api.campaigns import contents, deliveries_of, get_source, get_template
from cio_mcp.sandbox.api.messages import list_messages
from cio_mcp.sandbox.api.metrics import links, metrics
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.http import ApiRequest
from cio_mcp.sandbox.world.templates import Source
from cio_mcp.sandbox.world.workspace import Workspace


def _message(source: Source) -> dict[str, Any]:
    return {
        "id": source.id,
        "name": source.name,
        "description": source.description,
        "send_to_unsubscribed": True,
        "link_tracking": True,
        "open_tracking": True,
        "hide_message_body": False,
        "queue_drafts": False,
        "created_at": source.created,
        "updated_at": source.created,
    }


def _list(workspace: Workspace, _: ApiRequest) -> Any:
    messages = [source for source in workspace.sources.values() if source.kind == "transactional"]
    return {"messages": [_message(source) for source in messages]}


def _get(workspace: Workspace, request: ApiRequest) -> Any:
    return {"message": _message(get_source(workspace, request, "transactional"))}


def _contents(workspace: Workspace, request: ApiRequest) -> Any:
    source = get_source(workspace, request, "transactional")
    return {"contents": [contents(source, template) for template in source.templates]}


def _get_content(workspace: Workspace, request: ApiRequest) -> Any:
    source = get_source(workspace, request, "transactional")
    return {"content": contents(source, get_template(source, request, "content_id"))}


def _metrics(workspace: Workspace, request: ApiRequest) -> Any:
    return metrics(workspace, request, deliveries_of(workspace, request, "transactional"))


def _links(workspace: Workspace, request: ApiRequest) -> Any:
    return links(workspace, request, deliveries_of(workspace, request, "transactional"))


def _messages(workspace: Workspace, request: ApiRequest) -> Any:
    return list_messages(workspace, request, deliveries_of(workspace, request, "transactional"))


MESSAGE = "/v1/transactional/{transactional_id}"
ROUTES: tuple[Route, ...] = (
    ("GET", "/v1/transactional", _list),
    ("GET", MESSAGE, _get),
    ("GET", f"{MESSAGE}/contents", _contents),
    ("GET", f"{MESSAGE}/contents/{{content_id}}", _get_content),
    ("GET", f"{MESSAGE}/metrics", _metrics),
    ("GET", f"{MESSAGE}/metrics/links", _links),
    ("GET", f"{MESSAGE}/messages", _messages),
)
