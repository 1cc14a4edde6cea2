import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest

from cio_mcp.customerio.call import Call
from cio_mcp.errors import InvalidArgument
from cio_mcp.events.log import SCAN_EVENTS, EventLog, EventQuery, MetricSummary
from cio_mcp.events.models import Envelope
from cio_mcp.gate.plan import Plan
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.engine import Database
from cio_mcp.storage.rows import MAX_METRICS, ChangeRow
from tests.rows import change_row

pytestmark = pytest.mark.anyio

AT = 1_700_000_000


def event(name: str, metric: str = "sent", at: int = 0, object_type: str = "email", **data: Any) -> Envelope:
    return Envelope(event_id=name, object_type=object_type, metric=metric, timestamp=AT + at, data=data)


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(AT + at, UTC)


async def ids(feed: EventLog, query: EventQuery | None = None, limit: int = 50) -> list[str]:
    return [each.id for each in (await feed.recent(query or EventQuery(), limit)).events]


async def test_an_event_delivered_twice_is_stored_once(feed: EventLog) -> None:
    await feed.append([event("a"), event("b"), event("a")])
    await feed.append([event("b"), event("c")])
    assert sorted(await ids(feed)) == ["a", "b", "c"]


async def test_workspaces_do_not_see_each_others_events(feed: EventLog, database: Database) -> None:
    other = EventLog(database, "other", feed.clock)
    await feed.append([event("a")])
    await other.append([event("a"), event("b")])
    assert (await ids(feed), sorted(await ids(other))) == (["a"], ["a", "b"])
    assert await feed.summary(EventQuery()) == MetricSummary({"sent": 1})


async def test_the_newest_comes_first_by_when_it_happened_not_by_when_it_came(feed: EventLog) -> None:
    await feed.append([event("late", at=5)])
    await feed.append([event("latest", at=9)])
    await feed.append([event("early", at=1), event("same", at=5)])
    assert await ids(feed) == ["latest", "same", "late", "early"]


