"""The tools that read events and wait for one."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated

import anyio
from pydantic import Field

from cio_mcp.errors import InvalidArgument
from cio_mcp.events.models import BY_MACHINE, Event, EventQuery
from cio_mcp.gate.receipt import scheduled_for
from cio_mcp.text.render import Answer
from cio_mcp.text.sanitize import word
from cio_mcp.text.timestamps import clock_line, from_unix, moment
from cio_mcp.text.untrusted import Prose
from cio_mcp.tools.common.arguments import Cursor, Customer, Id, Kind, Limit, Since, Time, Until
from cio_mcp.tools.common.pages import PageAnswer
from cio_mcp.tools.core.event_answers import EventLine, event_lines
from cio_mcp.tools.core.event_filters import BEGINNING, ChangeId, Delivery, EventFilter, ObjectType, Reported
from cio_mcp.workspace import CallContext

DEFAULT_LOOKBACK = timedelta(minutes=1)
"""How far back an event counts by default: an assistant needs some seconds between calls."""
PROGRESS_SECONDS = 2.0
"""Seconds between two reports of progress."""
UNSENT = ("dropped", "failed", "undeliverable")
ENDS = {"sent": UNSENT} | dict.fromkeys(("delivered", "opened", "clicked", "converted"), ("bounced", *UNSENT))
"""Metrics after which a delivery can no longer have the awaited one."""
MAX_OTHER_EVENTS = 5
"""Events shown if the awaited one did not occur. Chosen: as many as fit a glance."""
NO_EVENTS_YET = (
    "No events have been received yet. If this persists, the operator must run a receiver (cio-mcp webhooks serve) and "
    "register it in Customer.io (cio-mcp webhooks register), as docs/events.md describes."
)
NOTHING_SENT_YET = "No events have been received yet. The simulated workspace reports messages sent since its start."
NO_MATCH = "No events match."
SENT_BEFORE = "For messages sent before events were received, call list_messages."


class EventsAnswer(PageAnswer):
    """Events, newest first; `by_metric` counts all since `since`."""

    events: list[EventLine]
    since: datetime | None = None
    by_metric: dict[str, int] | None = None
    other_metrics: int | None = Field(default=None, description="Events of all other metrics")
    omitted_more: bool = Field(default=False, description="More are omitted")
    total: int | None = None
    received_since: datetime | None = None
    note: Prose | None = None
    now: datetime

    def lines(self) -> Iterable[str]:
        """The counts, an event a line, and since when events are stored."""
        counts = [f"{_metric_name(metric)} {count}" for metric, count in (self.by_metric or {}).items()]
        if self.other_metrics:
            counts.append(f"{self.other_metrics} of other metrics")
        since = f"Since {moment(self.since)}" if self.since else None
        if heading := ": ".join(filter(None, [since, ", ".join(counts)])):
            yield heading
        if self.note:
            yield self.note
        yield from map(str, self.events)
        yield from self.more(self.total, at_least=self.omitted_more)
        stored = f"Events have been stored since {moment(self.received_since)}. " if self.received_since else ""
        yield f"{stored}{clock_line(self.now)}"


class WaitAnswer(Answer):
    """The awaited event; without one, other events of the same delivery or customer."""

    happened: bool
    event: EventLine | None = None
    waited: float = Field(description="Seconds")
    seen: list[EventLine] | None = None
    note: Prose | None = None
    now: datetime

    def lines(self) -> Iterable[str]:
        """The event; or, if it did not occur, the others that did."""
        if self.event:
            yield str(self.event)
            yield f"Waited {self.waited:g} s. {clock_line(self.now)}"
            return
        yield f"It did not occur within {self.waited:g} s." if self.waited else "It has not occurred."
        if self.note:
            yield self.note
        if self.seen:
            yield "Seen:"
        yield from map(str, self.seen or ())
        yield clock_line(self.now)


async def recent_events(
    ws: CallContext,
    customer: Customer | None = None,
    object_type: ObjectType | None = None,
    metric: Reported | None = None,
    delivery: Delivery | None = None,
    change: ChangeId | None = None,
    kind: Kind | None = None,
    id: Annotated[Id | None, Field(description="ID or exact name; requires kind")] = None,  # noqa: A002 - its name in all tools
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> EventsAnswer:
    """List what happened last: events from the webhook (sent, opened, bounces, …), newest first. since adds counts."""
    query = await EventFilter(
        customer=customer,
        object_type=object_type,
        metric=metric,
        delivery=delivery,
        change=change,
        kind=kind,
        id=id,
        since=since,
        until=until,
    ).query(ws)
    page = await ws.events.recent(query, limit, cursor)
    counts = await ws.events.summary(query) if query.since and cursor is None else None
    received_since = await ws.events.received_since()
    return EventsAnswer(
        events=await event_lines(ws, page.events),
        since=query.since,
        by_metric=counts and counts.by_metric,
        other_metrics=(counts and counts.others) or None,
        received_since=received_since,
        note=None if page.events else _nothing(ws, received_since),
        now=ws.now,
        has_more=page.cursor is not None,
        cursor=page.cursor,
        omitted=page.omitted or None,
        omitted_more=page.omitted_more,
        total=len(page.events) + page.omitted if page.omitted and not cursor and not page.omitted_more else None,
    )


def _nothing(ws: CallContext, received_since: datetime | None) -> str:
    """Why a list is empty, and where to look instead if there is an App API key."""
    why = _no_events_yet(ws) if received_since is None else NO_MATCH
    return f"{why} {SENT_BEFORE}" if ws.settings.has_app else why


async def wait_for_event(
    ws: CallContext,
    customer: Customer | None = None,
    object_type: ObjectType | None = None,
    metric: Reported | None = None,
    delivery: Delivery | None = None,
    change: ChangeId | None = None,
    since: Annotated[Time | None, Field(description="Ignore earlier events. Default: 1 minute ago")] = None,
    timeout: Annotated[float | None, Field(description="In seconds. Default: the maximum", ge=0, le=600)] = None,  # noqa: ASYNC109 - what a model gives
) -> WaitAnswer:
    """Wait for an event. Returns immediately if it already occurred. After a send, pass its change ID."""
    filters = EventFilter(
        customer=customer, object_type=object_type, metric=metric, delivery=delivery, change=change, since=since
    )
    query = await filters.query(ws)
    if not any((customer, object_type, metric, delivery, change)):
        # Any event of the workspace would end the wait.
        raise InvalidArgument("customer, object_type, metric, delivery, change", "pass at least one of them")
    if later := await _not_due(ws, change):
        return WaitAnswer(happened=False, waited=0.0, note=later, now=ws.now)
    # A delivery and what a change led to are named by nothing else, so whatever happened to them counts.
    is_specific = query.delivery or query.trigger_event
    counts_from = query.since or (BEGINNING if is_specific else from_unix(ws.clock.now()) - DEFAULT_LOOKBACK)
    longest = ws.seconds_left
    patience = longest if timeout is None else min(timeout, longest)
    began = ws.clock.steady()
    async with anyio.create_task_group() as group:
        group.start_soon(_report_progress, ws, patience)
        event = await ws.events.wait(replace(query, also=_instead_of(query)), counts_from, patience)
        group.cancel_scope.cancel()
    waited = round(ws.clock.steady() - began, 1)
    if event is not None and query.metric in (None, event.metric):
        return WaitAnswer(happened=True, event=(await event_lines(ws, [event]))[0], waited=waited, now=ws.now)
    same = replace(query, object_type=None, metric=None, since=counts_from)
    seen = (await ws.events.recent(same, MAX_OTHER_EVENTS)).events
    note = _final(event) if event else _advice(timeout, patience, None if is_specific else counts_from)
    return WaitAnswer(
        happened=False,
        waited=waited,
        seen=await event_lines(ws, seen) or None,
        note=note if seen else await _why_nothing(ws) or note,
        now=ws.now,
    )


async def _not_due(ws: CallContext, change: str | None) -> str | None:
    row = await ws.gate.journal.summary(change) if change else None
    later = scheduled_for(row, ws.clock.now()) if row else None
    return f"The send is scheduled for {moment(later)}. Call again after that time." if later else None


def _metric_name(metric: str) -> str:
    return word(metric.removesuffix(BY_MACHINE)) + (BY_MACHINE if metric.endswith(BY_MACHINE) else "")


def _instead_of(query: EventQuery) -> tuple[str, ...]:
    """The metrics that end a wait because the awaited one can no longer occur."""
    ends = ENDS.get(query.metric or "", ()) if query.delivery else ()
    return tuple(metric for metric in ends if metric != query.metric)


def _final(event: Event) -> str:
    verb = {"dropped": "was ", "undeliverable": "is "}.get(event.metric, "")
    return f"It won't occur: the delivery {verb}{word(event.metric)}."


def _advice(filters: float | None, patience: float, since: datetime | None) -> str | None:
    if filters is not None and filters <= patience:
        return None
    limit = "" if filters is None else f"One call can wait at most {patience:.0f} s. "
    again = f"with since={moment(since)} " if since else ""
    return f"{limit}Call again {again}to keep waiting."


async def _report_progress(ws: CallContext, patience: float) -> None:
    clock = ws.clock
    began = clock.steady()
    while ws.progress is not None:
        passed = round(clock.steady() - began, 1)
        await ws.progress(passed, patience, "Waiting for the event")
        await clock.sleep(PROGRESS_SECONDS)


async def _why_nothing(ws: CallContext) -> str | None:
    return _no_events_yet(ws) if await ws.events.received_since() is None else None


def _no_events_yet(ws: CallContext) -> str:
    return NOTHING_SENT_YET if ws.simulated else NO_EVENTS_YET
