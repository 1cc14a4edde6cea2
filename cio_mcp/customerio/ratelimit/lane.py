"""One lane in this process: callers queue here, and a dispatcher claims permits for them when they are due.

At most one statement is in flight, in a worker thread; whatever comes up meanwhile goes into the next one.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

import anyio
import anyio.to_thread

from cio_mcp.customerio.call import LaneName
from cio_mcp.customerio.clock import Clock
from cio_mcp.customerio.ratelimit import window
from cio_mcp.customerio.ratelimit.fallback import SHARE, FallbackStore
from cio_mcp.customerio.ratelimit.guard import Guard
from cio_mcp.customerio.ratelimit.rates import Lane
from cio_mcp.customerio.ratelimit.state import Budget, WindowState
from cio_mcp.customerio.ratelimit.window import BULK, INTERACTIVE, Verdict, Waiter
from cio_mcp.errors import RateLimited, Unavailable

LONGEST_QUEUE = 10_000  # callers per process and lane; more are refused
LATE = 0.005  # seconds between grant and departure from which on a permit is stamped again
STOPPING = "The server is stopping; nothing was sent."
Change = Callable[[Budget, WindowState], object]


@dataclass(eq=False, slots=True)
class Permit:
    """Leave for one request, now: its lane, the stamp it counts from, and how long it was waited for (s)."""

    lane: LaneName
    stamp: float
    waited: float


@dataclass(frozen=True, slots=True)
class LaneState:
    """What is known about a lane at a moment; times in seconds.

    `used` counts what lies in the window, `rate` is 1.0 unless a 429 lowered it, `paused` is for how much longer.
    `waiting` callers queue here, `elsewhere` in other processes. `shared` is False while the store fails
    and this process keeps to a quarter of the lane by itself.
    """

    lane: LaneName
    requests: int
    window: float
    guard: float
    used: int
    rate: float
    paused: float
    waiting: int
    elsewhere: int
    shared: bool


@dataclass(eq=False, slots=True)
class _Waiter:
    lane: LaneName
    caller: Waiter
    answered: anyio.Event = field(default_factory=anyio.Event)
    stamp: float | None = None
    error: Exception | None = None
    checked: bool = False

    def answer(self, *, stamp: float | None = None, error: Exception | None = None) -> None:
        self.stamp, self.error = stamp, error
        self.answered.set()


_Asked = tuple[tuple[_Waiter, ...], tuple[_Waiter, ...]]


class LaneQueue:
    """A lane in this process; `run` is the dispatcher, a task that somebody must own."""

    def __init__(
        self,
        name: LaneName,
        lane: Lane,
        *,
        headroom: float,
        guard: Guard,
        fallback: FallbackStore,
        clock: Clock,
        threads: anyio.CapacityLimiter,
    ) -> None:
        self.name = name
        self._lane, self._headroom, self._guard, self._shelter = lane, headroom, guard, fallback
        self._clock, self._threads = clock, threads
        # A quota outlives a reboot; a window of seconds must not depend on a clock that may be set.
        self.now = clock.calendar if self._budget().quota else clock.steady
        self._me = uuid4().hex[:12]
        self._queues: tuple[deque[_Waiter], deque[_Waiter]] = (deque(), deque())
        self._changes: list[Change] = []
        self._kick = anyio.Event()
        self._busy = False  # a statement is in flight
        self._needed = False  # something came up since the last one began
        self._closed = False
        self._due: float | None = None  # when to claim again; None while nobody queues
        self._ledger = WindowState.load(None, self.now())

    async def acquire(self, lane: LaneName, kind: int, max_wait: float) -> Permit:
        """Queue until it is this caller's turn; `Limiter.acquire` says the rest."""
        if self._closed:
            raise Unavailable(STOPPING)
        if len(self._queues[INTERACTIVE]) + len(self._queues[BULK]) >= LONGEST_QUEUE:
            raise RateLimited(max_wait, lane=lane)
        since = self.now()
        waiter = _Waiter(lane, Waiter(since, since + max_wait))
        self._queues[kind].append(waiter)
        try:
            if self._busy or self._needed or self._due is not None:
                self._nudge()
            else:
                await self._claim()  # nobody queues: no detour through the dispatcher's task
            if not waiter.answered.is_set():
                await waiter.answered.wait()
        except BaseException:
            self._withdraw(waiter, kind)
            raise
        if (stamp := waiter.stamp) is None:
            raise waiter.error or Unavailable(STOPPING)
        permit = Permit(lane, stamp, self.now() - since)
        self.settle(permit)  # this process may have been slow to hear of it
        return permit

    def give_back(self, stamp: float) -> None:
        """Return a permit with which nothing was sent."""
        self._post(lambda _, ledger: window.give_back(ledger, stamp))

    def settle(self, permit: Permit) -> None:
        """Count a permit from now, when its request leaves, if that is noticeably later than its stamp."""
        now = self.now()
        if now - permit.stamp > LATE:
            old, anew = permit.stamp, self._budget().stamp(now)
            permit.stamp = anew
            self._post(lambda _, ledger: window.settle(ledger, old, anew))

    def penalize(self, stamp: float, retry_after: float | None) -> None:
        """Answer a 429 before anything else is claimed here."""
        self._post(lambda budget, ledger: window.penalize(budget, ledger, stamp, retry_after))

    async def run(self) -> None:
        """Claim whenever something came up or a permit is due; ends by being cancelled."""
        while True:
            await self._clock.wait(self._kick, None if self._due is None else max(0.0, self._due - self.now()))
            self._kick = anyio.Event()
            if not self._busy and (self._needed or (self._due is not None and self._due <= self.now())):
                await self._claim()

    async def close(self) -> None:
        """Turn everybody away, and tell the other processes that nobody waits here."""
        self._closed = True
        for queue in self._queues:
            for waiter in queue:
                waiter.answer(error=Unavailable(STOPPING))
            queue.clear()
        if self._changes or self._due is not None:
            with anyio.CancelScope(shield=True):
                await self._claim()

    @property
    def shared(self) -> bool:
        """Whether the lane's budget is shared, not this process's own while the store fails."""
        return not self._shelter.open

    def state(self, name: LaneName) -> LaneState:
        """What was known after the last claim, seen from now; `name` is what the lane is called there."""
        budget, ledger, now = self._budget(SHARE if self._shelter.open else 1.0), self._ledger, self.now()
        return LaneState(
            lane=name,
            requests=budget.requests,
            window=budget.window,
            guard=budget.guard,
            used=ledger.used(budget, now),
            rate=ledger.rate(budget, now),
            paused=max(0.0, ledger.paused - now),
            waiting=sum(len(queue) for queue in self._queues),
            elsewhere=sum(sum(queue.counts) for name, queue in ledger.queues.items() if name != self._me),
            shared=self.shared,
        )

    def _budget(self, share: float = 1.0) -> Budget:
        return Budget.of(self._lane, headroom=self._headroom * share, guard=self._guard.seconds)

    def _post(self, change: Change) -> None:
        self._changes.append(change)
        self._nudge()

    def _nudge(self) -> None:
        self._needed = True
        self._kick.set()

    def _withdraw(self, waiter: _Waiter, kind: int) -> None:
        if waiter in self._queues[kind]:
            self._queues[kind].remove(waiter)
            self._nudge()

    async def _claim(self) -> None:
        self._busy, self._needed = True, False
        changes, self._changes = self._changes, []
        asked = tuple(self._queues[INTERACTIVE]), tuple(self._queues[BULK])
        paused = self._ledger.paused
        try:
            self._ledger, (verdict, decided) = await anyio.to_thread.run_sync(
                partial(self._decide, changes, asked), limiter=self._threads
            )
        except BaseException:
            self._changes = changes + self._changes
            self._needed = True
            raise
        else:
            self._hand_out(verdict, asked)
            self._due = None if verdict.wake is None else decided + verdict.wake
            if self._ledger.paused > max(paused, self._ledger.seen):
                self._check_all()
        finally:
            self._busy = False
            if self._needed or self._due is not None:  # more to do, or a moment to wait for
                self._kick.set()

    def _decide(self, changes: list[Change], asked: _Asked) -> tuple[WindowState, tuple[Verdict, float]]:
        interactive, bulk = ([waiter.caller for waiter in waiters] for waiters in asked)
        unchecked = sum(waiter.checked for waiter in asked[INTERACTIVE]), sum(waiter.checked for waiter in asked[BULK])

        def decide(ledger: WindowState, share: float) -> tuple[Verdict, float]:
            budget = self._budget(share)
            for change in changes:
                change(budget, ledger)
            return window.claim(budget, ledger, self._me, (interactive, bulk), unchecked), self.now()

        return self._shelter.change(self.name, decide, self.now)

    def _hand_out(self, verdict: Verdict, asked: _Asked) -> None:
        for kind, index, seconds in verdict.refused:
            waiter = asked[kind][index]
            if waiter in self._queues[kind]:
                self._queues[kind].remove(waiter)
                waiter.answer(error=RateLimited(seconds, lane=waiter.lane))
        for queue, granted, waiters in zip(self._queues, verdict.granted, asked, strict=True):
            for _ in range(granted):
                if queue:
                    queue.popleft().answer(stamp=verdict.stamp)
                else:  # whoever it was for has gone
                    self.give_back(verdict.stamp)
            for waiter in waiters:
                waiter.checked = True

    def _check_all(self) -> None:
        for queue in self._queues:
            for waiter in queue:
                waiter.checked = False
                self._needed = True
