"""Transactional messages: lists, contents, metrics and deliveries."""

from typing import TYPE_CHECKING, Any

from cio_mcp.sandbox.api.campaigns import contents, deliveries_of, parent_of, template_of
from cio_mcp.sandbox.api.messages import listed
from cio_mcp.sandbox.api.metrics import links, metrics
from cio_mcp.sandbox.http import Asked, Route
from cio_mcp.sandbox.world.templates import Parent

if TYPE_CHECKING:
    from cio_mcp.sandbox.world.workspace import Workspace


def _message(parent: Parent) -> dict[str, Any]:
    return {
        "id": parent.id,
        "name": parent.name,
        "description": parent.description,
        "send_to_unsubscribed": True,
        "link_tracking": True,
        "open_tracking": True,
        "hide_message_body": False,
        "queue_drafts": False,
        "created_at": parent.created,
        "updated_at": parent.created,
    }


def _list(workspace: "Workspace", _: Asked) -> Any:
    found = [parent for parent in workspace.parents.values() if parent.kind == "transactional"]
    return {"messages": [_message(parent) for parent in found]}


def _get(workspace: "Workspace", asked: Asked) -> Any:
    return {"message": _message(parent_of(workspace, asked, "transactional"))}


def _contents(workspace: "Workspace", asked: Asked) -> Any:
    parent = parent_of(workspace, asked, "transactional")
    return {"contents": [contents(parent, template) for template in parent.templates]}


def _one_content(workspace: "Workspace", asked: Asked) -> Any:
    parent = parent_of(workspace, asked, "transactional")
    return {"content": contents(parent, template_of(parent, asked, "content_id"))}


def _metrics(workspace: "Workspace", asked: Asked) -> Any:
    return metrics(workspace, asked, deliveries_of(workspace, asked, "transactional"))


def _links(workspace: "Workspace", asked: Asked) -> Any:
    return links(workspace, asked, deliveries_of(workspace, asked, "transactional"))


def _messages(workspace: "Workspace", asked: Asked) -> Any:
    return listed(workspace, asked, deliveries_of(workspace, asked, "transactional"))


MESSAGE = "/v1/transactional/{transactional_id}"
ROUTES: tuple[Route, ...] = (
    ("GET", "/v1/transactional", _list),
    ("GET", MESSAGE, _get),
    ("GET", f"{MESSAGE}/contents", _contents),
    ("GET", f"{MESSAGE}/contents/{{content_id}}", _one_content),
    ("GET", f"{MESSAGE}/metrics", _metrics),
    ("GET", f"{MESSAGE}/metrics/links", _links),
    ("GET", f"{MESSAGE}/messages", _messages),
)
