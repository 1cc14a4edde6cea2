"""Time: the only clock of the project, and its only way to wait, so that tests need neither."""

import time

import anyio


class Clock:
    """The clocks of this host."""

    def now(self) -> float:
        """Unix time in seconds: goes on while the host sleeps or is off, and may be set."""
        return time.time()

    def steady(self) -> float:
        """Seconds on a clock that is never set, and is the same for all processes of the host."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for so long."""
        await anyio.sleep(seconds)

    async def wait(self, event: anyio.Event, seconds: float | None) -> None:
        """Wait for an event, but no longer than this; None waits for the event alone."""
        with anyio.move_on_after(seconds):
            await event.wait()

    def move_on_after(self, seconds: float) -> anyio.CancelScope:
        """Limit a block to this many seconds, as anyio does."""
        return anyio.move_on_after(seconds)


SYSTEM_CLOCK = Clock()
"""For the command line and the server, which hand it to everything that they open."""
