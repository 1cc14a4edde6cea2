"""Subscriptions: channels, the link to a person's subscription center, and opt-outs from SMS and WhatsApp."""

from hashlib import sha256
from typing import Any

from cio_mcp.sandbox.api.customers import find_customer
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.http import ApiRequest, ApiResponse, app_error, page
from cio_mcp.sandbox.world.people import Person, id_type_of
from cio_mcp.sandbox.world.records import Record
from cio_mcp.sandbox.world.workspace import Workspace

# https://docs.customer.io/integrations/api/app/ (Subscription Center, Opt-outs)
OPTOUTS = "/v1/optouts"
OPTOUT_CHANNELS = ("sms", "whatsapp")
CHANNELS = (("email", "Email"), ("twilio", "SMS"), ("push", "Push notifications"), ("in_app", "In-app messages"))
CENTER = "https://subscriptions.acme.example/u/i"


def _channels(_: Workspace, __: ApiRequest) -> Any:
    return {
        "channels": [
            {"id": number, "name": name, "type": kind, "description": "", "subscribed_by_default": True}
            for number, (kind, name) in enumerate(CHANNELS, 1)
        ]
    }


def _token(workspace: Workspace, request: ApiRequest) -> Any:
    identifier = request.path["customer_id"]
    person = workspace.people.get(id_type_of(identifier), identifier)
    if person is None:
        raise app_error(400, "customer_id does not match a person")
    token = sha256(f"{workspace.seed}:{person.cio_id}:{workspace.now}".encode()).hexdigest()[:40]
    return {"token": token, "url": f"{CENTER}/{token}"}


def _optouts(workspace: Workspace, request: ApiRequest) -> Any:
    """All opt-outs, by person; `from` selects those from one sender."""
    sender = request.query.get("from") or None
    listed = []
    for record in workspace.records.of(OPTOUTS):
        person = workspace.people.get("cio_id", record["cio_id"])
        numbers = [one for one in record["optouts"] if sender in {None, one["from"]}]
        if person is not None and numbers:
            listed.append({"cio_id": person.cio_id, "customer_id": person.id or "", "optouts": numbers})
    rows, token = page(listed, request, 50, 1000)
    return {"optouts": rows, "next": token}


def _optouts_of(workspace: Workspace, request: ApiRequest) -> Any:
    return {"optouts": _record(workspace, find_customer(workspace, request))["optouts"]}


def _record(workspace: Workspace, person: Person) -> Record:
    return workspace.records.get(OPTOUTS, person.cio_id) or {"cio_id": person.cio_id, "optouts": []}


def _update(workspace: Workspace, request: ApiRequest) -> Any:
    person, changes = find_customer(workspace, request), request.fields.get("optouts")
    if not isinstance(changes, list) or not changes or not all(map(_is_change, changes)):
        raise app_error(
            400, "optouts must be a list of objects with from, optout, and sms or whatsapp as their channel"
        )
    kept = {(one["channel"], one["from"]) for one in _record(workspace, person)["optouts"]}
    for change in changes:
        key = (change.get("channel") or "sms", change["from"])
        (kept.add if change["optout"] else kept.discard)(key)
    optouts = [{"channel": channel, "from": sender} for channel, sender in sorted(kept)]
    workspace.records.put(OPTOUTS, person.cio_id, {"cio_id": person.cio_id, "optouts": optouts})
    return ApiResponse(204)


def _is_change(change: Any) -> bool:
    return (
        isinstance(change, dict)
        and isinstance(change.get("from"), str)
        and bool(change["from"].strip())
        and isinstance(change.get("optout"), bool)
        and (change.get("channel") or "sms") in OPTOUT_CHANNELS
    )


ROUTES: tuple[Route, ...] = (
    ("GET", "/v1/subscription_channels", _channels),
    ("GET", "/v1/subscription_center/{customer_id}/token", _token),
    ("GET", OPTOUTS, _optouts),
    ("GET", "/v1/customers/{customer_id}/optouts", _optouts_of),
    ("PUT", "/v1/customers/{customer_id}/optouts", _update),
)
