"""Transactional sends: validated as documented, accepted, and delivered or failed later."""

from typing import Any

from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.api.send_checks import CHECKS
from cio_mcp.sandbox.http import ApiRequest, meta_error
from cio_mcp.sandbox.world.deliveries import new_delivery_id
from cio_mcp.sandbox.world.lifecycle import deliver
from cio_mcp.sandbox.world.people import ID_TYPES, Person
from cio_mcp.sandbox.world.profiles import create_profile, is_suppressed
from cio_mcp.sandbox.world.templates import Source, Template
from cio_mcp.sandbox.world.workspace import Workspace

MAX_SEND_AHEAD_SECONDS = 90 * 86_400
"""https://docs.customer.io/integrations/api/app/ (Send Messages)"""


def send(workspace: Workspace, request: ApiRequest, channel: str) -> Any:
    """Accept one message; a failure shows later, in its delivery."""
    body = request.body
    if not isinstance(body, dict):
        raise meta_error(400, "the body must be a JSON object")
    id_type, identifier = _identifiers(body)
    CHECKS[channel](body, request.size)
    source, template = _message(workspace, body, channel)
    data = {} if body.get("message_data") is None else body["message_data"]
    if not isinstance(data, dict):
        raise meta_error(400, "message_data must be an object")
    now = workspace.now
    send_at = _send_at(body, now)
    response: dict[str, Any] = {"delivery_id": new_delivery_id(workspace.rng), "queued_at": now}
    if send_at:
        response["send_at"] = send_at

    def deliver_message() -> None:
        _deliver(workspace, body, source, template, _person(workspace, id_type, identifier), response["delivery_id"])

    workspace.sends.append(
        {
            "at": now,
            "channel": channel,
            "delivery_id": response["delivery_id"],
            "transactional_message_id": body.get("transactional_message_id"),
            "identifiers": body["identifiers"],
            "to": body.get("to"),
            "data": data,
            "send_at": send_at,
            "send_to_unsubscribed": body.get("send_to_unsubscribed", True),
        }
    )
    workspace.counts["sends"] += 1
    workspace.apply_after(send_at - now if send_at else 0, deliver_message)
    return response


def _identifiers(body: dict[str, Any]) -> tuple[str, str]:
    identifiers = body.get("identifiers")
    if not isinstance(identifiers, dict) or len(identifiers) != 1 or next(iter(identifiers)) not in ID_TYPES:
        raise meta_error(400, "identifiers must hold exactly one of id, email or cio_id")
    [(id_type, identifier)] = identifiers.items()
    if not isinstance(identifier, str | int) or not str(identifier).strip():
        raise meta_error(400, f"identifiers.{id_type} must not be blank")
    return id_type, str(identifier)


def _message(workspace: Workspace, body: dict[str, Any], channel: str) -> tuple[Source, Template]:
    key = body.get("transactional_message_id")
    if key is None:
        template = Template(0, "email", "", str(body["subject"]), str(body["body"]))
        return Source("transactional", 0, "Sent without a template", workspace.started_at, (template,)), template
    for source in workspace.sources.values():
        if source.kind == "transactional" and str(key).lower() in {str(source.id), source.name.lower()}:
            if source.templates[0].channel != channel:
                raise meta_error(400, "the transactional message belongs to another channel")
            return source, source.templates[0]
    raise meta_error(400, "transactional message not found")


def _send_at(body: dict[str, Any], now: int) -> int:
    """When to send (Unix seconds); 0 means immediately, as for a time in the past."""
    send_at = body.get("send_at")
    if send_at is None:
        return 0
    if not isinstance(send_at, int) or isinstance(send_at, bool):
        raise meta_error(400, "send_at must be a unix timestamp")
    if send_at > now + MAX_SEND_AHEAD_SECONDS:
        raise meta_error(400, "send_at must be at most 90 days ahead")
    return send_at if send_at > now else 0


def _person(workspace: Workspace, id_type: str, identifier: str) -> Person:
    """The person; an unknown id or email creates a profile, an unknown `cio_id` does not."""
    person = workspace.people.get(id_type, identifier)
    if person is None and id_type != "cio_id" and not is_suppressed(workspace, identifier):
        return create_profile(workspace, {id_type: identifier})
    identifiers = {id_type: identifier}
    return person or Person(
        identifiers.get("cio_id", ""), identifiers.get("id"), identifiers.get("email"), workspace.now
    )


def _deliver(
    workspace: Workspace, body: dict[str, Any], source: Source, template: Template, person: Person, delivery_id: str
) -> None:
    data = body.get("message_data") or {}
    recipient = _recipient(body, template, person)
    send_to_unsubscribed = bool(body.get("send_to_unsubscribed", True))
    delivery = deliver(
        workspace,
        person,
        source,
        template,
        recipient,
        data=data,
        send_to_unsubscribed=send_to_unsubscribed,
        delivery_id=delivery_id,
    )
    delivery.overrides = {name: body[name] for name in ("subject", "body", "from", "reply_to") if body.get(name)}
    delivery.forgotten = bool(body.get("disable_message_retention"))
    if body.get("queue_draft"):
        delivery.metrics, delivery.failure = {"created": delivery.created, "drafted": delivery.created}, None


def _recipient(body: dict[str, Any], template: Template, person: Person) -> str:
    if template.channel == "push":
        return str(person.devices[-1]["id"]) if person.devices else ""
    first = str(body.get("to", "")).split(",")[0].strip()
    return first.rpartition("<")[2].rstrip(">")


ROUTES: tuple[Route, ...] = (
    ("POST", "/v1/send/email", lambda workspace, request: send(workspace, request, "email")),
    ("POST", "/v1/send/push", lambda workspace, request: send(workspace, request, "push")),
    ("POST", "/v1/send/sms", lambda workspace, request: send(workspace, request, "twilio")),
)
