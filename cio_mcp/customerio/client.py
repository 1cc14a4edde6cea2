"""The client: all requests of a workspace pass the limiter here, and are retried by the table."""

import itertools
import random
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from math import inf
from types import TracebackType
from typing import Any, Self

import httpx
from opentelemetry import trace

from cio_mcp.clock import Clock
from cio_mcp.customerio.cache import Cache, Fetched, Key
from cio_mcp.customerio.call import Call, canonical
from cio_mcp.customerio.caller import Work, background_caller
from cio_mcp.customerio.credentials import authorization, key_lacks_scope, key_refused
from cio_mcp.customerio.outcome import Answered, Outcome, doubtful
from cio_mcp.customerio.ratelimit.lane import STALE_GRANT_SECONDS
from cio_mcp.customerio.ratelimit.limiter import Limiter, Permit
from cio_mcp.customerio.ratelimit.rates import LANES
from cio_mcp.customerio.region import Regions
from cio_mcp.customerio.request import Request
from cio_mcp.customerio.responses import json_object, problem
from cio_mcp.customerio.retry import delay_before_retry, plausible
from cio_mcp.customerio.transport import RequestTiming, Transport
from cio_mcp.errors import CioError, StorageFailed, Unavailable
from cio_mcp.settings import Settings

__all__ = ["Client", "Exchange", "Reader", "Work"]

REQUEST_SECONDS = {"read": 10.0, "repeatable": 10.0, "once": 30.0}
"""Seconds one request may take: what can be repeated is given up early enough to be."""
MIN_REQUEST_SECONDS = 0.5
"""Seconds before the deadline after which no request is begun."""
DAY_SECONDS = 86_400.0

_tracer = trace.get_tracer("cio_mcp")


@dataclass(frozen=True, slots=True)
class Exchange:
    """The end of a call: the last outcome, and whether an earlier attempt may have been applied."""

    outcome: Outcome
    doubted: bool


