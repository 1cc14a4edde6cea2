"""The previous period is as long as the current one and ends where that begins."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.customerio.api.metrics import Metric
from cio_mcp.customerio.api.periods import EASTERN, periods_between, steps
from cio_mcp.errors import InvalidArgument
from cio_mcp.tools.common.metric_ranges import MAX_POINTS, Counted, date_back
from cio_mcp.tools.core.comparison.periods import DEFAULT_DAYS, counts_of, split, two_periods

NOW = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
EASTERN_ZONE = ZoneInfo(EASTERN)
ZONES = st.sampled_from(["UTC", EASTERN, "Europe/Berlin", "Asia/Kolkata"]).map(ZoneInfo)


@given(ago=st.timedeltas(timedelta(hours=1), timedelta(days=1500)), share=st.floats(0, 0.9), tz=ZONES)
def test_both_periods_of_a_campaign_have_as_many_whole_periods(ago: timedelta, share: float, tz: ZoneInfo) -> None:
    since, until = NOW - ago, NOW - ago * share
    periods = two_periods("campaign", since, until, NOW, tz)
    assert periods.previous < periods.since <= since < periods.until <= NOW
    counts = [
        periods_between(start, end, periods.resolution, tz, most=MAX_POINTS)
        for start, end in ((periods.previous, periods.since), (periods.since, periods.until))
    ]
    assert counts[0] == counts[1] <= MAX_POINTS // 2


@given(ago=st.timedeltas(timedelta(hours=1), timedelta(days=1500)))
def test_steps_reach_the_previous_period_of_every_other_kind(ago: timedelta) -> None:
    periods = two_periods("broadcast", NOW - ago, None, NOW, EASTERN_ZONE)
    count = steps(periods.previous, NOW, periods.resolution, EASTERN_ZONE)
    assert count is not None
    counted = date_back(Metric(series={"sent": [1] * count}), periods.previous, periods.until, NOW, periods.resolution)
    previous, current = split(counted, periods.since)
    assert sum(previous.metric.series["sent"]) == sum(current.metric.series["sent"])
    assert previous.until == current.since == periods.since


def test_a_range_that_is_too_long_for_two_of_its_length_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="since: is too far back for a previous period of the same length"):
        two_periods("transactional", NOW - timedelta(days=2500), None, NOW, EASTERN_ZONE)


@pytest.mark.parametrize("kind", ["campaign", "broadcast"])
def test_the_default_is_whole_days_up_to_the_last_midnight(kind: str) -> None:
    periods = two_periods(kind, None, None, NOW, EASTERN_ZONE)  # type: ignore[arg-type] # each is a kind
    assert periods.resolution == "days"
    assert periods.until == datetime(2026, 11, 23, 5, tzinfo=UTC)
    local = [moment.astimezone(EASTERN_ZONE).replace(tzinfo=None) for moment in periods[:3]]
    assert local[2] - local[1] == local[1] - local[0] == timedelta(days=DEFAULT_DAYS)


@pytest.mark.parametrize(
    ("sent", "running", "recent"),
    [([4, 4, 0, 0], False, False), ([4, 0, 0, 4], False, True), ([0, 0, 0, 0], False, False)],
)
def test_messages_of_the_last_three_days_make_a_side_recent(sent: list[int], running: bool, recent: bool) -> None:
    starts = [NOW.replace(hour=0, minute=0) - timedelta(days=days) for days in (6, 5, 4, 3)]
    counted = Counted(Metric(series={"sent": sent}), starts, starts[0], starts[-1] + timedelta(days=1), "days")
    counts = counts_of(counted, NOW, ZoneInfo("UTC"))
    assert (counts.running, counts.recent) == (running, recent)


def test_a_period_that_has_not_ended_is_running() -> None:
    start = NOW.replace(hour=0, minute=0)
    assert counts_of(Counted(Metric(series={"sent": [0]}), [start], start, NOW, "days"), NOW, ZoneInfo("UTC")).running
