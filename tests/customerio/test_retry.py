from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.customerio.operations import Retry
from cio_mcp.customerio.outcome import Answered, Lost, Outcome, Unsent, doubtful
from cio_mcp.customerio.retry import (
    MAX_ATTEMPTS,
    MAX_BACKOFF_SECONDS,
    MAX_RETRY_AFTER_SECONDS,
    delay_before_retry,
    plausible,
    retry_after,
)

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)

classes = st.sampled_from(["read", "repeatable", "once"])
jitters = st.floats(0, 1)
answers = st.builds(
    Answered,
    status=st.integers(200, 599),
    retry_after=st.none() | st.floats(0, 1e9),
)
outcomes = st.one_of(answers, st.just(Unsent("could not be reached")), st.just(Lost("broke the connection")))


@given(outcome=outcomes, attempt=st.integers(1, 10), jitter=jitters)
def test_a_call_that_is_made_once_is_never_repeated(outcome: Outcome, attempt: int, jitter: float) -> None:
    assert delay_before_retry("once", outcome, attempt, jitter) is None


@given(retry=classes, outcome=outcomes, attempt=st.integers(1, 10), jitter=jitters, daily=st.booleans())
def test_delays_are_bounded_and_attempts_end(
    retry: Retry, outcome: Outcome, attempt: int, jitter: float, daily: bool
) -> None:
    delay = delay_before_retry(retry, outcome, attempt, jitter, daily=daily)
    if attempt >= MAX_ATTEMPTS:
        assert delay is None
    if delay is not None:
        assert 0 <= delay <= max(MAX_BACKOFF_SECONDS, MAX_RETRY_AFTER_SECONDS)


@given(retry=classes, status=st.integers(200, 499), attempt=st.integers(1, 10), jitter=jitters)
def test_requests_that_customerio_accepts_or_refuses_are_not_retried(
    retry: Retry, status: int, attempt: int, jitter: float
) -> None:
    if status not in (408, 425, 429):
        assert delay_before_retry(retry, Answered(status), attempt, jitter) is None


@pytest.mark.parametrize("retry", ["read", "repeatable"])
@pytest.mark.parametrize(
    "outcome",
    [
        Answered(408),
        Answered(429),
        Answered(500),
        Answered(503),
        Lost("broke the connection"),
        Unsent("could not be reached"),
    ],
)
def test_reads_and_repeatable_calls_are_made_again_after_passing_trouble(retry: Retry, outcome: Outcome) -> None:
    assert [delay_before_retry(retry, outcome, attempt, 1.0) for attempt in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, None]


@given(seconds=st.floats(0, MAX_RETRY_AFTER_SECONDS), jitter=jitters)
def test_a_retry_after_is_waited_for_exactly(seconds: float, jitter: float) -> None:
    assert delay_before_retry("read", Answered(429, retry_after=seconds), 1, jitter) == seconds


def test_a_retry_after_is_waited_for_up_to_two_minutes() -> None:
    assert delay_before_retry("read", Answered(503, retry_after=120.0), 1, 0.5) == 120.0
    assert delay_before_retry("read", Answered(503, retry_after=121.0), 1, 0.5) is None


def test_a_spent_daily_quota_is_not_tried_again() -> None:
    assert delay_before_retry("read", Answered(429), 1, 0.5, daily=True) is None
    assert delay_before_retry("read", Answered(429, retry_after=1.0), 1, 0.5, daily=True) == 1.0
    assert delay_before_retry("read", Answered(503), 1, 1.0, daily=True) == 0.5


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("Mon, 23 Nov 2026 14:00:30 +0200", 30.0),
        ("Mon, 23 Nov 2026 12:00:30 -0000", 30.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("1.5", 1.5),
        ("1795435207", 7.0),
        ("1795435207000", 7.0),
        ("1795435207.5", 7.5),
        ("1795435100", 0.0),
        ("99999999999999999999", None),
        ("Mon, 23 Nov 99999 12:00:30 GMT", None),
        ("٣", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


@pytest.mark.parametrize(
    ("seconds", "daily", "expected"),
    [(None, False, None), (0.0, False, 0.0), (120.0, False, 120.0), (121.0, False, None), (1.8e9, False, None),
     (121.0, True, 121.0), (86_400.0, True, 86_400.0), (86_401.0, True, None)],
)  # fmt: skip
def test_a_retry_after_beyond_what_a_limit_could_ask_for_is_ignored(
    seconds: float | None, daily: bool, expected: float | None
) -> None:
    assert plausible(seconds, daily=daily) == expected


@given(st.text(max_size=60))
def test_any_retry_after_can_be_read(header: str) -> None:
    seconds = retry_after(header, NOW)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Answered(200), False),
        (Answered(429), False),
        (Answered(422), False),
        (Unsent("could not be reached"), False),
        (Answered(302), True),
        (Answered(408), True),
        (Answered(409), True),
        (Answered(499), True),
        (Answered(503), True),
        (Lost("broke the connection"), True),
    ],
)
def test_only_what_may_have_been_carried_out_is_doubtful(outcome: Outcome, expected: bool) -> None:
    assert doubtful(outcome) is expected


def test_a_transient_status_is_not_a_refusal_except_for_a_rate_limit() -> None:
    assert [status for status in range(200, 600) if Answered(status).passing and Answered(status).refused] == [429]
