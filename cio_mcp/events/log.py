"""The event log: appends received events, and answers queries about them."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

import anyio

from cio_mcp.clock import Clock
from cio_mcp.errors import InvalidArgument, StorageFailed
from cio_mcp.events.group_commit import Intake
from cio_mcp.events.models import BY_MACHINE, Envelope, Event
from cio_mcp.storage.engine import Database
from cio_mcp.storage.events import DELETED_AT_ONCE, MAX_COUNTED, Events
from cio_mcp.storage.rows import EventQuery, EventRow, Place
from cio_mcp.storage.webhook_stats import WebhookStats, webhook_stats
from cio_mcp.text.timestamps import from_unix

__all__ = ["EventLog", "EventPage", "EventQuery"]

POLL_SECONDS = 0.5
"""Seconds between looks for what other processes stored, while anybody listens or waits."""
SCAN_EVENTS = 500
"""Events read at a time while a caller waits."""
SETTLING_SECONDS = 5.0
"""Seconds by which an event may be stored after it came in."""
FIRST_UPKEEP_SECONDS, UPKEEP_SECONDS = 60.0, 3_600.0
"""Seconds until the first look for events that are kept no longer, and between looks."""
GATHER_SECONDS = 1.0
"""Seconds that counts of refused requests are gathered before they are stored."""
UPKEEP_EVENTS = 10_000
"""Events stored by this process after which it looks sooner."""
CURSOR = re.compile(r"([0-9]{1,10})-([0-9]{1,18})")
PAUSE_SECONDS = 0.05
"""Seconds between deletions, so that appending goes on beside them."""


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events newest first; `cursor` leads to older ones, of which there are `omitted` (or more, if `omitted_more`)."""

    events: tuple[Event, ...]
    cursor: str | None
    omitted: int = 0
    omitted_more: bool = False


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """Events by metric, the most frequent first, machine opens and clicks apart; `others` have a rarer metric."""

    by_metric: dict[str, int]
    others: int = 0


