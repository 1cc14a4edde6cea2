"""The limiter: one dispatcher per process and lane claims permits when they are due and hands them out.

The decision is pure (`limiter`), the row it is made over is shared (`storage/claims`). Here is what lies
between: callers queue in this process, at most one statement per lane is in flight, in a worker thread.
"""

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self
from uuid import uuid4

import anyio
import anyio.to_thread

from cio_mcp.errors import RateLimited, Unavailable
from cio_mcp.http import limiter
from cio_mcp.http.call import LaneName
from cio_mcp.http.clock import Clock
from cio_mcp.http.guard import GUARD_MIN, Guard
from cio_mcp.http.lanes import Lane
from cio_mcp.http.ledger import Budget, Ledger
from cio_mcp.http.limiter import BULK, INTERACTIVE, Caller, Verdict
from cio_mcp.http.shelter import SHARE, Shelter
from cio_mcp.storage.claims import Claims

LONGEST_QUEUE = 10_000  # callers per process and lane; more are refused
STOPPING = "The server is stopping; nothing was sent."
Change = Callable[[Budget, Ledger], object]


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave for one request, now: its lane, the stamp it is known by, and how long it was waited for (s)."""

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


class Limiter:
    """The lanes of a workspace, as one process sees them; an async context manager that owns its tasks.

    `store` stays the caller's to close. `guard` is a `Guard` (`guard_for(url)`) or fixed seconds.
    """

    def __init__(
        self,
        store: Claims,
        lanes: Mapping[LaneName, Lane],
        *,
        workspace: str,
        headroom: float = 1.0,
        guard: Guard | float = GUARD_MIN,
        clock: Clock | None = None,
    ) -> None:
        self._guard = guard if isinstance(guard, Guard) else Guard(guard)
        clock = clock or Clock()
        shelter = Shelter(store, workspace, clock)
        threads = anyio.CapacityLimiter(len(lanes))
        own: dict[LaneName, _Dispatcher] = {
            name: _Dispatcher(
                name, lane, headroom=headroom, guard=self._guard, shelter=shelter, clock=clock, threads=threads
            )
            for name, lane in lanes.items()
            if lane.shares is None
        }
        self._dispatchers = {name: own[lane.shares or name] for name, lane in lanes.items()}
        self._own = tuple(own.values())
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for dispatcher in self._own:
            self._exit.push_async_callback(dispatcher.close)
        tasks = await self._exit.enter_async_context(anyio.create_task_group())
        self._exit.callback(tasks.cancel_scope.cancel)
        for dispatcher in self._own:
            tasks.start_soon(dispatcher.run, name=f"lane {dispatcher.name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit.__aexit__(kind, error, trace)

    async def acquire(self, lane: LaneName, *, bulk: bool = False, max_wait: float) -> Permit:
        """Wait for leave to make one request; a caller that is cancelled leaves no trace.

        Raises:
            RateLimited: its turn would not come within `max_wait` seconds, known at once; no slot was taken.
        """
        return await self._dispatchers[lane].acquire(lane, BULK if bulk else INTERACTIVE, max_wait)

    def give_back(self, permit: Permit) -> None:
        """Return a permit with which not a byte was sent, for instance because the call was cancelled."""
        self._dispatchers[permit.lane].post(lambda _, ledger: limiter.give_back(ledger, permit.stamp))

    async def settle(self, permit: Permit) -> None:
        """Stamp a permit again with this moment: its headers left only now (a cold connection); does not wait."""
        dispatcher = self._dispatchers[permit.lane]
        left_at = dispatcher.now()
        dispatcher.post(lambda budget, ledger: limiter.settle(budget, ledger, permit.stamp, left_at))

    async def penalise(self, permit: Permit, retry_after: float | None) -> None:
        """Answer a 429: pause the lane for every process and lower its rate.

        Does not wait: every later `acquire` of this process comes after it, other processes' within a moment.
        """
        self._dispatchers[permit.lane].post(
            lambda budget, ledger: limiter.penalise(budget, ledger, permit.stamp, retry_after)
        )

    def note_round_trip(self, seconds: float) -> None:
        """Let the guard follow the spread of round trips to a remote host."""
        self._guard.note(seconds)

    @property
    def shared(self) -> bool:
        """Whether the budgets are shared; False while the store fails: then writes must be refused."""
        return all(dispatcher.shared for dispatcher in self._own)

    def state(self) -> list[LaneState]:
        """What is known about each lane, without asking the store."""
        return [dispatcher.state(name) for name, dispatcher in self._dispatchers.items()]


@dataclass(eq=False, slots=True)
class _Waiter:
    lane: LaneName
    caller: Caller
    answered: anyio.Event = field(default_factory=anyio.Event)
    stamp: float | None = None
    error: Exception | None = None
    checked: bool = False

    def answer(self, *, stamp: float | None = None, error: Exception | None = None) -> None:
        self.stamp, self.error = stamp, error
        self.answered.set()


_Asked = tuple[tuple[_Waiter, ...], tuple[_Waiter, ...]]


class _Dispatcher:
    """One lane in this process: its callers, and the task that claims for them."""

    def __init__(
        self,
        name: LaneName,
        lane: Lane,
        *,
        headroom: float,
        guard: Guard,
        shelter: Shelter,
        clock: Clock,
        threads: anyio.CapacityLimiter,
    ) -> None:
        self.name = name
        self._lane, self._headroom, self._guard, self._shelter = lane, headroom, guard, shelter
        self._clock, self._threads = clock, threads
        # A quota outlives a reboot; a window of seconds must not depend on a clock that may be set.
        self.now = clock.calendar if self._budget().quota else clock.steady
        self._me = uuid4().hex[:12]
        self._queues: tuple[deque[_Waiter], deque[_Waiter]] = (deque(), deque())
        self._changes: list[Change] = []
        self._kick = anyio.Event()
        self._busy = False  # a statement is in flight
        self._again = False  # something came up meanwhile
        self._closed = False
        self._due: float | None = None  # when to claim again; None while nobody queues
        self._ledger = Ledger.load(None, self.now())

    async def acquire(self, lane: LaneName, kind: int, max_wait: float) -> Permit:
        if self._closed:
            raise Unavailable(STOPPING)
        if len(self._queues[INTERACTIVE]) + len(self._queues[BULK]) >= LONGEST_QUEUE:
            raise RateLimited(max_wait, lane=lane)
        since = self.now()
        waiter = _Waiter(lane, Caller(since, since + max_wait))
        self._queues[kind].append(waiter)
        try:
            if self._busy or self._due is not None or self._kick.is_set():
                self._nudge()
            else:
                await self._claim()  # nobody queues: no detour through the dispatcher's task
            if not waiter.answered.is_set():
                await waiter.answered.wait()
        except BaseException:
            self._withdraw(waiter, kind)
            raise
        if waiter.stamp is None:
            raise waiter.error or Unavailable(STOPPING)
        return Permit(lane, waiter.stamp, self.now() - since)

    def post(self, change: Change) -> None:
        """Have the ledger changed before the next claim of this process."""
        self._changes.append(change)
        self._nudge()

    async def run(self) -> None:
        while True:
            await self._clock.wait(self._kick, None if self._due is None else max(0.0, self._due - self.now()))
            self._kick = anyio.Event()
            if self._busy:
                self._again = True
            elif self._changes or self._due is not None or any(self._queues):
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
        return not self._shelter.open

    def state(self, name: LaneName) -> LaneState:
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

    def _nudge(self) -> None:
        if self._busy:
            self._again = True
        else:
            self._kick.set()

    def _withdraw(self, waiter: _Waiter, kind: int) -> None:
        if waiter.stamp is not None:
            stamp = waiter.stamp
            self.post(lambda _, ledger: limiter.give_back(ledger, stamp))
        elif waiter in self._queues[kind]:
            self._queues[kind].remove(waiter)
            self._nudge()

    async def _claim(self) -> None:
        self._busy = True
        changes, self._changes = self._changes, []
        asked = tuple(self._queues[INTERACTIVE]), tuple(self._queues[BULK])
        paused = self._ledger.paused
        try:
            self._ledger, verdict = await anyio.to_thread.run_sync(
                partial(self._decide, changes, asked), limiter=self._threads
            )
        except BaseException:
            self._changes = changes + self._changes
            self._again = True
            raise
        else:
            self._hand_out(verdict, asked)
            if self._ledger.paused > max(paused, self._ledger.seen):
                self._check_all()
        finally:
            self._busy = False
            if self._again:
                self._again = False
                self._kick.set()

    def _decide(self, changes: list[Change], asked: _Asked) -> tuple[Ledger, Verdict]:
        interactive, bulk = ([waiter.caller for waiter in waiters] for waiters in asked)
        unchecked = sum(waiter.checked for waiter in asked[INTERACTIVE]), sum(waiter.checked for waiter in asked[BULK])

        def decide(ledger: Ledger, share: float) -> Verdict:
            budget = self._budget(share)
            for change in changes:
                change(budget, ledger)
            return limiter.claim(budget, ledger, self._me, (interactive, bulk), unchecked)

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
                    self.post(lambda _, ledger: limiter.give_back(ledger, verdict.stamp))
            for waiter in waiters:
                waiter.checked = True
        self._due = None if verdict.wake is None else self.now() + verdict.wake

    def _check_all(self) -> None:
        for queue in self._queues:
            for waiter in queue:
                waiter.checked = False
                self._again = True
