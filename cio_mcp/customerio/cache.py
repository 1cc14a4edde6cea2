"""A cache of recent reads, kept for seconds, dropped by writes that affect them; equal reads in flight are shared."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import anyio

from cio_mcp.clock import Clock
from cio_mcp.customerio.operations import EVERYTHING
from cio_mcp.errors import CioError, TimeError, Unavailable

MAX_ENTRIES = 256
MAX_BYTES = 32 * 1024 * 1024
"""The bound of all kept answers, by the length of their JSON."""

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Key:
    """The key of equal reads."""

    caller: str
    bulk: bool
    family: str
    request: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """A parsed answer and the length of its JSON in bytes."""

    answer: Answer
    size: int


@dataclass(slots=True)
class _Kept:
    fetched: Fetched
    since: float


@dataclass(slots=True)
class _Flight:
    """One request that several wait for; without `fetched` and `error` when done, it was given up."""

    deadline: float
    done: anyio.Event = field(default_factory=anyio.Event)
    fetched: Fetched | None = None
    error: CioError | None = None


class Cache:
    """Answers of one workspace, per caller."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._now = clock, clock.steady
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._flights: dict[Key, _Flight] = {}
        self._bytes = 0

    async def get(
        self, key: Key, fetch: Callable[[], Awaitable[Fetched]], *, seconds: float, deadline: float
    ) -> Answer:
        """The kept answer if it is at most `seconds` old, else the one that `fetch` brings.

        Who comes while the same read is in flight waits for it; if that one is canceled, or runs out of
        its own time, another caller who still has time takes over.

        Raises:
            Unavailable: the read in flight did not end before `deadline`.
            CioError: whatever `fetch` raises.
        """
        while True:
            # Even at the same moment: a write may have come in between.
            kept = self._kept.get(key) if seconds > 0 else None
            if kept is not None and self._now() - kept.since <= seconds:
                return kept.fetched.answer
            if (flight := self._flights.get(key)) is None:
                return await self._lead(key, fetch, keep=seconds > 0, deadline=deadline)
            with self._clock.move_on_after(deadline - self._now()):
                await flight.done.wait()
            if flight.fetched is not None:
                return flight.fetched.answer
            if not flight.done.is_set() or self._now() >= deadline:
                raise Unavailable("Customer.io did not respond in time. Try again in 5 s.")
            if flight.error is not None and not (isinstance(flight.error, TimeError) and deadline > flight.deadline):
                raise flight.error.with_traceback(None)

    def drop(self, families: Collection[str]) -> None:
        """Drop all answers of the given families, including reads in flight."""
        everything = EVERYTHING in families
        for key in [key for key in self._kept if everything or key.family in families]:
            self._forget(key)
        for key in [key for key in self._flights if everything or key.family in families]:
            del self._flights[key]

    async def _lead(self, key: Key, fetch: Callable[[], Awaitable[Fetched]], *, keep: bool, deadline: float) -> Answer:
        flight = self._flights[key] = _Flight(deadline)
        try:
            flight.fetched = await fetch()
        except CioError as error:
            flight.error = error
            raise
        finally:
            flight.done.set()
            untouched = self._flights.get(key) is flight
            if untouched:
                del self._flights[key]
        if keep and untouched:
            self._keep(key, flight.fetched)
        return flight.fetched.answer

    def _keep(self, key: Key, fetched: Fetched) -> None:
        self._forget(key)
        self._kept[key] = _Kept(fetched, self._now())
        self._bytes += fetched.size
        while len(self._kept) > MAX_ENTRIES or self._bytes > MAX_BYTES:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: Key) -> None:
        if (kept := self._kept.pop(key, None)) is not None:
            self._bytes -= kept.fetched.size
