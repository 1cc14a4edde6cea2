"""One time for the sandbox and the server: each task begins on the same day, and an advance moves it for both."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cio_mcp.clock import Clock
from cio_mcp.sandbox.world import clock as world
from cio_mcp.server import elicitation
from tests.limits import widen_limits

START = 1_781_524_800.0
"""2026-06-15 12:00 UTC, when each task begins."""
ANSWER_SECONDS = 0.3


class WorldClock(world.Clock):
    """The sandbox's time."""

    def __init__(self) -> None:
        super().__init__()
        self._base = START - time.monotonic()


class ServerClock(Clock):
    """The server's time: the sandbox's. Its steady clock is the machine's, and never advanced."""

    def __init__(self, sandbox: world.Clock) -> None:
        self._sandbox = sandbox

    def now(self) -> float:
        return self._sandbox.now()


@contextmanager
def short_waits() -> Iterator[None]:
    """Widen the rate limits, and wait for no person outside the client."""
    with pytest.MonkeyPatch.context() as patch:
        widen_limits(patch)
        patch.setattr(elicitation, "ANSWER_SECONDS", ANSWER_SECONDS)
        yield
