"""Values of attributes that Customer.io would take, and then treat as something else than was meant."""

from pydantic import JsonValue

from cio_mcp.errors import InvalidArgument
from cio_mcp.text.names import fold
from cio_mcp.tools.common.recipients import one_address

UNIX_SECONDS_DIGITS = 10
"""Enough until the year 2286; a time in milliseconds has 13."""


def check_meaning(place: str, name: str, value: JsonValue) -> None:
    """Refuse a value that its attribute cannot have; `place` is the argument that holds the attributes.

    Raises:
        InvalidArgument: it is no single address, no truth value, or no time in seconds.
    """
    if value in (None, ""):
        return
    match fold(name):
        case "email":
            one_address(f"{place}.email", str(value))
        case "unsubscribed" if str(value).lower() not in ("true", "false"):
            raise InvalidArgument(f"{place}.unsubscribed", "expected true or false")
        case "created_at":
            _check_seconds(f"{place}.created_at", str(value))


def _check_seconds(field: str, text: str) -> None:
    if not (text.isascii() and text.isdecimal()):
        raise InvalidArgument(field, "expected a Unix time in seconds")
    if len(text) > UNIX_SECONDS_DIGITS:
        raise InvalidArgument(field, "expected a Unix time in seconds (this looks like milliseconds)")
