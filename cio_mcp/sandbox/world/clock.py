"""The sandbox's time: it runs with the machine's or stands still, and can be put forward."""

import heapq
import itertools
import math
import time
from collections.abc import Callable


class Clock:
    """Unix time in seconds that runs with the machine's and can be put forward."""

    def __init__(self) -> None:
        self._base = time.time() - time.monotonic()
        self._ahead = 0.0
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> float:
        """Return the Unix time in seconds."""
        return self._base + time.monotonic() + self._ahead

    def wait(self, until: float) -> float:
        """Return the seconds of the machine until this clock reaches a time by itself."""
        return max(0.0, until - self.now())

    def advance(self, seconds: float) -> None:
        """Put the clock forward."""
        self._ahead += seconds
        self.tell()

    def listen(self, listener: Callable[[], None]) -> None:
        """Have `listener` called whenever the clock was put forward."""
        self._listeners.append(listener)

    def tell(self) -> None:
        """Call the listeners."""
        for listener in self._listeners:
            listener()


class StillClock(Clock):
    """A clock that moves only when it is put forward; 2026-06-15 12:00 UTC unless told."""

    def __init__(self, start: float = 1_781_524_800.0) -> None:
        super().__init__()
        self._now = start

    def now(self) -> float:
        """Return the Unix time in seconds."""
        return self._now

    def wait(self, until: float) -> float:
        """Return 0 when the time is past; by itself this clock reaches no other."""
        return 0.0 if until <= self._now else math.inf

    def advance(self, seconds: float) -> None:
        """Put the clock forward."""
        self._now += seconds
        self.tell()


class Agenda:
    """What will happen later, in order of time; whoever looks at the workspace first lets the due part happen."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._due)

    @property
    def next_at(self) -> float:
        """When the next of it is due, infinity when nothing is."""
        return self._due[0][0] if self._due else math.inf

    def at(self, when: float, action: Callable[[float], None]) -> None:
        """Have `action` called with its time once the clock reaches it."""
        heapq.heappush(self._due, (when, next(self._order), action))

    def run_until(self, now: float) -> None:
        """Do all that is due, including what that brings about."""
        while self._due and self._due[0][0] <= now:
            when, _, action = heapq.heappop(self._due)
            action(when)
