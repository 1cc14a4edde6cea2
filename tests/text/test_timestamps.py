from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.errors import InvalidArgument
from cio_mcp.text.timestamps import ago, from_unix, moment, parse, read_time

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_utc_is_written_with_z_and_other_zones_with_their_offset() -> None:
    assert moment(NOON) == "2026-01-31T12:00:00Z"
    assert moment(NOON.astimezone(timezone(timedelta(hours=-5)))) == "2026-01-31T07:00:00-05:00"


def test_a_moment_of_ours_without_a_zone_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="zone"):
        moment(NOON.replace(tzinfo=None))


@given(at=st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-9))])))
def test_a_written_time_is_read_back(at: datetime) -> None:
    assert parse(moment(at), "since") == at.replace(microsecond=0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T09:00:00", "2026-01-31T09:00:00-05:00"),
        ("2026-01-31", "2026-01-31T00:00:00-05:00"),
        ("20260131", "2026-01-31T00:00:00-05:00"),
    ],
)
def test_a_time_without_a_zone_is_read_in_the_zone_that_applies(text: str, expected: str) -> None:
    read = read_time(text, "since", zone=timezone(timedelta(hours=-5)))
    assert (moment(read.at), read.zone_assumed) == (expected, True)


def test_a_time_without_a_zone_is_utc_unless_another_zone_applies() -> None:
    assert moment(parse("2026-01-31", "since")) == "2026-01-31T00:00:00Z"


def test_a_time_with_a_zone_keeps_it() -> None:
    read = read_time(" 2026-01-31T09:00:00+02:00 ", "since", zone=timezone(timedelta(hours=-5)))
    assert (moment(read.at), read.zone_assumed) == ("2026-01-31T09:00:00+02:00", False)


@pytest.mark.parametrize("value", [1_764_100_000, 1_764_100_000.0, "1764100000"], ids=repr)
def test_unix_seconds_are_a_time_too(value: str | float) -> None:
    assert moment(read_time(value, "since").at) == "2025-11-25T19:46:40Z"


@pytest.mark.parametrize("value", [1_764_100_000_000, "1764112012345"])
def test_unix_milliseconds_are_refused_as_what_they_are(value: str | int) -> None:
    with pytest.raises(InvalidArgument, match=r"^until: expected .*Unix seconds; this is in milliseconds$"):
        read_time(value, "until")


@pytest.mark.parametrize("value", [0, 5, -1, "202601", 1e300, "9" * 5000])
def test_a_number_that_is_not_a_plausible_time_is_refused(value: str | float) -> None:
    with pytest.raises(InvalidArgument, match=r"^until: expected an ISO 8601 time"):
        read_time(value, "until")


@pytest.mark.parametrize("text", ["yesterday", "last week", "", "2026-13-01T00:00:00Z", "nan", "२०२६"])
def test_an_invalid_time_is_refused_with_an_example_and_the_current_time(text: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        read_time(text, "until", now=NOON)
    assert str(refused.value) == (
        "until: expected an ISO 8601 time, such as 2026-01-31T09:00:00Z or 2026-01-31. It is now 2026-01-31T12:00:00Z"
    )


def test_unix_seconds_become_utc() -> None:
    assert moment(from_unix(0)) == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.4, "just now"), (1, "1 second ago"), (200, "3 minutes ago"), (-7200, "in 2 hours"), (200_000, "2 days ago")],
)
def test_ages_are_written_in_their_largest_unit(seconds: float, expected: str) -> None:
    assert ago(NOON - timedelta(seconds=seconds), NOON) == expected
