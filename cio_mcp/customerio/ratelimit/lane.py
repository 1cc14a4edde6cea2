"""One lane in this process: callers queue here, and a dispatcher claims permits for them when they are due.

At most one statement is in flight, in a worker thread; whatever comes up meanwhile goes into the next one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import anyio
import anyio.to_thread

from cio_mcp.clock import Clock
from cio_mcp.customerio.operations import Lane as LaneName
from cio_mcp.customerio.ratelimit import window
from cio_mcp.customerio.ratelimit.fallback import FallbackStore
from cio_mcp.customerio.ratelimit.guard import Guard
from cio_mcp.customerio.ratelimit.queue import Ticket, TurnQueue
from cio_mcp.customerio.ratelimit.rates import Lane
from cio_mcp.customerio.ratelimit.state import Budget, WindowState
from cio_mcp.customerio.ratelimit.window import BULK, INTERACTIVE, Verdict, Waiter
from cio_mcp.errors import RateLimited, Unavailable

MAX_QUEUE_LENGTH = 10_000  # callers per process and lane; more are refused
STALE_GRANT_SECONDS = 0.005  # seconds between grant and departure from which on a permit is stamped again
MAX_SPREAD_SECONDS = 60.0  # over which processes start when they lost the store; chosen
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
    """The state of a lane at a moment; times in seconds.

    `used` counts what lies in the window, `rate` is 1.0 unless a 429 lowered it, `paused` is for how much longer.
    `waiting` callers queue here, `elsewhere` in other processes. `shared` is False while the store fails
    and this process keeps to a small share of the lane by itself.
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


_Tickets = tuple[tuple[Ticket, ...], tuple[Ticket, ...]]


