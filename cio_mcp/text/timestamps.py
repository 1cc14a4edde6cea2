"""Moments in text: ISO 8601, always with a zone."""

from datetime import UTC, datetime

from cio_mcp.errors import InvalidArgument

EXAMPLE = "2026-01-31T09:00:00Z"
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
    """Say what time it is, for whoever has no clock."""
    return f"The time is now {moment(now)}."


def parse(text: str, field: str) -> datetime:
    """Read a moment that somebody gave as the argument `field`.

    Raises:
        InvalidArgument: it is no ISO 8601 moment, or has no zone.
    """
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidArgument(field, f"expected an ISO 8601 time with a zone, such as {EXAMPLE}") from None
    if at.tzinfo is None:
        raise InvalidArgument(field, f"the time has no zone; write it as {EXAMPLE} or with an offset such as +02:00")
    return at


def from_unix(seconds: float) -> datetime:
    """Return the moment (UTC) of a Unix time in seconds."""
    return datetime.fromtimestamp(seconds, UTC)


def from_unix_if_readable(seconds: float) -> datetime | None:
    """Return the moment (UTC) of a Unix time that somebody else wrote; None for what cannot be one in seconds."""
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def ago(at: datetime, now: datetime) -> str:
    """How long ago a moment is, in its largest unit: `3 minutes ago`, `in 2 days`, `just now`."""
    seconds = (now - at).total_seconds()
    for unit, size in _UNITS:
        if (count := int(abs(seconds) // size)) >= 1:
            said = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"{said} ago" if seconds > 0 else f"in {said}"
    return "just now"
