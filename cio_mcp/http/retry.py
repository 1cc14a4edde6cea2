"""The retry table: a pure decision from what may be repeated and what came of the last attempt."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from cio_mcp.http.call import RetryClass
from cio_mcp.http.outcome import Answered, Lost, Outcome, Unsent

MOST_ATTEMPTS = 4
"""One request and three more, as Customer.io's own clients make."""
FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 8.0
"""Seconds; the ceiling doubles from the first to the longest, and the delay is drawn from below it."""
LONGEST_WAIT = 300.0
"""Seconds; a longer `Retry-After` is reported, not waited for (Customer.io's Node client stops there too)."""


def delay_before_retry(
    retry: RetryClass, outcome: Outcome, attempt: int, jitter: float, *, daily: bool = False
) -> float | None:
    """Seconds to wait before the next attempt, or None when there must not be one.

    `attempt` is the number of the one that just ended, from 1; `jitter` lies in 0..1.
    On a `daily` quota a 429 that names no time means that the day's share is gone.
    """
    if retry == "once" or attempt >= MOST_ATTEMPTS or not _passes(outcome):
        return None
    if isinstance(outcome, Answered):
        if outcome.retry_after is not None:
            return outcome.retry_after if outcome.retry_after <= LONGEST_WAIT else None
        if daily and outcome.status == 429:  # noqa: PLR2004 - the status this line is about
            return None
    return jitter * min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** (attempt - 1))


def _passes(outcome: Outcome) -> bool:
    """Whether the trouble may be over by itself."""
    match outcome:
        case Answered():
            return outcome.passing
        case Unsent(setting=setting):
            return setting is None
        case Lost():
            return True


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds that a `Retry-After` header asks for: a whole number or an HTTP date; None when it says neither."""
    said = (header or "").strip()
    if said.isascii() and said.isdecimal():
        return float(said[:12])
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())
