"""Reading what was reported, and waiting for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp_types import TextContent

from cio_mcp.errors import InvalidArgument
from cio_mcp.events.log import EventLog
from cio_mcp.events.models import Envelope
from cio_mcp.sandbox import Sandbox
from cio_mcp.server.app import build_server
from cio_mcp.settings import Settings
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.engine import Database
from cio_mcp.storage.rows import MAX_METRICS
from cio_mcp.text.render import render
from cio_mcp.text.timestamps import moment
from cio_mcp.tools.core.events import (
    NO_EVENTS_YET,
    NO_MATCH,
    NOTHING_SENT_YET,
    SENT_BEFORE,
    recent_events,
    wait_for_event,
)
from cio_mcp.tools.core.send_event import FOLLOW, NOTHING_STARTS
from cio_mcp.workspace import CallContext, Workspace
from tests.callers import caller_named
from tests.clients import approve, structured
from tests.clock import ManualClock, with_clock
from tests.eras import Era

pytestmark = pytest.mark.anyio

ADA: dict[str, Any] = {"identifiers": {"cio_id": "a3000001", "id": "ada", "email": "ada@example.com"}}


NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
"""What the clock of the events says."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(skips=True, calendar=NOW.timestamp())


@pytest.fixture
def opened(opened: Workspace, clock: ManualClock) -> Workspace:
    return with_clock(opened, clock)


STORED = "Events have been stored since 2026-09-01T12:00:00Z. The time is now 2026-09-01T12:00:00Z."
"""The last line of a list, where all came in at this moment."""


