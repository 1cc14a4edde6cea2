"""Times in text: ISO 8601, written with a zone; read with one, or in the zone that applies."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cio_mcp.errors import InvalidArgument

EXAMPLE = "2026-01-31T09:00:00Z"
EXAMPLE_WITH_OFFSET = "2026-11-27T09:00:00-05:00"
DATE_DIGITS = 8
"""A date in ISO 8601's basic format, `20260131`, is digits only, as Unix seconds are."""

MIN_UNIX_SECONDS, MAX_UNIX_SECONDS = 315_532_800, 4_102_444_800
"""1980 and 2100: a number between them is taken for Unix seconds. Chosen: outside it is more likely a mistake."""

_NAMED_ZONE = re.compile(r"([\dTW:.,-]+(?: [\d:.]+)?) ?[(\[]?([A-Za-z]+/[A-Za-z_/+-]{1,40})[)\]]?", re.ASCII)
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


def read_time(
    value: str | float, field: str, *, zone: tzinfo = UTC, now: datetime | None = None, whole_days: bool = True
) -> TimeInput:
    """Read the time given as the argument `field`: ISO 8601, in `zone` where it has none, or Unix seconds.

    Errors say what time it is, if `now` is given, for those who gave a relative one.

    Raises:
        InvalidArgument: it is neither, or it is a date alone and `whole_days` are not accepted.
    """
    text = str(value).strip()
    if not whole_days and _is_date(text):
        raise InvalidArgument(field, f"expected a date and time, such as {EXAMPLE_WITH_OFFSET}")
    if _NUMBER.fullmatch(text) and len(text) != DATE_DIGITS:
        return TimeInput(_read_unix(float(text), field))
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        if offset_form := _with_offset(text):
            raise InvalidArgument(
                field, f"expected a UTC offset instead of the name of a time zone: {offset_form}"
            ) from None
        current = f". It is now {moment(now.astimezone(UTC))}" if now else ""
        also = f"{EXAMPLE} or {EXAMPLE[:10]}" if whole_days else EXAMPLE_WITH_OFFSET
        raise InvalidArgument(field, f"expected an ISO 8601 time, such as {also}{current}") from None
    return TimeInput(at) if at.tzinfo else TimeInput(at.replace(tzinfo=zone), zone_assumed=True)


def parse(text: str, field: str) -> datetime:
    """Parse the time in the argument `field`; UTC if it has no zone.

    Raises:
        InvalidArgument: it is neither ISO 8601 nor Unix seconds.
    """
    return read_time(text, field).at


def has_zone(text: str) -> bool:
    """Whether a time that `read_time` accepts states its zone; Unix seconds do."""
    return not read_time(text, "").zone_assumed


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _with_offset(text: str) -> str | None:
    """A time that ends in the name of a zone, such as `America/New_York`, with that zone's offset instead."""
    if (match := _NAMED_ZONE.fullmatch(text)) is None or _is_date(match[1]):
        return None
    try:
        at = datetime.fromisoformat(match[1])
        return None if at.tzinfo else moment(at.replace(tzinfo=ZoneInfo(match[2])))
    except (ValueError, OSError, OverflowError, ZoneInfoNotFoundError):
        return None


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
