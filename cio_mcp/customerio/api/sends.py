"""Sends of transactional messages, as calls."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from cio_mcp.customerio.call import Call

SEND_AHEAD_DAYS = 90
PAYLOAD_BYTES = 1_000_000
"""Limits as documented at https://docs.customer.io/integrations/api/app/ (send email)."""


Channel = Literal["email", "push", "sms", "whatsapp", "in_app", "inbox_message"]

OPERATIONS: dict[Channel, str] = {
    "email": "send_email",
    "push": "send_push",
    "sms": "send_sms",
    "whatsapp": "send_whatsapp",
    "in_app": "send_in_app",
    "inbox_message": "send_inbox_message",
}


def email(
    message: int, person: Mapping[str, str], to: str, data: dict[str, JsonValue], *,
    send_at: datetime | None, options: dict[str, JsonValue],
) -> Call:  # fmt: skip
    """Send a transactional email; see `send`."""
    return send("email", message, person, to, data, send_at=send_at, options=options)


def send(
    channel: Channel, message: int, person: Mapping[str, str], to: str | None, data: dict[str, JsonValue], *,
    send_at: datetime | None, options: dict[str, JsonValue],
) -> Call:  # fmt: skip
    """Send a transactional message; Customer.io has no idempotency key, so the call is made once or never.

    `person` is one of `{"id": …}`, `{"email": …}`, `{"cio_id": …}`. `to` is an email address, a phone number, or the
    devices of a push; messages in an app go to the person and have none. `options` are booleans and the language, as in
    the API; `send_to_unsubscribed` is always set, since Customer.io's own default is true.
    """
    body: dict[str, JsonValue] = {
        "transactional_message_id": message,
        "identifiers": {**person},
        **({} if to is None else {"to": to}),
        "send_to_unsubscribed": False,
        **options,
    }
    if data:
        body["message_data"] = data
    if send_at is not None:
        body["send_at"] = int(send_at.timestamp())
    return Call(operation=OPERATIONS[channel], body=body)
