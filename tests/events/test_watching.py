"""A watcher of the event log is notified of what any process stores, and of nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from cio_mcp.events.log import POLL_SECONDS, SETTLING_SECONDS, EventLog
from cio_mcp.events.models import Envelope
from cio_mcp.storage.engine import Database
from tests.clock import ManualClock

pytestmark = pytest.mark.anyio


def event(name: str) -> Envelope:
    return Envelope(event_id=name, object_type="email", metric="sent", timestamp=1_700_000_000)


@asynccontextmanager
async def watched(feed: EventLog) -> AsyncIterator[list[float]]:
    """The times at which the watcher was notified."""
    announcements: list[float] = []
    async with anyio.create_task_group() as group:
        group.start_soon(feed.watch, lambda: announcements.append(feed.clock.steady()))
        await _looked(feed)
        yield announcements
        group.cancel_scope.cancel()


async def _looked(feed: EventLog) -> None:
    """Wait until a watcher has looked."""
    assert isinstance(feed.clock, ManualClock)
    await feed.clock.calm()


async def test_each_commit_is_announced_once(database: Database) -> None:
    clock = ManualClock()
    feed = EventLog(database, "acme", clock)
    async with watched(feed) as announcements:
        for number in range(3):
            await feed.append([event(f"{number}"), event(f"{number} too")])
            await _looked(feed)
            await clock.advance(10 * POLL_SECONDS)
            await _looked(feed)
            assert len(announcements) == number + 1
        await feed.append([event("0")])
        await _looked(feed)
        assert len(announcements) == 3, "it was there already"


async def test_events_stored_by_another_process_are_noticed_at_the_next_look(database: Database) -> None:
    clock = ManualClock()
    feed = EventLog(database, "acme", clock)
    async with watched(feed) as announcements:
        await EventLog(database, "acme", clock).append([event("a")])
        await clock.advance(POLL_SECONDS)
        await _looked(feed)
        assert len(announcements) == 1


async def test_nothing_is_heard_of_other_workspaces_or_of_long_ago(database: Database) -> None:
    clock = ManualClock()
    await EventLog(database, "acme", clock).append([event("a")])
    clock.time += 3600
    feed = EventLog(database, "acme", clock)
    async with watched(feed) as announcements:
        await EventLog(database, "other", clock).append([event("a")])
        await _looked(feed)
        assert announcements == []


@pytest.mark.parametrize(("ago", "times"), [(SETTLING_SECONDS / 2, 1), (SETTLING_SECONDS * 2, 0)])
async def test_events_that_arrived_just_before_are_announced_too(database: Database, ago: float, times: int) -> None:
    clock = ManualClock()
    await EventLog(database, "acme", clock).append([event("a")])
    await clock.advance(ago)
    async with watched(EventLog(database, "acme", clock)) as announcements:
        assert len(announcements) == times
