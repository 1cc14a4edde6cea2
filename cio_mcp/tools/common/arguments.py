"""Argument types that tools share. Their descriptions are short, because a model reads them with every tool."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from cio_mcp.customerio.api import base
from cio_mcp.customerio.attribute_checks import MAX_EMAIL_BYTES
from cio_mcp.errors import InvalidArgument
from cio_mcp.text.timestamps import parse

READ_AS = "x-read-as"
"""The keyword that says in a schema how to read a text; clients are not shown it.

An object that is read as `whole` keeps its empty parts: what is empty there does not mean that it was left out.
"""


@dataclass(frozen=True, slots=True)
class ReadAs:
    """Marks a text argument for `server/input.py` to read: a reference (an ID, address or name), a time, or a moment.

    A moment is when a write takes effect: a date alone is not enough, and a zone that is missing stays missing, so that
    the question can say so.
    """

    form: Literal["reference", "time", "moment"]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add the keyword."""
        return {**handler(core), READ_AS: self.form}


_REFERENCE = ReadAs("reference")

MAX_NAME_BYTES = 800
"""The longest name Customer.io documents is a newsletter's: 190 characters of up to 4 bytes; an id is shorter."""

MAX_CURSOR_BYTES = 2_000
FOREIGN_CURSOR = "expected the cursor from the previous page, unchanged"
MAX_TIME_BYTES = 64
"""No source: a time in ISO 8601 takes at most 35."""


def max_bytes(limit: int, expected: str = "") -> AfterValidator:
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

Customer = Annotated[str, _REFERENCE, Field(description="ID, email, or +phone", min_length=1)]
CustomerInList = Annotated[str, _REFERENCE, Field(min_length=1)]
"""The same in a list, next to an argument that states what is accepted."""
CustomerIdType = Annotated[Literal["id", "email", "phone", "cio_id"] | None, Field(description="If ambiguous")]
Id = Annotated[str, _REFERENCE, max_bytes(MAX_NAME_BYTES), Field(min_length=1)]
SegmentRef = Annotated[str, _REFERENCE, max_bytes(MAX_NAME_BYTES), Field(description="ID or exact name", min_length=1)]
Name = Annotated[str, _REFERENCE, max_bytes(MAX_NAME_BYTES)]
Email = Annotated[str, _REFERENCE, max_bytes(MAX_EMAIL_BYTES)]
Limit = Annotated[int, Field(ge=1, le=100)]
Cursor = Annotated[
    Annotated[str, _REFERENCE] | None,
    max_bytes(MAX_CURSOR_BYTES, FOREIGN_CURSOR),
    Field(description="Next page"),
]
Time = Annotated[str, ReadAs("time"), max_bytes(MAX_TIME_BYTES)]
Moment = Annotated[str, ReadAs("moment"), max_bytes(MAX_TIME_BYTES)]
Since = Annotated[Time | None, Field(description="ISO 8601")]
Until = Annotated[Time | None, Field(description="ISO 8601")]


def span(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """Read both ends of a span of time, in UTC.

    Raises:
        InvalidArgument: either is no ISO 8601 moment or has no zone, or the span is empty.
    """
    start, end = _moment("since", since), _moment("until", until)
    if start and start == end:
        raise InvalidArgument(
            "until", "is the same time as since; a date is its start, so for one day pass the next one"
        )
    if start and end and start > end:
        raise InvalidArgument("since", "must be earlier than until")
    return start, end


def _moment(field: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse(text, field).astimezone(UTC)
    except OverflowError:
        raise InvalidArgument(field, "expected a time between the years 1 and 9999 in UTC") from None
