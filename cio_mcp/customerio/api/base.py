"""What the modules of `api/` share: lenient models, times, and the way to read."""

import re
from datetime import UTC, datetime
from math import isfinite
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from cio_mcp.customerio.left_out import leave_out
from cio_mcp.errors import BadAnswer
from cio_mcp.text.sanitize import quoted, word
from cio_mcp.text.timestamps import from_unix_if_readable

_UNIX_SECONDS = re.compile(r"[0-9]{1,20}(\.[0-9]{1,9})?")
_TOKEN = re.compile(r"[!-~]{1,4000}")
_ID = re.compile(r"[!-~]{0,200}")
UNLESS_READ = "not given only where it is not given"
"""Marks an optional field whose absence means something: a value that cannot be read is an error."""


class Model(BaseModel):
    """A lenient model of what Customer.io answers: unknown keys are ignored, ids come as int or str."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, coerce_numbers_to_str=True)

    @model_validator(mode="wrap")
    @classmethod
    def _leniently(cls, value: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        """Read a record although one of its optional fields cannot be read: that field counts as not given."""
        try:
            return read(value)
        except ValidationError as wrong:
            if not isinstance(value, dict):
                raise
            odd = {error["loc"][0] for error in wrong.errors() if len(error["loc"]) == 1}
            unread = {str(name) for name in odd if cls._may_be_missing(str(name), value.get(str(name)))}
            if not unread:
                raise
            return read({name: field_value for name, field_value in value.items() if name not in unread})

    @classmethod
    def _may_be_missing(cls, name: str, field_value: object) -> bool:
        """Whether a field can go unread: null for any default, else only where the default states nothing."""
        field = next((each for key, each in cls.model_fields.items() if name in (key, each.alias)), None)
        if field is None or field.is_required() or UNLESS_READ in field.metadata:
            return False
        return field_value is None or field.get_default(call_default_factory=True, validated_data={}) in (None, "")

    @classmethod
    def of(cls, answer: object) -> Self:
        """Read an answer.

        Raises:
            BadAnswer: it lacks what Customer.io documents, or has it in another shape.
        """
        try:
            return cls.model_validate(answer)
        except ValidationError as wrong:
            # Only the outermost name: deeper ones may be keys out of the answer.
            names = {str(error["loc"][0]) if error["loc"] else "all of it" for error in wrong.errors()}
            raise BadAnswer(f"Customer.io's response is not as documented ({', '.join(sorted(names))}).") from None


def _moment(value: Any) -> datetime | None:
    """Read a time leniently: a value that is no time in seconds costs the time, not the record."""
    match value:
        case bool():
            return None
        case int() | float():
            return from_unix_if_readable(value)
        case str() if _UNIX_SECONDS.fullmatch(value.strip()):
            return from_unix_if_readable(float(value))
        case str():
            return _from_iso(value.strip())
        case _:
            return value if isinstance(value, datetime) else None


def _from_iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def items_of(value: Any) -> list[Any]:
    """The items of a list that an answer is about; null and "nil" are an empty one, as Customer.io has it.

    Raises:
        ValueError: it is no list: what an answer does not say must not look like nothing.
    """
    if isinstance(value, list | tuple):
        return [*value]
    if value in (None, "nil"):
        return []
    raise ValueError("expected a list")


def _subject_items(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    items = _readable_items(items_of(value), read)
    if isinstance(value, list):
        leave_out(value, len(value) - len(items))
    return items


def is_token(text: str) -> bool:
    """Whether a text may be the token of a page: it stands unquoted in answers, so no sentence is one."""
    return _TOKEN.fullmatch(text) is not None


def _token(value: str | None) -> str | None:
    if value is not None and not is_token(value):
        raise ValueError("expected a token")
    return value


def _id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise ValueError("expected an ID")
    return value


Id = Annotated[str, AfterValidator(_id)]
"""An ID that Customer.io gave. It holds no spaces, so that no sentence stands unquoted in its place."""

Enumerated = Annotated[str, AfterValidator(lambda value: value and word(value))]
"""A word of Customer.io's own, such as a type or a state, which stands bare in answers: all else is quoted."""


