"""`get_workspace` on the sandbox."""

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cio_mcp.events.models import Envelope
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.settings import Settings
from cio_mcp.text.render import render
from cio_mcp.tools.core.health.report import deliverability
from cio_mcp.tools.core.messages import get_message, list_messages
from cio_mcp.tools.core.workspace import Section, get_workspace
from cio_mcp.workspace import CallContext, Workspace, open_workspace
from tests.callers import caller_named
from tests.clock import ManualClock, with_clock

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
"""What the clock of the events says."""


def without_app_key(ws: CallContext) -> CallContext:
    """The same for keys with which health reads nothing from Customer.io."""
    return replace(ws, settings=ws.settings.model_copy(update={"app_api_key": None}))


@pytest.fixture(autouse=True)
def limits() -> None:
    """The published limits."""


async def test_the_overview_shows_the_workspace_its_keys_and_its_size(ws: CallContext) -> None:
    overview = (await get_workspace(ws)).overview
    assert overview is not None
    assert (overview.name, overview.region, overview.keys) == ("Acme (sandbox)", "us", ("App", "Track", "Pipelines"))
    assert (overview.campaigns, overview.campaigns_running, overview.broadcasts, overview.segments) == (5, 4, 1, 4)
    assert not overview.read_only


async def test_with_track_keys_alone_only_what_needs_no_app_key_is_read(settings: Settings, sandbox: Sandbox) -> None:
    alone = settings.model_copy(update={"app_api_key": None})
    async with open_workspace(alone, sandbox=sandbox) as opened:
        overview = (await get_workspace(opened.acting(caller_named("local:tester")))).overview
    assert overview is not None
    assert (overview.name, overview.keys, overview.people) == ("sandbox", ("Track", "Pipelines"), None)
    assert {request["path"] for request in sandbox.requests} == {"/api/v1/accounts/region"}


async def test_read_only_mode_is_shown(settings: Settings, sandbox: Sandbox) -> None:
    async with open_workspace(settings.model_copy(update={"read_only": True}), sandbox=sandbox) as opened:
        answer = await get_workspace(opened.acting(caller_named("local:tester")))
    assert "nothing can be changed (read-only)" in render(answer, mask=False).text


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("senders", "hello@acme.example"),
        ("subscription_topics", "2 “Monthly newsletter” (topic_2), by default opted in"),
        ("object_types", "2 object types\n1 “Companies”\n2 “Courses”"),
        ("limits", "broadcast: 0 of 1 used in the last 10 s, 1 available now, 0 waiting"),
        ("health", "Webhooks: no events have been received yet"),
    ],
)
async def test_each_section_has_its_own_content(ws: CallContext, section: Section, message: str) -> None:
    answer = render(await get_workspace(ws, section), mask=False)
    assert message in answer.text
    assert answer.structured[section]
    assert answer.text.endswith(f"The time is now {answer.structured['now']}.")
    assert "overview" not in answer.structured


async def test_each_sender_is_listed_once_although_pages_never_end(ws: CallContext) -> None:
    senders = (await get_workspace(ws, "senders")).senders or ()
    assert len({sender.id for sender in senders}) == len(senders) == 2


async def test_paused_writes_are_shown_with_the_reason(ws: CallContext) -> None:
    assert await ws.gate.pauses.pause(by="local:ada", now=1_800_000_000.0, reason="a bad import")
    answer = await get_workspace(ws)
    assert answer.overview
    assert answer.overview.writes_stopped == "An operator paused all writes at 2027-01-15T08:00:00Z: “a bad import”"
    assert answer.overview.writes_stopped in answer.lines()


async def test_limits_are_right_in_every_process(opened: Workspace, settings: Settings, sandbox: Sandbox) -> None:
    one = opened.acting(caller_named("local:tester"))
    listed = await list_messages(one, customer="ada", limit=1)
    await get_message(one, listed.messages[0].id, content=True)
    async with open_workspace(settings, sandbox=sandbox) as another:
        other = another.acting(caller_named("local:other"))
        for ws in (one, other):
            lanes = {lane.lane: lane for lane in (await get_workspace(ws, "limits")).limits or ()}
            archive = lanes["archived_message"]
            assert (archive.requests, archive.used, archive.available) == (100, 1, 99)
            assert (lanes["transactional"].requests, lanes["transactional"].used) == (3000, 0)
        [line] = [
            line
            for line in render(await get_workspace(other, "limits"), mask=False).text.splitlines()
            if line.startswith("archived_message")
        ]
    assert line == "archived_message: 1 of 100 used in the last 86400 s, 99 available now, 0 waiting"


