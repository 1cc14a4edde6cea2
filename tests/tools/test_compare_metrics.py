"""`compare_metrics` on the sandbox, compared with every delivery."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cio_mcp.errors import Ambiguous, InvalidArgument, NotFound
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.world.sources import Kind
from cio_mcp.settings import Settings
from cio_mcp.text.render import render
from cio_mcp.tools.common.proportions import Proportion, bonferroni, newcombe, wilson
from cio_mcp.tools.core.comparison.answer import ComparisonAnswer, Side
from cio_mcp.tools.core.comparison.compare_metrics import GROWING, MACHINES, compare_metrics
from cio_mcp.tools.core.metrics import VARIED
from cio_mcp.workspace import CallContext, Workspace, open_workspace
from tests.callers import caller_named
from tests.fixed_time import QuickClock, SameTime, clear, days_ago, send

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> QuickClock:
    return QuickClock()


@pytest.fixture
async def sandbox(clock: QuickClock) -> AsyncIterator[Sandbox]:
    async with Sandbox(seed=7, people=200, clock=SameTime(clock)) as running:
        yield running


@pytest.fixture
async def opened(settings: Settings, sandbox: Sandbox, clock: QuickClock) -> AsyncIterator[Workspace]:
    async with open_workspace(settings, sandbox=sandbox, clock=clock) as workspace:
        yield workspace


@pytest.fixture
async def ws(opened: Workspace) -> CallContext:
    return opened.acting(caller_named("local:tester"))


def rows(answer: ComparisonAnswer) -> dict[str, Side]:
    return {side.period or side.id: side for side in answer.sides}


async def test_each_rate_states_its_counts_and_the_compared_one_has_a_wilson_interval(
    ws: CallContext, sandbox: Sandbox
) -> None:
    answer = await compare_metrics(ws, ("1", "2"))
    for side in answer.sides:
        every = sandbox.workspace.deliveries.of("campaign", int(side.id))
        for name, rate in side.rates.items():
            counts = [
                sum(side.since.timestamp() <= one.metrics.get(each, 0) < side.until.timestamp() for one in every)
                for each in (name, answer.bases[name])
            ]
            assert [rate.count, rate.of] == counts, name
            assert rate.value == round(rate.count / rate.of, 4)
            interval = tuple(round(each, 4) for each in wilson(Proportion(rate.count, rate.of)))
            assert (rate.low, rate.high) == (interval if name == "human_clicked" else (None, None))
    assert answer.bases["human_clicked"] == "delivered"
    assert answer.bases["delivered"] == "sent"


async def test_notes_state_the_only_zone_of_a_kind_and_ranges_of_different_lengths_where_that_is_so(
    ws: CallContext,
) -> None:
    campaigns = await compare_metrics(ws, ("1", "2"))
    newsletters = await compare_metrics(ws, ("31", "29"), kind="newsletter")
    eastern = "Counted in Eastern time, the only zone for newsletters."
    assert [VARIED in each.notes for each in (campaigns, newsletters)] == [False, True]
    assert [any("Eastern" in note for note in each.notes) for each in (campaigns, newsletters)] == [False, True]
    assert eastern in newsletters.notes
    shares = "Rates are shares: delivered, bounced of sent; "
    assert any(line.startswith(shares) for line in newsletters.lines())


async def test_two_sides_differ_by_newcombes_interval_in_each_rate_where_that_says_something(
    ws: CallContext, sandbox: Sandbox
) -> None:
    clear(sandbox, "campaign", 1, 2)
    for number, opened in ((1, 300), (2, 400)):
        counts = {"sent": 1000, "delivered": 990, "human_opened": opened, "human_clicked": 100 + number}
        send(sandbox, "campaign", number, days_ago(10), counts)
    answer = await compare_metrics(ws, ("1", "2"))
    first, second = answer.sides
    assert first.differences is None
    assert second.differences
    assert {name: each.verdict for name, each in second.differences.items()} == {
        "human_clicked": "too small to tell", "human_opened": "lower"
    }  # fmt: skip
    for name, difference in second.differences.items():
        one, other = (Proportion(side.rates[name].count, side.rates[name].of) for side in (second, first))
        interval = newcombe(one, other)
        assert (difference.low, difference.high) == tuple(round(100 * each, 2) for each in interval)
        assert difference.points == round(100 * (one.share - other.share), 2)


FIRST_LINES = [
    ({1: 100, 2: 250, 4: 110}, (), "“Order follow-up” is clearly ahead: 25.0% against 11.0% for the next."),
    ({1: 100, 2: 250}, (), "“Order follow-up” is clearly ahead: 25.0% against 10.0%."),
    ({1: 10, 2: 11, 4: 900}, ("bounced",),
     "No clear winner; lowest is “Onboarding”, 1.0%. Clearly ahead of only 1 of the other 2."),
    ({1: 100, 2: 100}, (), "No clear winner; highest are “Onboarding” and “Order follow-up”, 10.0%."),
    ({1: 100, 2: 105}, ("bounced",), "No clear winner; lowest is “Onboarding”, 10.0%."),
    ({1: 100, 2: 250}, ("bounced",), "“Onboarding” is clearly lowest: 10.0% against 25.0%."),
]  # fmt: skip
"""Cases of a metric by campaign, each of a thousand messages, and the first line."""


@pytest.mark.parametrize(("cases", "metric", "line"), FIRST_LINES)
async def test_the_first_line_is_the_answer(
    ws: CallContext, sandbox: Sandbox, cases: dict[int, int], metric: tuple[Any, ...], line: str
) -> None:
    clear(sandbox, "campaign", *cases)
    for number, count in cases.items():
        counts = {"sent": 1000, "delivered": 1000, (metric or ("human_clicked",))[0]: count}
        send(sandbox, "campaign", number, days_ago(10), counts)
    answer = await compare_metrics(ws, tuple(map(str, cases)), metric=metric[0] if metric else "human_clicked")
    assert render(answer, mask=False).text.startswith(f"{line}\n")
    assert answer.answer == line


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        ({1: 29, 2: 29}, "No winner: none has the 30 messages that a rank needs."),
        ({1: 29, 2: 90}, "No winner: only “Order follow-up” (0.0%) has the 30 messages that a rank needs."),
        ({1: 0, 2: 0}, "No winner: no messages."),
    ],
)
async def test_few_messages_have_no_winner(ws: CallContext, sandbox: Sandbox, sent: dict[int, int], line: str) -> None:
    clear(sandbox, "campaign", *sent)
    for number, count in sent.items():
        send(sandbox, "campaign", number, days_ago(10), {"sent": count, "delivered": count})
    assert (await compare_metrics(ws, tuple(map(str, sent)))).answer == line


@pytest.mark.parametrize(
    ("previous", "current", "line"),
    [
        (400, 300, "Opened by people is clearly lower: 30.0% against 40.0% in the previous period."),
        (300, 310, "No clear change of opened by people: 31.0% against 30.0% in the previous period."),
        (None, 300, "No comparison: no messages in the previous period."),
    ],
)
async def test_the_first_line_of_two_periods_says_whether_they_differ(
    ws: CallContext, sandbox: Sandbox, previous: int | None, current: int, line: str
) -> None:
    clear(sandbox, "campaign", 1)
    for days, opened in ((30, previous), (10, current)):
        if opened is not None:
            send(sandbox, "campaign", 1, days_ago(days), {"sent": 1000, "delivered": 1000, "human_opened": opened})
    assert (await compare_metrics(ws, ("1",), metric="human_opened")).answer == line


async def test_twelve_newsletters_take_a_line_each(ws: CallContext) -> None:
    answer = await compare_metrics(ws, tuple(str(number) for number in range(20, 32)), "newsletter")
    lines = render(answer, mask=False).text.split("\n")
    assert sum("(id " in line for line in lines) == len(answer.sides)
    assert all(len(line) < 300 for line in lines if "(id " in line)


async def test_a_large_difference_is_stated_and_a_small_one_is_too_small_to_tell(
    ws: CallContext, sandbox: Sandbox
) -> None:
    clear(sandbox, "campaign", 1, 2, 4)
    for number, clicked in ((1, 100), (2, 250), (4, 110)):
        counts = {"sent": 1000, "delivered": 1000, "human_clicked": clicked}
        send(sandbox, "campaign", number, days_ago(10), counts)
    answer = await compare_metrics(ws, ("1", "2", "4"))
    assert [side.id for side in answer.sides] == ["2", "4", "1"]
    assert [side.rank for side in answer.sides] == [1, 2, 3]
    verdicts = [(side.differences or {}).get("human_clicked") for side in answer.sides]
    assert [each and each.verdict for each in verdicts] == [None, "lower", "lower"]
    pair = rows(await compare_metrics(ws, ("1", "4")))["1"].differences
    assert pair
    assert pair["human_clicked"].verdict == "too small to tell"


async def test_differences_of_several_sides_are_widened_for_all_pairs(ws: CallContext, sandbox: Sandbox) -> None:
    clear(sandbox, "campaign", 1, 2, 4)
    for number, clicked in ((1, 61), (2, 88), (4, 62)):
        counts = {"sent": 1000, "delivered": 1000, "human_clicked": clicked}
        send(sandbox, "campaign", number, days_ago(10), counts)
    several, two = await compare_metrics(ws, ("1", "2", "4")), await compare_metrics(ws, ("1", "2"))
    difference = (rows(several)["1"].differences or {})["human_clicked"]
    assert newcombe(Proportion(61, 1000), Proportion(88, 1000), bonferroni(3)).includes_zero
    assert difference.model_dump(exclude_none=True) == {"verdict": "too small to tell"}
    assert (rows(two)["1"].differences or {})["human_clicked"].verdict == "lower"
    assert "all 3 pairs (Bonferroni)" in several.method
    assert "Bonferroni" not in two.method


async def test_few_messages_have_no_rank_and_no_difference(ws: CallContext, sandbox: Sandbox) -> None:
    clear(sandbox, "campaign", 1, 2, 4)
    send(sandbox, "campaign", 1, days_ago(10), {"sent": 29, "delivered": 29, "human_clicked": 29})
    send(sandbox, "campaign", 2, days_ago(10), {"sent": 1000, "delivered": 1000, "human_clicked": 10})
    answer = await compare_metrics(ws, ("1", "4", "2"))
    assert [(side.id, side.rank) for side in answer.sides] == [("2", 1), ("1", None), ("4", None)]
    assert (answer.sides[1].differences or {})["human_clicked"].verdict == "too small to tell"
    assert answer.sides[2].rates == {}
    assert answer.sides[2].differences is None
    assert "- “VIP welcome” (id 4): no messages" in render(answer, mask=False).text


@pytest.mark.parametrize(("clicked", "verdict"), [(4, "too small to tell"), (5, "higher")])
async def test_a_handful_of_cases_is_too_small_to_tell(
    ws: CallContext, sandbox: Sandbox, clicked: int, verdict: str
) -> None:
    clear(sandbox, "campaign", 1, 2)
    send(sandbox, "campaign", 1, days_ago(10), {"sent": 40, "delivered": 40, "human_clicked": clicked})
    send(sandbox, "campaign", 2, days_ago(10), {"sent": 1000, "delivered": 1000})
    answer = await compare_metrics(ws, ("1", "2"))
    (difference,) = [side.differences["human_clicked"] for side in answer.sides if side.differences]
    assert difference.verdict == verdict.replace("higher", "lower")  # The second has less than the first.


async def test_the_lowest_rate_of_what_should_not_happen_ranks_first(ws: CallContext, sandbox: Sandbox) -> None:
    clear(sandbox, "campaign", 1, 2)
    for number, bounced in ((1, 90), (2, 10)):
        send(sandbox, "campaign", number, days_ago(10), {"sent": 1000, "delivered": 900, "bounced": bounced})
    answer = await compare_metrics(ws, ("1", "2"), metric="bounced")
    assert [side.id for side in answer.sides] == ["2", "1"]


async def test_equal_rates_share_a_rank(ws: CallContext, sandbox: Sandbox) -> None:
    clear(sandbox, "campaign", 1, 2, 4)
    for number, clicked in ((1, 100), (2, 100), (4, 50)):
        counts = {"sent": 1000, "delivered": 1000, "human_clicked": clicked}
        send(sandbox, "campaign", number, days_ago(10), counts)
    assert [side.rank for side in (await compare_metrics(ws, ("1", "2", "4"))).sides] == [1, 1, 3]


async def test_one_source_is_compared_with_its_previous_period(ws: CallContext, sandbox: Sandbox) -> None:
    clear(sandbox, "campaign", 1)
    send(sandbox, "campaign", 1, days_ago(30), {"sent": 1000, "delivered": 1000, "human_opened": 400})
    send(sandbox, "campaign", 1, days_ago(10), {"sent": 1000, "delivered": 1000, "human_opened": 300})
    answer = await compare_metrics(ws, ("Onboarding",), metric="human_opened", timezone="Europe/Berlin")
    previous, current = answer.sides
    assert (previous.period, current.period) == ("previous", "current")
    assert previous.until == current.since
    assert current.until - current.since == previous.until - previous.since == timedelta(days=21)
    assert answer.timezone == "Europe/Berlin"
    assert current.differences
    assert (current.differences["human_opened"].points, current.differences["human_opened"].verdict) == (-10.0, "lower")
    text = render(answer, mask=False).text
    assert "current period: 30.0% (300 of 1,000, 27.2% to 32.9%); against the previous period -10.0 points" in text
    assert not current.unfinished


@pytest.mark.parametrize(("kind", "number"), [("broadcast", 10), ("transactional", 2)])
async def test_periods_of_other_kinds_are_counted_in_eastern_time(
    ws: CallContext, sandbox: Sandbox, kind: Kind, number: int
) -> None:
    clear(sandbox, kind, number)
    send(sandbox, kind, number, days_ago(30), {"sent": 100, "delivered": 90})
    send(sandbox, kind, number, days_ago(1), {"sent": 100, "delivered": 80})
    answer = await compare_metrics(ws, (str(number),), kind, "delivered")
    assert [side.rates["delivered"].count for side in answer.sides] == [90, 80]
    assert answer.timezone == "America/New_York"
    assert [side.unfinished for side in answer.sides] == [None, "recent"]
    assert sum("/metrics" in request["path"] for request in sandbox.requests) == 1


async def test_a_requested_range_is_compared_with_the_one_of_equal_length_before_it(ws: CallContext) -> None:
    previous, current = (
        await compare_metrics(ws, ("1",), since="2026-09-01T00:00:00Z", until="2026-09-15T00:00:00Z")
    ).sides
    assert (previous.since, previous.until) == (datetime(2026, 8, 18, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC))
    assert (current.since, current.until) == (datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 9, 15, tzinfo=UTC))


async def test_a_period_that_still_runs_is_unfinished_and_says_what_may_change(ws: CallContext) -> None:
    answer = await compare_metrics(ws, ("1",), since="2026-09-20T00:00:00Z")
    assert [side.unfinished for side in answer.sides] == [None, "running"]
    assert GROWING in answer.notes


async def test_newsletters_are_counted_since_they_were_sent_and_a_recent_one_is_unfinished(
    ws: CallContext, sandbox: Sandbox
) -> None:
    sources = sandbox.workspace.sources
    sources["newsletter", 31] = replace(sources["newsletter", 31], sent_at=int(days_ago(2)))
    clear(sandbox, "newsletter", 31)
    send(sandbox, "newsletter", 31, days_ago(2), {"sent": 300, "delivered": 300, "human_clicked": 20})
    answer = await compare_metrics(ws, ("31", "30", "29"), "newsletter")
    assert {side.id: side.unfinished for side in answer.sides} == {"31": "recent", "30": None, "29": None}
    assert answer.answer.startswith("No clear winner so far; highest is “Monthly newsletter")
    assert VARIED in answer.notes
    assert answer.timezone == "America/New_York"


async def test_what_nothing_reports_as_delivered_is_compared_as_a_share_of_sent(
    ws: CallContext, sandbox: Sandbox
) -> None:
    clear(sandbox, "campaign", 1, 2)
    send(sandbox, "campaign", 1, days_ago(10), {"sent": 200, "human_clicked": 20})
    send(sandbox, "campaign", 2, days_ago(10), {"sent": 200, "delivered": 100, "human_clicked": 20})
    answer = await compare_metrics(ws, ("1", "2"))
    assert answer.bases["human_clicked"] == "sent"
    assert {side.rates["human_clicked"].value for side in answer.sides} == {0.1}


async def test_a_rate_above_one_has_no_interval_rank_or_difference(ws: CallContext, sandbox: Sandbox) -> None:
    clear(sandbox, "campaign", 1, 2)
    send(sandbox, "campaign", 1, days_ago(10), {"sent": 50, "delivered": 50, "human_clicked": 10})
    send(sandbox, "campaign", 2, days_ago(10), {"sent": 50, "delivered": 50, "human_clicked": 10})
    for delivery in sandbox.workspace.deliveries.of("campaign", 1)[:45]:
        delivery.metrics["delivered"] = int(days_ago(100))
    answer = await compare_metrics(ws, ("1", "2"))
    side = rows(answer)["1"]
    assert (side.rates["human_clicked"].value, side.rates["human_clicked"].low, side.rank) == (2.0, None, None)
    assert "human_clicked" not in (side.differences or {})
    assert any(note.startswith("Rates above 100 %") for note in answer.notes)


async def test_machines_are_counted_apart_and_a_metric_that_includes_them_says_so(ws: CallContext) -> None:
    answer = await compare_metrics(ws, ("31", "30"), "newsletter", "opened")
    assert MACHINES in answer.notes
    assert all(side.totals["machine_opened"] > 0 for side in answer.sides)
    assert all(side.rates["opened"].count > side.rates["human_opened"].count for side in answer.sides)


async def test_what_happened_on_no_side_is_named_once(ws: CallContext, sandbox: Sandbox) -> None:
    clear(sandbox, "campaign", 1, 2)
    for number in (1, 2):
        send(sandbox, "campaign", number, days_ago(10), {"sent": 50, "delivered": 50})
    answer = await compare_metrics(ws, ("1", "2"))
    assert answer.bases.keys() == {"delivered", "human_clicked"}
    assert "None on any side: opened by people, converted, unsubscribed, bounced, failed, spammed." in answer.notes


async def test_twenty_sources_cost_a_request_each_and_one_for_the_list(ws: CallContext, sandbox: Sandbox) -> None:
    ids = tuple(str(number) for number in range(20, 32))
    answer = await compare_metrics(ws, ids, "newsletter")
    assert len(answer.sides) == len(ids)
    assert len(sandbox.requests) == len(ids) + 1


async def test_an_id_and_a_name_of_the_same_source_are_one_side(ws: CallContext) -> None:
    assert {side.period for side in (await compare_metrics(ws, ("1", "Onboarding", "1"))).sides} == {
        "current",
        "previous",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ids": ("31",), "kind": "newsletter"}, "ids: a newsletter is sent once"),
        ({"ids": ("1",), "since": "2030-01-01"}, "since: must be in the past"),
        ({"ids": ("1", "2"), "kind": "transactional", "channel": "email"}, "channel: must be omitted"),
        ({"ids": ("10",), "kind": "broadcast", "timezone": "Europe/Berlin"}, "timezone: Customer.io counts broadcasts"),
    ],
)
async def test_what_cannot_be_compared_is_refused(ws: CallContext, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        await compare_metrics(ws, **arguments)


@pytest.mark.parametrize("ids", [("1", "Onbording", "99"), ("Onbording", "99")])
async def test_all_that_is_missing_is_named_at_once(ws: CallContext, ids: tuple[str, ...]) -> None:
    with pytest.raises(NotFound) as missing:
        await compare_metrics(ws, ids)
    assert "ids: no campaign is named “Onbording”; did you mean “Onboarding” (id 1)?" in str(missing.value)
    assert "ids: no campaign has the ID 99." in str(missing.value)


async def test_a_name_of_several_is_ambiguous(ws: CallContext, sandbox: Sandbox) -> None:
    sources = sandbox.workspace.sources
    sources["campaign", 2] = replace(sources["campaign", 2], name="Onboarding")
    with pytest.raises(Ambiguous, match="Pass one of the IDs 1, 2"):
        await compare_metrics(ws, ("Onboarding", "4"))


def mentions(texts: Iterable[str], words: str) -> bool:
    return any(words in text for text in texts)


async def test_old_ranges_say_since_when_machines_are_identified(ws: CallContext) -> None:
    answer = await compare_metrics(ws, ("1", "2"), since="2025-01-01T00:00:00Z")
    assert mentions(answer.notes, "Machine opens are identified reliably since 2025-03-20")