async def test_pages_have_no_gap_whatever_arrives_in_between(feed: EventLog) -> None:
    await feed.append(event(str(number), at=number // 3) for number in range(20))
    first = await feed.recent(EventQuery(), 7)
    assert first.omitted == 13
    await feed.append([event("new", at=100)])
    second = await feed.recent(EventQuery(), 7, first.cursor)
    third = await feed.recent(EventQuery(), 7, second.cursor)
    seen = [each.id for page in (first, second, third) for each in page.events]
    assert seen == [str(number) for number in reversed(range(20))]
    assert (third.cursor, third.omitted) == (None, 0)


@pytest.mark.parametrize("cursor", ["x", "1", "-", "1-2-3", "1-" + "9" * 60, "\u0661-\u0662"])
async def test_a_cursor_that_is_not_ours_is_refused(feed: EventLog, cursor: str) -> None:
    with pytest.raises(InvalidArgument):
        await feed.recent(EventQuery(), 5, cursor)


WHO = {"id": "ada", "email": "Ada@Example.com", "cio_id": "a1"}


@pytest.mark.parametrize(
    "query",
    [
        EventQuery(object_type="sms"),
        EventQuery(metric="opened"),
        EventQuery(object_type="sms", metric="opened"),
        EventQuery(person="ada"),
        EventQuery(person="ada@example.COM"),
        EventQuery(person="cio_a1"),
        EventQuery(delivery="d1"),
        EventQuery(kind="campaign", id="7"),
        EventQuery(kind="campaign"),
        EventQuery(since=moment(3)),
        EventQuery(since=moment(3), until=moment(4), person="ada", metric="opened"),
    ],
)
async def test_each_condition_finds_its_event(feed: EventLog, query: EventQuery) -> None:
    found = event("it", "opened", 3, "sms", delivery_id="d1", campaign_id=7, identifiers=WHO)
    others = {"id": "bob", "email": "bob@example.com", "cio_id": "b2"}
    await feed.append([found, event("not", at=1, delivery_id="d2", broadcast_id=7, identifiers=others)])
    assert await ids(feed, query) == ["it"]


async def test_a_person_whose_id_is_an_address_is_found_by_it(feed: EventLog) -> None:
    await feed.append([event("it", identifiers={"id": "Ada@example.com", "email": None, "cio_id": "a1"})])
    assert await ids(feed, EventQuery(person="ada@example.com")) == ["it"]


async def test_a_summary_counts_by_metric_in_a_window(feed: EventLog) -> None:
    await feed.append([event("a", "opened", 1), event("b", "opened", 2), event("c", "sent", 2), event("d", "sent", 9)])
    assert await feed.summary(EventQuery(since=moment(1), until=moment(9))) == MetricSummary({"opened": 2, "sent": 1})


async def test_a_summary_names_the_most_frequent_metrics_and_counts_the_rest(feed: EventLog) -> None:
    odd = [event(f"e{number}", f"metric_{number:03}") for number in range(MAX_METRICS + 30)]
    await feed.append([*odd, event("a", "sent"), event("b", "sent")])
    summary = await feed.summary(EventQuery())
    assert len(summary.by_metric) == MAX_METRICS
    assert next(iter(summary.by_metric.items())) == ("sent", 2)
    assert summary.others == 31
    assert await feed.summary(EventQuery(metric="nothing")) == MetricSummary({})


async def test_an_event_names_the_change_that_caused_it(feed: EventLog, database: Database) -> None:
    journal = Journal(database, "acme")
    await journal.add(change("sent-it", {}))
    await journal.finish("sent-it", "sent", json.dumps({"message": None}), now=AT, delivery_id="d1")
    await journal.add(change("started-it", {"name": "signed_up", "id": "01ULID"}))
    await feed.append(
        [event("a", at=3, delivery_id="d1"), event("b", at=2, trigger_event_id="01ULID"), event("c", delivery_id="d3")]
    )
    page = await feed.recent(EventQuery())
    assert [(each.id, each.change) for each in page.events] == [("a", "sent-it"), ("b", "started-it"), ("c", None)]
    assert await ids(EventLog(database, "other", feed.clock)) == []


async def test_waiting_answers_at_once_when_it_has_happened_already(feed: EventLog) -> None:
    await feed.append([event("before", "opened", 1), event("it", "opened", 5), event("later", "opened", 6)])
    found = await feed.wait(EventQuery(metric="opened"), moment(4.9), 0)
    assert found is not None
    assert found.id == "it"


async def test_waiting_without_a_time_does_not_count_what_was_there(feed: EventLog) -> None:
    await feed.append([event("before", "opened", 1)])
    assert await feed.wait(EventQuery(metric="opened"), None, 5) is None


async def test_waiting_ends_in_time(feed: EventLog) -> None:
    begin = feed.clock.steady()
    assert await feed.wait(EventQuery(), moment(0), 7.5) is None
    assert 7.5 <= feed.clock.steady() - begin < 8.5


@pytest.mark.parametrize("own", [True, False], ids=["this process", "another"])
async def test_waiting_ends_when_it_happens(feed: EventLog, database: Database, *, own: bool) -> None:
    storing = feed if own else EventLog(database, "acme", feed.clock)
    async with anyio.create_task_group() as group:

        async def happen() -> None:
            await storing.append([event("other", "sent")])
            await storing.append([event("it", "opened")])

        group.start_soon(happen)
        found = await feed.wait(EventQuery(metric="opened"), moment(0), 1e6)
    assert found is not None
    assert found.id == "it"


async def test_waiting_overlooks_nothing_however_much_comes_between_two_looks(
    feed: EventLog, database: Database
) -> None:
    other = EventLog(database, "acme", feed.clock)
    async with anyio.create_task_group() as group:

        async def happen() -> None:
            for begin in range(0, 3 * SCAN_EVENTS, SCAN_EVENTS):
                await other.append([event(f"{begin + number}") for number in range(SCAN_EVENTS)])
            await other.append([event("it", "opened")])

        group.start_soon(happen)
        found = await feed.wait(EventQuery(metric="opened"), None, 1e6)
    assert found is not None
    assert found.id == "it"


async def test_waiting_does_not_walk_through_what_is_long_gone(feed: EventLog, database: Database) -> None:
    await EventLog(database, "other", feed.clock).append([event("a")])
    await database.write(lambda db: db.exec_driver_sql("UPDATE sqlite_sequence SET seq = 900000000"))
    await EventLog(database, "other", feed.clock).append([event("b")])
    async with anyio.create_task_group() as group:
        group.start_soon(EventLog(database, "acme", feed.clock).append, [event("it", "opened")])
        found = await feed.wait(EventQuery(metric="opened"), moment(0), 1e6)
    assert found is not None
    assert found.id == "it"


async def test_a_wait_given_up_leaves_nothing_behind(feed: EventLog) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(feed.wait, EventQuery(), None, 1e9)
        await feed.recent(EventQuery())
        group.cancel_scope.cancel()
    assert feed._stored.statistics().tasks_waiting == 0


@pytest.mark.parametrize(
    "query",
    [
        EventQuery(),
        EventQuery(metric="opened"),
        EventQuery(object_type="sms"),
        EventQuery(object_type="sms", metric="opened"),
        EventQuery(person="ada"),
        EventQuery(person="a@b.c"),
        EventQuery(person="cio_a1"),
        EventQuery(delivery="d1"),
        EventQuery(kind="campaign", id="7"),
        EventQuery(since=moment(0), until=moment(60)),
    ],
)
async def test_no_question_reads_the_whole_log_or_sorts_it(
    feed: EventLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: EventQuery
) -> None:
    statements: list[str] = []
    await feed.append([event("a")])

    def only_note(db: Any, statement: Any) -> list[Any]:
        statements.append(str(statement.compile(db, compile_kwargs={"literal_binds": True})))
        return []

    monkeypatch.setattr("cio_mcp.storage.events._rows", only_note)
    await feed.recent(query, 5, f"{AT}-1")
    with sqlite3.connect(tmp_path / "events.db") as plain:
        steps = [row[3] for row in plain.execute(f"EXPLAIN QUERY PLAN {statements[0]}")]
    plain.close()
    assert not [step for step in steps if step.startswith("SCAN")]
    assert not [step for step in steps if "TEMP B-TREE" in step]
    filters = (query.object_type, query.metric, query.person, query.delivery, query.kind)
    conditions = sum(value is not None for value in filters)
    assert steps[0].count("=?") >= 1 + conditions


def change(name: str, body: dict[str, Any]) -> ChangeRow:
    call = Call(operation="track_event", path={"identifier": "ada"}, body=body)
    plan = Plan(risk="send", summary="Send.", calls=(call,))
    return change_row(name, plan, state="sending", planned_at=AT)
