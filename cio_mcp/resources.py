"""The resources: the same answers as the tools', as JSON under `cio://…`."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.server.mcpserver.resources import FunctionResource

from cio_mcp.errors import CioError, NotFound
from cio_mcp.text.answer import Answer, render
from cio_mcp.tools.campaigns import get_campaign, list_campaigns
from cio_mcp.tools.segments import get_segment, list_segments
from cio_mcp.workspace import Workspace

MIME_TYPE = "application/json"
PAGE = 50
"""Items of a list; a resource has no cursor, so who wants more uses the tool. No source."""

WorkspaceFor = Callable[[Context[Any, Any] | None], Awaitable[Workspace]]
"""The workspace for the caller of a request; a resource without an id is read without its request's context."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A resource of one URI."""

    uri: str
    title: str
    description: str
    read: Callable[[Workspace], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Template:
    """A resource for each id."""

    uri: str
    title: str
    description: str
    read: Callable[[Workspace, str], Awaitable[Answer]]


async def _limits(ws: Workspace) -> Answer:
    return ws.limits()


async def _changes(ws: Workspace) -> Answer:
    return await ws.gate.recent()


async def _newsletter(ws: Workspace, id_: str) -> Answer:
    return await get_campaign(ws, id_, kind="newsletter")


LISTED = (
    Listed("cio://segments", "Segments", "All segments: ids, names, types.", partial(list_segments, limit=PAGE)),
    Listed(
        "cio://newsletters", "Newsletters", "The newest newsletters.",
        partial(list_campaigns, kind="newsletter", limit=PAGE),
    ),
    Listed("cio://campaigns", "Campaigns", "The campaigns and what starts them.", partial(list_campaigns, limit=PAGE)),
    Listed("cio://limits", "Rate limits", "What Customer.io's rate limits leave at this moment.", _limits),
    Listed("cio://changes", "Changes", "What this server was asked to write and what became of it.", _changes),
)  # fmt: skip

TEMPLATES = (
    Template("cio://segments/{id}", "A segment", "How many people it holds and what uses it.", get_segment),
    Template("cio://newsletters/{id}", "A newsletter", "Its state, recipients and variants.", _newsletter),
    Template("cio://campaigns/{id}", "A campaign", "Its state, what starts it, and its messages.", get_campaign),
)


def register(server: MCPServer[Any], workspace_for: WorkspaceFor) -> None:
    """Add every resource to a server; nothing is read before a client asks."""
    for listed in LISTED:
        server.add_resource(
            FunctionResource(
                uri=listed.uri,
                name=_name(listed.uri),
                title=listed.title,
                description=listed.description,
                mime_type=MIME_TYPE,
                fn=_static(listed, workspace_for),
            )
        )
    for template in TEMPLATES:
        add = server.resource(
            template.uri,
            name=_name(template.uri),
            title=template.title,
            description=template.description,
            mime_type=MIME_TYPE,
        )
        add(_templated(template, workspace_for))


def _static(listed: Listed, workspace_for: WorkspaceFor) -> Callable[[], Awaitable[str]]:
    async def resource() -> str:
        return await _json(None, workspace_for, listed.read)

    return resource


def _templated(template: Template, workspace_for: WorkspaceFor) -> Callable[..., Awaitable[str]]:
    async def resource(id: str, context: Context[Any, Any]) -> str:  # noqa: A002 - the template's variable
        return await _json(context, workspace_for, lambda ws: template.read(ws, id))

    return resource


async def _json(
    context: Context[Any, Any] | None, workspace_for: WorkspaceFor, read: Callable[[Workspace], Awaitable[Answer]]
) -> str:
    try:
        ws = await workspace_for(context)
        answer = await read(ws)
    except NotFound as missing:
        raise ResourceNotFoundError(str(missing)) from None
    except CioError as error:
        raise ResourceError(str(error)) from None
    return json.dumps(render(answer, mask=ws.settings.mask_pii).structured, ensure_ascii=False)


def _name(uri: str) -> str:
    """`cio://segments/{id}` is named `segment`, `cio://segments` is `segments`."""
    plural, _, variable = uri.removeprefix("cio://").partition("/")
    return plural.removesuffix("s") if variable else plural
