"""Values of attributes: what Customer.io refuses, or would take and then treat as something else than was meant."""

import re

from pydantic import JsonValue

from cio_mcp.errors import InvalidArgument
from cio_mcp.text.names import fold
from cio_mcp.text.sanitize import clean

RESERVED = frozenset({"_timestamp", "_update", "anonymous_id", "cio_id"})
"""Attributes with which a profile write would be another kind of write (Track API, identify)."""

REACHING_ATTRIBUTES = frozenset(
    {"id", "email", "phone", "unsubscribed", "cio_subscription_preferences", "cio_relationships"}
)
"""Attributes that affect who receives messages."""

MAX_EMAIL_BYTES = 254
"""RFC 5321 leaves an address 256 octets with its angle brackets."""

_NOT_IN_ADDRESS = r"\s@,;:<>()\[\]\"\\{}|%`"
SENDABLE_ADDRESS = re.compile(rf"[^{_NOT_IN_ADDRESS}]+@[^{_NOT_IN_ADDRESS}]+")
"""One address that Customer.io accepts, in any script: no name, no list, no quotes, and no Liquid, which it may render.

Narrower is only what a policy can list: `PLAIN_ADDRESS` in `gate/policy.py`.
"""

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


def one_address(field: str, address: str) -> None:
    """Refuse anything but exactly one plain email address.

    Raises:
        InvalidArgument: it is none, is too long, or has a name, a list, Liquid or unseen characters about it.
    """
    within(field, address, MAX_EMAIL_BYTES)
    if not SENDABLE_ADDRESS.fullmatch(address) or clean(address, len(address)) != address:
        raise InvalidArgument(field, "expected one email address, without a display name or any of {}|%")


def within(field: str, text: str, limit: int) -> None:
    """Refuse a text of more than `limit` bytes.

    Raises:
        InvalidArgument: it is longer.
    """
    if (size := len(text.encode())) > limit:
        raise InvalidArgument(field, f"is {size:,} bytes long; Customer.io accepts at most {limit:,}")
