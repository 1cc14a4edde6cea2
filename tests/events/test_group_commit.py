from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest

from cio_mcp.errors import StorageFailed, Unavailable
from cio_mcp.events.group_commit import MAX_BATCH_ROWS, MAX_QUEUED_ROWS, Intake
from cio_mcp.events.log import EventLog, EventQuery
from cio_mcp.events.models import Envelope
from cio_mcp.storage.engine import Database
from cio_mcp.storage.rows import EventRow
from tests.clock import ManualClock

pytestmark = pytest.mark.anyio


def row(name: str) -> EventRow:
    return EventRow(name, "email", "sent", 1, 1.0, "{}")


class Disk:
    """Notes what is committed together, once it is let go; `held` is set while it waits."""

    def __init__(self) -> None:
        self.commits: list[list[str]] = []
        self.running = 0
        self.held = anyio.Event()
        self.go = anyio.Event()

    async def commit(self, rows: Sequence[EventRow]) -> None:
        self.running += 1
        self.held.set()
        await self.go.wait()
        self.running -= 1
        self.commits.append([each.event_id for each in rows])


async def test_events_that_arrive_during_a_commit_share_the_next_one() -> None:
    disk = Disk()
    intake = Intake(disk.commit)
    async with anyio.create_task_group() as group:
        group.start_soon(intake.store, [row("first")])
        await disk.held.wait()
        for name in "abc":
            group.start_soon(intake.store, [row(name)])
        await anyio.wait_all_tasks_blocked()
        running = disk.running
        disk.go.set()
    assert running == 1
    assert disk.commits == [["first"], ["a", "b", "c"]]


async def test_events_that_arrive_together_share_one_commit() -> None:
    disk = Disk()
    disk.go.set()
    intake = Intake(disk.commit)
    async with anyio.create_task_group() as group:
        for number in range(100):
            group.start_soon(intake.store, [row(str(number))])
    assert [len(each) for each in disk.commits] == [100]


async def test_no_commit_is_larger_than_a_batch_and_none_is_lost() -> None:
    disk = Disk()
    disk.go.set()
    intake = Intake(disk.commit)
    async with anyio.create_task_group() as group:
        for number in range(MAX_QUEUED_ROWS // 100):
            group.start_soon(intake.store, [row(f"{number}-{each}") for each in range(100)])
    assert [len(each) for each in disk.commits] == [MAX_BATCH_ROWS] * (MAX_QUEUED_ROWS // MAX_BATCH_ROWS)
    assert len({name for each in disk.commits for name in each}) == MAX_QUEUED_ROWS


async def test_nobody_is_answered_before_the_commit() -> None:
    disk = Disk()
    intake = Intake(disk.commit)
    answered: list[str] = []

    async def store(name: str) -> None:
        await intake.store([row(name)])
        answered.append(name)

    async with anyio.create_task_group() as group:
        for name in "ab":
            group.start_soon(store, name)
        await disk.held.wait()
        await anyio.wait_all_tasks_blocked()
        assert answered == []
        disk.go.set()
    assert sorted(answered) == ["a", "b"]


async def test_an_interrupted_commit_is_reported_as_success_to_nobody() -> None:
    class BrokenOff(BaseException):
        pass

    async def broken_off(_rows: Sequence[EventRow]) -> None:
        raise BrokenOff

    intake = Intake(broken_off)
    answers: list[type[BaseException]] = []

    async def store(name: str) -> None:
        try:
            await intake.store([row(name)])
        except (BrokenOff, Unavailable) as failure:
            answers.append(type(failure))

    async with anyio.create_task_group() as group:
        for name in "abc":
            group.start_soon(store, name)
    assert answers == [BrokenOff, Unavailable, Unavailable]
    assert intake.waiting == 0


async def test_more_than_can_wait_is_turned_away_and_the_rest_stored(feed: EventLog) -> None:
    turned_away: list[str] = []

    async def append(name: str) -> None:
        try:
            await feed.append([event(f"{name}-{number}") for number in range(100)])
        except Unavailable:
            turned_away.append(name)

    async with anyio.create_task_group() as group:
        for number in range(30):
            group.start_soon(append, str(number))
    assert len(turned_away) == 30 - MAX_QUEUED_ROWS // 100
    assert sum((await feed.summary(EventQuery())).by_metric.values()) == MAX_QUEUED_ROWS


async def test_a_cancelled_waiter_loses_no_event_of_another(feed: EventLog) -> None:
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            group.start_soon(feed.append, [event("a")])
            group.start_soon(feed.append, [event("b")])
            scope.cancel()
            await feed.append([event("gives up")])
    assert await stored_ids(feed) == {"a", "b", "gives up"}
    assert feed._intake.waiting == 0
    await feed.append([event("next")])
    assert "next" in await stored_ids(feed)


async def test_a_database_failure_reaches_every_waiter(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    feed = EventLog(Database(f"sqlite:///{tmp_path / 'file' / 'events.db'}"), "acme", ManualClock())
    failed: list[str] = []

    async def append(name: str) -> None:
        try:
            await feed.append([event(name)])
        except StorageFailed:
            failed.append(name)

    async with anyio.create_task_group() as group:
        for name in "abc":
            group.start_soon(append, name)
    assert sorted(failed) == ["a", "b", "c"]
    assert feed._intake.waiting == 0


def event(name: str) -> Envelope:
    return Envelope(event_id=name, object_type="email", metric="sent", timestamp=1_700_000_000, data={})


async def stored_ids(feed: EventLog) -> set[str]:
    return {each.id for each in (await feed.recent(EventQuery())).events}
