"""The retry table: a pure decision from the retry class and the last outcome."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from cio_mcp.customerio.operations import Retry
from cio_mcp.customerio.outcome import Answered, Lost, Outcome, Unsent

MAX_ATTEMPTS = 4
"""One request and three more, as Customer.io's own clients make."""
FIRST_BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 8.0
"""Seconds; the ceiling doubles from the first to the longest, and the delay is drawn from below it."""
MAX_RETRY_AFTER_SECONDS = 120.0
"""A longer `Retry-After` is ignored. Chosen, since the limits are per second or per ten seconds."""
MAX_QUOTA_RETRY_AFTER_SECONDS = 86_400.0
"""The same for a lane whose documented limit is a quota of a day."""
UNIX_SECONDS = 1e9
UNIX_MILLISECONDS = 1e12
"""From these on a number is a moment: 2001 in seconds and in milliseconds."""
_NUMBER = re.compile(r"[0-9]{1,16}(\.[0-9]{1,9})?")


def delay_before_retry(
    retry: Retry, outcome: Outcome, attempt: int, jitter: float, *, daily: bool = False
) -> float | None:
    """Seconds to wait before the next attempt, or None when there must not be one.

    `attempt` is the number of the one that just ended, from 1; `jitter` lies in 0..1.
    On a `daily` quota a 429 that names no time means that the day's share is gone.
    """
    if retry == "once" or attempt >= MAX_ATTEMPTS or not _passes(outcome):
        return None
    if isinstance(outcome, Answered):
        if outcome.retry_after is not None:
            return outcome.retry_after if outcome.retry_after <= MAX_RETRY_AFTER_SECONDS else None
        if daily and outcome.status == 429:  # noqa: PLR2004 - the status this line is about
            return None
    return jitter * min(MAX_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** (attempt - 1))


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
    """Seconds that a `Retry-After` header asks for; None when it cannot be read.

    It is a number of seconds or an HTTP date; a number that is a Unix time (seconds or milliseconds) is that moment.
    """
    text = (header or "").strip()
    if _NUMBER.fullmatch(text):
        number = float(text)
        if number < UNIX_SECONDS:
            return number
        return max(0.0, number / (1000 if number >= UNIX_MILLISECONDS else 1) - now.timestamp())
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())


def plausible(seconds: float | None, *, daily: bool) -> float | None:
    """The same seconds, or None where no limit of the lane could ask for so many."""
    longest = MAX_QUOTA_RETRY_AFTER_SECONDS if daily else MAX_RETRY_AFTER_SECONDS
    return seconds if seconds is not None and seconds <= longest else None