def back(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def event(number: int, metric: str = "delivered", *, ago: float = 0.0, type_: str = "email", **data: Any) -> Envelope:
    """An event about Ada that happened `ago` seconds before now."""
    body = {
        "event_id": f"E{number}",
        "object_type": type_,
        "metric": metric,
        "timestamp": int(back(ago).timestamp()),
        "data": ADA | {"delivery_id": f"D{number}", "campaign_id": 2, "recipient": "ada@example.com"} | data,
    }
    return Envelope.model_validate(body)


def when(happened: Envelope) -> str:
    return moment(datetime.fromtimestamp(happened.timestamp, UTC))


def lines(answer: Any, *, mask: bool = False) -> list[str]:
    return render(answer, mask=mask).text.split("\n")


@asynccontextmanager
async def another_process(settings: Settings) -> AsyncIterator[EventLog]:
    """A feed on the same database that shares nothing else."""
    database = Database(settings.storage_url)
    feed = EventLog(database, settings.workspace_key, ManualClock(calendar=NOW.timestamp()))
    try:
        yield feed
    finally:
        await feed.close()
        await database.close()


async def test_an_event_is_a_line_with_when_what_who_and_by_which_campaign_by_name(ws: CallContext) -> None:
    delivered, opened = event(1, subject="Hi", ago=60), event(2, "opened", prefetched=True)
    await ws.events.append([delivered, opened])
    answer = await recent_events(ws)
    ada = "“ada@example.com” (“ada”, cio_a3000001)"
    assert lines(answer) == [
        f"{when(opened)} email opened by a machine, {ada}, campaign 2 “Order follow-up”, delivery D2",
        f"{when(delivered)} email delivered, {ada}, “Hi”, campaign 2 “Order follow-up”, delivery D1",
        STORED,
    ]
    newest = answer.events[0]
    assert newest.customer
    assert newest.source
    assert (newest.customer.cio_id, newest.source.id, newest.machine) == ("cio_a3000001", "2", True)


async def test_filters_narrow_and_a_cursor_leads_on_to_what_was_omitted(ws: CallContext) -> None:
    await ws.events.append([event(n, "opened" if n % 2 else "sent", ago=n) for n in range(10)])
    await ws.events.append([event(90, "sent", type_="sms"), event(91, "opened", identifiers={"id": "bob"})])
    opened = await recent_events(ws, customer="ada", object_type="email", metric="opened", limit=3)
    assert [found.id for found in opened.events] == ["E1", "E3", "E5"]
    assert (opened.has_more, opened.omitted) == (True, 2)
    assert lines(opened)[-2] == f"… 2 more of 5: cursor={opened.cursor}"
    rest = await recent_events(ws, customer="ada", object_type="email", metric="opened", limit=3, cursor=opened.cursor)
    assert [found.id for found in rest.events] == ["E7", "E9"]
    assert (opened.total, rest.total) == (5, None)
    assert not rest.has_more
    for customer in ("cio_a3000001", "ADA@example.com"):
        assert len((await recent_events(ws, customer=customer, metric="opened")).events) == 5
    assert [found.id for found in (await recent_events(ws, delivery="D4")).events] == ["E4"]


async def test_since_a_time_all_is_counted_by_metric(ws: CallContext) -> None:
    await ws.events.append([event(1, ago=5000), event(2), event(3), event(4, "bounced", failure_message="No such box")])
    await ws.events.append([event(5, "opened", machine=False, prefetched=True), event(6, "opened", prefetched=False)])
    answer = await recent_events(ws, since=moment(back(3600)), limit=1)
    assert answer.by_metric == {"delivered": 2, "bounced": 1, "opened": 1, "opened by a machine": 1}
    since = moment(answer.since) if answer.since else ""
    assert lines(answer)[0] == f"Since {since}: delivered 2, bounced 1, opened 1, opened by a machine 1"
    assert (await recent_events(ws)).by_metric is None


async def test_many_metrics_are_one_count_beside_the_most_frequent(ws: CallContext) -> None:
    await ws.events.append([event(number, f"metric_{number:03}") for number in range(MAX_METRICS + 3)])
    answer = await recent_events(ws, since=moment(back(3600)), limit=1)
    assert answer.by_metric
    assert (len(answer.by_metric), answer.other_metrics) == (MAX_METRICS, 3)
    assert lines(answer)[0].endswith(", 3 of other metrics")


async def test_why_a_message_bounced_is_a_quotation(ws: CallContext) -> None:
    await ws.events.append([event(1, "bounced", failure_message="550 no\u202e such” box")])
    assert "“550 no such' box”" in lines(await recent_events(ws))[0]


async def test_reports_without_a_customer_or_event_are_listed_all_the_same(ws: CallContext) -> None:
    now = NOW.timestamp()
    bare = Envelope(event_id="B", object_type="customer", metric="subscribed", timestamp=int(now))
    await ws.events.append([bare, Envelope.read(b"no event", received_at=now)])
    listing = lines(await recent_events(ws))
    assert f"{when(bare)} customer subscribed" in listing
    assert f"{when(bare)} unknown (not readable by this server), “no event”" in listing
    assert len((await recent_events(ws, object_type="unknown")).events) == 1


async def test_addresses_are_masked_if_the_operator_wants_it(ws: CallContext) -> None:
    await ws.events.append([event(1)])
    answer = await recent_events(ws)
    assert "ada@" not in render(answer, mask=True).text
    assert "ada@" not in str(render(answer, mask=True).structured)


async def test_without_an_app_key_names_are_left_out_and_nothing_is_requested(
    ws: CallContext, sandbox: Sandbox
) -> None:
    await ws.events.append([event(1)])
    alone = replace(ws, settings=ws.settings.model_copy(update={"app_api_key": None}))
    assert "campaign 2, delivery D1" in lines(await recent_events(alone))[0]
    assert not sandbox.requests


async def test_names_that_cannot_be_read_now_are_left_out(ws: CallContext) -> None:
    await ws.events.append([event(1)])
    hurried = replace(ws, reader=replace(ws.reader, work=replace(ws.reader.work, deadline=anyio.current_time() - 1)))
    assert "campaign 2, delivery D1" in lines(await recent_events(hurried))[0]


async def test_an_empty_list_explains_why_nothing_ever_came(ws: CallContext) -> None:
    answer = await recent_events(replace(ws, simulated=False))
    assert lines(answer) == [f"{NO_EVENTS_YET} {SENT_BEFORE}", "The time is now 2026-09-01T12:00:00Z."]
    assert (await recent_events(ws)).note == f"{NOTHING_SENT_YET} {SENT_BEFORE}"
    assert answer.received_since is None
    await ws.events.append([event(1)])
    assert lines(await recent_events(ws, metric="bounced")) == [f"{NO_MATCH} {SENT_BEFORE}", STORED]
    track_only = replace(ws, settings=ws.settings.model_copy(update={"app_api_key": None}))
    assert lines(await recent_events(track_only, metric="bounced")) == [NO_MATCH, STORED]


async def test_a_list_says_since_when_events_are_stored_whatever_it_lists(ws: CallContext, clock: ManualClock) -> None:
    await ws.events.append([event(1)])
    await clock.advance(3_600)
    await ws.events.append([event(2)])
    answer = await recent_events(ws, metric="bounced")
    assert (answer.received_since, answer.now) == (NOW, NOW + timedelta(hours=1))
    assert lines(answer)[-1] == f"Events have been stored since {moment(NOW)}. The time is now {moment(answer.now)}."


async def test_an_event_that_already_happened_is_returned_at_once(ws: CallContext) -> None:
    await ws.events.append([event(1, ago=3600), event(2, ago=20)])
    answer = await wait_for_event(ws, delivery="D1", metric="delivered")
    assert answer.event
    assert (answer.happened, answer.event.id) == (True, "E1")
    answer = await wait_for_event(ws, customer="ada")
    assert answer.event
    assert answer.event.id == "E2"


async def test_events_before_since_do_not_count_and_the_observed_ones_are_listed(ws: CallContext) -> None:
    await ws.events.append([event(1, ago=30), event(2, "sent", ago=5)])
    answer = await wait_for_event(ws, customer="ada", metric="delivered", since=moment(back(10)))
    assert not answer.happened
    assert answer.seen
    assert [found.id for found in answer.seen] == ["E2"]
    assert lines(answer)[0].startswith("It did not occur within ")
    assert lines(answer)[-3] == "Seen:"


@pytest.mark.parametrize(
    ("awaited", "end", "words"),
    [
        ("delivered", "bounced", "bounced"),
        ("delivered", "failed", "failed"),
        ("opened", "dropped", "was dropped"),
        ("sent", "undeliverable", "is undeliverable"),
    ],
)
async def test_an_event_that_can_no_longer_happen_is_not_waited_for(
    ws: CallContext, awaited: str, end: str, words: str
) -> None:
    await ws.events.append(
        [event(1, "drafted", ago=9), event(1000, end, delivery_id="D1", failure_message="No such box")]
    )
    answer = await wait_for_event(ws, delivery="D1", metric=awaited)
    assert not answer.happened
    assert lines(answer)[:2] == ["It has not occurred.", f"It won't occur: the delivery {words}."]
    assert "“No such box”" in lines(answer)[3]


async def test_a_bounce_does_not_end_a_wait_for_sent(ws: CallContext) -> None:
    await ws.events.append([event(1, "bounced")])
    answer = await wait_for_event(ws, delivery="D1", metric="sent")
    assert not answer.happened
    assert answer.waited > 1


@pytest.mark.parametrize("wanted", [None, 600])
async def test_one_call_waits_no_longer_than_the_operator_allows(
    opened: Workspace, clock: ManualClock, wanted: float | None
) -> None:
    ws = opened.acting(caller_named("local:tester"), max_wait=8.0)
    began = clock.steady()
    answer = await wait_for_event(ws, customer="ada", timeout=wanted)
    assert 0 < clock.steady() - began <= 8
    assert answer.note == NOTHING_SENT_YET
    await ws.events.append([event(1, ago=500, identifiers={"id": "bob"})])
    answer = await wait_for_event(
        opened.acting(caller_named("local:tester"), max_wait=8.0), customer="ada", timeout=wanted
    )
    assert answer.note
    assert "Call again" in answer.note


async def test_an_invalid_time_is_refused_by_name(ws: CallContext) -> None:
    for ask in (recent_events, wait_for_event):
        with pytest.raises(InvalidArgument, match="since"):
            await ask(ws, since="this morning")


@pytest.mark.parametrize("more", [{}, {"since": "2026-01-01", "timeout": 0}])
async def test_a_wait_without_a_filter_is_refused_with_the_filters(ws: CallContext, more: dict[str, Any]) -> None:
    await ws.events.append([event(1)])
    with pytest.raises(InvalidArgument, match="customer, object_type, metric, delivery, change: pass at least one"):
        await wait_for_event(ws, **more)
    assert (await wait_for_event(ws, object_type="email")).happened


async def test_an_event_ends_the_wait_and_progress_is_reported(ws: CallContext) -> None:
    waiting = anyio.Event()
    reports: list[float | None] = []

    async def progress(done: float, of: float | None, note: str | None) -> None:
        await anyio.lowlevel.checkpoint()
        assert note
        reports.extend([done, of])
        waiting.set()

    async def report() -> None:
        await waiting.wait()
        await ws.events.append([event(1, "sent"), event(2)])

    async with anyio.create_task_group() as group:
        group.start_soon(report)
        answer = await wait_for_event(replace(ws, progress=progress), customer="ada", metric="delivered")
    assert answer.event
    assert answer.event.id == "E2"
    assert reports[0] == 0.0
    assert reports[1]
    assert reports[1] < ws.settings.max_wait


async def test_a_cancelled_wait_leaves_nothing_behind(ws: CallContext, clock: ManualClock) -> None:
    clock.skips = False
    waiting = anyio.Event()

    async def progress(*_: object) -> None:
        await anyio.lowlevel.checkpoint()
        waiting.set()

    async with anyio.create_task_group() as group:
        group.start_soon(wait_for_event, replace(ws, progress=progress), "ada")
        await waiting.wait()
        group.cancel_scope.cancel()
    assert ws.events._stored.statistics().tasks_waiting == 0
    await ws.events.append([event(1)])
    assert (await wait_for_event(ws, customer="ada")).happened


async def test_an_event_that_another_process_stored_is_joined_to_the_change_that_caused_it(
    era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    waiting = anyio.Event()

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        await anyio.lowlevel.checkpoint()
        assert (progress, message) == (0.0, "Waiting for the event") or progress > 0
        assert total
        waiting.set()

    async def report(delivery: str) -> None:
        await waiting.wait()
        async with another_process(settings) as feed:
            data = ADA | {"delivery_id": delivery, "campaign_id": None, "transactional_message_id": 2}
            await feed.append([event(1, **data)])

    async with (
        Client(build_server(settings, sandbox=sandbox), mode=era, elicitation_callback=approve) as client,
        anyio.create_task_group() as group,
    ):
        email = {"message": "Order shipped", "customer": "ada", "data": {"order_id": "7", "tracking_url": "x"}}
        sent = structured(await client.call_tool("send_transactional", email))
        assert "wait_for_event with this change" in sent["next_step"]
        group.start_soon(report, sent["delivery_id"])
        arguments = {"delivery": sent["delivery_id"], "metric": "delivered"}
        result = await client.call_tool("wait_for_event", arguments, progress_callback=progress)
        by_change = await client.call_tool("wait_for_event", {"change": sent["change"], "metric": "delivered"})
        both = await client.call_tool("recent_events", {"change": sent["change"], "delivery": "another"})
        resource = await client.read_resource("cio://events/recent?customer=ada%40example.com&metric=delivered")
    answer = structured(result)
    assert answer["happened"]
    assert structured(by_change)["event"] == answer["event"]
    assert both.is_error
    assert answer["event"]["cause"]["change"] == sent["change"]
    assert answer["event"]["cause"]["summary"].startswith("Send transactional email 2")
    (text,) = result.content
    assert isinstance(text, TextContent)
    assert f"caused by change {sent['change']}: Send transactional" in text.text
    assert sent["change"] in resource.contents[0].text  # type: ignore[union-attr]  # it is JSON


async def test_the_effects_of_an_event_are_found_by_the_change_that_sent_it(
    settings: Settings, sandbox: Sandbox
) -> None:
    async with Client(build_server(settings, sandbox=sandbox), elicitation_callback=approve) as client:
        receipts = [
            structured(await client.call_tool("send_event", {"customer": "ada", "name": name}))
            for name in ("order_placed", "nothing_starts_from_this")
        ]
        async with another_process(settings) as feed:
            journal = Journal(feed.database, settings.workspace_key)
            rows = [await journal.get(receipt["change"]) for receipt in receipts]
            first, second = (row.event_id for row in rows if row)
            await feed.append([event(1, trigger_event_id=second), event(2, trigger_event_id=first), event(3)])
        found = structured(await client.call_tool("wait_for_event", {"change": receipts[0]["change"]}))
        listed = structured(await client.call_tool("recent_events", {"change": receipts[1]["change"]}))
        narrower = structured(
            await client.call_tool("recent_events", {"change": receipts[0]["change"], "delivery": "D3"})
        )
        missing = await client.call_tool("recent_events", {"change": "nothing"})
    assert (found["event"]["id"], found["event"]["cause"]["change"]) == ("E2", receipts[0]["change"])
    assert [each["id"] for each in listed["events"]] == ["E1"]
    assert [each["next_step"] for each in receipts] == [FOLLOW, NOTHING_STARTS]
    assert narrower["events"] == []
    assert missing.is_error
