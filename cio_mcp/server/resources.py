"""The resources: answers of read tools, as JSON under `cio://…`; each exists if its tool is offered."""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.server.mcpserver.resources import FunctionResource
from mcp.shared.uri_template import UriTemplate

from cio_mcp.errors import CioError, NotFound
from cio_mcp.text.render import Answer, render

MIME_TYPE = "application/json"
RECENT_EVENTS = "cio://events/recent"
FILTERS = ("customer", "object_type", "metric", "delivery", "kind", "id", "since")
"""The filters of the query of recent events."""
SOME_EVENTS = UriTemplate.parse(f"{RECENT_EVENTS}{{?{','.join(FILTERS)}}}")
CHANGES = "cio://changes"
PAGE_SIZE = 50
"""Maximum items of a list; a resource has no cursor, so use the tool for more. No source."""

ReadTool = Callable[[str, Mapping[str, Any]], Awaitable[Answer]]
"""Runs a read tool, by name and with arguments, for the caller of the request in progress."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A read tool with fixed arguments under a URI.

    `by` names the argument that an `{id}` in the URI fills; those that `{?…}` names are filled by a query.
    """

    uri: str
    title: str
    description: str
    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    by: str | None = None

    @property
    def name(self) -> str:
        """`cio://segments/{id}` is named `segment`, `cio://segments` is `segments`."""
        plural = self.uri.removeprefix("cio://").split("/")[0]
        return plural.removesuffix("s") if "{" in self.uri else plural

    @property
    def has_query(self) -> bool:
        """Whether a query selects the content."""
        return "{?" in self.uri


RESOURCES = (
    Resource(
        "cio://segments", "Segments", "IDs, names, and types of all segments.", "list_segments", {"limit": PAGE_SIZE}
    ),
    Resource("cio://segments/{id}", "Segment", "A segment's size, and what uses it.", "get_segment", by="segment"),
    Resource(
        "cio://newsletters", "Newsletters", "The newest newsletters, with their states.",
        "list_campaigns", {"kind": "newsletter", "limit": PAGE_SIZE},
    ),
    Resource(
        "cio://newsletters/{id}", "Newsletter", "A newsletter's state, recipients, and variants.",
        "get_campaign", {"kind": "newsletter"}, by="id",
    ),
    Resource(
        "cio://campaigns", "Campaigns", "All campaigns, with their states.", "list_campaigns", {"limit": PAGE_SIZE}
    ),
    Resource("cio://campaigns/{id}", "Campaign", "A campaign's state, trigger, and messages.", "get_campaign", by="id"),
    Resource(
        RECENT_EVENTS, "Recent events", "Events received by webhook, newest first.", "recent_events", {"limit": 20}
    ),
    Resource(
        str(SOME_EVENTS), "Filtered events",
        "Events filtered by customer, object type (email, sms, …), metric (delivered, bounced, …), delivery, "
        "campaign (kind and id), or start time.",
        "recent_events", {"limit": 20},
    ),
    Resource("cio://limits", "Rate limits", "Current rate-limit usage.", "get_workspace", {"section": "limits"}),
    Resource(CHANGES, "Changes", "Proposed changes and their outcomes.", "list_changes", {"limit": 20}),
)  # fmt: skip


def register(server: MCPServer[Any], tools: Collection[str], read_tool: ReadTool, *, mask: bool) -> None:
    """Add the resources of the read tools that are offered; nothing is read before a client asks."""
    for resource in RESOURCES:
        if resource.tool in tools:
            _add(server, resource, _Reading(read_tool, resource, mask))


def unknown_filter(uri: str) -> str | None:
    """The name in a URI's query that is not a filter; it would otherwise be ignored silently."""
    place, _, query = uri.partition("#")[0].partition("?")
    if place != RECENT_EVENTS:
        return None
    return next((name for name, _ in parse_qsl(query, keep_blank_values=True) if name not in FILTERS), None)


def query_of(uri: str) -> dict[str, str]:
    """What the query of recent events asks for, read as the SDK reads it for the resource itself."""
    values = SOME_EVENTS.match(uri) or {}
    return {name: value for name, value in values.items() if isinstance(value, str) and value}


@dataclass(frozen=True, slots=True)
class _Reading:
    read_tool: ReadTool
    resource: Resource
    mask: bool

    async def json(self, **more: str) -> str:
        try:
            answer = await self.read_tool(self.resource.tool, {**self.resource.arguments, **more})
        except NotFound as missing:
            raise ResourceNotFoundError(str(missing)) from None
        except CioError as error:
            raise ResourceError(str(error)) from None
        return json.dumps(render(answer, mask=self.mask).structured, ensure_ascii=False)


def _add(server: MCPServer[Any], resource: Resource, reading: _Reading) -> None:
    options: dict[str, Any] = {
        "name": resource.name, "title": resource.title, "description": resource.description, "mime_type": MIME_TYPE
    }  # fmt: skip
    if resource.has_query:

        async def some(
            customer: str = "",
            object_type: str = "",
            metric: str = "",
            delivery: str = "",
            kind: str = "",
            id: str = "",  # noqa: A002 - the variable of the template
            since: str = "",
        ) -> str:
            filters = zip(FILTERS, (customer, object_type, metric, delivery, kind, id, since), strict=True)
            return await reading.json(**{name: value for name, value in filters if value})

        server.resource(resource.uri, **options)(some)
    elif (by := resource.by) is not None:

        async def one(id: str) -> str:  # noqa: A002 - the variable of the template
            return await reading.json(**{by: id})

        server.resource(resource.uri, **options)(one)
    else:

        async def whole() -> str:
            return await reading.json()

        server.add_resource(FunctionResource(uri=resource.uri, fn=whole, **options))
