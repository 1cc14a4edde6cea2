"""The test clock: time stands still until a test moves it, and no test waits."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio
import anyio.lowlevel
import anyio.to_thread

from cio_mcp.clock import Clock
from cio_mcp.workspace import Workspace

IDLE_TURNS = 10
"""Turns of the event loop without a statement in flight after which nothing more happens by itself."""


class ManualClock(Clock):
    """Time passes only in `advance`, or by setting `time`; `waits` are the seconds that were waited for.

    With `skips`, a wait moves the clock to its end as soon as nothing else happens in this process; a time limit
    (`move_on_after`) still ends only in `advance`. `threads` are those in which a limiter's statements run.
    """

    def __init__(self, *, skips: bool = False, calendar: float = 1_800_000_000.0) -> None:
        # The deadlines of calls go by the host's clock, which starts with the host: none is over by this one.
        self.time = -1_000_000.0
        self.skips = skips
        self.waits: list[float] = []
        self.threads = anyio.CapacityLimiter(40)
        self._epoch = calendar - self.time
        self._limits: list[tuple[float, anyio.CancelScope]] = []

    def steady(self) -> float:
        return self.time

    def now(self) -> float:
        return self.time + self._epoch

    def set_calendar(self, seconds: float) -> None:
        """Set the calendar forward, or back; the steady clock goes on."""
        self._epoch += seconds

    def move_on_after(self, seconds: float) -> anyio.CancelScope:
        scope = anyio.CancelScope()
        self._limits.append((self.time + seconds, scope))
        return scope

    async def wait(self, event: anyio.Event, seconds: float | None) -> None:
        if seconds is None:
            await event.wait()
            return
        until = self.time + seconds
        self.waits.append(seconds)
        if not self.skips:
            with self.move_on_after(seconds):
                await event.wait()
            return
        await self.calm(event)
        if not event.is_set():
            self.time = max(self.time, until)

    async def sleep(self, seconds: float) -> None:
        await self.wait(anyio.Event(), seconds)

    async def advance(self, seconds: float) -> None:
        """Let time pass, stopping wherever something waits for it."""
        end = self.time + seconds
        await self.calm()
        while due := [limit for limit in self._limits if limit[0] <= end]:
            first = min(due, key=lambda limit: limit[0])
            self._limits.remove(first)
            until, scope = first
            self.time = max(self.time, until)
            # Many of them ended long ago, which this does not change.
            scope.cancel()
            await self.calm()
        self.time = end
        await self.calm()

    async def calm(self, event: anyio.Event | None = None) -> None:
        """Wait until nothing happens any more unless time passes, or until an event is set."""
        statements = (self.threads, anyio.to_thread.current_default_thread_limiter())
        idle = 0
        while idle < IDLE_TURNS and not (event and event.is_set()):
            idle = 0 if any(threads.borrowed_tokens for threads in statements) else idle + 1
            await anyio.lowlevel.checkpoint()


def with_clock(opened: Workspace, clock: Clock) -> Workspace:
    """A workspace whose gate, events, and tools go by another clock; its client and its tasks keep theirs."""
    opened.events.clock = clock
    return replace(opened, gate=replace(opened.gate, clock=clock))


class FunctionClock(Clock):
    """A clock made of two functions, where a test needs its own time or its own way to wait."""

    def __init__(
        self, now: Callable[[], float] | None = None, sleep: Callable[[float], Awaitable[None]] | None = None
    ) -> None:
        self._now, self._sleep = now, sleep

    def now(self) -> float:
        return self._now() if self._now else super().now()

    async def sleep(self, seconds: float) -> None:
        await (self._sleep(seconds) if self._sleep else super().sleep(seconds))
