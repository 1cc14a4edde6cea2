"""Everything that can go wrong, sorted by who must act.

::

    CioError
    ├── UserError            the caller must change the call
    │   ├── InvalidArgument      an argument is not acceptable; names the field
    │   ├── NotFound             no such customer, segment, campaign …
    │   ├── Ambiguous            several match; lists how they differ
    │   ├── Refused              a rule of this server forbids it
    │   ├── InvalidAnswer        the client's answer to a question cannot be read
    │   └── Rejected             Customer.io did not accept it (4xx)
    ├── OperatorError        the server operator must fix something
    │   ├── SettingError         a setting is missing or wrong; names it
    │   ├── KeyRefused           Customer.io refused a key; names the setting
    │   └── StorageFailed        the database is full, locked, read-only or damaged
    └── TimeError            no one; it may work later
        ├── RateLimited          the lane is full; `retry_after` seconds
        ├── Unavailable          Customer.io answered 5xx, or not in time, or not at all
        └── BadAnswer            Customer.io's answer was not what it documents

The text of every error is a sentence for the person who must act.
It never carries a key, an address, or any part of a request's or answer's body.
"""

from typing import TypeVar

from pydantic_core import ErrorDetails

AnyException = TypeVar("AnyException", bound=Exception)


class CioError(Exception):
    """Anything this project raises on purpose; `str()` of it may be shown to anyone."""


class UserError(CioError):
    """The caller must change the call; nothing was sent."""


class InvalidArgument(UserError):
    """An argument is not acceptable; `field` names it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


class NotFound(UserError):
    """The requested thing does not exist."""


class Ambiguous(UserError):
    """Several things match; the text lists how they differ."""


class Refused(UserError):
    """A rule of this server forbids the request; nothing was sent."""


class InvalidAnswer(UserError):
    """The client's answer to a question cannot be read; nothing was sent."""


class Rejected(UserError):
    """Customer.io did not accept the request."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class OperatorError(CioError):
    """The server operator must fix something."""


class SettingError(OperatorError):
    """A setting is missing or wrong; `setting` names it. The text is a sentence, so that advice may follow."""

    def __init__(self, setting: str, problem: str) -> None:
        text = f"{setting}: {problem}"
        super().__init__(text if text.endswith((".", "?", "!")) else f"{text}.")
        self.setting = setting


class KeyRefused(OperatorError):
    """Customer.io refused a key; the text names the setting to check."""


class StorageFailed(OperatorError):
    """The database cannot be used; writes are refused, reads go on."""


class TimeError(CioError):
    """No one has to change anything; it may work later."""


class RateLimited(TimeError):
    """The lane has no room in time; `retry_after` is in seconds."""

    def __init__(self, retry_after: float, *, lane: str = "app") -> None:
        super().__init__(
            f"Customer.io's rate limit (lane {lane}) has no room in time. Try again in {max(1, round(retry_after))} s."
        )
        self.retry_after = retry_after
        self.lane = lane


class Unavailable(TimeError):
    """Customer.io answered with a server error, not in time, or not at all."""


class BadAnswer(TimeError):
    """Customer.io's answer was not what it documents (not JSON, empty, too large)."""


def first_of(group: BaseExceptionGroup[AnyException]) -> AnyException:
    """The first exception of a group that is no group itself."""
    first = group.exceptions[0]
    return first_of(first) if isinstance(first, BaseExceptionGroup) else first


def expectation(detail: ErrorDetails) -> str:
    """What a model of ours accepts where it refused a value, in our words; never the value."""
    kind = detail["type"].removesuffix("_size").removesuffix("_parsing").removesuffix("_type")
    if accepted := _ACCEPTED.get(kind):
        return accepted.format_map({name: _plain(value) for name, value in detail.get("ctx", {}).items()})
    return f"{detail['msg'][0].lower()}{detail['msg'][1:]}"


def _plain(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


_ACCEPTED = {
    "missing": "is required",
    "string": "expected text",
    "int": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float": "expected a number",
    "bool": "expected true or false",
    "dict": "expected an object",
    "list": "expected a list",
    "tuple": "expected a list",
    "literal_error": "expected {expected}",
    "greater_than": "expected more than {gt}",
    "greater_than_equal": "expected at least {ge}",
    "less_than_equal": "expected at most {le}",
    "less_than": "expected less than {lt}",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "too_long": "expected at most {max_length} items",
    "string_too_long": "expected at most {max_length} characters",
    "value_error": "{error}",
}
"""By pydantic's types of errors, less their endings."""
