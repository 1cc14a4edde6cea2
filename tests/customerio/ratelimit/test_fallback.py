"""The limiter's store while the shared one fails: when that is tried again, and what is logged."""

import logging
from collections.abc import Callable
from typing import TypeVar

import pytest

from cio_mcp.customerio.ratelimit.fallback import FallbackStore
from cio_mcp.errors import StorageFailed
from cio_mcp.storage.limiter_state import MemoryLimiterStore
from tests.clock import ManualClock

T = TypeVar("T")


class Unreliable(MemoryLimiterStore):
    """A shared store that fails while a test says so, and counts how often it is tried."""

    fails, tries = False, 0

    def change(
        self, workspace: str, lane: str, decide: Callable[[str | None, float], tuple[str, T]], now: Callable[[], float]
    ) -> T:
        self.tries += 1
        if self.fails:
            raise StorageFailed("The database is locked.")
        return super().change(workspace, lane, decide, now)


def is_alone(store: FallbackStore, clock: ManualClock) -> bool:
    return store.change("acme", "app", lambda _, __, alone: ("row", alone), clock.steady)


def test_a_store_that_fails_is_tried_once_a_second() -> None:
    clock, shared = ManualClock(), Unreliable()
    store = FallbackStore(shared, clock)
    shared.fails = True
    for passed, tries in ((0.0, 1), (0.0, 1), (0.9, 1), (0.1, 2), (0.0, 2), (0.9, 2), (0.1, 3)):
        clock.time += passed
        assert is_alone(store, clock)
        assert shared.tries == tries
    shared.fails = False
    assert is_alone(store, clock)
    clock.time += 1.0
    assert [is_alone(store, clock), store.alone] == [False, False]
    assert [is_alone(store, clock), shared.tries] == [False, 5]


def test_an_outage_is_logged_once_when_it_begins_and_once_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    clock, shared = ManualClock(), Unreliable()
    store = FallbackStore(shared, clock)
    with caplog.at_level(logging.WARNING):
        for fails in (False, False, True, True, False, False):
            shared.fails = fails
            is_alone(store, clock)
            clock.time += 1.0
    assert [record.message.split(" (")[0] for record in caplog.records] == [
        "The limiter's shared store is unavailable",
        "The limiter's shared store is available again.",
    ]