class Client:
    """Owns the connections, the limiter and the cache of one workspace; an async context manager.

    `limiter` comes unopened; `transport` replaces the network (`AsgiTransport` for the sandbox);
    `chance` gives the jitter of delays, 0..1.
    """

    def __init__(
        self,
        settings: Settings,
        limiter: Limiter,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.limiter = limiter
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self.transport = Transport(self._clock, transport)
        self._regions = Regions(settings, self._probe)
        self._cache = Cache(self._clock)
        self._owned = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start the limiter."""
        async with AsyncExitStack() as opening:
            await opening.enter_async_context(self.limiter)
            opening.push_async_callback(self.transport.close)
            self._owned = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Close every connection, then the limiter; what ended the block goes on as it is, not in a group."""
        await self._owned.aclose()

    async def warm(self) -> None:
        """Prepare for the first request; a failure here is reported by that request."""
        with suppress(Exception):
            await self.transport.open()

    def steady(self) -> float:
        """The client's steady clock, in seconds."""
        return self._clock.steady()

    def reader(self, work: Work) -> "Reader":
        """Reads for one piece of work."""
        return Reader(self, work)

    async def region(self) -> str | None:
        """The region, found out if need be; None where settings name the hosts.

        Raises:
            KeyRefused: Customer.io refuses the keys.
            Unavailable: it could not be asked.
        """
        await self._regions.base("app" if self._settings.has_app else "track", within=self._settings.max_wait)
        return self._regions.region

    def drop_cached(self, families: frozenset[str]) -> None:
        """Drop the cached reads that a write affects."""
        self._cache.drop(families)

    def refusal(self, call: Call, outcome: Outcome) -> CioError:
        """The error for an outcome that is not a 2xx."""
        match outcome:
            case Answered(status=401):
                return key_refused(self._settings, call.api, self._regions.region)
            case Answered(status=403):
                return key_lacks_scope(call.api)
            case _:
                return problem(call, outcome)

    async def fetch(self, call: Call, work: Work) -> Fetched:
        """Make a read and parse its answer.

        Raises:
            CioError: as `Reader.read`.
            ValueError: it is a write, which only the gate may send.
        """
        if call.row.writes:
            raise ValueError(f"{call.operation} writes")
        outcome = (await self.exchange(Request.of(call), work)).outcome
        if not isinstance(outcome, Answered) or not outcome.accepted:
            raise self.refusal(call, outcome)
        return Fetched(json_object(outcome, call.row.answer_list), len(outcome.body))

    async def cached(self, call: Call, work: Work, seconds: float) -> dict[str, Any]:
        """Make a read, unless the same caller just made it or is making it.

        Raises:
            CioError: as `Reader.read`.
        """
        request = call.target if call.body is None else f"{call.method} {call.target} {canonical(call.body)}"
        key = Key(work.caller.id, work.bulk, call.row.families[0], request)
        return await self._cache.get(key, lambda: self.fetch(call, work), seconds=seconds, deadline=work.deadline)

    async def exchange(self, request: Request, work: Work) -> Exchange:
        """Make a request, and make it again as long as the retry table and the deadline allow.

        Raises:
            RateLimited: the lane has no room before the deadline; nothing was sent.
            StorageFailed: it is a write, and the database cannot be used; nothing was sent.
            SettingError: the key for the call's API is not set.
            KeyRefused: the region had to be found out, and none knows the key.
            Unavailable: no time is left; or the region had to be found out, and could not be.
        """
        call, retry = request.call, request.retry
        base = await self._regions.base(call.api, within=work.deadline - self._clock.steady())
        doubt: Outcome | None = None
        for attempt in itertools.count(1):
            try:
                outcome = await self._attempt(request, work, base, attempt)
            except CioError:
                if doubt is None:
                    raise
                return Exchange(doubt, doubted=True)
            wait = delay_before_retry(retry, outcome, attempt, self._chance(), daily=_is_daily(call))
            if wait is None or self._clock.steady() + wait + MIN_REQUEST_SECONDS > work.deadline:
                return Exchange(outcome, doubted=doubt is not None)
            if retry == "read" and not work.retries.take():
                return Exchange(outcome, doubted=doubt is not None)
            doubt = outcome if doubtful(outcome) else doubt
            await self._clock.sleep(wait)
        raise AssertionError("the retry table ends every call")

    async def _attempt(self, request: Request, work: Work, base: str, attempt: int = 1) -> Outcome:
        """Take a turn and make one request."""
        call, retry = request.call, request.retry
        header = authorization(self._settings, call.api)
        now = self._clock.steady
        with _tracer.start_as_current_span(
            call.endpoint,
            kind=trace.SpanKind.CLIENT,
            attributes={"http.route": call.route, "cio.lane": call.lane, "cio.attempt": attempt},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            requested_at = now()
            room = work.deadline - requested_at - MIN_REQUEST_SECONDS
            if room < 0:
                raise Unavailable("No time is left for a request to Customer.io; nothing was sent. Try again.")
            permit = await self.limiter.acquire(call.lane, caller=work.caller.id, bulk=work.bulk, max_wait=room)
            granted = now()
            span.set_attribute("cio.wait", granted - requested_at)
            within = min(REQUEST_SECONDS[retry], work.deadline - granted)
            departure = RequestTiming(now, lambda leaving: self._leaves(permit, granted, leaving))
            try:
                if retry != "read" and not self.limiter.shared:
                    raise StorageFailed("The database is unavailable, so writes are refused. Nothing was sent.")
                if not work.may_leave():
                    raise Unavailable("The work was stopped while the request waited for its turn. Nothing was sent.")
                outcome = await self.transport.request(
                    call.method,
                    base + call.target,
                    authorization=header,
                    body=request.body,
                    within=within,
                    departure=departure,
                )
            finally:
                if not departure.left:
                    self.limiter.release(permit)
            if isinstance(outcome, Answered):
                if outcome.retry_after is not None:
                    outcome = replace(outcome, retry_after=plausible(outcome.retry_after, daily=_is_daily(call)))
                span.set_attribute("http.response.status_code", outcome.status)
                if departure.round_trip is not None:
                    self.limiter.note_round_trip(departure.round_trip)
                if outcome.status == 429:  # noqa: PLR2004 - the status that means the lane was full
                    await self.limiter.penalize(permit, outcome.retry_after)
            return outcome

    async def _leaves(self, permit: Permit, granted: float, departure: RequestTiming) -> None:
        if departure.cold or self._clock.steady() - granted > STALE_GRANT_SECONDS:
            await self.limiter.settle(permit)

    async def _probe(self, call: Call, base: str) -> Outcome:
        work = Work(background_caller("region"), self._clock.steady() + REQUEST_SECONDS["read"])
        return await self._attempt(Request.of(call), work, base)


def _is_daily(call: Call) -> bool:
    """Whether the documented limit of the call's lane is a quota of a day."""
    return LANES[call.lane].window >= DAY_SECONDS


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads for one piece of work; all end by its deadline."""

    client: Client
    work: Work
    since: float = -inf
    """What was read before this moment (steady clock, seconds) is read again."""

    def again(self, work: Work) -> "Reader":
        """Reads for new work that depends on how things are from now on."""
        return Reader(self.client, work, self.client.steady())

    async def read(self, call: Call, cache: float = 0.0) -> dict[str, Any]:
        """The answer to a read, parsed; `cache` is the seconds it may be old. Not to be changed: it may be shared.

        Raises:
            NotFound: there is nothing there (404).
            Rejected: Customer.io did not accept the request (another 4xx).
            KeyRefused: it refused the key (401, 403); names the setting to fix.
            RateLimited: the lane has no room before the deadline, or Customer.io said 429 to the last attempt.
            Unavailable: it answered 5xx, or not in time, or not at all, to the last attempt.
            BadAnswer: its answer is not what it documents.
        """
        return await self.client.cached(call, self.work, min(cache, self.client.steady() - self.since))
