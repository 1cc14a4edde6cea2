"""Transactional sends: validated as documented, accepted, and delivered or failed later."""

from typing import Any

from cio_mcp.sandbox.api.devices import device_of, set_device
from cio_mcp.sandbox.api.fields import is_identifier
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.api.send_checks import CHECKS, PHONE, TEMPLATE_NUMBER, addresses, has_template
from cio_mcp.sandbox.http import ApiRequest, meta_error
from cio_mcp.sandbox.world.deliveries import Delivery, new_delivery_id
from cio_mcp.sandbox.world.lifecycle import create_delivery, dispatch, draft
from cio_mcp.sandbox.world.people import ID_TYPES, Person, TypedIdentifier
from cio_mcp.sandbox.world.profiles import create_profile, is_suppressed
from cio_mcp.sandbox.world.sources import Source
from cio_mcp.sandbox.world.templates import Channel, Template, render
from cio_mcp.sandbox.world.workspace import Workspace

MAX_SEND_AHEAD_SECONDS = 90 * 86_400
"""https://docs.customer.io/integrations/api/app/ (Send Messages)"""
OVERRIDES = {
    "subject": "subject", "body": "body", "from": "from", "reply_to": "reply_to", "title": "subject", "message": "body",
}  # fmt: skip
"""Fields that replace a part of the template; title and message are those of a push."""


def send(workspace: Workspace, request: ApiRequest, channel: Channel) -> Any:
    """Accept one message; a failure shows later, in its delivery."""
    body = request.body
    if not isinstance(body, dict):
        raise meta_error(400, "the body must be a JSON object")
    id_type, identifier = _identifier(body)
    CHECKS[channel](body, request.size)
    device = _custom_device(body)
    data = {} if body.get("message_data") is None else body["message_data"]
    if not isinstance(data, dict):
        raise meta_error(400, "message_data must be an object")
    now = workspace.now
    send_at = _send_at(body, now)
    source, template = _message(workspace, body, channel)
    response: dict[str, Any] = {"delivery_id": new_delivery_id(workspace.rng), "queued_at": now}
    if send_at:
        response["send_at"] = send_at

    def accept() -> None:
        person = _person(workspace, id_type, identifier)
        if device:
            set_device(person, device, workspace.now)
        delivery = create_delivery(
            workspace, person, source, template, "", data=data, delivery_id=response["delivery_id"]
        )
        delivery.recipient = _recipient(body, delivery)
        delivery.overrides = {part: body[name] for name, part in OVERRIDES.items() if body.get(name)}
        delivery.forgotten = bool(body.get("disable_message_retention"))
        if body.get("queue_draft"):
            draft(workspace, delivery)
        elif send_at:
            workspace.apply_at(send_at, lambda: _dispatch(workspace, body, delivery))
        else:
            _dispatch(workspace, body, delivery)

    record = {name: body.get(name) for name in ("transactional_message_id", "identifiers", "to")}
    record |= {"at": now, "channel": channel, "delivery_id": response["delivery_id"], "data": data, "send_at": send_at}
    workspace.sends.append({**record, "send_to_unsubscribed": body.get("send_to_unsubscribed", True)})
    workspace.counts["sends"] += 1
    workspace.apply_after(0, accept)
    return response


def _identifier(body: dict[str, Any]) -> tuple[str, str]:
    identifiers = body.get("identifiers")
    if not isinstance(identifiers, dict) or len(identifiers) != 1 or next(iter(identifiers)) not in ID_TYPES:
        raise meta_error(400, "identifiers must hold exactly one of id, email or cio_id")
    [(id_type, identifier)] = identifiers.items()
    if not is_identifier(identifier):
        raise meta_error(400, f"identifiers.{id_type} must not be blank")
    return id_type, TypedIdentifier(str(identifier), id_type)


def _message(workspace: Workspace, body: dict[str, Any], channel: Channel) -> tuple[Source, Template]:
    """The transactional message of a body: by ID, by name in any case, or made of the body's own content."""
    if not has_template(body):
        template = Template(0, "email", "", body["subject"], body["body"])
        return Source("transactional", 0, "Sent without a template", workspace.started_at, (template,)), template
    key = body["transactional_message_id"]
    if not is_identifier(key):
        raise meta_error(400, "transactional_message_id must be an ID or a trigger name")
    name = str(key).strip()
    for source in workspace.sources.values():
        if source.kind == "transactional" and name.lower() in {str(source.id), source.name.lower()}:
            if source.templates[0].channel != channel:
                raise meta_error(400, "the transactional message belongs to another channel")
            return source, source.templates[0]
    if body.get("auto_create") and isinstance(key, str) and not name.isdecimal():
        return _create_message(workspace, name, channel)
    raise meta_error(400, "transactional message not found")


def _create_message(workspace: Workspace, name: str, channel: Channel) -> tuple[Source, Template]:
    number = max(source.id for source in workspace.sources.values() if source.kind == "transactional") + 1
    template = Template(number * 10 + 1, channel, name, "", "")
    source = Source("transactional", number, name, workspace.now, (template,))
    workspace.sources["transactional", number] = source
    return source, template


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


def _custom_device(body: dict[str, Any]) -> dict[str, Any] | None:
    fields = body.get("custom_device")
    if not fields:
        return None
    device = device_of({**fields, "id": fields.get("token") or fields.get("id")})
    if device is None:
        raise meta_error(400, "custom_device needs a token and a platform (ios or android)")
    return device


def _person(workspace: Workspace, id_type: str, identifier: str) -> Person:
    """The person; an unknown id or email creates a profile, an unknown `cio_id` does not."""
    person = workspace.people.get(id_type, identifier)
    if person is None and id_type != "cio_id" and not is_suppressed(workspace, identifier):
        return create_profile(workspace, {id_type: identifier})
    identifiers = {id_type: identifier}
    return person or Person(
        identifiers.get("cio_id", ""), identifiers.get("id"), identifiers.get("email"), workspace.now
    )


def _dispatch(workspace: Workspace, body: dict[str, Any], delivery: Delivery) -> None:
    delivery.recipient = _recipient(body, delivery)
    dispatch(workspace, delivery, send_to_unsubscribed=body.get("send_to_unsubscribed") is not False)


def _recipient(body: dict[str, Any], delivery: Delivery) -> str:
    """The first address; empty when the person has none, which fails the delivery."""
    to = body.get("to") or ""
    if delivery.template.channel == "push":
        devices = [str(device["id"]) for device in delivery.person.devices]
        if to in {"", "all", "last_used"}:
            return devices[-1] if devices else ""
        return to if to in devices else ""
    if delivery.template.channel in {"twilio", "whatsapp"}:
        number = render(to or TEMPLATE_NUMBER, delivery.values).strip()
        return number if PHONE.fullmatch(number) else ""
    if delivery.template.channel in {"in_app", "inbox"}:
        return delivery.person.address(delivery.template.channel)
    return next(iter(addresses(to)), "").rpartition("<")[2].rstrip(">")


ROUTES: tuple[Route, ...] = (
    ("POST", "/v1/send/email", lambda workspace, request: send(workspace, request, "email")),
    ("POST", "/v1/send/push", lambda workspace, request: send(workspace, request, "push")),
    ("POST", "/v1/send/sms", lambda workspace, request: send(workspace, request, "twilio")),
    ("POST", "/v1/send/whatsapp", lambda workspace, request: send(workspace, request, "whatsapp")),
    ("POST", "/v1/send/in_app", lambda workspace, request: send(workspace, request, "in_app")),
    ("POST", "/v1/send/inbox_message", lambda workspace, request: send(workspace, request, "inbox")),
)
