"""How much the arrival of requests may spread, and so how much longer than a window a grant counts."""

from collections import deque
from urllib.parse import urlsplit

GUARD_MIN, GUARD_START, GUARD_MAX = 0.012, 0.1, 0.25
MIN_TRIPS = 20
MAX_TRIPS = 200


class Guard:
    """How much arrivals may spread: fixed, or following the round trips measured to a remote host."""

    def __init__(self, fixed: float | None = None) -> None:
        self.seconds = GUARD_START if fixed is None else fixed
        self._fixed = fixed is not None
        self._trips: deque[float] = deque(maxlen=MAX_TRIPS)

    def note(self, round_trip: float) -> None:
        """Take a round trip (seconds) into account: the 99th percentile less the minimum of the last 200."""
        self._trips.append(round_trip)
        if self._fixed or len(self._trips) < MIN_TRIPS:
            return
        trips = sorted(self._trips)
        self.seconds = min(GUARD_MAX, max(GUARD_MIN, trips[int(0.99 * (len(trips) - 1))] - trips[0]))


def guard_for(url: str) -> Guard:
    """The guard for a base URL: 12 ms on loopback, measured elsewhere."""
    host = urlsplit(url).hostname or ""
    return Guard(GUARD_MIN if host == "localhost" or host.startswith("127.") or host == "::1" else None)
