"""Processes and their callers, as the decision of the limiter sees them."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from cio_mcp.customerio.ratelimit.state import Budget, WindowState
from cio_mcp.customerio.ratelimit.window import BULK, INTERACTIVE, Verdict, Waiter, acquire

APP = Budget(10, 1.0, 0.012)
TRIGGER = Budget(1, 10.0, 0.012)
COARSE = Budget(30, 3.0, 0.045, paced=False)
QUOTA = Budget(100, 86_400.0, 0.5, paced=False, quota=True)
BUDGETS = (APP, Budget(3, 1.0, 0.05), TRIGGER, COARSE)
FOREVER = 1e9
T = TypeVar("T")


@dataclass
class Row:
    """The shared row, and a clock that may be set back while real time goes on."""

    budget: Budget
    now: float = 5000.0
    set_back: float = 0.0
    text: str | None = None

    @property
    def clock(self) -> float:
        return self.now - self.set_back

    def change(self, decide: Callable[[WindowState], T]) -> T:
        state = WindowState.load(self.text, self.clock)
        result = decide(state)
        self.text = state.dump()
        return result


@dataclass
class Office:
    """One process as the decision sees it: two queues of names, and when it will claim again."""

    row: Row
    name: str
    queues: tuple[list[Waiter], list[Waiter]] = field(default_factory=lambda: ([], []))
    unchecked: tuple[int, int] = (0, 0)
    wake: float | None = None

    def enter(self, kind: int, count: int = 1, patience: float = FOREVER) -> None:
        now = self.row.clock
        self.queues[kind].extend(Waiter(now + number * 1e-6, now + patience) for number in range(count))

    def claim(self) -> Verdict:
        verdict = self.row.change(lambda state: acquire(self.row.budget, state, self.name, self.queues, self.unchecked))
        for kind, index, _ in reversed(verdict.refused):
            del self.queues[kind][index]
        for kind, granted in enumerate(verdict.granted):
            del self.queues[kind][:granted]
        self.unchecked = len(self.queues[INTERACTIVE]), len(self.queues[BULK])
        self.wake = None if verdict.wake is None else self.row.now + verdict.wake
        return verdict


def offices(budget: Budget, count: int) -> list[Office]:
    row = Row(budget)
    return [Office(row, f"process-{number}") for number in range(count)]


def run(crowd: list[Office], seconds: float) -> list[tuple[float, str, tuple[int, int]]]:
    """Let every process claim when it is due, for so long; returns `(moment, process, granted)`."""
    row, grants = crowd[0].row, []
    end = row.now + seconds
    for office in crowd:
        office.wake = row.now if office.wake is None and any(office.queues) else office.wake
    while awake := [office for office in crowd if office.wake is not None and office.wake <= end]:
        office = min(awake, key=lambda office: office.wake or 0)
        row.now = max(row.now, office.wake or 0)
        if any(granted := office.claim().granted):
            grants.append((row.now, office.name, granted))
    row.now = end
    return grants


def fullest(moments: list[float], window: float) -> int:
    """The most moments that lie in any window."""
    return max((index + 1 - bisect_left(moments, at - window + 1e-9) for index, at in enumerate(moments)), default=0)


def moments_of(grants: list[tuple[float, str, tuple[int, int]]]) -> list[float]:
    return [at for at, _, granted in grants for _ in range(sum(granted))]
