"""What a feed lets go of, what it counts, and how the receiver fares."""

from functools import partial

import anyio
import pytest

from cio_mcp.errors import StorageFailed
from cio_mcp.events.log import FIRST_UPKEEP_SECONDS, EventLog, EventQuery
from cio_mcp.events.models import Envelope
from cio_mcp.storage.engine import Database
from cio_mcp.storage.webhook_stats import webhook_stats
from tests.clock import ManualClock

pytestmark = pytest.mark.anyio

AT = 1_700_000_000
DAY = 86_400.0


def event(name: str, at: int = 0) -> Envelope:
    return Envelope(event_id=name, object_type="email", metric="sent", timestamp=AT + at)


async def ids(feed: EventLog) -> list[str]:
    return [each.id for each in (await feed.recent(EventQuery(), 50)).events]


async def number(feed: EventLog) -> int:
    return sum((await feed.summary(EventQuery())).by_metric.values())


async def refusal_counts(feed: EventLog) -> dict[str, int]:
    stats = await webhook_stats(feed.database, feed.workspace, feed.clock.now())
    return {each.reason: each.count for each in stats.refused}


async def test_events_beyond_the_age_or_row_limit_are_deleted(feed: EventLog) -> None:
    await feed.append(event(f"old {number}", at=number) for number in range(1200))
    assert isinstance(feed.clock, ManualClock)
    feed.clock.time += 31 * DAY
    await feed.append(event(f"new {number}", at=number) for number in range(20))
    await feed.trim(days=30, rows=1000)
    assert await ids(feed) == [f"new {number}" for number in reversed(range(20))]
    await feed.trim(days=30, rows=15)
    assert await ids(feed) == [f"new {number}" for number in reversed(range(5, 20))]


async def test_several_that_trim_at_once_delete_no_more_than_one_would(feed: EventLog, database: Database) -> None:
    await feed.append(event(str(number), at=number) for number in range(1800))
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(partial(EventLog(database, "acme", ManualClock(skips=True)).trim, days=30, rows=600))
    assert await number(feed) == 600
    assert (await ids(feed))[0] == "1799"


async def test_another_workspaces_events_are_let_be(feed: EventLog, database: Database) -> None:
    other = EventLog(database, "other", ManualClock(skips=True))
    await other.append([event("theirs")])
    await feed.append([event("a"), event("b")])
    await feed.trim(days=0, rows=0)
    await feed.trim(days=-1, rows=0)
    assert (await ids(feed), await ids(other)) == ([], ["theirs"])


async def test_a_sequence_is_never_used_twice(feed: EventLog) -> None:
    await feed.append([event("a"), event("b")])
    before = (await feed.recent(EventQuery(), 1)).events[0].sequence
    await feed.trim(days=30, rows=0)
    await feed.append([event("c")])
    assert (await feed.recent(EventQuery(), 1)).events[0].sequence > before


async def test_upkeep_trims_and_stores_what_was_refused(feed: EventLog) -> None:
    await feed.append(event(str(number)) for number in range(9))
    feed.refuse("unsigned")
    clock = feed.clock = ManualClock()
    async with anyio.create_task_group() as group:
        group.start_soon(feed.keep, 30, 5)
        await clock.advance(2 * FIRST_UPKEEP_SECONDS)
        assert (await number(feed), await refusal_counts(feed)) == (5, {"unsigned": 1})
        group.cancel_scope.cancel()


async def test_refused_requests_are_counted_by_reason(feed: EventLog) -> None:
    for reason in ("unsigned", "too big", "unsigned"):
        feed.refuse(reason)
    await feed.close()
    feed.refuse("unsigned")
    await feed.flush()
    assert await refusal_counts(feed) == {"unsigned": 3, "too big": 1}


async def test_counts_that_cannot_be_stored_now_are_stored_later(feed: EventLog, database: Database) -> None:
    await feed.append([event("a")])
    await database.write(lambda db: db.exec_driver_sql("ALTER TABLE rejections RENAME TO away"))
    feed.refuse("unsigned")
    with pytest.raises(StorageFailed):
        await feed.flush()
    await database.write(lambda db: db.exec_driver_sql("ALTER TABLE away RENAME TO rejections"))
    feed.refuse("unsigned")
    await feed.flush()
    assert await refusal_counts(feed) == {"unsigned": 2}


async def test_webhook_stats_hold_delays_and_gaps(feed: EventLog, database: Database) -> None:
    clock = feed.clock
    assert isinstance(clock, ManualClock)
    begin = clock.now()
    for name, after in (("a", 0.0), ("b", 1800.0), ("c", 7200.0), ("d", 60.0)):
        clock.time += after
        at = int(clock.now()) - (120 if name == "d" else 0)
        await feed.append([Envelope(event_id=name, object_type="email", metric="sent", timestamp=at)])
    stats = await webhook_stats(database, "acme", clock.now() + 10_000)
    assert stats.last is not None
    assert (stats.stored, stats.day, stats.late, stats.last.event_id) == (4, 4, 1, "d")
    assert 119 < stats.last.lag < 125
    gaps = [(round(gap.since - begin, -2), gap.until and round(gap.until - begin, -2)) for gap in stats.gaps]
    assert gaps == [(1800.0, 9000.0), (9100.0, None)]


@pytest.mark.parametrize(
    ("days", "gaps"),
    [([10], [(0, None)]), ([8, 1], [(0, 7), (7, None)]), ([1, 0], [(0, 1)]), ([20, 8, 1], [(12, 19), (19, None)])],
)
async def test_gaps_of_the_last_week_include_one_that_began_before_it(
    feed: EventLog, database: Database, days: list[int], gaps: list[tuple[int, int | None]]
) -> None:
    clock = feed.clock
    assert isinstance(clock, ManualClock)
    start, now = clock.time, clock.now()
    for ago in days:
        clock.time = start - ago * DAY
        await feed.append([event(f"{ago} days ago")])
    stats = (await webhook_stats(database, "acme", now + 60)).gaps
    begin = now - days[0] * DAY
    assert [(round((g.since - begin) / DAY), g.until and round((g.until - begin) / DAY)) for g in stats] == gaps
