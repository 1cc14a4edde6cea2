"""Customer.io's limits as sliding windows over arrivals."""

import math
from collections import deque
from dataclasses import dataclass, field

from cio_mcp.sandbox.auth import PIPELINES
from cio_mcp.sandbox.http import ApiError

SENDS = "/v1/send/"


@dataclass(frozen=True, slots=True)
class Limit:
    """The most requests in any window of seconds; a soft limit only counts, a daily one sends no Retry-After."""

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
    """The limit that a route counts against."""
    if template.startswith(("/api/", "/unsubscribe/", SENDS)) or template in PIPELINES:
        return TRACK
    if method == "POST" and template == "/v1/campaigns/{broadcast_id}/triggers":
        return TRIGGER
    if template.endswith("/archived_message"):
        return ARCHIVED
    return APP


@dataclass(slots=True)
class Windows:
    """Recent arrivals per limit; a rejected request does not count."""

    peak: dict[str, int] = field(default_factory=dict)
    _arrivals: dict[str, deque[float]] = field(default_factory=dict)

    def admit(self, limit: Limit, now: float, reference: str) -> None:
        """Count an arrival.

        Raises:
            ApiError: 429; with Retry-After in whole seconds, except for a daily quota.
        """
        arrivals = self._arrivals.setdefault(limit.name, deque())
        while arrivals and arrivals[0] <= now - limit.seconds:
            arrivals.popleft()
        if len(arrivals) >= limit.requests and not limit.soft:
            wait = None if limit.daily else max(1, math.ceil(arrivals[0] + limit.seconds - now))
            raise rate_limited(limit, wait, reference)
        arrivals.append(now)
        self.peak[limit.name] = max(self.peak.get(limit.name, 0), len(arrivals))


def rate_limited(limit: Limit, wait: int | None, reference: str) -> ApiError:
    """A 429 in the App API's words."""
    detail = f"rate limited to {limit.requests} requests per {limit.seconds:g}s (reference {reference})"
    headers = {} if wait is None else {"Retry-After": str(wait)}
    return ApiError(429, {"errors": [{"detail": detail, "status": "429"}]}, headers)
