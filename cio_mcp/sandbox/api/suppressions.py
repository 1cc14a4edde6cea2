"""The suppressions of the email provider, by type and by sending domain."""

from typing import Any

from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.http import ApiRequest, ApiResponse, app_error, not_found, page
from cio_mcp.sandbox.world.workspace import Workspace

TYPES = ("bounces", "blocks", "spam_reports", "invalid_emails")
BY_HAND = "Uploaded manually via api.customer.io"
REASONS = {"bounces": "550 5.1.1 mailbox unknown", "spam_reports": "Reported as spam"}


def _addresses(workspace: Workspace, type_: str) -> dict[str, int]:
    """The suppressed addresses of a type, each with its time."""
    if type_ not in TYPES:
        raise not_found()
    return {"bounces": workspace.bounced, "spam_reports": workspace.spam_reported}.get(type_, {})


def _rows(workspace: Workspace, request: ApiRequest, domain: str) -> list[dict[str, Any]]:
    type_, email = request.path["suppression_type"], request.query.get("email", "").lower()
    return [
        _row(workspace, type_, address, at)
        for address, at in sorted(_addresses(workspace, type_).items())
        if email in {"", address} and domain in {"", address.rpartition("@")[2]}
    ]


def _row(workspace: Workspace, type_: str, email: str, at: int) -> dict[str, Any]:
    by_hand = at >= workspace.started_at
    return {"email": email, "created": at, "reason": BY_HAND if by_hand else REASONS[type_], "status": "550"}


def _list(workspace: Workspace, request: ApiRequest) -> Any:
    """Addresses by offset; without any, null."""
    start, limit = request.integer("offset", 0), request.integer("limit", 100, least=1, most=1000)
    rows = _rows(workspace, request, request.query.get("domain", "").lower())[start : start + limit]
    return {"category": request.path["suppression_type"], "suppressions": rows or None}


def _list_of_domain(workspace: Workspace, request: ApiRequest) -> Any:
    """All addresses that a domain sends to; the sandbox has one domain, so it is not compared."""
    rows, token = page(_rows(workspace, request, ""), request, 100, 1000)
    return {"category": request.path["suppression_type"], "suppressions": rows, "next": token}


def _get(workspace: Workspace, request: ApiRequest) -> Any:
    """The address, under the first type that has it; of spam the category has another name than the type."""
    email = request.path["email_address"].lower()
    for type_, category in (("bounces", "bounces"), ("spam_reports", "spam")):
        if (at := _addresses(workspace, type_).get(email)) is not None:
            return {"category": category, "suppressions": [_row(workspace, type_, email, at)]}
    return {"category": "bounces", "suppressions": []}


def _add(workspace: Workspace, request: ApiRequest) -> Any:
    email = request.path["email_address"].lower()
    if "@" not in email:
        raise app_error(400, "the email address is not valid")
    _addresses(workspace, request.path["suppression_type"]).setdefault(email, workspace.now)
    return {}


def _remove(workspace: Workspace, request: ApiRequest) -> Any:
    _addresses(workspace, request.path["suppression_type"]).pop(request.path["email_address"].lower(), None)
    return ApiResponse(204)


SUPPRESSION = "/v1/esp/suppression/{suppression_type}"
ROUTES: tuple[Route, ...] = (
    ("GET", SUPPRESSION, _list),
    ("GET", "/v1/esp/domains/{domain_name}/suppression/{suppression_type}", _list_of_domain),
    ("GET", "/v1/esp/search_suppression/{email_address}", _get),
    ("POST", f"{SUPPRESSION}/{{email_address}}", _add),
    ("DELETE", f"{SUPPRESSION}/{{email_address}}", _remove),
)
