"""Sends of transactional messages, as calls."""

from datetime import datetime

from pydantic import JsonValue

from cio_mcp.customerio.call import Call

SEND_AHEAD_DAYS = 90
PAYLOAD_BYTES = 1_000_000
"""Limits as documented at https://docs.customer.io/integrations/api/app/ (send email)."""


def email(
    message: int, person: dict[str, JsonValue], to: str, data: dict[str, JsonValue], *,
    send_at: datetime | None, options: dict[str, JsonValue],
) -> Call:  # fmt: skip
    """Send a transactional email; Customer.io has no idempotency key, so the call is made once or never.

    `person` is one of `{"id": …}`, `{"email": …}`, `{"cio_id": …}`. `options` are booleans and the language, as in the
    API; `send_to_unsubscribed` is always set, since Customer.io's own default is true.
    """
    body: dict[str, JsonValue] = {
        "transactional_message_id": message,
        "identifiers": person,
        "to": to,
        "send_to_unsubscribed": False,
        **options,
    }
    if data:
        body["message_data"] = data
    if send_at is not None:
        body["send_at"] = int(send_at.timestamp())
    return Call(operation="send_email", body=body)
