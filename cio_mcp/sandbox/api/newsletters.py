"""Newsletters: a paged list, contents, metrics and deliveries."""

from typing import TYPE_CHECKING, Any

from cio_mcp.sandbox.api.campaigns import contents, deliveries_of, parent_of, template_of
from cio_mcp.sandbox.api.messages import listed
from cio_mcp.sandbox.api.metrics import links, metrics
from cio_mcp.sandbox.http import Asked, Route, page
from cio_mcp.sandbox.world.templates import Parent

if TYPE_CHECKING:
    from cio_mcp.sandbox.world.templates import Template
    from cio_mcp.sandbox.world.workspace import Workspace


def _newsletter(parent: Parent) -> dict[str, Any]:
    return {
        "id": parent.id,
        "deduplicate_id": parent.deduplicate_id,
        "content_ids": [template.id for template in parent.templates],
        "name": parent.name,
        "sent_at": parent.sent_at,
        "created": parent.created,
        "updated": parent.created,
        "type": "email",
        "tags": list(parent.tags),
        "recipient_segment_ids": list(parent.trigger_segments),
        "subscription_topic_id": 2,
    }


def _content(parent: Parent, template: "Template") -> dict[str, Any]:
    dropped = ("created", "updated")
    shown = {name: value for name, value in contents(parent, template).items() if name not in dropped}
    return {**shown, "newsletter_id": parent.id, "deduplicate_id": f"{template.id}:{parent.created}"}


def _list(workspace: "Workspace", asked: Asked) -> Any:
    newest_first = asked.choice("sort", {"asc", "desc"}) == "desc"
    found = [parent for parent in workspace.parents.values() if parent.kind == "newsletter"]
    some, following = page(sorted(found, key=lambda parent: parent.id, reverse=newest_first), asked, 50, 100)
    return {"newsletters": [_newsletter(parent) for parent in some], "next": following}


def _get(workspace: "Workspace", asked: Asked) -> Any:
    return {"newsletter": _newsletter(parent_of(workspace, asked, "newsletter"))}


def _contents(workspace: "Workspace", asked: Asked) -> Any:
    parent = parent_of(workspace, asked, "newsletter")
    return {"contents": [_content(parent, template) for template in parent.templates]}


def _one_content(workspace: "Workspace", asked: Asked) -> Any:
    parent = parent_of(workspace, asked, "newsletter")
    return {"content": _content(parent, template_of(parent, asked, "content_id"))}


def _metrics(workspace: "Workspace", asked: Asked) -> Any:
    return metrics(workspace, asked, deliveries_of(workspace, asked, "newsletter"))


def _links(workspace: "Workspace", asked: Asked) -> Any:
    return links(workspace, asked, deliveries_of(workspace, asked, "newsletter"))


def _messages(workspace: "Workspace", asked: Asked) -> Any:
    return listed(workspace, asked, deliveries_of(workspace, asked, "newsletter"))


def _test_groups(workspace: "Workspace", asked: Asked) -> Any:
    parent_of(workspace, asked, "newsletter")
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
    ("GET", f"{NEWSLETTER}/contents/{{content_id}}", _one_content),
    ("GET", f"{NEWSLETTER}/contents/{{content_id}}/metrics", _metrics),
    ("GET", f"{NEWSLETTER}/contents/{{content_id}}/metrics/links", _links),
)
