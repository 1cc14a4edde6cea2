"""Transactional messages: a list, and contents."""

from typing import Any

from cio_mcp.sandbox.api.messages import NEWSLETTER_CHANNELS
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.api.sources import SourceRoutes, contents, sources_of
from cio_mcp.sandbox.http import ApiRequest
from cio_mcp.sandbox.world.sources import Source
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
    return {"messages": [_message(source) for source in sources_of(workspace, "transactional")]}


MESSAGES = SourceRoutes(
    "transactional",
    "/v1/transactional/{transactional_id}",
    "message",
    _message,
    "content",
    contents,
    channels=NEWSLETTER_CHANNELS,
)
ROUTES: tuple[Route, ...] = (("GET", "/v1/transactional", _list), *MESSAGES.of_sources)
