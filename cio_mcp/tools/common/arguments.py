"""Argument types that tools share; a model reads their descriptions with every tool, so they are short."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from cio_mcp.customerio.api import base
from cio_mcp.errors import InvalidArgument
from cio_mcp.text.timestamps import parse

_AsText = BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)
"""Models give ids as numbers as often as not."""

MAX_NAME_BYTES = 800
"""The longest name Customer.io documents is a newsletter's: 190 characters of up to 4 bytes; an id is shorter."""

MAX_EMAIL_BYTES = 254
"""RFC 5321 leaves an address 256 octets with its angle brackets."""

MAX_CURSOR_BYTES = 2_000
FOREIGN_CURSOR = "expected the cursor of the page before, unchanged"
MAX_TIME_BYTES = 64
"""No source: a time in ISO 8601 takes at most 35."""


def bounded(limit: int, expected: str = "") -> AfterValidator:
    """Refuse a text of more than `limit` bytes; schemas do not show it, so it costs no context."""

    def check(text: str | None) -> str | None:
        if text is not None and (size := len(text.encode(errors="surrogatepass"))) > limit:
            raise ValueError(expected or f"is {size:,} bytes long; expected at most {limit:,}")
        return text

    return AfterValidator(check)


Kind = base.Kind
Channel = Literal["email", "sms", "push", "in_app", "whatsapp", "webhook", "slack"]
Metric = Literal[
    "attempted", "sent", "delivered", "opened", "clicked", "converted",
    "bounced", "spammed", "unsubscribed", "dropped", "failed", "undeliverable",
]  # fmt: skip

Customer = Annotated[str, _AsText, Field(description="id, email, +phone or cio_…", min_length=1)]
CustomerIdType = Annotated[
    Literal["id", "email", "phone", "cio_id"] | None, Field(description="If it cannot be told from customer")
]
Id = Annotated[str, _AsText, bounded(MAX_NAME_BYTES), Field(min_length=1)]
SegmentRef = Annotated[str, _AsText, bounded(MAX_NAME_BYTES), Field(description="id or exact name", min_length=1)]
Email = Annotated[str, bounded(MAX_EMAIL_BYTES)]
Limit = Annotated[int, Field(ge=1, le=100)]
Cursor = Annotated[str | None, bounded(MAX_CURSOR_BYTES, FOREIGN_CURSOR), Field(description="From the page before")]
Time = Annotated[str, bounded(MAX_TIME_BYTES)]
Since = Annotated[Time | None, Field(description="ISO 8601 with zone")]
Until = Annotated[Time | None, Field(description="ISO 8601 with zone")]


def span(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """Read both ends of a span of time, in UTC.

    Raises:
        InvalidArgument: either is no ISO 8601 moment or has no zone, or the span is empty.
    """
    start, end = _moment("since", since), _moment("until", until)
    if start and end and start >= end:
        raise InvalidArgument("since", "must be earlier than until")
    return start, end


def _moment(field: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse(text, field).astimezone(UTC)
    except OverflowError:
        raise InvalidArgument(field, "expected a time between the years 1 and 9999 in UTC") from None
