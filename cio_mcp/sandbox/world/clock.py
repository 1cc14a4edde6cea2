"""The sandbox's time: it runs with the machine's clock or stands still, and can be advanced."""

import heapq
import itertools
import math
import time
from collections.abc import Callable

HOUR_SECONDS = 3600
DAY_SECONDS = 86_400


class Clock:
    """Unix time in seconds that runs with the machine's clock and can be advanced."""

    def __init__(self) -> None:
        self._base = time.time() - time.monotonic()
        self._ahead = 0.0
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> float:
        """Return the Unix time in seconds."""
        return self._base + time.monotonic() + self._ahead

    def wait(self, until: float) -> float:
        """Return the real seconds until this clock reaches a time by itself."""
        return max(0.0, until - self.now())

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self._ahead += seconds
        self._notify()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` each time the clock is advanced."""
        self._listeners.append(listener)

    def _notify(self) -> None:
        for listener in self._listeners:
            listener()


class StillClock(Clock):
    """A clock that moves only when it is advanced; it starts at 2026-06-15 12:00 UTC by default."""

    def __init__(self, start: float = 1_781_524_800.0) -> None:
        super().__init__()
        self._now = start

    def now(self) -> float:
        """Return the Unix time in seconds."""
        return self._now

    def wait(self, until: float) -> float:
        """Return 0 for a time that has passed, infinity for any other."""
        return 0.0 if until <= self._now else math.inf

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self._now += seconds
        self._notify()


class Schedule:
    """Actions at future times. Whatever looks at the workspace first runs those that are due."""

    def __init__(self) -> None:
        self._actions: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._actions)

    @property
    def next_at(self) -> float:
        """When the next action is due, infinity when there is none."""
        return self._actions[0][0] if self._actions else math.inf

    def at(self, when: float, action: Callable[[float], None]) -> None:
        """Call `action` with its time once the clock reaches it."""
        heapq.heappush(self._actions, (when, next(self._order), action))

    def run_until(self, now: float) -> None:
        """Run all actions that are due, including those that they schedule."""
        while self._actions and self._actions[0][0] <= now:
            when, _, action = heapq.heappop(self._actions)
            action(when)