@dataclass(eq=False)
class EventLog:
    """The events of one workspace; safe for any number of callers and processes at once."""

    database: Database
    workspace: str
    clock: Clock

    def __post_init__(self) -> None:
        self._events = Events(self.database, self.workspace)
        self._intake = Intake(self._commit)
        self._refused: Counter[str] = Counter()
        self._stored = anyio.Event()
        self._grown = 0
        self._chores = anyio.Event()

    async def append(self, envelopes: Iterable[Envelope]) -> None:
        """Store events, each once. They are durable when this returns. After a cancellation, they may have been stored.

        Raises:
            StorageFailed: they could not be stored.
            Unavailable: too many wait already.
        """
        now = self.clock.now()
        await self._intake.store([envelope.row(now) for envelope in envelopes])

    def refuse(self, reason: str) -> None:
        """Count a request that was not accepted; `keep` stores the counts."""
        self._refused[reason] += 1
        self._chores.set()

    async def recent(self, query: EventQuery, limit: int = 20, cursor: str | None = None) -> EventPage:
        """A page of events, newest first.

        Raises:
            InvalidArgument: the cursor is none of ours.
        """
        rows, omitted = await self._events.recent(query, limit, _place(cursor) if cursor else None)
        last = f"{rows[-1].at}-{rows[-1].sequence}" if omitted else None
        return EventPage(tuple(map(Event.of, rows)), last, omitted, omitted >= MAX_COUNTED)

    async def received_since(self) -> datetime | None:
        """When the earliest event that is still stored came in; None where there is none.

        Raises:
            StorageFailed: the database cannot be read.
        """
        at = await self._events.first_received()
        return None if at is None else from_unix(at)

    async def summary(self, query: EventQuery) -> MetricSummary:
        """Count the events that match, by metric."""
        counts, others = await self._events.summary(query)
        by_metric = {f"{each.metric}{BY_MACHINE if each.by_machine else ''}": each.count for each in counts}
        return MetricSummary(by_metric, others)

    async def stats(self) -> WebhookStats:
        """Statistics of the webhook receiver.

        Raises:
            StorageFailed: the database cannot be read.
        """
        return await webhook_stats(self.database, self.workspace, self.clock.now())

    async def wait(self, query: EventQuery, since: datetime | None, timeout: float) -> Event | None:  # noqa: ASYNC109 - on our own clock
        """The first event that matches: at once if it happened since `since`, else when it comes, else None in time.

        Without `since`, only what is stored from now on counts.
        """
        end = self.clock.steady() + timeout
        query = replace(query, since=max(filter(None, (query.since, since)), default=None))
        seen, _ = await self._events.newest()
        if since is not None and (row := await self._events.earliest(query)):
            return Event.of(row)
        while True:
            stored = self._stored
            row, upto = await self._events.stored(query, after=seen, most=SCAN_EVENTS)
            if row is not None:
                return Event.of(row)
            left = end - self.clock.steady()
            if left <= 0:
                return None
            if upto == seen:
                await self.clock.wait(stored, min(left, POLL_SECONDS))
            seen = upto

    async def watch(self, notify: Callable[[], None]) -> None:
        """Call `notify` when events were stored, also by other processes; ends by being canceled.

        Events received just before also count: they may have been stored since the caller last looked.

        Raises:
            StorageFailed: the database cannot be read.
        """
        began, seen = self.clock.now(), None
        while True:
            stored = self._stored
            newest, received = await self._events.newest()
            if seen is None:
                seen = 0 if received >= began - SETTLING_SECONDS else newest
            if newest > seen:
                seen = newest
                notify()
            await self.clock.wait(stored, POLL_SECONDS)

    async def keep(self, days: float, rows: int) -> None:
        """Delete what is older or more than is kept, a little at a time, and store counts; ends by being canceled."""
        next_time = self.clock.steady() + FIRST_UPKEEP_SECONDS
        while True:
            await self.clock.wait(self._chores, max(0.0, next_time - self.clock.steady()))
            self._chores = anyio.Event()
            with suppress(StorageFailed):
                if self._grown >= UPKEEP_EVENTS or self.clock.steady() >= next_time:
                    next_time = self.clock.steady() + UPKEEP_SECONDS
                    await self.trim(days=days, rows=rows)
                await self.clock.sleep(GATHER_SECONDS)
                await self.flush()

    async def trim(self, *, days: float, rows: int) -> None:
        """Delete what is older than `days` or exceeds `rows`, in short transactions.

        Raises:
            StorageFailed: the database cannot be written.
        """
        self._grown = 0
        older_than = self.clock.now() - days * 86_400
        while await self._events.drop(DELETED_AT_ONCE, before=older_than):
            await self.clock.sleep(PAUSE_SECONDS)
        # A fixed end: others may trim at the same time, and delete what this would count as surplus.
        surplus = await self._events.surplus(rows)
        while await self._events.drop(DELETED_AT_ONCE, upto=surplus):
            await self.clock.sleep(PAUSE_SECONDS)

    async def close(self) -> None:
        """Store the counts, if possible."""
        with suppress(StorageFailed):
            await self.flush()

    async def flush(self) -> None:
        """Store the counts of refusals.

        Raises:
            StorageFailed: they are kept for the next time.
        """
        if not self._refused:
            return
        refused, self._refused = self._refused, Counter()
        try:
            await self._events.count(refused, self.clock.now())
        except BaseException:
            self._refused += refused
            raise

    async def _commit(self, rows: Sequence[EventRow]) -> None:
        if new := await self._events.add(rows):
            self._grown += new
            if self._grown >= UPKEEP_EVENTS:
                self._chores.set()
            self._stored.set()
            self._stored = anyio.Event()


def _place(cursor: str) -> Place:
    match = CURSOR.fullmatch(cursor)
    if match is None:
        raise InvalidArgument("cursor", "expected the cursor from the previous page")
    return Place(int(match[1]), int(match[2]))
