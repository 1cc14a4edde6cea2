"""What all processes of a workspace know about a lane: the one row that they share, and what a budget is."""

import json
from dataclasses import dataclass, field
from typing import Self

from cio_mcp.customerio.ratelimit.rates import Lane

RECOVERY = 1 / 8  # what comes back of the rate at each step after a penalty
STEP = 10.0  # seconds between the steps, or one window if that is longer
FLOOR = 1 / 16  # no penalty lowers the rate below this share
QUANTA = 300  # stamps a window of an unpaced lane is counted in
COARSE = 0.015  # the guard of an unpaced lane, in windows
QUOTA = 3600.0  # windows from this length on are quotas: a 429 says it is used up, not that we were fast
UNREADABLE = 1.0  # seconds that a row which cannot be read keeps the lane closed
LONG_AGO = 1e6
VERSION = 1


@dataclass(frozen=True, slots=True)
class Budget:
    """What one process may assume of a lane: its share of the limit and its own guard (seconds)."""

    requests: int
    window: float
    guard: float
    paced: bool = True

    @classmethod
    def of(cls, lane: Lane, *, headroom: float, guard: float) -> Self:
        """The budget of a lane; an unpaced one is stamped coarsely and so guarded by a share of its window."""
        coarse = 0.0 if lane.paced else COARSE * min(lane.window, QUOTA)
        return cls(max(1, int(lane.requests * headroom + 1e-9)), lane.window, max(guard, coarse), lane.paced)

    @property
    def quantum(self) -> float:
        """Seconds that share one stamp; 0 where each grant has its own."""
        return 0.0 if self.paced else self.window / QUANTA

    def stamp(self, at: float) -> float:
        """What a grant made at `at` is stamped: the end of the quantum that lies in, the safe side."""
        return (int(at / self.quantum) + 1) * self.quantum if self.quantum else at

    @property
    def quota(self) -> bool:
        """Whether the window is so long that its limit is a quota."""
        return self.window >= QUOTA


@dataclass(slots=True)
class Queue:
    """What a process has last told the others: how many wait, per class, and since when the first of them."""

    seen: float
    due: float
    counts: list[int]
    oldest: list[float]


@dataclass(slots=True)
class WindowState:
    """All that is known about a lane: one small row. Times are the store's, in seconds."""

    seen: float = 0.0
    grants: list[list[float]] = field(default_factory=list)
    """`[stamp, count]` each, oldest first."""
    paused: float = -LONG_AGO
    factor: float = 1.0
    eased: float = -LONG_AGO
    """When the factor was last lowered to what it says; it recovers from there."""
    passed: int = 0
    """Interactive grants since a bulk caller last got one, while some waited."""
    queues: dict[str, Queue] = field(default_factory=dict)

    @classmethod
    def load(cls, text: str | None, now: float) -> Self:
        """Read a ledger; one that cannot be read is taken for a full one and so heals by itself."""
        if text is None:
            return cls(seen=now, paused=now - LONG_AGO, eased=now - LONG_AGO)
        try:
            version, seen, grants, paused, factor, eased, passed, queues = json.loads(text)
            ledger = cls(seen, grants, paused, factor, eased, passed, {name: Queue(*q) for name, q in queues.items()})
            readable = version == VERSION
        except (ValueError, TypeError, AttributeError):
            readable = False
        if not readable:
            return cls(seen=now, paused=now + UNREADABLE, factor=FLOOR, eased=now)
        ledger.move_to(now)
        return ledger

    def dump(self) -> str:
        """The ledger as text."""
        queues = {name: (q.seen, q.due, q.counts, q.oldest) for name, q in self.queues.items()}
        state = (VERSION, self.seen, self.grants, self.paused, self.factor, self.eased, self.passed, queues)
        return json.dumps(state, separators=(",", ":"))

    def move_to(self, now: float) -> None:
        """Go on to `now`. A clock that went back counts as one that stood still: safe, and nobody is stuck."""
        if (back := now - self.seen) < 0:
            self.grants = [[stamp + back, count] for stamp, count in self.grants]
            self.paused += back
            self.eased += back
            for queue in self.queues.values():
                queue.seen += back
                queue.due += back
                queue.oldest = [since + back for since in queue.oldest]
        self.seen = now

    def take_over(self, other: "WindowState") -> None:
        """Take over what another ledger of the lane knows to have been granted or ruled; queues stay apart."""
        known = {stamp for stamp, _ in self.grants}
        self.grants = sorted(self.grants + [grant for grant in other.grants if grant[0] not in known])
        self.paused = max(self.paused, other.paused)
        if other.eased > self.eased:
            self.factor, self.eased = other.factor, other.eased

    def rate(self, budget: Budget, now: float) -> float:
        """The share of the lane in use, 1.0 unless a 429 lowered it."""
        if self.factor >= 1:
            return 1.0
        steps = max(0, int((now - self.eased) / max(STEP, budget.window)))
        return min(1.0, self.factor + steps * RECOVERY)

    def used(self, budget: Budget, now: float) -> int:
        """How many grants still count."""
        period = budget.window + budget.guard
        return int(sum(count for stamp, count in self.grants if stamp + period > now))
