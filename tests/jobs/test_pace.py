"""The arithmetic of a job's progress."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.jobs.pace import LEAST_POLL_SECONDS, LEAST_SECONDS, MOST_POLL_SECONDS, Pace, spell_duration

ROWS = st.integers(0, 10**9)
SECONDS = st.floats(0, 10**9, allow_nan=False)


@given(done=ROWS, more=ROWS, seconds=SECONDS)
def test_at_the_same_pace_a_job_ends_when_it_was_expected_to(done: int, more: int, seconds: float) -> None:
    pace = Pace.of(done, done + more, seconds)
    assert (pace.rows_a_second is None) == (pace.seconds_left is None) == (not done or seconds < LEAST_SECONDS)
    if pace.rows_a_second is not None and pace.seconds_left is not None:
        assert pace.rows_a_second * pace.seconds_left == pytest.approx(more, rel=1e-6, abs=1e-6)
        assert pace.seconds_left >= 0


@given(done=st.integers(1, 10**6), more=ROWS, seconds=st.floats(LEAST_SECONDS, 10**6), extra=st.integers(1, 10**6))
def test_more_rows_done_in_the_same_time_never_take_longer(done: int, more: int, seconds: float, extra: int) -> None:
    total = done + more
    slow, fast = Pace.of(done, total, seconds), Pace.of(min(done + extra, total), total, seconds)
    assert slow.seconds_left is not None
    assert fast.seconds_left is not None
    assert fast.seconds_left <= slow.seconds_left
    assert fast.poll_seconds <= slow.poll_seconds


@given(done=ROWS, more=ROWS, seconds=SECONDS)
def test_the_next_look_is_neither_at_once_nor_too_late(done: int, more: int, seconds: float) -> None:
    assert LEAST_POLL_SECONDS <= Pace.of(done, done + more, seconds).poll_seconds <= MOST_POLL_SECONDS


@given(seconds=st.floats(0, 10**8))
def test_a_duration_is_spelled_in_two_units_and_never_shorter_than_it_is(seconds: float) -> None:
    text = spell_duration(seconds)
    assert re.fullmatch(r"[\d,]+ (h|min|s)( \d+ (min|s))?", text)
    sizes = {"h": 3600, "min": 60, "s": 1}
    spelled = sum(int(count.replace(",", "")) * sizes[unit] for count, unit in re.findall(r"([\d,]+) (\w+)", text))
    assert seconds <= spelled <= max(seconds + 1, seconds + 60 * (seconds > 3540))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "1 s"), (0.2, "1 s"), (59.5, "1 min"), (200, "3 min 20 s"), (3600, "1 h"), (7441, "2 h 5 min")],
)
def test_durations_read_like_this(seconds: float, text: str) -> None:
    assert spell_duration(seconds) == text
