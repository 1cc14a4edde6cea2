"""Transactional sends: checked as documented, accepted, and only later delivered or not."""

from typing import TYPE_CHECKING, Any

from cio_mcp.sandbox.api.send_checks import CHECKS
from cio_mcp.sandbox.http import Asked, Route, meta_error
from cio_mcp.sandbox.world.deliveries import mint_id
from cio_mcp.sandbox.world.people import ID_TYPES, Person
from cio_mcp.sandbox.world.profiles import created, is_suppressed
from cio_mcp.sandbox.world.templates import Parent, Template

if TYPE_CHECKING:
    from cio_mcp.sandbox.world.workspace import Workspace

LATEST_SEND = 90 * 86_400
"""Seconds ahead: https://docs.customer.io/integrations/api/app/ (Send Messages)"""


def send(workspace: "Workspace", asked: Asked, channel: str) -> Any:
    """Accept one message; what stands against it shows later in its delivery."""
    body = asked.body
    if not isinstance(body, dict):
        raise meta_error(400, "the body must be a JSON object")
    id_type, identifier = _identifiers(body)
    CHECKS[channel](body, asked.size)
    parent, template = _message(workspace, body, channel)
    data = {} if body.get("message_data") is None else body["message_data"]
    if not isinstance(data, dict):
        raise meta_error(400, "message_data must be an object")
    now = workspace.now
    send_at = _send_at(body, now)
    answer: dict[str, Any] = {"delivery_id": mint_id(workspace.rng), "queued_at": now}
    if send_at:
        answer["send_at"] = send_at

    def deliver(later: "Workspace") -> None:
        _deliver(later, body, parent, template, _person(later, id_type, identifier), answer["delivery_id"])

    workspace.sends.append(
        {
            "at": now,
            "channel": channel,
            "delivery_id": answer["delivery_id"],
            "transactional_message_id": body.get("transactional_message_id"),
            "identifiers": body["identifiers"],
            "to": body.get("to"),
            "data": data,
            "send_at": send_at,
            "send_to_unsubscribed": body.get("send_to_unsubscribed", True),
        }
    )
    workspace.counts["sends"] += 1
    workspace.later(send_at - now if send_at else 0, deliver)
    return answer


def _identifiers(body: dict[str, Any]) -> tuple[str, str]:
    told = body.get("identifiers")
    if not isinstance(told, dict) or len(told) != 1 or next(iter(told)) not in ID_TYPES:
        raise meta_error(400, "identifiers must hold exactly one of id, email or cio_id")
    [(id_type, identifier)] = told.items()
    if not isinstance(identifier, str | int) or not str(identifier).strip():
        raise meta_error(400, f"identifiers.{id_type} must not be blank")
    return id_type, str(identifier)


def _message(workspace: "Workspace", body: dict[str, Any], channel: str) -> tuple[Parent, Template]:
    told = body.get("transactional_message_id")
    if told is None:
        made = Template(0, "email", "", str(body["subject"]), str(body["body"]))
        return Parent("transactional", 0, "Sent without a template", workspace.born, (made,)), made
    for parent in workspace.parents.values():
        if parent.kind == "transactional" and str(told).lower() in {str(parent.id), parent.name.lower()}:
            if parent.templates[0].channel != channel:
                raise meta_error(400, "the transactional message belongs to another channel")
            return parent, parent.templates[0]
    raise meta_error(400, "transactional message not found")


def _send_at(body: dict[str, Any], now: int) -> int:
    """When to send; 0 means at once, as a time that is past does."""
    told = body.get("send_at")
    if told is None:
        return 0
    if not isinstance(told, int) or isinstance(told, bool):
        raise meta_error(400, "send_at must be a unix timestamp")
    if told > now + LATEST_SEND:
        raise meta_error(400, "send_at must be at most 90 days ahead")
    return told if told > now else 0


def _person(workspace: "Workspace", id_type: str, identifier: str) -> Person:
    """The person named; an unknown id or email makes a profile, an unknown `cio_id` is nobody's."""
    person = workspace.people.get(id_type, identifier)
    if person is None and id_type != "cio_id" and not is_suppressed(workspace, identifier):
        return created(workspace, {id_type: identifier})
    named = {id_type: identifier}
    return person or Person(named.get("cio_id", ""), named.get("id"), named.get("email"), workspace.now)


def _deliver(
    workspace: "Workspace", body: dict[str, Any], parent: Parent, template: Template, person: Person, delivery_id: str
) -> None:
    data = body.get("message_data") or {}
    recipient = _recipient(body, template, person)
    asked_for = bool(body.get("send_to_unsubscribed", True))
    made = workspace.deliver(
        person, parent, template, recipient, data=data, to_unsubscribed=asked_for, delivery_id=delivery_id
    )
    made.overrides = {name: body[name] for name in ("subject", "body", "from", "reply_to") if body.get(name)}
    made.forgotten = bool(body.get("disable_message_retention"))
    if body.get("queue_draft"):
        made.metrics, made.failure = {"created": made.created, "drafted": made.created}, None


def _recipient(body: dict[str, Any], template: Template, person: Person) -> str:
    if template.channel == "push":
        return str(person.devices[-1]["id"]) if person.devices else ""
    first = str(body.get("to", "")).split(",")[0].strip()
    return first.rpartition("<")[2].rstrip(">")


ROUTES: tuple[Route, ...] = (
    ("POST", "/v1/send/email", lambda workspace, asked: send(workspace, asked, "email")),
    ("POST", "/v1/send/push", lambda workspace, asked: send(workspace, asked, "push")),
    ("POST", "/v1/send/sms", lambda workspace, asked: send(workspace, asked, "twilio")),
)
