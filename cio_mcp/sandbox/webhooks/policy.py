"""How Customer.io posts reporting webhooks: signature, timeout, and delays between retries.

Source: https://docs.customer.io/journeys/webhooks/, except for the first delay, which is not published.
"""

import hashlib
import hmac

SIGNING_KEY = "sandbox-signing-key"
TIMEOUT_SECONDS = 4.0
MAX_RETRY_SECONDS = 7 * 86_400.0
"""From the first attempt to the last."""
SLOW_RETRY_STATUSES = frozenset({400, 401, 402, 403, 404, 405, 410, 429, 500, 502, 521})
FIRST_RETRY_SECONDS = 10.0
FIRST_SLOW_RETRY_SECONDS = 3600.0

Outcome = int | str
"""The HTTP status, or `timeout`, `refused` (no connection, or an untrusted certificate) or `cut`."""


def signature(key: str, timestamp: int, body: bytes) -> str:
    """Sign a body: lowercase hex HMAC-SHA256 over `v0:<timestamp>:<body>`."""
    return hmac.new(key.encode(), b"v0:%d:" % timestamp + body, hashlib.sha256).hexdigest()


def is_success(outcome: Outcome) -> bool:
    """Whether an attempt counts as delivered."""
    return isinstance(outcome, int) and 200 <= outcome < 300  # noqa: PLR2004 - HTTP statuses


def retry_delay(outcome: Outcome, attempts: int) -> float:
    """Seconds until the next attempt: ten seconds or an hour after the first, then doubled each time."""
    is_slow = outcome in {"refused", "cut"} or outcome in SLOW_RETRY_STATUSES
    return float((FIRST_SLOW_RETRY_SECONDS if is_slow else FIRST_RETRY_SECONDS) * 2 ** min(attempts - 1, 16))
