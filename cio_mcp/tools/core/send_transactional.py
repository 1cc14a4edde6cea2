"""The write tool for transactional messages."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from cio_mcp.customerio.api import sends
from cio_mcp.customerio.api.base import Content, Reference
from cio_mcp.customerio.api.transactional import TransactionalMessage
from cio_mcp.customerio.call import canonical
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.evidence import Evidence
from cio_mcp.gate.plan import Plan
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.timestamps import moment
from cio_mcp.tools.common.arguments import Customer, CustomerIdType, Email, Id, Moment
from cio_mcp.tools.common.message_preview import content_digest, preview_message
from cio_mcp.tools.common.recipients import (
    Recipient,
    one_address,
    recipient_of,
    test_profiles,
    time_of,
    within,
    zone_warnings,
)
from cio_mcp.workspace import CallContext


class EmailOptions(BaseModel):
    """Options of a send; the sender and further recipients are set in Customer.io only."""

    model_config = ConfigDict(extra="forbid")

    send_to_unsubscribed: bool = False
    queue_draft: bool = False
    disable_message_retention: bool = False
    tracked: bool | None = None
    language: Annotated[str, Field(max_length=20)] = ""


async def send_transactional(
    ws: CallContext,
    message: Annotated[Id, Field(description="ID or exact name")],
    customer: Customer,
    channel: Literal["email"] = "email",
    to: Annotated[Email | None, Field(description="Address. Default: the customer's own")] = None,
    data: Annotated[dict[str, JsonValue] | None, Field(description="Template variables")] = None,
    send_at: Annotated[Moment | None, Field(description="ISO 8601 with zone. Default: now")] = None,
    options: EmailOptions | None = None,
    repeat: Annotated[bool, Field(description="Send even if it is a duplicate")] = False,
    id_type: CustomerIdType = None,
) -> Plan:
    """Send a transactional email to one customer. Requires approval. Do not retry."""
    at = _due(send_at, ws.now)
    chosen = options or EmailOptions()
    within("data", canonical(data or {}), sends.PAYLOAD_BYTES)
    template = await ws.transactional.find(message, field="message")
    recipient = await recipient_of(ws, customer, id_type)
    address = _address(recipient, to)
    contents = await _contents(ws, template)
    preview = await preview_message(contents, recipient.person, data or {}, ws.now, chosen.language or None)
    return Plan(
        risk="send",
        summary=f"Send transactional {channel} {template.id} {quoted(template.name)} to {recipient.name}.",
        notes=(f"It will be sent {f'at {moment(at)}' if at else 'immediately'}.",),
        preview=preview.lines,
        examples=(recipient.example,),
        recipients=(address,),
        test_profiles=await test_profiles(ws, recipient),
        warnings=(*zone_warnings(send_at), *_warnings(recipient, address, chosen), *preview.warnings),
        calls=(
            sends.email(
                int(template.id),
                _identifiers(recipient.reference),
                address,
                data or {},
                send_at=at,
                options=chosen.model_dump(exclude_defaults=True),
            ),
        ),
        rests_on=recipient.rests_on
        | {"message": template.name, "content": content_digest(contents), "own": _own(recipient)},
        once=True,
        repeat=repeat,
        trace=Evidence(person=recipient.cio_id, message=template.id, recipient=address) if recipient.cio_id else None,
        due_at=at.timestamp() if at else None,
        next_step="To follow it, call wait_for_event with this change and metric=delivered. get_message has the text.",
    )


def _due(send_at: str | None, now: datetime) -> datetime | None:
    at = time_of("send_at", send_at)
    if at is None or at <= now:
        if at is not None and now - at > timedelta(minutes=1):
            raise InvalidArgument("send_at", "is in the past; omit it to send now")
        return None
    if at - now > timedelta(days=sends.SEND_AHEAD_DAYS):
        raise InvalidArgument("send_at", f"is more than {sends.SEND_AHEAD_DAYS} days ahead; Customer.io rejects that")
    return at


def _identifiers(person: Reference) -> dict[str, JsonValue]:
    return {person.kind: person.value.removeprefix("cio_") if person.kind == "cio_id" else person.value}


def _own(recipient: Recipient) -> str | None:
    return recipient.person.email if recipient.person else None


def _address(recipient: Recipient, to: str | None) -> str:
    address = (to or _own(recipient) or "").strip()
    if not address:
        raise InvalidArgument("to", "is required: the customer's profile has no email address")
    one_address("to", address)
    own = _own(recipient)
    return own if own and own.casefold() == address.casefold() else address


async def _contents(ws: CallContext, template: TransactionalMessage) -> list[Content]:
    contents = await ws.transactional.contents(template.id)
    channels = {"sms" if content.type == "twilio" else content.type for content in contents if content.type}
    if channels and "email" not in channels:
        kind = "an SMS message" if channels == {"sms"} else "not an email"
        raise InvalidArgument("message", f"{quoted(template.name)} is {kind}. This tool sends email only")
    return contents


def _warnings(recipient: Recipient, address: str, options: EmailOptions) -> tuple[str, ...]:
    warnings = []
    if address != _own(recipient):
        warnings.append(f"{quoted(address)} is not the address in the customer's profile.")
    if recipient.person and recipient.person.unsubscribed:
        reaches = "but will receive it anyway" if options.send_to_unsubscribed else "so Customer.io will not deliver it"
        warnings.append(f"The customer is unsubscribed, {reaches}.")
    if options.queue_draft:
        warnings.append("It is queued as a draft: someone has to send it in Customer.io.")
    return tuple(warnings)
