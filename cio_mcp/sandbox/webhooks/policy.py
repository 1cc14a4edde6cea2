"""The rules by which Customer.io posts reporting webhooks: signature, time limit, waits after a failure.

All from https://docs.customer.io/journeys/webhooks/ but for the first wait, which is not published.
"""

import hashlib
import hmac

SIGNING_KEY = "sandbox-signing-key"
TIMEOUT = 4.0
GIVES_UP = 7 * 86_400.0
"""Seconds after its first attempt that an event is tried no more."""
HOUR_STATUSES = frozenset({400, 401, 402, 403, 404, 405, 410, 429, 500, 502, 521})
FIRST_WAIT = 10.0
FIRST_LONG_WAIT = 3600.0

Outcome = int | str
"""The status that came back, or `timeout`, `refused` (no connection or no trust) or `cut`."""


def signature(key: str, timestamp: int, body: bytes) -> str:
    """Sign a body: lower-case hex HMAC-SHA256 over `v0:<timestamp>:<body>`."""
    return hmac.new(key.encode(), b"v0:%d:" % timestamp + body, hashlib.sha256).hexdigest()


def is_success(outcome: Outcome) -> bool:
    """Whether an attempt counts as delivered."""
    return isinstance(outcome, int) and 200 <= outcome < 300  # noqa: PLR2004 - HTTP statuses


def wait_after(outcome: Outcome, attempts: int) -> float:
    """Seconds until the next attempt after so many failed ones: from ten seconds or an hour, doubled each time."""
    at_length = outcome in {"refused", "cut"} or outcome in HOUR_STATUSES
    return float((FIRST_LONG_WAIT if at_length else FIRST_WAIT) * 2 ** min(attempts - 1, 16))
