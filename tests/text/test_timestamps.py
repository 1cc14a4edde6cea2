from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.errors import InvalidArgument
from cio_mcp.text.timestamps import ago, from_unix, moment, parse

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_utc_is_written_with_z_and_other_zones_with_their_offset() -> None:
    assert moment(NOON) == "2026-01-31T12:00:00Z"
    assert moment(NOON.astimezone(timezone(timedelta(hours=-5)))) == "2026-01-31T07:00:00-05:00"


def test_a_moment_of_ours_without_a_zone_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="zone"):
        moment(NOON.replace(tzinfo=None))


@given(at=st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-9))])))
def test_what_is_written_is_read_back(at: datetime) -> None:
    assert parse(moment(at), "since") == at.replace(microsecond=0)


@pytest.mark.parametrize("text", ["2026-01-31T09:00:00", "2026-01-31"])
def test_a_time_without_a_zone_is_refused_by_field(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^since: the time has no zone"):
        parse(text, "since")


@pytest.mark.parametrize("text", ["yesterday", "", "1700000000", "2026-13-01T00:00:00Z"])
def test_what_is_no_moment_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^until: expected an ISO 8601 time"):
        parse(text, "until")


def test_unix_seconds_become_utc() -> None:
    assert moment(from_unix(0)) == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "just now"), (1, "1 second ago"), (200, "3 minutes ago"), (-7200, "in 2 hours"), (200_000, "2 days ago")],
)
def test_ages_are_said_in_their_largest_unit(seconds: float, said: str) -> None:
    assert ago(NOON - timedelta(seconds=seconds), NOON) == said
