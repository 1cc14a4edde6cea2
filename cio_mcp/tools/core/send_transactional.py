"""The write tool for transactional messages."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from cio_mcp.customerio.api import sends
from cio_mcp.customerio.attribute_checks import within
from cio_mcp.customerio.call import canonical
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.evidence import Evidence
from cio_mcp.gate.plan import Plan
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.timestamps import moment
from cio_mcp.tools.common.arguments import Customer, CustomerIdType, Email, Id, Moment, max_bytes
from cio_mcp.tools.common.message_preview import content_digest, preview_message
from cio_mcp.tools.common.recipients import (
    Recipient,
    recipient_of,
    test_profiles,
    time_of,
    zone_notes,
)
from cio_mcp.tools.core.send_channels import NOUNS, TRACKED, channel_of, destination
from cio_mcp.workspace import CallContext


class SendOptions(BaseModel):
    """Options of a send; the sender and further recipients are set in Customer.io only."""

    model_config = ConfigDict(extra="forbid")

    send_to_unsubscribed: bool = False
    queue_draft: bool = False
    disable_message_retention: bool = False
    tracked: bool | None = None
    language: Annotated[str, max_bytes(20)] = ""


async def send_transactional(
    ws: CallContext,
    message: Annotated[Id, Field(description="ID or exact name")],
    customer: Customer,
    channel: Annotated[sends.Channel | None, Field(description="Default: its own")] = None,
    to: Annotated[Email | None, Field(description="Address, +phone, or device. Default: their own")] = None,
    data: Annotated[dict[str, JsonValue] | None, Field(description="Template variables")] = None,
    send_at: Annotated[Moment | None, Field(description="ISO 8601 with zone. Default: now")] = None,
    options: SendOptions | None = None,
    repeat: Annotated[bool, Field(description="Send a duplicate")] = False,
    id_type: CustomerIdType = None,
) -> Plan:
    """Send a transactional message (email, SMS, push, …) to one customer. Requires approval. Do not retry."""
    at = _due(send_at, ws.now)
    chosen = options or SendOptions()
    within("data", canonical(data or {}), sends.PAYLOAD_BYTES)
    template = await ws.transactional.find(message, field="message")
    contents = await ws.transactional.contents(template.id)
    by = channel_of(template.name, contents, channel)
    if chosen.tracked is not None and by not in TRACKED:
        raise InvalidArgument("options.tracked", "is for emails and WhatsApp messages only")
    recipient = await recipient_of(ws, customer, id_type)
    where = destination(by, recipient, to)
    preview = await preview_message(contents, recipient.person, data or {}, ws.now, chosen.language or None)
    settings = chosen.model_dump(exclude_defaults=True)
    return Plan(
        risk="send",
        summary=f"Send transactional {_noun(by)} {template.id} {quoted(template.name)} to {recipient.name}.",
        notes=(f"It will be sent {f'at {moment(at)}' if at else 'immediately'}.", *zone_notes(send_at), *where.notes),
        preview=preview.lines,
        reached=0 if _is_unreachable(recipient, chosen) else None,
        missing_data=preview.missing_data,
        examples=(recipient.example,),
        recipients=where.people,
        test_profiles=await test_profiles(ws, recipient),
        warnings=(*where.warnings, *_warnings(recipient, chosen), *preview.warnings),
        calls=(
            sends.send(
                by, int(template.id), recipient.reference.in_body, where.to, data or {}, send_at=at, options=settings
            ),
        ),
        rests_on=recipient.rests_on | {"message": template.name, "content": content_digest(contents), "own": where.own},
        once=True,
        repeat=repeat,
        trace=Evidence(person=recipient.cio_id, message=template.id, recipient=where.evidence)
        if recipient.cio_id
        else None,
        due_at=at.timestamp() if at else None,
        next_step="To follow it, call wait_for_event with this change and metric=delivered. get_message has the text.",
    )


def _noun(channel: sends.Channel) -> str:
    return NOUNS[channel].partition(" ")[2]


def _due(send_at: str | None, now: datetime) -> datetime | None:
    at = time_of("send_at", send_at)
    if at is None or at <= now:
        if at is not None and now - at > timedelta(minutes=1):
            raise InvalidArgument("send_at", "is in the past; omit it to send now")
        return None
    if at - now > timedelta(days=sends.SEND_AHEAD_DAYS):
        raise InvalidArgument("send_at", f"is more than {sends.SEND_AHEAD_DAYS} days ahead; Customer.io rejects that")
    return at


def _is_unreachable(recipient: Recipient, options: SendOptions) -> bool:
    person = recipient.person
    return person is not None and person.unsubscribed and not options.send_to_unsubscribed


def _warnings(recipient: Recipient, options: SendOptions) -> tuple[str, ...]:
    warnings = []
    if recipient.person and recipient.person.unsubscribed:
        unreachable = _is_unreachable(recipient, options)
        reaches = "so Customer.io will not deliver it" if unreachable else "but will receive it anyway"
        warnings.append(f"The customer is unsubscribed, {reaches}.")
    if options.queue_draft:
        warnings.append("It is queued as a draft: someone has to send it in Customer.io.")
    return tuple(warnings)