async def test_a_lane_that_a_429_slowed_is_reported_in_every_process(
    opened: Workspace, settings: Settings, sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault("GET", "/v1/segments", "429", times=1))
    await opened.acting(caller_named("local:tester")).segments.all()
    async with open_workspace(settings, sandbox=sandbox) as another:
        answer = await get_workspace(without_app_key(another.acting(caller_named("local:other"))), "health")
    assert answer.health
    assert any(line.startswith("Rate limits: app: ") for line in answer.health.status)


def envelope(number: int, metric: str, *, days: float = 0.0) -> Envelope:
    return Envelope.model_validate(
        {
            "event_id": f"E{number}",
            "object_type": "email",
            "metric": metric,
            "timestamp": int((NOW - timedelta(days=days)).timestamp()),
            "data": {"delivery_id": f"D{number}", "identifiers": {"id": "ada"}},
        }
    )


async def test_health_reports_what_came_in_and_the_rates_of_a_week(opened: Workspace) -> None:
    opened = with_clock(opened, clock := ManualClock(calendar=NOW.timestamp()))
    ws = opened.acting(caller_named("local:tester"))
    week = ["sent"] * 8 + ["bounced"] * 2 + ["failed", "dropped"]
    await ws.events.append([envelope(number, metric, days=1) for number, metric in enumerate(week)])
    await ws.events.append([envelope(100 + number, "bounced", days=8) for number in range(5)])
    ws.events.refuse("wrong signature")
    await ws.events.flush()
    await clock.advance(600)
    await opened.check_keys()
    answer = await get_workspace(without_app_key(ws), "health")
    assert answer.health
    assert (answer.health.bounce_rate, answer.health.failure_rate) == (0.25, 0.2)
    text = render(answer, mask=False).text
    assert "last event email bounced at 2026-09-01T12:00:00Z (10 minutes ago); 17 stored since" in text
    assert "Webhook requests refused: 1 (“wrong signature”), last 2026-09-01T12:00:00Z" in text
    assert (
        "25.0% of sent messages bounced, 20.0% were not sent (sent 8, bounced 2, failed 1, dropped 1; too few to judge)"
        in text
    )
    assert "App API key: accepted by Customer.io." in text
    assert "Track API keys: accepted by Customer.io." in text


async def test_health_reports_pauses_and_keys_that_were_not_checked(ws: CallContext) -> None:
    assert await ws.gate.pauses.pause(by="local:ada", now=1_800_000_000.0)
    text = render(await get_workspace(without_app_key(ws), "health"), mask=False).text
    assert "An operator paused all writes at 2027-01-15T08:00:00Z" in text
    assert "Keys: not checked yet" in text
    assert "Changes: all outcomes are known" in text


async def test_only_a_real_workspace_needs_a_receiver(ws: CallContext) -> None:
    setup = "The operator must run and register a receiver."
    assert setup not in render(await get_workspace(without_app_key(ws), "health"), mask=False).text
    assert (
        setup in render(await get_workspace(without_app_key(replace(ws, simulated=False)), "health"), mask=False).text
    )


async def test_limits_cost_no_request(ws: CallContext, sandbox: Sandbox) -> None:
    await get_workspace(ws, "limits")
    assert not sandbox.requests


def test_rates_have_no_value_where_nothing_was_sent() -> None:
    assert deliverability({}).failure_rate is None
    unsent = deliverability({"dropped": 3})
    assert (unsent.bounce_rate, unsent.failure_rate) == (None, 1.0)


@pytest.mark.parametrize(("sent", "too_few"), [(1, True), (18, True), (19, False), (500, False)])
def test_rates_of_under_20_messages_are_too_few_to_judge(sent: int, too_few: bool) -> None:
    (line,) = deliverability({"sent": sent, "failed": 1}).lines()
    assert ("too few to judge" in line) is too_few


async def test_a_pause_that_cannot_be_read_is_reported_beside_the_rest_of_the_overview(ws: CallContext) -> None:
    assert (await ws.gate.pauses.in_force()) is None  # which creates the database
    with sqlite3.connect(ws.settings.data_dir / "cio-mcp.db") as other:
        other.execute("DROP TABLE pauses")
    answer = await get_workspace(ws, "overview")
    assert answer.overview
    assert answer.overview.writes_stopped == "Whether writes are paused could not be read"
    assert answer.overview.segments == 4
    assert "Whether writes are paused could not be read" in render(answer, mask=False).text
