"""From the requested range to periods and back: nothing is lost, and everything counted is stated."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.customerio.api.metrics import Metric
from cio_mcp.customerio.api.periods import (
    EASTERN,
    FINEST_FIRST,
    MAX_STEPS,
    Resolution,
    next_start,
    periods_between,
    reach,
    starts_back,
)
from cio_mcp.errors import InvalidArgument
from cio_mcp.tools.common.metric_ranges import (
    DEFAULT_MAX_POINTS,
    MAX_POINTS,
    date_back,
    date_forward,
    range_resolution,
    steps_back,
    whole_periods,
)

NOW = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
ZONES = st.sampled_from(["UTC", EASTERN, "Europe/Berlin", "Asia/Kolkata"]).map(ZoneInfo)
RESOLUTIONS: st.SearchStrategy[Resolution] = st.sampled_from(FINEST_FIRST)
AGO = st.timedeltas(timedelta(minutes=1), timedelta(days=3600))
EASTERN_ZONE = ZoneInfo(EASTERN)


@given(ago=AGO, share=st.floats(0, 0.99), extra=st.integers(0, 3))
def test_steps_count_the_requested_range_however_many_come_back(ago: timedelta, share: float, extra: int) -> None:
    since, until = NOW - ago, NOW - ago * share
    resolution, steps = steps_back(since, NOW, None)
    metric = Metric(series={"sent": list(range(1, steps + extra + 1))})
    counted = date_back(metric, since, until, NOW, resolution)
    assert counted.since <= since < until <= counted.until <= NOW
    assert len(counted.starts) == len(counted.metric.series["sent"])
    assert all(next_start(one, resolution, EASTERN_ZONE) == other for one, other in pairwise(counted.starts))
    newest = steps + extra
    missing = periods_between(counted.starts[-1], NOW + timedelta(seconds=1), resolution, EASTERN_ZONE, most=200) - 1
    assert counted.metric.series["sent"][-1] == newest - missing


@given(ago=AGO, wanted=RESOLUTIONS)
def test_a_requested_resolution_is_kept_or_refused_with_how_far_it_reaches(ago: timedelta, wanted: Resolution) -> None:
    if NOW - ago < reach(NOW, wanted, EASTERN_ZONE):
        with pytest.raises(InvalidArgument, match=f"since: {wanted} are counted back {MAX_STEPS[wanted]} from now"):
            steps_back(NOW - ago, NOW, wanted)
        return
    resolution, steps = steps_back(NOW - ago, NOW, wanted)
    assert resolution == wanted
    assert 2 <= steps <= MAX_STEPS[wanted]


@given(ago=AGO)
def test_without_a_resolution_the_finest_that_reaches_is_taken(ago: timedelta) -> None:
    resolution, _ = steps_back(NOW - ago, NOW, None)
    for finer in FINEST_FIRST[: FINEST_FIRST.index(resolution)]:
        with pytest.raises(InvalidArgument):
            steps_back(NOW - ago, NOW, finer)


@given(ago=AGO, share=st.floats(0, 0.99), tz=ZONES)
def test_a_range_is_covered_by_convenient_whole_periods(ago: timedelta, share: float, tz: ZoneInfo) -> None:
    since, until = NOW - ago, NOW - ago * share
    resolution = range_resolution(since, until, None, tz)
    covered = whole_periods(since, until, NOW, resolution, tz)
    assert covered.since <= since < until <= covered.until <= NOW
    counted = date_forward(Metric(series={}), covered, resolution, tz)
    assert counted.starts[0] == covered.since
    assert counted.starts[-1] < covered.until <= next_start(counted.starts[-1], resolution, tz)
    assert len(counted.starts) <= DEFAULT_MAX_POINTS or resolution == "months"


def test_a_period_that_begins_when_the_range_ends_is_dropped() -> None:
    covered = whole_periods(
        datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 3, tzinfo=UTC), NOW, "days", ZoneInfo("UTC")
    )
    counted = date_forward(Metric(series={"sent": [1, 2, 40]}), covered, "days", ZoneInfo("UTC"))
    assert counted.metric.totals["sent"] == 3
    assert counted.starts[-1] == datetime(2026, 11, 2, tzinfo=UTC)


def test_one_step_that_is_answered_with_two_counts_once() -> None:
    since = NOW - timedelta(minutes=1)
    assert steps_back(since, NOW, "days") == ("days", 2)
    counted = date_back(Metric(series={"sent": [50, 3]}), since, NOW, NOW, "days")
    assert counted.metric.totals["sent"] == 3
    assert counted.since == datetime(2026, 11, 23, 5, tzinfo=UTC)


@pytest.mark.parametrize(("resolution", "periods"), [("hours", 6), ("days", 6), ("weeks", 6), ("months", 6)])
def test_a_range_that_starts_and_ends_with_a_period_has_no_period_more(resolution: Resolution, periods: int) -> None:
    starts = starts_back(NOW, periods, resolution, EASTERN_ZONE)
    counted = date_back(Metric(series={"sent": [*range(periods)]}), starts[2], starts[4], NOW, resolution)
    assert counted.starts == starts[2:4]
    assert (counted.since, counted.until) == (starts[2], starts[4])
    assert counted.metric.series["sent"] == [2, 3]


@pytest.mark.parametrize(
    ("days", "wanted", "message"),
    [
        (4000, None, "since: must be at most 10 years before until"),
        (60, "hours", f"resolution: hours would return over {MAX_POINTS} points; use days"),
    ],
)
def test_a_range_that_cannot_be_counted_is_refused_with_one_that_can(
    days: int, wanted: Resolution | None, message: str
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        range_resolution(NOW - timedelta(days=days), NOW, wanted, ZoneInfo("UTC"))
    assert message in str(refused.value)
