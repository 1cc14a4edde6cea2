"""The limiter: permits for every request of a process, within budgets that all processes share.

The decision is pure (`window`) and made over a shared row (`storage.limiter_state`). Callers queue lane by lane
(`lane`, `queue`); while the store fails, `fallback` keeps the rows in memory.
"""

import random
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import anyio

from cio_mcp.clock import Clock
from cio_mcp.customerio.operations import Lane as LaneName
from cio_mcp.customerio.ratelimit.fallback import FallbackStore
from cio_mcp.customerio.ratelimit.guard import GUARD_MIN, Guard
from cio_mcp.customerio.ratelimit.lane import LaneQueue, LaneState, Permit
from cio_mcp.customerio.ratelimit.rates import Lane
from cio_mcp.customerio.ratelimit.window import BULK, INTERACTIVE
from cio_mcp.storage.limiter_state import LimiterStore

__all__ = ["LaneState", "Limiter", "Permit"]


class Limiter:
    """The lanes of a workspace, as one process sees them; an async context manager that owns its tasks.

    `store` stays the caller's to close. `guard` is a `Guard` (`guard_for(url)`) or fixed seconds. Statements
    run in `threads` of their own, so that no other work can hold them up.
    """

    def __init__(
        self,
        store: LimiterStore,
        lanes: Mapping[LaneName, Lane],
        *,
        workspace: str,
        headroom: float = 1.0,
        guard: Guard | float = GUARD_MIN,
        clock: Clock,
        threads: anyio.CapacityLimiter | None = None,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._guard = guard if isinstance(guard, Guard) else Guard(guard)
        fallback = FallbackStore(store, clock)
        threads = threads or anyio.CapacityLimiter(len(lanes))
        own: dict[LaneName, LaneQueue] = {
            name: LaneQueue(
                name,
                lane,
                workspace=workspace,
                headroom=headroom,
                guard=self._guard,
                store=fallback,
                clock=clock,
                threads=threads,
                random=random,
            )
            for name, lane in lanes.items()
            if lane.shares is None
        }
        self._lanes = {name: own[lane.shares or name] for name, lane in lanes.items()}
        self._own = tuple(own.values())
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for lane_queue in self._own:
            self._exit.push_async_callback(lane_queue.close)
        tasks = await self._exit.enter_async_context(anyio.create_task_group())
        self._exit.callback(tasks.cancel_scope.cancel)
        for lane_queue in self._own:
            tasks.start_soon(lane_queue.run, name=f"lane {lane_queue.name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit.__aexit__(kind, error, trace)

    async def acquire(self, lane: LaneName, *, caller: str = "", bulk: bool = False, max_wait: float) -> Permit:
        """Wait for a permit to make one request; a caller that is canceled leaves no trace.

        Interactive calls go before bulk ones; within a class, callers take turns.

        Raises:
            RateLimited: its turn would not come within `max_wait` seconds, known at once; no slot was taken.
        """
        return await self._lanes[lane].acquire(lane, caller, BULK if bulk else INTERACTIVE, max_wait)

    def release(self, permit: Permit) -> None:
        """Return a permit with which not a byte was sent, for instance because the call was canceled."""
        self._lanes[permit.lane].release(permit.stamp)

    async def settle(self, permit: Permit) -> None:
        """Say that the headers of a permit's request leave at this moment; does not wait.

        If that is late (a cold connection, a busy process), the permit is stamped again.
        """
        self._lanes[permit.lane].settle(permit)

    async def penalize(self, permit: Permit, retry_after: float | None) -> None:
        """Answer a 429: pause the lane for every process and lower its rate.

        Does not wait: every later `acquire` of this process comes after it, other processes' within a moment.
        """
        self._lanes[permit.lane].penalize(permit.stamp, retry_after)

    def note_round_trip(self, seconds: float) -> None:
        """Let the guard follow the spread of round trips to a remote host."""
        self._guard.note(seconds)

    @property
    def shared(self) -> bool:
        """Whether the budgets are shared; False while the store fails: then writes must be refused."""
        return all(lane_queue.shared for lane_queue in self._own)

    def state(self) -> list[LaneState]:
        """What is known about each lane, without asking the store."""
        return [lane_queue.state(name) for name, lane_queue in self._lanes.items()]

    async def current_state(self) -> list[LaneState]:
        """What all processes know about each lane at this moment, read from the store."""
        return [await lane_queue.current_state(name) for name, lane_queue in self._lanes.items()]
