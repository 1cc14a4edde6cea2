"""Calendar periods: where they start, how many a range touches, how far steps reach."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.customerio.api.periods import (
    EASTERN,
    FINEST_FIRST,
    MAX_STEPS,
    MIN_STEPS,
    Resolution,
    floor,
    next_start,
    periods_between,
    reach,
    starts,
    starts_back,
    steps,
    zone,
)
from cio_mcp.errors import InvalidArgument

RESOLUTIONS: st.SearchStrategy[Resolution] = st.sampled_from(FINEST_FIRST)
ZONES = st.sampled_from(
    ["UTC", EASTERN, "Europe/Berlin", "Asia/Kolkata", "America/Havana", "America/Sao_Paulo", "Pacific/Auckland"]
).map(ZoneInfo)
MOMENTS = st.datetimes(datetime(2015, 1, 2), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants bounds without a zone
PAST = st.timedeltas(timedelta(0), timedelta(days=4000))


@given(MOMENTS, RESOLUTIONS, ZONES)
def test_every_moment_lies_in_the_period_it_is_floored_to(
    moment: datetime, resolution: Resolution, tz: ZoneInfo
) -> None:
    start = floor(moment, resolution, tz)
    assert start <= moment < next_start(start, resolution, tz)


@given(MOMENTS, RESOLUTIONS, ZONES, st.integers(1, 130))
def test_counted_from_either_end_periods_follow_one_another_without_gap_or_overlap(
    now: datetime, resolution: Resolution, tz: ZoneInfo, count: int
) -> None:
    back = starts_back(now, count, resolution, tz)
    assert len(back) == count
    assert back[-1] <= now < next_start(back[-1], resolution, tz)
    assert all(next_start(one, resolution, tz) == other for one, other in pairwise(back))
    assert starts(back[0], count, resolution, tz) == back


@given(MOMENTS, PAST, RESOLUTIONS, ZONES)
def test_steps_reach_since_and_one_fewer_would_not(
    now: datetime, past: timedelta, resolution: Resolution, tz: ZoneInfo
) -> None:
    since = now - past
    count = steps(since, now, resolution, tz)
    if count is None:
        assert since < reach(now, resolution, tz)
        return
    assert MIN_STEPS <= count <= MAX_STEPS[resolution]
    assert starts_back(now, count, resolution, tz)[0] <= since
    assert count == MIN_STEPS or starts_back(now, count - 1, resolution, tz)[0] > since


@given(MOMENTS, RESOLUTIONS, ZONES)
def test_the_stated_limit_is_accepted_and_a_moment_more_is_refused(
    now: datetime, resolution: Resolution, tz: ZoneInfo
) -> None:
    earliest = reach(now, resolution, tz)
    assert steps(earliest, now, resolution, tz) == MAX_STEPS[resolution]
    assert steps(earliest - timedelta(microseconds=1), now, resolution, tz) is None


@given(MOMENTS, RESOLUTIONS, ZONES)
def test_a_range_within_one_period_is_one_period(moment: datetime, resolution: Resolution, tz: ZoneInfo) -> None:
    assert periods_between(floor(moment, resolution, tz), moment, resolution, tz, most=5) == 1


def test_weeks_start_on_sunday_at_midnight_eastern() -> None:
    wednesday = datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert floor(wednesday, "weeks", ZoneInfo(EASTERN)) == datetime(2026, 11, 22, 5, tzinfo=UTC)


def test_the_day_on_which_clocks_go_back_has_twenty_five_hours() -> None:
    day = floor(datetime(2026, 11, 1, 12, tzinfo=UTC), "days", ZoneInfo(EASTERN))
    assert next_start(day, "days", ZoneInfo(EASTERN)) - day == timedelta(hours=25)


def test_an_unknown_zone_is_refused_by_name() -> None:
    with pytest.raises(InvalidArgument, match="timezone: expected a region name"):
        zone("Mars/Olympus")
    with pytest.raises(InvalidArgument):
        zone("../../etc/passwd")