class LaneQueue:
    """A lane in this process; `run` is the dispatcher, a task that the caller must own."""

    def __init__(
        self,
        name: LaneName,
        lane: Lane,
        *,
        workspace: str,
        headroom: float,
        guard: Guard,
        store: FallbackStore,
        clock: Clock,
        threads: anyio.CapacityLimiter,
        random: Callable[[], float],
    ) -> None:
        self.name = name
        self._lane, self._workspace, self._headroom, self._guard = lane, workspace, headroom, guard
        self._store, self._clock, self._threads, self._random = store, clock, threads, random
        # A quota outlives a reboot; a window of seconds must not depend on a clock that may be set.
        self.now = clock.now if self._budget().quota else clock.steady
        self._me = uuid4().hex[:12]
        self._queues = TurnQueue(), TurnQueue()
        self._changes: list[Change] = []
        self._kick = anyio.Event()
        self._busy = False  # a statement is in flight
        self._needed = False  # something came up since the last one began
        self._closed = False
        self._due: float | None = None  # when to claim again; None while nobody queues
        self._state = WindowState.load(None, self.now())
        self._alone = False  # whether the last claim was made without the shared store

    async def acquire(self, lane: LaneName, caller: str, kind: int, max_wait: float) -> Permit:
        """Queue until it is this caller's turn; see `Limiter.acquire`."""
        if self._closed:
            raise Unavailable(STOPPING)
        if len(self._queues[INTERACTIVE]) + len(self._queues[BULK]) >= MAX_QUEUE_LENGTH:
            raise RateLimited(max_wait, lane=lane)
        since = self.now()
        ticket = Ticket(lane, caller, Waiter(since, since + max_wait))
        self._queues[kind].append(ticket)
        try:
            if self._busy or self._needed or self._due is not None:
                self._nudge()
            else:
                await self._claim()  # nobody queues: no detour through the dispatcher's task
            if not ticket.answered.is_set():
                await ticket.answered.wait()
        except BaseException:
            self._withdraw(ticket, kind)
            raise
        if (stamp := ticket.stamp) is None:
            raise ticket.error or Unavailable(STOPPING)
        permit = Permit(lane, stamp, self.now() - since)
        self.settle(permit)  # this process may have been slow to hear of it
        return permit

    def release(self, stamp: float) -> None:
        """Return a permit with which nothing was sent."""
        self._post(lambda _, state: window.release(state, stamp))

    def settle(self, permit: Permit) -> None:
        """Count a permit from now, when its request leaves, if that is noticeably later than its stamp."""
        now = self.now()
        if now - permit.stamp > STALE_GRANT_SECONDS:
            granted, left = permit.stamp, self._budget().stamp(now)
            permit.stamp = left
            self._post(lambda _, state: window.settle(state, granted, left))

    def penalize(self, stamp: float, retry_after: float | None) -> None:
        """Answer a 429 before anything else is claimed here."""
        self._post(lambda budget, state: window.penalize(budget, state, stamp, retry_after))

    async def run(self) -> None:
        """Claim whenever something came up or a permit is due; ends by being canceled."""
        while True:
            await self._clock.wait(self._kick, None if self._due is None else max(0.0, self._due - self.now()))
            self._kick = anyio.Event()
            if not self._busy and (self._needed or (self._due is not None and self._due <= self.now())):
                await self._claim()

    async def close(self) -> None:
        """Refuse all waiting callers, and let other processes know that none waits here."""
        self._closed = True
        for queue in self._queues:
            for ticket in queue:
                ticket.answer(error=Unavailable(STOPPING))
            queue.clear()
        if self._changes or self._due is not None:
            with anyio.CancelScope(shield=True):
                await self._claim()

    @property
    def shared(self) -> bool:
        """Whether the lane's budget is shared, not this process's own while the store fails."""
        return not self._store.alone

    def state(self, name: LaneName) -> LaneState:
        """What was known after the last claim, seen from now; `name` is what the lane is called there."""
        return self._seen(name, self._state, alone=self._alone)

    async def current_state(self, name: LaneName) -> LaneState:
        """What all processes know at this moment, read from the row they share; the row stays as it is."""

        def peek(text: str | None, at: float, alone: bool) -> tuple[str, tuple[WindowState, bool]]:
            state = WindowState.load(text, at)
            return text or state.dump(), (state, alone)

        look = partial(self._store.change, self._workspace, self.name, peek, self.now)
        state, alone = await anyio.to_thread.run_sync(look, limiter=self._threads)
        return self._seen(name, state, alone=alone)

    def _seen(self, name: LaneName, state: WindowState, *, alone: bool) -> LaneState:
        now = self.now()
        budget = self._budget(state.share_alone if alone else 1.0)
        return LaneState(
            lane=name,
            requests=budget.requests,
            window=budget.window,
            guard=budget.guard,
            used=state.used(budget, now),
            rate=state.rate(budget, now),
            paused=max(0.0, state.paused - now),
            waiting=sum(len(queue) for queue in self._queues),
            elsewhere=sum(sum(queue.counts) for name, queue in state.queues.items() if name != self._me),
            shared=self.shared,
        )

    def _budget(self, share: float = 1.0) -> Budget:
        return Budget.of(self._lane, share=self._headroom * share, guard=self._guard.seconds)

    def _post(self, change: Change) -> None:
        self._changes.append(change)
        self._nudge()

    def _nudge(self) -> None:
        self._needed = True
        self._kick.set()

    def _withdraw(self, ticket: Ticket, kind: int) -> None:
        if ticket in self._queues[kind]:
            self._queues[kind].remove(ticket)
            self._nudge()

    async def _claim(self) -> None:
        self._busy, self._needed = True, False
        changes, self._changes = self._changes, []
        tickets = tuple(self._queues[INTERACTIVE]), tuple(self._queues[BULK])
        paused = self._state.paused
        try:
            verdict, decided = await anyio.to_thread.run_sync(
                partial(self._decide, changes, tickets), limiter=self._threads
            )
        except BaseException:
            self._changes = changes + self._changes
            self._needed = True
            raise
        else:
            self._hand_out(verdict, tickets)
            self._due = None if verdict.wake is None else decided + verdict.wake
            if self._state.paused > max(paused, self._state.seen):
                self._check_all()
        finally:
            self._busy = False
            if self._needed or self._due is not None:  # more to do, or a moment to wait for
                self._kick.set()

    def _decide(self, changes: list[Change], tickets: _Tickets) -> tuple[Verdict, float]:
        """Claim in one transaction; runs in a thread, one at a time."""
        queues = [ticket.waiter for ticket in tickets[INTERACTIVE]], [ticket.waiter for ticket in tickets[BULK]]
        unchecked = _count_checked(tickets[INTERACTIVE]), _count_checked(tickets[BULK])

        def decide(text: str | None, at: float, alone: bool) -> tuple[str, tuple[WindowState, bool, Verdict, float]]:
            state = WindowState.load(text, at)
            if alone != self._alone:
                self._change_store(state, alone=alone)
            if not alone:
                state.hear(self._me)
            budget = self._budget(state.share_alone if alone else 1.0)
            for change in changes:
                change(budget, state)
            verdict = window.acquire(budget, state, self._me, queues, unchecked)
            return state.dump(), (state, alone, verdict, self.now())

        self._state, self._alone, verdict, decided = self._store.change(self._workspace, self.name, decide, self.now)
        return verdict, decided

    def _change_store(self, state: WindowState, *, alone: bool) -> None:
        """Carry over what is known when the shared store is lost or comes back, and close the lane for a window.

        Other processes lose and regain the store at other moments: the closed window keeps what they granted before
        apart from what is granted after. Alone, each starts at a random moment, so that they do not go in step.
        """
        state.take_over(self._state)
        if self._budget().quota:
            return
        state.close(self._lane.window)
        if alone:
            spread = min(MAX_SPREAD_SECONDS, self._budget(state.share_alone).window)
            state.close(self._lane.window + self._random() * spread)

    def _hand_out(self, verdict: Verdict, tickets: _Tickets) -> None:
        for kind, index, seconds in verdict.refused:
            ticket = tickets[kind][index]
            if ticket in self._queues[kind]:
                self._queues[kind].remove(ticket)
                ticket.answer(error=RateLimited(seconds, lane=ticket.lane))
        for queue, granted, taken in zip(self._queues, verdict.granted, tickets, strict=True):
            for ticket in taken:
                ticket.checked = True
            for _ in range(granted):
                if queue:
                    queue.popleft().answer(stamp=verdict.stamp)
                else:  # the caller that it was for has gone
                    self.release(verdict.stamp)

    def _check_all(self) -> None:
        for queue in self._queues:
            for ticket in queue:
                ticket.checked = False
                self._needed = True


def _count_checked(tickets: tuple[Ticket, ...]) -> int:
    """How many tickets at the front were found to come in time."""
    return next((index for index, ticket in enumerate(tickets) if not ticket.checked), len(tickets))
