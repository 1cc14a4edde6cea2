"""How fast a job is, how long it still takes, and when to look again: arithmetic on counts and seconds."""

from dataclasses import dataclass

LEAST_POLL_SECONDS, MOST_POLL_SECONDS = 2, 60
"""Seconds until the next look. Chosen: often enough to see progress, rarely enough not to fill a chat."""
LEAST_SECONDS = 0.01
"""Before that, nothing is known of the pace."""
FIRST_POLL_SECONDS = 5
"""While nothing is known of the pace."""
POLLS = 4
"""Looks until a job ends, if its pace stays the same."""
_UNITS = (("h", 3600), ("min", 60), ("s", 1))


@dataclass(frozen=True, slots=True)
class Pace:
    """Rows per second since the start, and seconds left at this pace; None as long as they can't be known."""

    rows_a_second: float | None
    seconds_left: float | None

    @classmethod
    def of(cls, done: int, total: int, seconds: float) -> "Pace":
        """The pace of a job that has done `done` of `total` rows in so many seconds."""
        if done <= 0 or seconds < LEAST_SECONDS:
            return cls(None, None)
        return cls(done / seconds, max(0, total - done) * seconds / done)

    @property
    def poll_seconds(self) -> int:
        """Whole seconds after which the next look is worthwhile."""
        if self.seconds_left is None:
            return FIRST_POLL_SECONDS
        return round(min(max(self.seconds_left / POLLS, LEAST_POLL_SECONDS), MOST_POLL_SECONDS))


def spell_duration(seconds: float) -> str:
    """A span of time in its two largest units, rounded up: `45 s`, `3 min 20 s`, `2 h 5 min`."""
    left = max(1, int(seconds) + (seconds > int(seconds)))
    if left >= _UNITS[0][1]:
        left += -left % _UNITS[1][1]
    parts = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count:,} {unit}")
    return " ".join(parts[:2])
