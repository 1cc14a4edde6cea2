"""Newsletters: a paged list, contents, metrics and deliveries."""

from typing import Any

from cio_mcp.sandbox.api.campaigns import contents, deliveries_of, get_source, get_template
from cio_mcp.sandbox.api.messages import NEWSLETTER_CHANNELS, list_messages
from cio_mcp.sandbox.api.metrics import links, metrics
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.http import ApiRequest, page
from cio_mcp.sandbox.world.templates import Source, Template
from cio_mcp.sandbox.world.workspace import Workspace


def _newsletter(source: Source) -> dict[str, Any]:
    return {
        "id": source.id,
        "deduplicate_id": source.deduplicate_id,
        "content_ids": [template.id for template in source.templates],
        "name": source.name,
        "sent_at": source.sent_at,
        "created": source.created,
        "updated": source.created,
        "type": "email",
        "tags": list(source.tags),
        "recipient_segment_ids": list(source.trigger_segments),
        "subscription_topic_id": 2,
    }


def _content(source: Source, template: Template) -> dict[str, Any]:
    omitted = ("created", "updated")
    fields = {name: value for name, value in contents(source, template).items() if name not in omitted}
    return {**fields, "newsletter_id": source.id, "deduplicate_id": f"{template.id}:{source.created}"}


def _list(workspace: Workspace, request: ApiRequest) -> Any:
    newest_first = request.choice("sort", {"asc", "desc"}) == "desc"
    newsletters = [source for source in workspace.sources.values() if source.kind == "newsletter"]
    rows, token = page(sorted(newsletters, key=lambda source: source.id, reverse=newest_first), request, 50, 100)
    return {"newsletters": [_newsletter(source) for source in rows], "next": token}


def _get(workspace: Workspace, request: ApiRequest) -> Any:
    return {"newsletter": _newsletter(get_source(workspace, request, "newsletter"))}


def _contents(workspace: Workspace, request: ApiRequest) -> Any:
    source = get_source(workspace, request, "newsletter")
    return {"contents": [_content(source, template) for template in source.templates]}


def _get_content(workspace: Workspace, request: ApiRequest) -> Any:
    source = get_source(workspace, request, "newsletter")
    return {"content": _content(source, get_template(source, request, "content_id"))}


def _metrics(workspace: Workspace, request: ApiRequest) -> Any:
    return metrics(workspace, request, deliveries_of(workspace, request, "newsletter"), channels=NEWSLETTER_CHANNELS)


def _links(workspace: Workspace, request: ApiRequest) -> Any:
    return links(workspace, request, deliveries_of(workspace, request, "newsletter"), NEWSLETTER_CHANNELS)


def _messages(workspace: Workspace, request: ApiRequest) -> Any:
    return list_messages(workspace, request, deliveries_of(workspace, request, "newsletter"), NEWSLETTER_CHANNELS)


def _test_groups(workspace: Workspace, request: ApiRequest) -> Any:
    get_source(workspace, request, "newsletter")
    return {"test_groups": []}


NEWSLETTER = "/v1/newsletters/{newsletter_id}"
ROUTES: tuple[Route, ...] = (
    ("GET", "/v1/newsletters", _list),
    ("GET", NEWSLETTER, _get),
    ("GET", f"{NEWSLETTER}/metrics", _metrics),
    ("GET", f"{NEWSLETTER}/metrics/links", _links),
    ("GET", f"{NEWSLETTER}/messages", _messages),
    ("GET", f"{NEWSLETTER}/test_groups", _test_groups),
    ("GET", f"{NEWSLETTER}/contents", _contents),
    ("GET", f"{NEWSLETTER}/contents/{{content_id}}", _get_content),
    ("GET", f"{NEWSLETTER}/contents/{{content_id}}/metrics", _metrics),
    ("GET", f"{NEWSLETTER}/contents/{{content_id}}/metrics/links", _links),
)
