"""Tools that read what Customer.io reported, and wait for it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import parse_qsl, urlsplit

import anyio
from pydantic import Field

from cio_mcp.events.models import EventQuery
from cio_mcp.text.answer import Answer
from cio_mcp.text.foreign import word
from cio_mcp.tools.arguments import Cursor, Customer, Limit, Since, span
from cio_mcp.tools.happenings import Happening, happenings
from cio_mcp.tools.pages import PageAnswer
from cio_mcp.workspace import Workspace

if TYPE_CHECKING:
    from cio_mcp.events.feed import Feed

ObjectType = Literal["customer", "email", "sms", "whatsapp", "push", "in_app", "slack", "webhook"]
Reported = Annotated[str, Field(description="sent, delivered, opened, clicked, converted, bounced, failed…")]
Delivery = Annotated[str, Field(description="delivery id", min_length=1)]

LATELY = timedelta(minutes=1)
"""How far back an event counts as waited for, unless told: an assistant needs seconds from one call to the next."""
ANSWERING = 1.0
"""Seconds of a call that are kept for answering."""
STEP = 2.0
"""Seconds between two reports of progress."""
SEEN = 5
"""Events that are named when the awaited one did not come; no source, what fits a glance."""
NOTHING = (
    "No event has reached this server yet. If none ever does, its operator must run a receiver and register it in "
    "Customer.io."
)


class EventsAnswer(PageAnswer):
    """What was reported, newest first; `by_metric` counts all of it since `since`."""

    events: list[Happening]
    since: datetime | None = None
    by_metric: dict[str, int] | None = None
    omitted_more: bool = Field(default=False, description="Even more are omitted")
    note: str | None = None

    def lines(self) -> Iterable[str]:
        """The counts, then an event a line."""
        if self.by_metric:
            yield ", ".join(f"{word(metric)} {count}" for metric, count in self.by_metric.items())
        if not self.events:
            yield self.note or "No such events."
        yield from map(str, self.events)
        if self.has_more:
            yield f"… {self.omitted}{' or more' if self.omitted_more else ''} omitted: cursor={self.cursor}"


class WaitAnswer(Answer):
    """The awaited event; without one, what else was reported of the same delivery or customer."""

    happened: bool
    event: Happening | None = None
    waited: float = Field(description="Seconds")
    seen: list[Happening] | None = None
    note: str | None = None

    def lines(self) -> Iterable[str]:
        """The event; or that it did not come, and what did."""
        if self.event:
            yield str(self.event)
            return
        yield f"It did not happen within {self.waited:g} s."
        if self.note:
            yield self.note
        if self.seen:
            yield "Seen:"
        yield from map(str, self.seen or ())


async def recent_events(
    ws: Workspace,
    customer: Customer | None = None,
    object_type: ObjectType | None = None,
    metric: Reported | None = None,
    delivery: Delivery | None = None,
    since: Since = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> EventsAnswer:
    """What webhooks reported (sent, opened, bounced …), newest first; with since also counts by metric."""
    start, _ = span(since, None)
    query = await _query(ws, customer, object_type, metric, delivery, start)
    page = await ws.events.recent(query, limit, cursor)
    counts = await ws.events.summary(query) if start and cursor is None else None
    return EventsAnswer(
        events=await happenings(ws, page.events),
        since=start,
        by_metric=counts,
        note=None if page.events else await _why_nothing(ws),
        has_more=page.cursor is not None,
        cursor=page.cursor,
        omitted=page.omitted or None,
        omitted_more=page.omitted_more,
    )


async def wait_for_event(
    ws: Workspace,
    customer: Customer | None = None,
    object_type: ObjectType | None = None,
    metric: Reported | None = None,
    delivery: Delivery | None = None,
    since: Annotated[str | None, Field(description="Earlier ones do not count; default a minute ago")] = None,
    timeout: Annotated[float | None, Field(description="Seconds", ge=0, le=600)] = None,  # noqa: ASYNC109 - what a model gives
) -> WaitAnswer:
    """Wait until an event is reported; answers at once if it was. Use after a send, with its delivery."""
    start, _ = span(since, None)
    query = await _query(ws, customer, object_type, metric, delivery, None)
    # A delivery is named by nothing else, so whatever happened to it counts.
    counts_from = start or (datetime.fromtimestamp(0, UTC) if delivery else datetime.now(UTC) - LATELY)
    longest = max(0.0, ws.reader.asker.deadline - anyio.current_time() - ANSWERING)
    patience = longest if timeout is None else min(timeout, longest)
    began = ws.events.clock.steady()
    async with anyio.create_task_group() as group:
        group.start_soon(_report_progress, ws, patience)
        event = await ws.events.wait(query, counts_from, patience)
        group.cancel_scope.cancel()
    waited = round(ws.events.clock.steady() - began, 1)
    if event is not None:
        return WaitAnswer(happened=True, event=(await happenings(ws, [event]))[0], waited=waited)
    same = replace(query, object_type=None, metric=None, since=counts_from)
    seen = (await ws.events.recent(same, SEEN)).events
    return WaitAnswer(
        happened=False,
        waited=waited,
        seen=await happenings(ws, seen) or None,
        note=(None if seen else await _why_nothing(ws)) or _advice(timeout, patience),
    )


async def as_read(feed: "Feed", uri: str) -> object:
    """What the resource of a query reads like now: equal as long as it lists the same events."""
    asked = dict(parse_qsl(urlsplit(uri).query))
    if asked.get("customer", "").startswith("+"):
        return object()  # only Customer.io knows whose number it is, so it may always be another
    start, _ = span(asked.get("since"), None)
    query = EventQuery(asked.get("object_type"), asked.get("metric"), asked.get("customer"), since=start)
    return [event.id for event in (await feed.recent(query)).events]


def _advice(wanted: float | None, patience: float) -> str | None:
    if wanted is not None and wanted <= patience:
        return None
    limit = "" if wanted is None else f"One call may wait {patience:.0f} s here. "
    return f"{limit}Call again to wait on; since keeps what happens in between."


async def _report_progress(ws: Workspace, patience: float) -> None:
    clock = ws.events.clock
    began = clock.steady()
    while ws.progress is not None:
        passed = round(clock.steady() - began, 1)
        await ws.progress(passed, patience, "Waiting for the event")
        await clock.wait(anyio.Event(), STEP)


async def _why_nothing(ws: Workspace) -> str | None:
    return None if (await ws.events.recent(EventQuery(), 1)).events else NOTHING


async def _query(
    ws: Workspace,
    customer: str | None,
    object_type: str | None,
    metric: str | None,
    delivery: str | None,
    since: datetime | None,
) -> EventQuery:
    person = customer and await _person(ws, customer.strip())
    return EventQuery(object_type=object_type, metric=metric, person=person, delivery=delivery, since=since)


async def _person(ws: Workspace, customer: str) -> str:
    """Events name people by cio_id, id and email; a phone number is looked up."""
    if not customer.startswith("+") or not ws.settings.has_app:
        return customer
    return (await ws.people.locate(customer, None)).value
