"""Checks of single fields that several routes share."""

from typing import Any

MAX_TIMESTAMP = 4_102_444_800
"""2100-01-01. Chosen: no limit is published."""


def is_timestamp(value: Any) -> bool:
    """Whether a value is a Unix timestamp in seconds."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_TIMESTAMP


def is_identifier(value: Any) -> bool:
    """Whether a value can identify a person or an object: text that is not blank, or a number."""
    return isinstance(value, str | int) and not isinstance(value, bool) and bool(str(value).strip())


def is_optional_text(value: Any) -> bool:
    """Whether a value is text, or null."""
    return value is None or isinstance(value, str)


def is_optional_flag(value: Any) -> bool:
    """Whether a value is true, false, or null."""
    return value is None or isinstance(value, bool)


def is_optional_object(value: Any) -> bool:
    """Whether a value is a JSON object, or null."""
    return value is None or isinstance(value, dict)
