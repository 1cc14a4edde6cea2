"""What belongs to the account: workspaces, senders, topics, object types, suppressed addresses."""

from typing import TYPE_CHECKING, Any

from cio_mcp.sandbox.api.customers import TOPICS
from cio_mcp.sandbox.http import Asked, Route, not_found, page

if TYPE_CHECKING:
    from cio_mcp.sandbox.world.workspace import Workspace

SENDERS = ((1, "Acme", "hello@acme.example"), (2, "Acme Support", "support@acme.example"))
SUPPRESSION_TYPES = {"bounces", "blocks", "spam_reports", "invalid_emails"}


def _workspaces(workspace: "Workspace", _: Asked) -> Any:
    """Every workspace of the account; the counts are those of the start, as the real ones lag."""
    return {
        "workspaces": [
            {
                "id": 100, "name": "Acme (sandbox)", "messages_sent": 48_211, "billable_messages_sent": 41_870,
                "people": len(workspace.people), "object_types": 1, "objects": 1,
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


def _senders(_: "Workspace", asked: Asked) -> Any:
    """A next token comes even after the last sender; the list ends on an empty page. None is hidden."""
    shown = [] if asked.flag("hidden") else [_sender(*sender) for sender in SENDERS]
    following = "" if asked.query.get("start") == "end" or not shown else "end"
    some, inner = page([] if asked.query.get("start") == "end" else shown, _without_end(asked), 50, 100)
    return {"sender_identities": some, "next": inner or following}


def _without_end(asked: Asked) -> Asked:
    start = "" if asked.query.get("start") == "end" else asked.query.get("start", "")
    return Asked(asked.path, {**asked.query, "start": start})


def _one_sender(_: "Workspace", asked: Asked) -> Any:
    number = asked.whole("sender_id")
    for sender in SENDERS:
        if sender[0] == number:
            return {"sender_identity": _sender(*sender)}
    raise not_found()


def _topics(_: "Workspace", __: Asked) -> Any:
    return {
        "topics": [
            {
                "id": number, "identifier": f"topic_{number}", "name": name, "description": description,
                "subscribed_by_default": default,
            }
            for number, name, description, default in TOPICS
        ]
    }  # fmt: skip


def _object_types(_: "Workspace", __: Asked) -> Any:
    return {
        "types": [
            {
                "id": "1", "name": "Companies", "singular_name": "Company", "slug": "companies",
                "singular_slug": "company", "enabled": True, "icon": "building",
            }
        ]
    }  # fmt: skip


def _suppressed(workspace: "Workspace", asked: Asked) -> Any:
    if asked.path["suppression_type"] not in SUPPRESSION_TYPES:
        raise not_found()
    listed = workspace.bounced if asked.path["suppression_type"] == "bounces" else {}
    start, limit = asked.integer("offset", 0), asked.integer("limit", 100, least=1, most=1000)
    found = [_suppression(email, at) for email, at in sorted(listed.items())][start : start + limit]
    return {"category": asked.path["suppression_type"], "suppressions": found or None}


def _suppression_of(workspace: "Workspace", asked: Asked) -> Any:
    email = asked.path["email_address"].lower()
    found = [_suppression(email, workspace.bounced[email])] if email in workspace.bounced else []
    return {"category": "bounces", "suppressions": found}


def _suppression(email: str, at: int) -> dict[str, Any]:
    return {"email": email, "created": at, "reason": "550 5.1.1 mailbox unknown", "status": "5.1.1"}


def _nothing(name: str) -> Any:
    return lambda _, __: {name: []}


ROUTES: tuple[Route, ...] = (
    ("GET", "/v1/workspaces", _workspaces),
    ("GET", "/v1/sender_identities", _senders),
    ("GET", "/v1/sender_identities/{sender_id}", _one_sender),
    ("GET", "/v1/subscription_topics", _topics),
    ("GET", "/v1/object_types", _object_types),
    ("GET", "/v1/esp/suppression/{suppression_type}", _suppressed),
    ("GET", "/v1/esp/search_suppression/{email_address}", _suppression_of),
    ("GET", "/v1/snippets", _nothing("snippets")),
    ("GET", "/v1/collections", _nothing("collections")),
    ("GET", "/v1/exports", _nothing("exports")),
)
