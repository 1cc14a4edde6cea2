"""Customer.io's limits as sliding windows over arrivals."""

import math
from collections import deque
from dataclasses import dataclass, field

from cio_mcp.sandbox.http import Refused

SENDS = "/v1/send/"


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests in any window of seconds; a soft one is only counted, a daily one names no time to wait."""

    name: str
    requests: int
    seconds: float
    soft: bool = False
    daily: bool = False


# https://docs.customer.io/integrations/api/app/ (rate limits) and .../track/
APP = Limit("app", 10, 1.0)
TRIGGER = Limit("broadcast", 1, 10.0)
ARCHIVED = Limit("archived_message", 100, 86_400.0, daily=True)
TRACK = Limit("track", 3000, 3.0, soft=True)


def limit_of(method: str, template: str) -> Limit:
    """The limit that a route draws on."""
    if template.startswith(("/api/", SENDS)):
        return TRACK
    if method == "POST" and template == "/v1/campaigns/{broadcast_id}/triggers":
        return TRIGGER
    if template.endswith("/archived_message"):
        return ARCHIVED
    return APP


@dataclass(slots=True)
class Windows:
    """The arrivals that still count, per limit; a refused arrival does not count."""

    peak: dict[str, int] = field(default_factory=dict)
    _arrivals: dict[str, deque[float]] = field(default_factory=dict)

    def admit(self, limit: Limit, now: float, reference: str) -> None:
        """Count an arrival.

        Raises:
            Refused: 429; with Retry-After in whole seconds, except for a daily quota.
        """
        arrivals = self._arrivals.setdefault(limit.name, deque())
        while arrivals and arrivals[0] <= now - limit.seconds:
            arrivals.popleft()
        if len(arrivals) >= limit.requests and not limit.soft:
            wait = None if limit.daily else max(1, math.ceil(arrivals[0] + limit.seconds - now))
            raise too_many(limit, wait, reference)
        arrivals.append(now)
        self.peak[limit.name] = max(self.peak.get(limit.name, 0), len(arrivals))


def too_many(limit: Limit, wait: int | None, reference: str) -> Refused:
    """A 429 as the App API words it."""
    detail = f"rate limited to {limit.requests} requests per {limit.seconds:g}s (reference {reference})"
    headers = {} if wait is None else {"Retry-After": str(wait)}
    return Refused(429, {"errors": [{"detail": detail, "status": "429"}]}, headers)
