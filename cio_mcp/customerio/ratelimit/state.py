"""The state of a lane that all processes of a workspace share as one row, and the budget of a lane."""

import json
from dataclasses import dataclass, field
from typing import Self

from cio_mcp.customerio.ratelimit.rates import Lane

RECOVERY_SHARE = 1 / 8  # what comes back of the rate at each step after a penalty
RECOVERY_STEP_SECONDS = 10.0  # seconds between the steps, or one window if that is longer
MIN_RATE_SHARE = 1 / 16  # no penalty lowers the rate below this share
QUANTA_PER_WINDOW = 300  # stamps a window of an unpaced lane is counted in
COARSE_GUARD_WINDOWS = 0.015  # the guard of an unpaced lane, in windows
QUOTA_WINDOW_SECONDS = 3600.0  # windows from this length on are quotas: a 429 says it is used up, not that we were fast
UNREADABLE_ROW_SECONDS = 1.0  # seconds that a row which cannot be read keeps the lane closed
LONG_AGO_SECONDS = 1e6
VERSION = 2
PROCESS_EXPIRY_SECONDS = 60.0  # seconds for which a process counts after its last claim
MAX_PROCESSES = 64  # the most that are counted; more are a misconfiguration, and the row stays small
ASSUMED_PROCESSES = 4  # where the shared row was never read; chosen


@dataclass(frozen=True, slots=True)
class Budget:
    """A process's share of a lane: `requests` in any `window` seconds, with its guard (seconds)."""

    requests: int
    window: float
    guard: float
    paced: bool = True
    quota: bool = False
    """Whether the lane's window is so long that its limit is a quota."""

    @classmethod
    def of(cls, lane: Lane, *, share: float, guard: float) -> Self:
        """Compute the budget of a share (0 to 1) of a lane.

        A share below one request stretches the window. An unpaced lane is stamped coarsely, so a share of its
        window guards it.
        """
        requests = lane.requests * share + 1e-9
        window = lane.window / min(1.0, requests)
        coarse = 0.0 if lane.paced else COARSE_GUARD_WINDOWS * min(window, QUOTA_WINDOW_SECONDS)
        return cls(max(1, int(requests)), window, max(guard, coarse), lane.paced, lane.window >= QUOTA_WINDOW_SECONDS)

    @property
    def quantum(self) -> float:
        """Seconds that share one stamp; 0 where each grant has its own."""
        return 0.0 if self.paced else self.window / QUANTA_PER_WINDOW

    def stamp(self, at: float) -> float:
        """What a grant made at `at` is stamped: the end of the quantum that lies in, the safe side."""
        return (int(at / self.quantum) + 1) * self.quantum if self.quantum else at


@dataclass(slots=True)
class Queue:
    """A process's queue: how many wait, per class, and since when the first of them."""

    seen: float
    due: float
    counts: list[int]
    oldest: list[float]


@dataclass(slots=True)
class WindowState:
    """Everything known about a lane: one small row. Times are the store's, in seconds."""

    seen: float = 0.0
    grants: list[list[float]] = field(default_factory=list)
    """`[stamp, count]` each, oldest first."""
    paused: float = -LONG_AGO_SECONDS
    factor: float = 1.0
    eased: float = -LONG_AGO_SECONDS
    """When the factor was last lowered to what it says; it recovers from there."""
    passed: int = 0
    """Interactive grants since a bulk caller last got one, while some waited."""
    queues: dict[str, Queue] = field(default_factory=dict)
    processes: dict[str, float] = field(default_factory=dict)
    """When each process last claimed."""

    @classmethod
    def load(cls, text: str | None, now: float) -> Self:
        """Read a row; one that cannot be read is taken for a full one and so heals by itself."""
        if text is None:
            return cls(seen=now, paused=now - LONG_AGO_SECONDS, eased=now - LONG_AGO_SECONDS)
        try:
            version, seen, grants, paused, factor, eased, passed, queues, *rest = json.loads(text)
            processes = rest[0] if version == VERSION else {}
            queues = {name: Queue(*queue) for name, queue in queues.items()}
            state = cls(seen, grants, paused, factor, eased, passed, queues, processes)
            readable = 1 <= version <= VERSION
        except (ValueError, TypeError, AttributeError, LookupError):
            readable = False
        if not readable:
            return cls(seen=now, paused=now + UNREADABLE_ROW_SECONDS, factor=MIN_RATE_SHARE, eased=now)
        state.move_to(now)
        return state

    def dump(self) -> str:
        """The row as text."""
        queues = {name: (q.seen, q.due, q.counts, q.oldest) for name, q in self.queues.items()}
        rule = (self.paused, self.factor, self.eased, self.passed)
        state = (VERSION, self.seen, self.grants, *rule, queues, self.processes)
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
            self.processes = {name: heard + back for name, heard in self.processes.items()}
        self.seen = now

    def take_over(self, other: "WindowState") -> None:
        """Take over grants, pause and rate from another row of the lane; queues stay apart."""
        known = {stamp for stamp, _ in self.grants}
        self.grants = sorted(self.grants + [grant for grant in other.grants if grant[0] not in known])
        self.paused = max(self.paused, other.paused)
        self.processes = other.processes | self.processes
        if other.eased > self.eased:
            self.factor, self.eased = other.factor, other.eased

    def hear(self, process: str) -> None:
        """Note that a process is alive, and forget those that were silent for a minute."""
        recent = {name: heard for name, heard in self.processes.items() if self.seen - heard <= PROCESS_EXPIRY_SECONDS}
        recent.pop(process, None)
        self.processes = dict(list(recent.items())[1 - MAX_PROCESSES :]) | {process: self.seen}

    @property
    def share_alone(self) -> float:
        """The share of the lane that a process may use by itself: half of an even one, for those not heard of."""
        return 1 / (2 * (len(self.processes) or ASSUMED_PROCESSES))

    def close(self, seconds: float) -> None:
        """Grant nothing for so long."""
        self.paused = max(self.paused, self.seen + seconds)

    def rate(self, budget: Budget, now: float) -> float:
        """The share of the lane in use, 1.0 unless a 429 lowered it."""
        if self.factor >= 1:
            return 1.0
        steps = max(0, int((now - self.eased) / max(RECOVERY_STEP_SECONDS, budget.window)))
        return min(1.0, self.factor + steps * RECOVERY_SHARE)

    def used(self, budget: Budget, now: float) -> int:
        """How many grants still count."""
        period = budget.window + budget.guard
        return int(sum(count for stamp, count in self.grants if stamp + period > now))
