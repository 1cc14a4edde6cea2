"""Numbers and dates as some countries write them: read only where a column is mapped to it, and never guessed."""

import re
from datetime import UTC, datetime

from pydantic import JsonValue

from cio_mcp.errors import InvalidArgument

_DECIMAL_COMMA = re.compile(r"-?(?:[0-9]{1,15}|[0-9]{1,3}(?:\.[0-9]{3}){1,4})(?:,[0-9]{1,14})?", re.ASCII)
_DATE = re.compile(
    r"([0-9]{1,2})([./-])([0-9]{1,2})\2([0-9]{4})(?:[ T,]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?)?", re.ASCII
)
MAX_DIGITS = 15
"""Of a number, since a float keeps no more."""


def read_decimal_comma(value: JsonValue) -> JsonValue:
    """A number such as `1.234,56`; a point separates thousands.

    Raises:
        InvalidArgument: it is none, or has more digits than a number keeps.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _DECIMAL_COMMA.fullmatch(text := value.strip()):
        plain = text.replace(".", "").replace(",", ".")
        if sum(map(str.isdigit, plain)) <= MAX_DIGITS:
            return float(plain) if "." in plain else int(plain)
    raise InvalidArgument("", f"expected a number such as 1.234,56, of at most {MAX_DIGITS} digits")


def read_day_first(value: JsonValue) -> JsonValue:
    """A date such as `31.01.2026 09:00` as Unix seconds.

    Raises:
        InvalidArgument: it is none, or before 1970.
    """
    return _read_date(value, is_day_first=True)


def read_month_first(value: JsonValue) -> JsonValue:
    """A date such as `01/31/2026 09:00` as Unix seconds.

    Raises:
        InvalidArgument: it is none, or before 1970.
    """
    return _read_date(value, is_day_first=False)


def _read_date(value: JsonValue, *, is_day_first: bool) -> int:
    example = "31.01.2026 or 31.01.2026 09:00" if is_day_first else "01/31/2026 or 01/31/2026 09:00"
    expected = InvalidArgument("", f"expected a date of 1970 or later, such as {example}")
    found = _DATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise expected
    one, other, year, hour, minute, second = (int(part or 0) for part in found.group(1, 3, 4, 5, 6, 7))
    day, month = (one, other) if is_day_first else (other, one)
    try:
        seconds = int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
    except ValueError:
        raise expected from None
    if seconds < 0:
        raise expected
    return seconds
