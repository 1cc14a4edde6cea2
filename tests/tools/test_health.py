"""`get_workspace(section="health")`: every fault that is put into the sandbox is found, and nothing else."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr

from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.api.metrics import Metric
from cio_mcp.events.models import Envelope
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.sandbox.world.lifecycle import create_delivery, deliver
from cio_mcp.sandbox.world.segments import Segment
from cio_mcp.sandbox.world.sources import Kind
from cio_mcp.settings import Settings
from cio_mcp.text.render import render
from cio_mcp.text.timestamps import from_unix
from cio_mcp.tools.core.health.coverage import OF_ALL_SOURCES, READS
from cio_mcp.tools.core.health.finding import CHECKS, Check, Finding
from cio_mcp.tools.core.health.messages import message_findings
from cio_mcp.tools.core.health.reads import MAX_REQUESTS, MAX_SOURCES, Readings, SourceDays
from cio_mcp.tools.core.health.report import MAX_FINDINGS, Health, deliverability
from cio_mcp.tools.core.workspace import get_workspace
from cio_mcp.workspace import CallContext, Workspace, open_workspace
from tests.callers import caller_named
from tests.fixed_time import NOW, QuickClock, SameTime, clear, days_ago, send

pytestmark = pytest.mark.anyio

HEALTHY: set[tuple[Kind, int]] = {
    ("campaign", 1),
    ("campaign", 2),
    ("campaign", 4),
    ("campaign", 5),
    ("broadcast", 10),
    ("newsletter", 31),
    ("transactional", 1),
    ("transactional", 2),
}
"""The sources that are left: each costs requests, and time."""
LIQUID = "Liquid error: unknown tag 'endfi' (line 1)"


@pytest.fixture
def clock() -> QuickClock:
    return QuickClock()


@pytest.fixture
async def sandbox(clock: QuickClock) -> AsyncIterator[Sandbox]:
    """A healthy workspace with few sources, without the message of the cast that fails."""
    async with Sandbox(seed=7, people=20, clock=SameTime(clock)) as running:
        for source in set(running.workspace.sources) - HEALTHY:
            clear(running, *source)
            del running.workspace.sources[source]
        yield running


@pytest.fixture
async def opened(settings: Settings, sandbox: Sandbox, clock: QuickClock) -> AsyncIterator[Workspace]:
    async with open_workspace(settings, sandbox=sandbox, clock=clock) as workspace:
        yield workspace


@pytest.fixture
async def ws(opened: Workspace) -> CallContext:
    return opened.acting(caller_named("local:tester"))


async def health_of(ws: CallContext) -> Health:
    health = (await get_workspace(ws, "health")).health
    assert health
    return health


async def the_finding(ws: CallContext) -> Finding:
    (finding,) = (await health_of(ws)).findings
    return finding


def keep_sending(sandbox: Sandbox, kind: Kind, number: int, days: range, counts: dict[str, int]) -> None:
    """Send on each of some days ago, at noon."""
    for day in days:
        send(sandbox, kind, number, days_ago(day), counts)


async def test_a_healthy_workspace_has_no_finding(ws: CallContext) -> None:
    health = await health_of(ws)
    assert health.findings == ()
    assert next(iter(health.lines())) == "No findings."
    assert health.complete


@pytest.mark.sampled(2)
@pytest.mark.parametrize("seed", range(1, 6))
async def test_the_message_of_the_cast_that_fails_is_found_and_nothing_else(
    settings: Settings, clock: QuickClock, seed: int
) -> None:
    async with (
        Sandbox(seed=seed, people=300, clock=SameTime(clock)) as sandbox,
        open_workspace(settings, sandbox=sandbox, clock=clock) as opened,
    ):
        finding = await the_finding(opened.acting(caller_named("local:tester")))
    assert (finding.check, finding.reason) == ("failing_messages", LIQUID)
    assert finding.what == "transactional message 8 “Invoice”, content 81"
    assert finding.next == "list_messages(kind=transactional, id=8, metric=failed)"


@pytest.mark.parametrize(("metric", "count", "found"), [("failed", 3, True), ("failed", 2, False)])
async def test_failures_are_counted_by_template_with_the_most_frequent_reason(
    ws: CallContext, sandbox: Sandbox, metric: str, count: int, found: bool
) -> None:
    clear(sandbox, "campaign", 1)
    send(sandbox, "campaign", 1, days_ago(3), {"sent": 40, "delivered": 40})
    send(sandbox, "campaign", 1, days_ago(2), {metric: count}, LIQUID)
    findings = (await health_of(ws)).findings
    assert bool(findings) == found
    if found:
        assert findings[0].what == "campaign 1 “Onboarding”, action 101"
        assert findings[0].number == "3 of 43 messages of its source failed in 7 days"
        assert findings[0].reason == LIQUID


async def test_different_reasons_are_counted_together_and_the_most_frequent_is_shown(
    ws: CallContext, sandbox: Sandbox
) -> None:
    send(sandbox, "transactional", 1, days_ago(2), {"failed": 4}, "one reason")
    send(sandbox, "transactional", 1, days_ago(1), {"failed": 7}, "another reason")
    finding = await the_finding(ws)
    assert finding.reason == "another reason"
    assert finding.number.startswith("11 of ")
    assert finding.number.endswith("7 of them for this reason")


@pytest.mark.parametrize("metric", ["undeliverable", "dropped"])
async def test_messages_that_reach_nobody_are_found_where_they_are_many(
    ws: CallContext, sandbox: Sandbox, metric: str
) -> None:
    clear(sandbox, "campaign", 2)
    send(sandbox, "campaign", 2, days_ago(3), {"sent": 100, "delivered": 100})
    send(sandbox, "campaign", 2, days_ago(2), {metric: 9}, "The person is unsubscribed.")
    assert (await health_of(ws)).findings == ()
    send(sandbox, "campaign", 2, days_ago(1), {metric: 60}, "The person is unsubscribed.")
    assert (await the_finding(ws)).number == f"69 of 169 messages of its source {metric} in 7 days"


async def test_failures_of_more_than_a_week_ago_do_not_count(ws: CallContext, sandbox: Sandbox) -> None:
    send(sandbox, "transactional", 1, days_ago(9), {"failed": 20}, LIQUID)
    assert (await health_of(ws)).findings == ()


async def test_a_failure_that_names_an_unverified_sender_leads_to_the_senders(
    ws: CallContext, sandbox: Sandbox
) -> None:
    world = sandbox.workspace
    world.unverified_senders.add("hello@acme.example")
    person, source = next(iter(world.people)), world.sources["campaign", 1]
    failed = deliver(world, create_delivery(world, person, source, source.templates[0], "a@example.net", data={}))
    failed.metrics = {name: at - 60 for name, at in failed.metrics.items()}
    finding = await the_finding(ws)
    assert (finding.check, finding.next) == ("unverified_sender", "get_workspace(section=senders)")
    assert finding.reason == "The sender hello@acme.example is not verified."


@pytest.mark.parametrize(
    ("kind", "number", "days", "silent"),
    [
        ("campaign", 1, range(5, 44), 5),
        ("transactional", 2, range(4, 44), 4),
        ("broadcast", 10, range(16, 44, 7), 16),
    ],
)
async def test_a_source_that_is_silent_for_longer_than_usual_is_found(
    ws: CallContext, sandbox: Sandbox, kind: Kind, number: int, days: range, silent: int
) -> None:
    clear(sandbox, kind, number)
    keep_sending(sandbox, kind, number, days, {"sent": 5, "delivered": 5})
    finding = await the_finding(ws)
    assert finding.check == "flat_line"
    assert finding.what.endswith(f"sent nothing since {from_unix(days_ago(silent)).date()}")
    assert finding.number == f"{silent} days; the longest gap before was {days.step}"


@pytest.mark.parametrize("days", [range(2, 44), range(14, 44, 7), range(30, 44, 7), range(40, 44)])
async def test_a_usual_gap_and_one_that_is_not_known_are_no_finding(
    ws: CallContext, sandbox: Sandbox, days: range
) -> None:
    clear(sandbox, "broadcast", 10)
    keep_sending(sandbox, "broadcast", 10, days, {"sent": 5, "delivered": 5})
    found = [finding.check for finding in (await health_of(ws)).findings]
    assert found == (["flat_line"] if days == range(40, 44) else [])


async def test_a_source_that_never_sent_is_named_as_without_a_usual_gap(ws: CallContext, sandbox: Sandbox) -> None:
    clear(sandbox, "campaign", 5)
    health = await health_of(ws)
    assert not health.findings
    (line,) = [each for each in health.coverage if each.startswith("Nothing sent in 45 days")]
    assert "campaign 5 “Trial”" in line
    assert "(attempts that failed don't count as sent)" in line


@pytest.mark.parametrize(
    ("check", "metric", "basis"), [("rising_bounces", "bounced", "sent"), ("rising_complaints", "spammed", "delivered")]
)
@pytest.mark.parametrize(("week", "found"), [(40, True), (14, False)])
async def test_a_rise_is_found_and_noise_is_not(
    ws: CallContext, sandbox: Sandbox, check: str, metric: str, basis: str, week: int, found: bool
) -> None:
    clear(sandbox, "campaign", 1)
    keep_sending(sandbox, "campaign", 1, range(9, 34, 4), {"sent": 500, "delivered": 500, metric: 5})
    send(sandbox, "campaign", 1, days_ago(2), {"sent": 1000, "delivered": 1000, metric: week})
    findings = (await health_of(ws)).findings
    assert [finding.check for finding in findings] == ([check] if found else [])
    if found:
        assert findings[0].what == "campaign 1 “Onboarding”"
        assert findings[0].number.startswith(f"4.00% (40 of 1,000 {basis}) in 7 days, after 1.00% (")
        assert f"compare_metrics(kind=campaign, ids=[1], metric={metric})" in findings[0].next


def counted(campaign: Campaign, **days: dict[int, int]) -> Readings:
    """Readings of one campaign: counts by metric and days ago."""
    series = {metric: [counts.get(day, 0) for day in range(44, -1, -1)] for metric, counts in days.items()}
    starts = [from_unix(days_ago(day)) for day in range(44, -1, -1)]
    source = SourceDays("campaign", campaign, Metric(series=series))
    return Readings(now=from_unix(NOW), starts=starts, campaigns=[campaign], sources=[source])


@pytest.mark.parametrize(
    ("before", "week", "found"),
    [
        ((10, 2_000), (30, 1_000), True),
        ((10, 2_000), (6, 500), False),  # 2.4 times as many, which chance may do
        ((10_000, 1_000_000), (13_000, 1_000_000), False),  # surely more, but less than 1.5 times as many
        ((0, 10_000), (4, 100), False),  # too few to speak of a rise
        ((0, 0), (30, 1_000), False),  # nothing to compare with
    ],
)
def test_a_rise_must_be_large_certain_and_of_some_number(
    before: tuple[int, int], week: tuple[int, int], found: bool
) -> None:
    campaign = Campaign(id="1", name="Onboarding", state="running", active=True)
    readings = counted(
        campaign, bounced={20: before[0], 3: week[0]}, sent={20: before[1], 3: week[1]}, delivered={3: 1}
    )
    assert [finding.check for finding in message_findings(readings)] == ["rising_bounces"] * found


@pytest.mark.parametrize(
    ("days", "found"),
    [
        ((44, 35, 27, 20), False),  # a longer silence than ever, which chance may do
        ((44, 43, 40, 39, 37, 36, 35, 33, 32, 31), True),
    ],
)
def test_a_source_without_regular_gaps_is_silent_only_where_chance_hardly_explains_it(
    days: tuple[int, ...], found: bool
) -> None:
    campaign = Campaign(id="1", name="Onboarding", state="running", active=True)
    readings = counted(campaign, sent=dict.fromkeys(days, 4))
    assert [finding.check for finding in message_findings(readings)] == ["flat_line"] * found


@pytest.mark.parametrize(("day", "found"), [(0, True), (1, True), (4, False)])
def test_where_it_is_not_known_when_a_campaign_changed_only_the_last_two_days_count(day: int, found: bool) -> None:
    readings = counted(Campaign(id="1", name="Draft", state="draft"), sent={day: 3})
    assert [finding.check for finding in message_findings(readings)] == ["odd_state"] * found


async def test_a_rise_of_all_sources_together_is_found_where_none_rose_alone(ws: CallContext, sandbox: Sandbox) -> None:
    for number in (1, 2, 4, 5):
        clear(sandbox, "campaign", number)
        keep_sending(sandbox, "campaign", number, range(1, 34), {"sent": 20, "delivered": 20})
        send(sandbox, "campaign", number, days_ago(20), {"sent": 400, "delivered": 400, "bounced": 4})
        send(sandbox, "campaign", number, days_ago(2), {"sent": 300, "delivered": 300, "bounced": 8})
    finding = await the_finding(ws)
    assert finding.check == "rising_bounces"
    assert finding.what.endswith("sources together")


async def test_a_stopped_campaign_that_still_sends_is_found(ws: CallContext, sandbox: Sandbox) -> None:
    clear(sandbox, "campaign", 1)
    sandbox.workspace.stop_campaign(1, at=days_ago(5))
    send(sandbox, "campaign", 1, days_ago(6), {"sent": 9, "delivered": 9})
    assert (await health_of(ws)).findings == ()
    send(sandbox, "campaign", 1, days_ago(2), {"sent": 7, "delivered": 7})
    finding = await the_finding(ws)
    assert finding.check == "odd_state"
    assert finding.what.startswith("campaign 1 “Onboarding” is stopped and still sends")
    assert finding.number.startswith("7 sent since ")


def test_a_campaign_that_is_active_and_stopped_is_found() -> None:
    campaign = Campaign(id="1", name="Onboarding", state="stopped", active=True)
    starts = [from_unix(days_ago(day)) for day in range(45)]
    (finding,) = message_findings(Readings(now=from_unix(NOW), starts=starts, campaigns=[campaign]))
    assert finding.what == "campaign 1 “Onboarding” is active and stopped"


async def test_an_empty_segment_that_starts_a_running_campaign_is_found(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.workspace.segments[2].condition = lambda _: False
    finding = await the_finding(ws)
    assert finding.check == "segment"
    assert finding.what == "segment 2 “VIP” is empty and decides who enters the running campaign 4 “VIP welcome”"


async def test_an_empty_segment_that_nothing_running_uses_is_no_finding(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.workspace.segments[9] = Segment(9, "New", "", days_ago(30))
    sandbox.workspace.segments[4].condition = lambda _: False  # Only the stopped campaign and newsletters use it.
    assert (await health_of(ws)).findings == ()


async def test_a_segment_that_a_running_campaign_uses_and_no_list_has_is_found(
    ws: CallContext, sandbox: Sandbox
) -> None:
    del sandbox.workspace.segments[2]
    assert (await the_finding(ws)).what == (
        "segment 2 decides who enters the running campaign 4 “VIP welcome”, and is archived or deleted"
    )


@pytest.mark.parametrize(("days", "found"), [(2.0, True), (0.5, False)])
async def test_a_segment_that_is_built_for_over_a_day_is_found(
    ws: CallContext, sandbox: Sandbox, days: float, found: bool
) -> None:
    segment = sandbox.workspace.segments[1]
    segment.state, segment.progress, segment.updated = "build", 40, days_ago(days)
    findings = (await health_of(ws)).findings
    assert bool(findings) == found
    if found:
        assert findings[0].what == "segment 1 “Everyone” is not finished (state build at 40 %)"
        assert findings[0].number == "last changed 2 days ago"


async def test_a_disabled_reporting_webhook_is_found(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.workspace.webhooks[1].disabled = True
    finding = await the_finding(ws)
    assert finding.what == "reporting webhook 1 “Data warehouse” is disabled"
    assert "do-not-show" not in render(await get_workspace(ws, "health"), mask=False).text


async def test_a_webhook_that_reports_no_event_is_found(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.workspace.webhooks[1].events = frozenset()
    assert (await the_finding(ws)).what == "reporting webhook 1 “Data warehouse” reports no event"


def sent_event() -> Envelope:
    return Envelope(event_id="E1", object_type="email", metric="sent", timestamp=NOW, data={"delivery_id": "D1"})


@pytest.mark.parametrize(
    ("days", "messages", "ago", "found"),
    [(3, 9, 0.3, True), (3, 4, 0.3, False), (0.5, 9, 0.3, False), (3, 9, 0.02, False)],
)
async def test_a_receiver_that_hears_of_nothing_although_messages_are_sent_is_found(
    opened: Workspace, sandbox: Sandbox, clock: QuickClock, days: float, messages: int, ago: float, found: bool
) -> None:
    clock.set_calendar(-days * 86_400)
    await opened.events.append([sent_event()])
    clock.set_calendar(days * 86_400)
    for kind, number in list(sandbox.workspace.sources):
        sandbox.workspace.deliveries.of(kind, number)
    for delivery in sandbox.workspace.deliveries:
        delivery.created -= 4 * 86_400  # Only what is sent below is more recent than the event.
    send(sandbox, "transactional", 1, days_ago(ago), {"sent": messages, "delivered": messages})
    findings = (await health_of(opened.acting(caller_named("local:tester")))).findings
    assert [finding.check for finding in findings if finding.check == "receiver"] == ["receiver"] * found
    if found:
        (finding,) = [finding for finding in findings if finding.check == "receiver"]
        assert finding.number == "9 messages since"
        assert "received no event since 2026-09-18T" in finding.what


@pytest.mark.parametrize(("receives", "simulated", "found"), [(True, False, 1), (True, True, 0), (False, False, 0)])
async def test_only_a_receiver_that_is_set_up_is_silent_if_it_never_received_an_event(
    settings: Settings, sandbox: Sandbox, clock: QuickClock, receives: bool, simulated: bool, found: int
) -> None:
    keys = {"webhook_signing_keys": SecretStr("k" * 32)} if receives else {}
    send(sandbox, "transactional", 1, days_ago(0.3), {"sent": 6, "delivered": 6})
    async with open_workspace(settings.model_copy(update=keys), sandbox=sandbox, clock=clock) as opened:
        ws = replace(opened.acting(caller_named("local:tester")), simulated=simulated)
        health = await health_of(ws)
    assert [finding.check for finding in health.findings] == ["receiver"] * found


@pytest.mark.parametrize(("week", "before", "found"), [(12, 4, True), (4, 0, False), (6, 20, False)])
async def test_suppression_that_grows_is_found(
    ws: CallContext, sandbox: Sandbox, week: int, before: int, found: bool
) -> None:
    sandbox.workspace.bounced = {f"w{each}@example.net": days_ago(2) for each in range(week)} | {
        f"b{each}@example.net": days_ago(20) for each in range(before)
    }
    findings = (await health_of(ws)).findings
    assert [finding.check for finding in findings] == ["suppression"] * found
    if found:
        assert findings[0].number == "12 in 7 days, after 4 in the four weeks before, of 16"


async def test_suppression_of_more_addresses_than_one_answer_holds_is_not_known(
    ws: CallContext, sandbox: Sandbox
) -> None:
    sandbox.workspace.bounced = {f"w{each}@example.net": days_ago(2) for each in range(1001)}
    health = await health_of(ws)
    assert not health.findings
    assert any(line.startswith("Not known, since") and "by bounces" in line for line in health.coverage)


async def test_every_fault_at_once_is_found_with_what_to_look_at_next(ws: CallContext, sandbox: Sandbox) -> None:
    for seed in (_failing, _silent, _rising, _stopped, _setup):
        seed(sandbox)
    health = await health_of(ws)
    assert {finding.check for finding in health.findings} == CHECKS.keys() - {"receiver", "unverified_sender"}
    for finding in health.findings:
        assert all([finding.number, finding.threshold, finding.source, finding.next])
        assert str(finding) in render(await get_workspace(ws, "health"), mask=False).text


def _failing(sandbox: Sandbox) -> None:
    send(sandbox, "transactional", 1, days_ago(2), {"failed": 20}, LIQUID)


def _silent(sandbox: Sandbox) -> None:
    clear(sandbox, "transactional", 2)
    keep_sending(sandbox, "transactional", 2, range(6, 44), {"sent": 5, "delivered": 5})


def _rising(sandbox: Sandbox) -> None:
    keep_sending(sandbox, "campaign", 5, range(9, 34, 4), {"sent": 500, "delivered": 500, "bounced": 5, "spammed": 1})
    send(sandbox, "campaign", 5, days_ago(2), {"sent": 1000, "delivered": 1000, "bounced": 60, "spammed": 30})


def _stopped(sandbox: Sandbox) -> None:
    sandbox.workspace.stop_campaign(1, at=days_ago(5))
    send(sandbox, "campaign", 1, days_ago(2), {"sent": 7, "delivered": 7})


def _setup(sandbox: Sandbox) -> None:
    world = sandbox.workspace
    world.segments[2].condition = lambda _: False
    world.webhooks[1].disabled = True
    world.bounced = {f"w{each}@example.net": days_ago(2) for each in range(30)}


async def test_a_check_costs_a_bounded_number_of_requests_and_names_what_it_left_out(
    ws: CallContext, sandbox: Sandbox
) -> None:
    world = sandbox.workspace
    for number in range(100, 140):
        segment = Segment(number, f"Segment {number}", "", days_ago(90), lambda _: True)
        world.segments[number] = segment
        source = replace(world.sources["campaign", 4], id=number, name=f"C{number}", trigger_segments=(number,))
        world.sources["campaign", number] = source
    health = await health_of(ws)
    assert len(sandbox.requests) <= MAX_REQUESTS
    assert sum("/metrics" in request["path"] for request in sandbox.requests) == MAX_SOURCES
    kinds = {request["path"].split("/")[2] for request in sandbox.requests if "/metrics" in request["path"]}
    assert kinds == {"campaigns", "broadcasts", "transactional", "newsletters"}
    (line,) = [each for each in health.coverage if each.startswith("Not read, beyond the limit: ")]
    assert "others" in line


async def test_findings_are_bounded_and_the_rest_is_counted(ws: CallContext, sandbox: Sandbox) -> None:
    webhooks = sandbox.workspace.webhooks
    for number in range(2, MAX_FINDINGS + 6):
        webhooks[number] = replace(webhooks[1], id=number, disabled=True)
    health = await health_of(ws)
    assert len(health.findings) == MAX_FINDINGS
    assert health.omitted == 4
    assert "… 4 more of 34" in render(await get_workspace(ws, "health"), mask=False).text


async def test_what_cannot_be_read_is_stated_and_the_rest_is_checked(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("GET", "/v1/segments", "500", times=100))
    sandbox.workspace.webhooks[1].disabled = True
    health = await health_of(ws)
    assert [finding.check for finding in health.findings] == ["webhook"]
    assert any(line.startswith("Not checked, since segments could not be read: ") for line in health.coverage)


@pytest.mark.parametrize("status", [401, 403, 404, 503])
async def test_a_check_of_which_every_read_fails_claims_to_have_checked_nothing(
    ws: CallContext, sandbox: Sandbox, status: int
) -> None:
    sandbox.faults.append(Fault("GET", "/v1/", f"status:{status}", times=-1))
    health = await health_of(ws)
    assert (health.findings, health.complete) == ((), False)
    assert next(iter(health.lines())) == "No findings, but not everything was checked (see below)."
    every = [words for check, words in CHECKS.items() if check != "receiver"]
    assert f"Not checked, or only in part: {', '.join(every)}." in health.coverage
    assert sum(line.startswith("Not checked, since ") for line in health.coverage) <= len(READS)
    assert not any("None" in line for line in health.coverage)


@pytest.mark.parametrize(
    ("path", "check"),
    [
        ("/v1/messages", "failing_messages"),
        ("/v1/broadcasts", "flat_line"),
        ("/v1/newsletters", "rising_bounces"),
        ("/v1/campaigns/1/metrics", "odd_state"),
        ("/v1/segments/2/customer_count", "segment"),
        ("/v1/reporting_webhooks", "webhook"),
        ("/v1/esp/suppression/bounces", "suppression"),
    ],
)
@pytest.mark.sampled(2)
async def test_a_check_that_lacks_one_read_is_not_listed_as_done(
    ws: CallContext, sandbox: Sandbox, path: str, check: Check
) -> None:
    sandbox.faults.append(Fault("GET", path, "status:503", times=-1))
    health = await health_of(ws)
    done, partial = health.coverage[:2]
    assert not health.complete
    assert CHECKS[check] in partial
    assert CHECKS[check] not in done
    assert done.startswith("Checked: ")


async def test_more_sources_than_are_read_leave_their_checks_incomplete(ws: CallContext, sandbox: Sandbox) -> None:
    world = sandbox.workspace
    for number in range(100, 130):
        world.segments[number] = Segment(number, f"Segment {number}", "", days_ago(90), lambda _: True)
        source = replace(world.sources["campaign", 4], id=number, name=f"C{number}", trigger_segments=(number,))
        world.sources["campaign", number] = source
    health = await health_of(ws)
    assert not health.complete
    incomplete = [CHECKS[check] for check in (*OF_ALL_SOURCES, "segment")]
    assert health.coverage[1] == f"Not checked, or only in part: {', '.join(incomplete)}."
    assert any(line.startswith("Size not read, beyond the limit: segment ") for line in health.coverage)


def test_reports_of_deliveries_alone_are_not_called_no_events() -> None:
    (line,) = deliverability({"delivered": 3}).lines()
    assert line == "Messages, last 7 days: delivered 3; no rate, since no event says that one was sent or was not"


async def test_without_an_app_key_nothing_of_the_workspace_is_checked_and_it_says_so(
    settings: Settings, sandbox: Sandbox, clock: QuickClock
) -> None:
    async with open_workspace(
        settings.model_copy(update={"app_api_key": None}), sandbox=sandbox, clock=clock
    ) as opened:
        health = await health_of(opened.acting(caller_named("local:tester")))
    assert (health.findings, health.complete) == ((), False)
    assert health.coverage[0].startswith("Not checked, for want of an App API key: ")
    assert not sandbox.requests


async def test_it_says_what_the_api_does_not_show(ws: CallContext) -> None:
    assert (await health_of(ws)).coverage[-1].startswith("Not visible through the API: whether a sender")


def test_the_week_and_the_four_weeks_before_do_not_overlap() -> None:
    starts = [from_unix(days_ago(day)) for day in range(44, -1, -1)]
    assert from_unix(NOW) - Readings(now=from_unix(NOW), starts=starts).week_start == timedelta(days=6)
