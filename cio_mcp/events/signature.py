"""Pure verification of Customer.io's webhook signature."""

import hmac
from collections.abc import Sequence
from typing import Literal

VERSION = b"v0"
MAX_AGE_SECONDS = 8 * 86_400.0
"""Seconds between signing and arrival: retries go on for seven days and may carry the time of the first attempt."""
MAX_STAMP_DIGITS = 12

Fault = Literal["unsigned", "stale", "wrong signature"]


def sign(key: bytes, timestamp: str, body: bytes) -> str:
    """The signature of a body: lowercase hex HMAC-SHA256 of `v0:timestamp:body`."""
    signed = b":".join((VERSION, timestamp.encode(), body))
    return hmac.digest(key, signed, "sha256").hex()


def stamp_fault(timestamp: str | None, signature: str | None, now: float) -> Fault | None:
    """The fault of the headers alone, before a body is read."""
    if not timestamp or not signature:
        return "unsigned"
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= MAX_STAMP_DIGITS):
        return "unsigned"
    return None if abs(now - int(timestamp)) <= MAX_AGE_SECONDS else "stale"


def fault(
    keys: Sequence[bytes], timestamp: str | None, signature: str | None, body: bytes, *, now: float
) -> Fault | None:
    """The fault of a signature; None if one of the keys made it in time.

    Takes the same time whichever key fits, and however much of a wrong signature is right.
    """
    if flaw := stamp_fault(timestamp, signature, now):
        return flaw
    candidate = (signature or "").removeprefix("v0=").encode(errors="replace")
    fits = [hmac.compare_digest(sign(key, timestamp or "", body).encode(), candidate) for key in keys]
    return None if any(fits) else "wrong signature"
