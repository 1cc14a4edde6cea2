"""Account data: workspaces, sender identities, topics, and object types."""

from typing import Any

from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.http import ApiRequest, not_found, page
from cio_mcp.sandbox.world.fixtures import TOPICS
from cio_mcp.sandbox.world.workspace import Workspace

SENDERS = ((1, "Acme", "hello@acme.example"), (2, "Acme Support", "support@acme.example"))
ADDRESSES = ("192.0.2.10", "192.0.2.11", "198.51.100.20")
"""From the ranges for documentation: nothing is sent from them."""


def _workspaces(workspace: Workspace, _: ApiRequest) -> Any:
    """All workspaces of the account; counts are fixed, as the real ones lag."""
    return {
        "workspaces": [
            {
                "id": 100, "name": "Acme (sandbox)", "messages_sent": 48_211, "billable_messages_sent": 41_870,
                "people": len(workspace.people), "object_types": len(workspace.object_types),
                "objects": len(workspace.objects),
            },
            {
                "id": 101, "name": "Acme staging", "messages_sent": 320, "billable_messages_sent": 300,
                "people": 12, "object_types": 0, "objects": 0,
            },
        ]
    }  # fmt: skip


def _sender(number: int, name: str, email: str) -> dict[str, Any]:
    return {
        "id": number,
        "deduplicate_id": f"{number}:1700000000",
        "name": name,
        "email": email,
        "address": f"{name} <{email}>",
        "template_type": "email",
        "auto_generated": False,
    }


def _senders(_: Workspace, request: ApiRequest) -> Any:
    """The last page still has a next token, and the list ends with an empty page. No sender is hidden."""
    is_descending = request.choice("sort", {"asc", "desc"}) == "desc"
    senders = [] if request.flag("hidden") else [_sender(*sender) for sender in SENDERS]
    if is_descending:
        senders.reverse()
    end_token = "" if request.query.get("start") == "end" or not senders else "end"
    rows, token = page([] if request.query.get("start") == "end" else senders, _without_end(request), 50, 100)
    return {"sender_identities": rows, "next": token or end_token}


def _without_end(request: ApiRequest) -> ApiRequest:
    start = "" if request.query.get("start") == "end" else request.query.get("start", "")
    return ApiRequest(request.path, {**request.query, "start": start})


def _get_sender(_: Workspace, request: ApiRequest) -> Any:
    number = request.path_id("sender_id")
    for sender in SENDERS:
        if sender[0] == number:
            return {"sender_identity": _sender(*sender)}
    raise not_found()


def _sender_usage(workspace: Workspace, request: ApiRequest) -> Any:
    """All emails of the workspace come from its first sender."""
    _get_sender(workspace, request)
    is_used = request.path_id("sender_id") == SENDERS[0][0]
    sources = [source for source in workspace.sources.values() if is_used and source.templates[0].channel == "email"]
    newsletters = [source for source in sources if source.kind == "newsletter"]
    return {
        "campaigns": [source.id for source in sources if source.kind == "campaign"],
        "sent_newsletters": [source.id for source in newsletters if source.sent_at],
        "draft_newsletters": [source.id for source in newsletters if not source.sent_at],
    }


def _topics(_: Workspace, __: ApiRequest) -> Any:
    return {
        "topics": [
            {
                "id": number, "identifier": f"topic_{number}", "name": name, "description": description,
                "subscribed_by_default": default,
            }
            for number, name, description, default in TOPICS
        ]
    }  # fmt: skip


def _object_types(workspace: Workspace, _: ApiRequest) -> Any:
    return {
        "types": [
            {
                "id": number, "name": name, "singular_name": singular_name, "slug": slug,
                "singular_slug": singular_slug, "enabled": True, "icon": icon,
            }
            for number, (name, singular_name, slug, singular_slug, icon) in workspace.object_types.items()
        ]
    }  # fmt: skip


ROUTES: tuple[Route, ...] = (
    ("GET", "/v1/workspaces", _workspaces),
    ("GET", "/v1/sender_identities", _senders),
    ("GET", "/v1/sender_identities/{sender_id}", _get_sender),
    ("GET", "/v1/sender_identities/{sender_id}/used_by", _sender_usage),
    ("GET", "/v1/subscription_topics", _topics),
    ("GET", "/v1/object_types", _object_types),
    ("GET", "/v1/info/ip_addresses", lambda _, __: {"ip_addresses": list(ADDRESSES)}),
)
