"""Metrics as the tool returns them, compared with every delivery of the sandbox."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cio_mcp.customerio.api.periods import Resolution, next_start
from cio_mcp.errors import InvalidArgument, NotFound
from cio_mcp.sandbox import Sandbox
from cio_mcp.text.render import render
from cio_mcp.text.sparkline import BARS
from cio_mcp.text.timestamps import moment
from cio_mcp.tools.common.arguments import Kind
from cio_mcp.tools.core.metrics import VARIED, get_metrics
from cio_mcp.tools.core.metrics_answer import MetricsAnswer, Series, Summary
from cio_mcp.workspace import CallContext

pytestmark = pytest.mark.anyio

TRUTHS = {"sent": "sent", "delivered": "delivered", "opened": "opened", "machine_opened": "prefetch_opened"}
THINGS: list[tuple[Kind, str]] = [
    ("campaign", "1"),
    ("broadcast", "10"),
    ("newsletter", "31"),
    ("newsletter", "20"),
    ("transactional", "2"),
]
Happened = Callable[[Kind, str, str, datetime, datetime], int]


def ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


@pytest.fixture
def happened(sandbox: Sandbox) -> Happened:
    def count(kind: Kind, id_: str, metric: str, since: datetime, until: datetime) -> int:
        times = [one.metrics.get(metric, 0) for one in sandbox.workspace.deliveries.of(kind, int(id_))]
        return sum(since.timestamp() <= at < until.timestamp() for at in times)

    return count


def metric_requests(sandbox: Sandbox) -> list[str]:
    return [request["path"] for request in sandbox.requests if "/metrics" in request["path"]]


@pytest.mark.parametrize(("kind", "id_"), THINGS)
async def test_totals_count_what_happened_in_the_stated_range(
    ws: CallContext, happened: Happened, kind: Kind, id_: str
) -> None:
    answer = await get_metrics(ws, id_, kind)
    for name, truth in TRUTHS.items():
        assert answer.totals.get(name, 0) == happened(kind, id_, truth, answer.since, answer.until), name
    assert answer.totals["sent"] > 0


@pytest.mark.parametrize("timezone", ["UTC", "Asia/Kolkata", "America/New_York"])
@pytest.mark.parametrize("resolution", ["days", "weeks", "months"])
async def test_each_point_of_a_campaign_is_what_happened_in_its_period(
    ws: CallContext, happened: Happened, timezone: str, resolution: Resolution
) -> None:
    answer = await get_metrics(ws, "1", since=ago(80.4), until=ago(33.3), resolution=resolution, timezone=timezone)
    assert answer.series.first
    tz = ZoneInfo(timezone)
    start = answer.series.first.astimezone(tz)
    assert happened("campaign", "1", "created", answer.since, start) == 0
    counts = answer.series.values["sent"]
    for sent in [*counts, *[0] * (answer.series.periods - len(counts))]:
        following = next_start(start, resolution, tz)
        assert sent == happened("campaign", "1", "sent", start, following)
        start = following
    assert start == answer.until
    assert answer.timezone == timezone
    assert answer.since.astimezone(ZoneInfo(timezone)).hour == 0


async def test_a_newsletter_is_counted_since_it_was_sent_and_labelled_eastern(
    ws: CallContext, sandbox: Sandbox
) -> None:
    sent_at = datetime.fromtimestamp(sandbox.workspace.sources["newsletter", 31].sent_at, UTC)
    answer = await get_metrics(ws, "31", "newsletter")
    assert answer.series.first == answer.since <= sent_at < answer.since + timedelta(days=1)
    assert answer.timezone == "America/New_York"
    assert f"Counted in whole {answer.series.resolution} of Eastern time" in render(answer, mask=False).text


async def test_people_and_machines_are_counted_separately_and_every_rate_has_its_basis(ws: CallContext) -> None:
    answer = await get_metrics(ws, "Product news", "broadcast")
    assert answer.rates["human_opened"].of == "delivered"
    assert answer.rates["delivered"].of == "sent"
    text = render(answer, mask=False).text
    people = answer.rates["human_opened"]
    assert f"opened by people {answer.totals['human_opened']} ({people.value:.1%} of delivered)" in text
    assert f"opened by machines {answer.totals['machine_opened']}" in text


async def test_the_text_draws_at_most_sixty_points_and_has_every_number_of_each_series(ws: CallContext) -> None:
    answer = await get_metrics(ws, "1", since=ago(330), resolution="days")
    lines = render(answer, mask=False).text.splitlines()
    assert answer.series.periods > 300
    assert max(sum(bar in BARS for bar in line) for line in lines) == 60
    numbers = [line.partition(": ")[2] for line in lines if line.startswith("  ")]
    assert numbers == [" ".join(map(str, counts)) for counts in answer.series.values.values()]


async def test_a_short_range_asks_for_two_steps_and_counts_one(
    ws: CallContext, sandbox: Sandbox, happened: Happened
) -> None:
    answer = await get_metrics(ws, "2", "transactional", since=ago(5 / 86_400), resolution="months")
    assert answer.series.periods == 1
    assert answer.totals["sent"] == happened("transactional", "2", "sent", answer.since, answer.until)
    assert len(metric_requests(sandbox)) == 1


async def test_links_come_most_clicked_first_with_their_own_range(ws: CallContext, happened: Happened) -> None:
    answer = await get_metrics(ws, "10", "broadcast", links=True)
    assert answer.links is not None
    clicks = [link.clicked for link in answer.links.links]
    assert clicks == sorted(clicks, reverse=True)
    assert sum(clicks) >= happened("broadcast", "10", "clicked", answer.links.since, answer.links.until) > 0
    assert answer.links.timezone == "America/New_York"
    assert "clicks by link" in render(answer, mask=False).text


async def test_a_channel_that_sent_nothing_has_no_counts_and_says_so(ws: CallContext) -> None:
    answer = await get_metrics(ws, "1", channel="sms")
    assert (answer.totals, answer.rates, answer.series.values) == ({"sent": 0}, {}, {})
    heading, sent, *_, none, _ = render(answer, mask=False).text.splitlines()
    assert heading.startswith("campaign 1 “Onboarding”, sms only: ")
    assert sent == "sent 0"
    assert none.startswith("Nothing counted as delivered, opened, opened by people, ")


async def test_what_did_not_happen_is_named_once_and_has_no_zeros(ws: CallContext) -> None:
    answer = await get_metrics(ws, "31", "newsletter")
    lines = render(answer, mask=False).text.splitlines()
    assert "Nothing counted as converted, unsubscribed, spammed, failed, undeliverable, suppressed." in lines
    assert not {"spammed", "failed"} & {*answer.totals, *answer.rates, *answer.series.values}
    assert sum("spammed" in line for line in lines) == 1
    assert f"{answer.series.periods} days from {moment(answer.since)}, the rest 0:" in lines


@pytest.mark.parametrize(
    ("counts", "first", "values"),
    [
        ({"sent": [0, 0, 3, 0, 1, 0], "opened": [0, 0, 0, 2, 0, 0]}, 2, {"sent": (3, 0, 1), "opened": (0, 2)}),
        ({"sent": [1, 0], "opened": [0, 0]}, 0, {"sent": (1,)}),
        ({"sent": [0, 1], "opened": [0, 1]}, 1, {"sent": (1,), "opened": (1,)}),
        ({"sent": [0, 0]}, 0, {}),
        ({}, 0, {}),
    ],
)
def test_a_series_leaves_out_zeros_at_its_ends(
    counts: dict[str, list[int]], first: int, values: dict[str, tuple[int, ...]]
) -> None:
    starts = [datetime(2026, 1, 1 + day, tzinfo=UTC) for day in range(len(counts.get("sent", [0])))]
    series = Series.of("days", starts, counts)
    assert (series.first, series.periods, series.values) == (starts[first], len(starts) - first, values)
    heading = next(iter(series.lines()), "")
    assert ("the rest 0" in heading) == any(len(each) < series.periods for each in values.values())


def test_only_a_long_series_is_drawn() -> None:
    starts = [datetime(2026, 1, 1 + day, tzinfo=UTC) for day in range(5)]
    for days, drawn in ((5, True), (4, False)):
        lines = [*Series.of("days", starts[:days], {"sent": [1] * days, "opened": [1] * days}).lines()]
        assert [any(bar in line for bar in BARS) for line in lines] == [False, drawn, False]


async def _check_refusal(ws: CallContext, sandbox: Sandbox, message: str, **arguments: object) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await get_metrics(ws, **arguments)  # type: ignore[arg-type] # each case is one that the tool refuses
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not metric_requests(sandbox)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"id": "1", "until": "yesterday"}, "until: expected an ISO 8601 time"),
        ({"id": "1", "since": "2026-11-02T00:00:00Z", "until": "2026-11-01T00:00:00Z"}, "since: must be earlier"),
        ({"id": "1", "since": "2099-01-01T00:00:00Z"}, "since: must be in the past"),
        ({"id": "1", "timezone": "Berlin"}, "timezone: expected a region name"),
        ({"id": "1", "since": "2010-01-01T00:00:00Z"}, "since: must be at most 10 years"),
        ({"id": "31", "kind": "newsletter", "timezone": "UTC"}, "timezone: Customer.io counts newsletters in America/"),
        (
            {"id": "10", "kind": "broadcast", "since": "2026-01-01T00:00:00Z", "resolution": "days"},
            "weeks 12, months 121",
        ),
        ({"id": "2", "kind": "transactional", "channel": "email"}, "channel: must be omitted"),
    ],
)
async def test_a_range_that_cannot_be_counted_is_refused_with_the_possible_ones(
    ws: CallContext, sandbox: Sandbox, arguments: dict[str, object], message: str
) -> None:
    await _check_refusal(ws, sandbox, message, **arguments)


async def test_a_wrong_kind_is_refused(ws: CallContext) -> None:
    with pytest.raises(NotFound, match="It is a broadcast"):
        await get_metrics(ws, "10", "campaign")


async def test_eastern_time_may_be_named_for_what_is_only_counted_so(ws: CallContext) -> None:
    answer: MetricsAnswer = await get_metrics(ws, "31", "newsletter", timezone="US/Eastern")
    assert answer.timezone == "America/New_York"


async def test_several_of_a_kind_stand_side_by_side_each_with_its_own_range(ws: CallContext, sandbox: Sandbox) -> None:
    name = sandbox.workspace.sources["newsletter", 29].name
    answer = await get_metrics(ws, kind="newsletter", ids=("31", "30", name, "31"))
    alone = {each: await get_metrics(ws, each, "newsletter") for each in ("31", "30", "29")}
    assert answer.others
    compared: list[MetricsAnswer | Summary] = [answer, *answer.others]
    assert [each.id for each in compared] == ["31", "30", "29"]
    for each in compared:
        assert (each.totals, each.rates) == (alone[each.id].totals, alone[each.id].rates)
        assert each.since == alone[each.id].since
    text = render(answer, mask=False).text.splitlines()
    assert text[0] == "3 newsletters:"
    assert [line.split(" ")[0] for line in text[1:4]] == ["31", "30", "29"]
    people = answer.rates["human_opened"]
    assert f"opened by people {answer.totals['human_opened']} ({people.value:.1%} of delivered)" in text[1]
    assert moment(answer.since) in text[1]
    assert VARIED in text


async def test_links_that_an_answer_omits_are_reached_by_its_cursor(
    ws: CallContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (await get_metrics(ws, "31", "newsletter", links=True)).links
    assert whole
    assert len(whole.links) > 1
    monkeypatch.setattr("cio_mcp.tools.core.metrics.MAX_LINKS", 1)
    first = await get_metrics(ws, "31", "newsletter", links=True)
    assert first.links
    total = len(whole.links)
    assert f"… {total - 1} more of {total} links: cursor=1" in render(first, mask=False).text
    rest = (await get_metrics(ws, "31", "newsletter", links=True, cursor=first.links.cursor)).links
    assert rest
    assert (*first.links.links, *rest.links) == whole.links[:2]
    with pytest.raises(InvalidArgument, match="cursor: continues a list of links; pass links=true"):
        await get_metrics(ws, "31", "newsletter", cursor="1")


async def test_a_note_on_several_names_those_that_it_concerns(ws: CallContext) -> None:
    newsletters = await get_metrics(ws, kind="newsletter", ids=("31", "29"))
    assert tuple(note for note in newsletters.notes if "Nothing counted" not in note) == (
        "Newsletter 31: Counted in whole days of Eastern time, the only zone for newsletters.",
        "Newsletter 29: Counted in whole months of Eastern time, the only zone for newsletters.",
        VARIED,
    )
    campaigns = await get_metrics(ws, ids=("1", "Order follow-up"), since="2025-01-01T00:00:00Z")
    assert any(note.startswith("Campaigns 1, 2: Machine opens are identified") for note in campaigns.notes)
