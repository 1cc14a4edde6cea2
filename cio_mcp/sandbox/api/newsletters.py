"""Newsletters: a paged list, and contents."""

from collections.abc import Iterable, Iterator
from typing import Any

from cio_mcp.sandbox.api.messages import NEWSLETTER_CHANNELS
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.api.sources import SourceRoutes, contents, sources_of
from cio_mcp.sandbox.http import ApiRequest, page
from cio_mcp.sandbox.world.sources import Source
from cio_mcp.sandbox.world.templates import Template
from cio_mcp.sandbox.world.workspace import Workspace


def newsletter_json(workspace: Workspace, source: Source) -> dict[str, Any]:
    """A newsletter, with all its variants."""
    return {**_newsletter(source), "content_ids": list(content_ids(workspace, source, source.templates))}


def content_ids(workspace: Workspace, source: Source, templates: Iterable[Template]) -> Iterator[int]:
    """The IDs of contents, and of their translations."""
    for template in templates:
        yield template.id
        yield from (one.id for one in workspace.texts.translations.get((source.kind, source.id, template.id), ()))


def _newsletter(source: Source) -> dict[str, Any]:
    return {
        "id": source.id,
        "deduplicate_id": source.deduplicate_id,
        "content_ids": [template.id for template in source.templates],
        "name": source.name,
        "sent_at": source.sent_at or None,
        "created": source.created,
        "updated": source.created,
        "type": source.templates[0].channel,
        "tags": list(source.tags),
        "recipient_segment_ids": list(source.trigger_segments),
        "subscription_topic_id": source.subscription_topic,
    }


def _content(source: Source, template: Template) -> dict[str, Any]:
    omitted = ("created", "updated")
    fields = {name: value for name, value in contents(source, template).items() if name not in omitted}
    return {**fields, "newsletter_id": source.id, "deduplicate_id": f"{template.id}:{source.created}"}


def _list(workspace: Workspace, request: ApiRequest) -> Any:
    newest_first = request.choice("sort", {"asc", "desc"}) == "desc"
    newsletters = sorted(sources_of(workspace, "newsletter"), key=lambda source: source.id, reverse=newest_first)
    rows, token = page(newsletters, request, 50, 100)
    return {"newsletters": [newsletter_json(workspace, source) for source in rows], "next": token}


def _get(workspace: Workspace, request: ApiRequest) -> Any:
    return {"newsletter": newsletter_json(workspace, NEWSLETTERS.find(workspace, request))}


NEWSLETTER = "/v1/newsletters/{newsletter_id}"
NEWSLETTERS = SourceRoutes(
    "newsletter", NEWSLETTER, "newsletter", _newsletter, "content", _content, channels=NEWSLETTER_CHANNELS
)
ROUTES: tuple[Route, ...] = (
    ("GET", "/v1/newsletters", _list),
    ("GET", NEWSLETTER, _get),
    *NEWSLETTERS.of_sources,
    *NEWSLETTERS.of_parts,
)
