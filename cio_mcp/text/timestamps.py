"""Times in text: ISO 8601, written with a zone; read with one, or in the zone that applies."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from cio_mcp.errors import InvalidArgument

EXAMPLE = "2026-01-31T09:00:00Z"
DATE_DIGITS = 8
"""A date in ISO 8601's basic format, `20260131`, is digits only, as Unix seconds are."""

MIN_UNIX_SECONDS, MAX_UNIX_SECONDS = 315_532_800, 4_102_444_800
"""1980 and 2100: a number between them is taken for Unix seconds. Chosen; outside it is more likely a mistake."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def moment(at: datetime) -> str:
    """Write a moment to the second in its own zone, UTC as `Z`: the spelling of structured answers.

    Raises:
        ValueError: the moment has no zone; one of ours always has.
    """
    if at.tzinfo is None:
        raise ValueError("a moment without a zone")
    return at.isoformat(timespec="seconds").removesuffix("+00:00") + ("" if at.utcoffset() else "Z")


def clock_line(now: datetime) -> str:
    """State the current time, for readers without a clock."""
    return f"The time is now {moment(now)}."


@dataclass(frozen=True, slots=True)
class TimeInput:
    """A time from an argument, and whether it had no zone."""

    at: datetime
    zone_assumed: bool = False


def read_time(value: str | float, field: str, *, zone: tzinfo = UTC, now: datetime | None = None) -> TimeInput:
    """Read the time given as the argument `field`: ISO 8601, in `zone` where it has none, or Unix seconds.

    Errors say what time it is (`now`, or this machine's clock), for those who gave a relative one.

    Raises:
        InvalidArgument: it is neither.
    """
    text = str(value).strip()
    if _NUMBER.fullmatch(text) and len(text) != DATE_DIGITS:
        return TimeInput(_read_unix(float(text), field))
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        current = moment((now or datetime.now(UTC)).astimezone(UTC))
        raise InvalidArgument(
            field, f"expected an ISO 8601 time, such as {EXAMPLE} or {EXAMPLE[:10]}. It is now {current}"
        ) from None
    return TimeInput(at) if at.tzinfo else TimeInput(at.replace(tzinfo=zone), zone_assumed=True)


def parse(text: str, field: str) -> datetime:
    """Parse the time in the argument `field`; UTC if it has no zone.

    Raises:
        InvalidArgument: it is neither ISO 8601 nor Unix seconds.
    """
    return read_time(text, field).at


def _read_unix(number: float, field: str) -> datetime:
    if MIN_UNIX_SECONDS <= number <= MAX_UNIX_SECONDS:
        return from_unix(number)
    likely = "; this is in milliseconds" if number > MAX_UNIX_SECONDS else ""
    raise InvalidArgument(field, f"expected an ISO 8601 time, such as {EXAMPLE}, or Unix seconds{likely}")


def from_unix(seconds: float) -> datetime:
    """Return the moment (UTC) of a Unix time in seconds."""
    return datetime.fromtimestamp(seconds, UTC)


def from_unix_if_readable(seconds: float) -> datetime | None:
    """Return the moment (UTC) of a foreign Unix time, or None if it can't be one in seconds."""
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def ago(at: datetime, now: datetime) -> str:
    """How long ago a moment is, in its largest unit: `3 minutes ago`, `in 2 days`, `just now`."""
    seconds = (now - at).total_seconds()
    for unit, size in _UNITS:
        if (count := int(abs(seconds) // size)) >= 1:
            text = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"{text} ago" if seconds > 0 else f"in {text}"
    return "just now"
