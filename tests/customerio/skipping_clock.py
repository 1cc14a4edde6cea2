"""A clock for tests: nobody waits."""

import time

import anyio
import anyio.lowlevel

from cio_mcp.customerio.clock import Clock


class SkippingClock(Clock):
    """Time goes on as usual, but whoever waits for it is there at once."""

    def __init__(self) -> None:
        self.skipped = 0.0
        self.waits: list[float] = []

    def steady(self) -> float:
        return time.monotonic() + self.skipped

    def calendar(self) -> float:
        return time.time() + self.skipped

    async def wait(self, event: anyio.Event, seconds: float | None) -> None:
        if seconds is None:
            await event.wait()
            return
        self.waits.append(seconds)
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        if not event.is_set():
            self.skipped += seconds