def _readable_items(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """Read a list leniently: an incomplete item is left out, unless all are incomplete."""
    items = value if isinstance(value, list | tuple) else []
    try:
        return read(items)
    except ValidationError as wrong:
        odd = {error["loc"][0] for error in wrong.errors() if error["loc"]}
        whole = [item for index, item in enumerate(items) if index not in odd]
        if not whole:
            raise
        return read(whole)


Moment = Annotated[datetime | None, BeforeValidator(_moment)]
"""A Unix time in seconds as an aware datetime (UTC); 0, "", null and what cannot be read mean no time."""

Listed = WrapValidator(_readable_items)
"""For `Annotated[list[...], Listed]`: where Customer.io says null, nothing, or "nil" for a list, it is empty; an odd
item is left out."""

Subject = WrapValidator(_subject_items)
"""For the list that an answer is about, a field without a default: it is an error where there is none, or no list."""

Complete = BeforeValidator(items_of)
"""The same for a list that a decision about a write rests on: no item may be left out, so an odd one is an error."""

Flag = Annotated[bool, BeforeValidator(lambda value: False if value in (None, "") else value)]
"""A truth that is false where it is not given; a value that is neither true nor false is an error."""

MAX_COUNT = 2**53
"""The largest whole number that every JSON reader and every share of it has exactly; Customer.io counts no more."""
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
"""How many there are of something; what is no such number is not 0."""

Blank = BeforeValidator(lambda value: None if value in ("", 0) else value)
"""For `Annotated[str | None, Blank]`: Customer.io says "" or 0 as well as null for an id that is not there."""

NextToken = Annotated[str | None, Blank, AfterValidator(_token), UNLESS_READ]
"""The token of the next page; what is no token is an error, since a list without one would seem to end."""

UNDATED_COUNT = 1
"""The count of a metric whose time cannot be read: it happened."""


def _metrics(value: Any) -> dict[str, int | float | None]:
    metrics = value if isinstance(value, dict) else {}
    return {str(name): _time_or_count(number) for name, number in metrics.items()}


def _time_or_count(number: Any) -> int | float | None:
    if isinstance(number, str) and _UNIX_SECONDS.fullmatch(number.strip()):
        number = float(number)
    if number is None or (isinstance(number, int | float) and isfinite(number)):
        return number
    return UNDATED_COUNT if number else None


IdType = Literal["id", "email", "phone", "cio_id"]
KIND_NAMES: dict[IdType, str] = {
    "id": "id",
    "email": "email address",
    "phone": "phone number",
    "cio_id": "cio_id",
}
IDENTIFIER_KINDS: tuple[IdType, ...] = tuple(KIND_NAMES)
Kind = Literal["campaign", "broadcast", "newsletter", "transactional"]

MAX_PAGES = 10
"""Requests that one list may cost. Chosen."""

LIST_SECONDS = 10.0
"""How long a list of campaigns, segments and the like may be reused. Chosen: short enough to notice an edit."""


class Reference(NamedTuple):
    """How a person is named; without `id_type` the value is an `id`, whatever it looks like."""

    value: str
    id_type: IdType | None = None

    @property
    def kind(self) -> IdType:
        """The kind of identifier."""
        return self.id_type or "id"

    @property
    def fits_path(self) -> bool:
        """Whether a path of the Track API (v1), which has only the shape to go by, reads the value as this kind.

        There `cio_…` is a cio_id, anything with an @ an email, and all else an id, phone numbers included:
        https://docs.customer.io/integrations/api/track/ (identify).
        """
        if self.value.startswith("cio_"):
            return self.kind == "cio_id"
        return self.kind == ("email" if "@" in self.value else "id")

    @property
    def in_body(self) -> dict[str, str]:
        """The identifier as bodies have it: a `cio_id` without the `cio_` that it takes in a path."""
        return {self.kind: self.value.removeprefix("cio_") if self.kind == "cio_id" else self.value}

    def __str__(self) -> str:
        return f"the {KIND_NAMES[self.kind]} {quoted(self.value)}"


class Identifiers(Model):
    """What identifies a person; each may be missing but `cio_id`, which only old answers lack."""

    id: Annotated[str | None, Blank] = None
    email: Annotated[str | None, Blank] = None
    phone: Annotated[str | None, Blank] = None
    cio_id: Annotated[str | None, Blank] = None

    @property
    def reference(self) -> Reference:
        """The reference that holds longest: `cio_id` never changes."""
        if self.cio_id:
            return Reference(f"cio_{self.cio_id}", "cio_id")
        return Reference(self.id) if self.id else Reference(self.email or "", "email")


class ObjectIdentifiers(Model):
    """What identifies an object."""

    object_id: Annotated[str | None, Blank] = None
    cio_object_id: Annotated[str | None, Blank] = None


class Message(Model):
    """One delivery: a message for one person; `metrics` holds what happened to it and when."""

    id: str
    type: Enumerated = ""
    created: Moment = None
    subject: Annotated[str | None, Blank] = None
    recipient: Annotated[str | None, Blank] = None
    customer_id: Annotated[str | None, Blank] = None
    customer_identifiers: Identifiers | None = None
    metrics: Annotated[dict[str, int | float | None], BeforeValidator(_metrics)] = Field(default_factory=dict)
    failure_message: Annotated[str | None, Blank] = None
    campaign_id: Annotated[str | None, Blank] = None
    broadcast_id: Annotated[str | None, Blank] = None
    newsletter_id: Annotated[str | None, Blank] = None
    transactional_message_id: Annotated[str | None, Blank] = None
    action_id: Annotated[str | None, Blank] = None
    content_id: Annotated[str | None, Blank] = None
    forgotten: bool = False


class MessagePage(Model):
    """Deliveries, newest first; `next` is the token of the next page."""

    messages: Annotated[tuple[Message, ...], Subject]
    next: NextToken = None


class Activity(Model):
    """One entry of the activity log."""

    id: Annotated[str | None, Blank] = None
    type: str = ""
    name: Annotated[str | None, Blank] = None
    timestamp: Moment = None
    customer_id: Annotated[str | None, Blank] = None
    customer_identifiers: Identifiers | None = None
    delivery_id: Annotated[str | None, Blank] = None
    delivery_type: Annotated[str | None, Blank] = None
    data: dict[str, Any] | None = None


class ActivityPage(Model):
    """Activities, newest first; `next` is the token of the next page."""

    activities: Annotated[tuple[Activity, ...], Subject]
    next: NextToken = None


def is_number(text: str) -> bool:
    """Whether a text may be the number of something: ASCII digits, no more than a number of 64 bits has."""
    return text.isascii() and text.isdecimal() and len(text) <= len(str(2**64))


class Content(Model):
    """What a message says: action of a campaign or broadcast, or a variant of a newsletter or transactional one."""

    id: Id
    name: str | None = None
    type: Enumerated | None = None
    language: str | None = None
    subject: str | None = None
    preheader_text: str | None = None
    body: str | None = None
    body_plain: str | None = None
    body_amp: str | None = None
    from_: str | None = Field(default=None, alias="from")
    from_id: Annotated[str | None, Blank] = None
    reply_to: str | None = None
    reply_to_id: Annotated[str | None, Blank] = None
    recipient: str | None = None
    headers: Any = None
    sending_state: Enumerated | None = None
    parent_action_id: Annotated[str | None, Blank] = None
    created: Moment = None
    updated: Moment = None

    @property
    def templates(self) -> tuple[str, ...]:
        """Its fields that may hold Liquid, without the empty ones."""
        return tuple(filter(None, self.texts))

    @property
    def texts(self) -> tuple[str | None, ...]:
        """Its fields that may hold Liquid, sender and recipient included."""
        head = (self.subject, self.preheader_text, self.from_, self.reply_to, self.recipient)
        return (*head, self.body, self.body_plain, self.body_amp)
