"""A clock for tests: time stands still until it is let go on, and then goes from one wait's end to the next."""

from dataclasses import dataclass

import anyio
import anyio.lowlevel

from cio_mcp.customerio.clock import Clock

CALM = 10
"""Turns of the event loop with no statement in flight after which nothing more happens by itself."""


@dataclass(eq=False, slots=True)
class _Wait:
    until: float
    scope: anyio.CancelScope


class HeldClock(Clock):
    """Time goes on only in `advance`; `threads` are those in which statements run."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.threads = anyio.CapacityLimiter(40)
        self._waits: list[_Wait] = []

    def steady(self) -> float:
        return self.time

    def calendar(self) -> float:
        return self.time + 1.7e9

    async def wait(self, event: anyio.Event, seconds: float | None) -> None:
        if seconds is None:
            await event.wait()
            return
        with anyio.CancelScope() as scope:
            wait = _Wait(self.time + seconds, scope)
            self._waits.append(wait)
            try:
                await event.wait()
            finally:
                self._waits.remove(wait)

    async def advance(self, seconds: float) -> None:
        """Let time go on, stopping wherever somebody waits for it."""
        end = self.time + seconds
        await self.calm()
        while due := [wait for wait in self._waits if wait.until <= end]:
            first = min(due, key=lambda wait: wait.until)
            self.time = max(self.time, first.until)
            first.scope.cancel()
            await self.calm()
        self.time = end
        await self.calm()

    async def calm(self) -> None:
        """Wait until nothing happens any more unless time goes on."""
        calm = 0
        while calm < CALM:
            calm = 0 if self.threads.borrowed_tokens else calm + 1
            await anyio.lowlevel.checkpoint()
