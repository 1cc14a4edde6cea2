"""The tools that list deliveries and read one."""

from calendar import monthrange
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated

import anyio.to_thread
from pydantic import Field

from cio_mcp.customerio.api.base import is_number
from cio_mcp.customerio.api.messages import TYPED
from cio_mcp.errors import InvalidArgument, NotFound, RateLimited
from cio_mcp.text.html import readable
from cio_mcp.text.render import Answer
from cio_mcp.text.sanitize import quoted_text, word
from cio_mcp.text.timestamps import clock_line, moment
from cio_mcp.text.untrusted import Excerpt, FreeText, Prose, Untrusted
from cio_mcp.tools.common.arguments import (
    Channel,
    Cursor,
    Customer,
    CustomerIdType,
    Id,
    Kind,
    Limit,
    Metric,
    Since,
    Until,
    span,
)
from cio_mcp.tools.common.lookup import find
from cio_mcp.tools.common.pages import PageAnswer, continuation, offset_of, text_page
from cio_mcp.tools.common.person_ref import AnswerPart
from cio_mcp.tools.common.sources import SourceRef, read_ahead
from cio_mcp.tools.core.deliveries import MessageLine, lines_of, timeline, type_of
from cio_mcp.tools.core.message_search import Conditions, Range, Read, Search, SearchPlace, by_creation, by_metric
from cio_mcp.workspace import CallContext

MAX_SPAN_MONTHS = 6
"""The longest span Customer.io lists at once; of one transactional message it is twice that (its API reference)."""
MAX_BODY_CHARACTERS = 8_000
"""Characters of a message's text in an answer. Chosen: about 2,000 tokens."""
CLOCK_LEEWAY = timedelta(minutes=1)
"""Leeway for clocks that differ."""
A_SECOND = timedelta(seconds=1)
"""What is added to now where no end is given: Customer.io's times are whole seconds, and this one has begun."""


class MessagesAnswer(PageAnswer):
    """Deliveries; `order` is what orders them, newest first, and what `since` and `until` apply to.

    `looked_at` counts the messages looked through where Customer.io cannot filter or order, the oldest of them created
    at `back_to`; `undated` are left out, since the time of the metric is not known.
    """

    messages: list[MessageLine]
    order: str
    looked_at: int | None = None
    back_to: datetime | None = None
    undated: int | None = None
    total: int | None = None
    now: datetime

    def lines(self) -> Iterable[str]:
        """Order and range, then each delivery on a line."""
        by = "they were created" if self.order == "created" else f"of the metric {self.order}"
        yield f"Newest first by the time {by}; since and until apply to that time. {clock_line(self.now)}"
        if not self.messages and not self.looked_at:
            yield "No messages in this period."
        elif self.back_to is not None:
            yield f"Searched {self.looked_at} messages created since {moment(self.back_to)}."
            if self.has_more and self.omitted is None:
                yield "The cursor continues with messages created earlier; the metric may be just as recent for them."
        elif self.looked_at is not None:
            yield f"{len(self.messages)} of the {self.looked_at} messages searched match."
        if self.undated:
            yield f"{self.undated} more are omitted because Customer.io returns no time for them."
        yield from (f"{self.order} {message}" if message.happened else str(message) for message in self.messages)
        yield from self.more(self.total)


class ContentPart(AnswerPart):
    """The content of a delivery, as text."""

    subject: Untrusted | None = None
    from_: Untrusted | None = Field(default=None, serialization_alias="from")
    reply_to: Untrusted | None = None
    preheader: Untrusted | None = None
    text: Annotated[str, FreeText(MAX_BODY_CHARACTERS, keep_lines=True)] | None = None
    cursor: str | None = None

    def lines(self) -> Iterable[str]:
        """The headers on one line, then the text as a quotation."""
        headers = {
            "From": self.from_,
            "reply to": self.reply_to,
            "subject": self.subject,
            "preheader": self.preheader,
        }
        yield f"{', '.join(f'{name} {quoted_text(value)}' for name, value in headers.items() if value) or 'Sent'}:"
        yield from (f"> {line}" for line in (self.text or "").split("\n"))
        if isinstance(self.text, Excerpt) and self.cursor:
            yield f"… more of {self.text.length:,} characters: cursor={self.cursor}"


class MessageAnswer(Answer):
    """One delivery: its status and timeline."""

    message: MessageLine
    timeline: dict[str, datetime]
    action_id: str | None = None
    content_id: str | None = None
    content: ContentPart | None = None
    note: Prose | None = None

    def lines(self) -> Iterable[str]:
        """The delivery, its timeline, and its content as a quotation."""
        yield str(self.message)
        yield ", ".join(f"{name} {moment(at)}" for name, at in self.timeline.items()) or "Nothing yet."
        if template := [
            f"{name} {word(id_)}" for name, id_ in (("action", self.action_id), ("content", self.content_id)) if id_
        ]:
            yield f"Template: {', '.join(template)}."
        if self.note:
            yield self.note
        if self.content:
            yield from self.content.lines()


async def list_messages(
    ws: CallContext,
    customer: Customer | None = None,
    id_type: CustomerIdType = None,
    kind: Kind | None = None,
    id: Annotated[Id | None, Field(description="ID or exact name; requires kind")] = None,  # noqa: A002 - the tools' word
    metric: Metric | None = None,
    channel: Channel | None = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> MessagesAnswer:
    """List deliveries (emails and other messages) of a customer or campaign: who opened, clicked, bounced, and more.

    Newest first, by the time of the metric if given. Default: the last 6 months.
    """
    if id is not None and kind is None:
        raise InvalidArgument("kind", "is required with id: campaign, broadcast, newsletter, or transactional")
    if kind is not None:
        await read_ahead(ws, [kind])
    if kind is not None and id is not None and not is_number(id):
        id = (await find(ws, kind, id)).id  # noqa: A001 - the name has become the id
    listed = kind if id is not None and customer is None else None
    months = 2 * MAX_SPAN_MONTHS if listed == "transactional" else MAX_SPAN_MONTHS
    time_range = _range(since, until, ws.now, months=months)
    read: Read
    if customer is not None:
        reference = await ws.people.locate(customer, id_type)
        read = partial(ws.person_records.messages_of, reference)
        conditions = Conditions(kind, id, metric, channel)
    else:
        read = partial(ws.messages.list, listed, id, metric=metric, type_=type_of(channel))
        conditions = Conditions(None if listed else kind, None, None, None if listed in TYPED else channel)
    try:
        if metric is None:
            result = await by_creation(read, conditions, time_range, limit, cursor)
        else:
            place = SearchPlace.of(cursor, limit, time_range.until or ws.now + A_SECOND)
            happened = Range(time_range.since, place.ends)
            result = await by_metric(read, conditions, metric, happened, months_before(place.ends, months), place)
    except NotFound:
        if listed and id:
            await find(ws, listed, id)  # which knows whether another kind has this id
        raise
    source = SourceRef(listed, id) if listed and id else None
    return _answer(result, await lines_of(ws, result.messages, source), metric or "created", ws.now)


async def get_message(
    ws: CallContext,
    id: Id,  # noqa: A002 - what every tool calls it
    content: Annotated[bool, Field(description="Include subject and body (100 per day)")] = False,
    cursor: Cursor = None,
) -> MessageAnswer:
    """Get a delivery: when it was sent and opened, and with content, what its email or other message said."""
    start = offset_of(cursor)
    message = await ws.messages.get(id)
    [line] = await lines_of(ws, [(message, None)])
    body, note = await _content(ws, id, start) if content or cursor else (None, None)
    return MessageAnswer(
        message=line,
        timeline={name: at for name, at in timeline(message).items() if at},
        action_id=message.action_id,
        content_id=message.content_id,
        content=body,
        note=note,
    )


async def _content(ws: CallContext, id_: str, start: int) -> tuple[ContentPart | None, str]:
    try:
        sent = await ws.messages.archived(id_)
    except NotFound:
        return None, "Customer.io kept no copy of the content."
    except RateLimited as full:
        return None, f"The content could not be read: {full}"
    if sent.forgotten:
        return None, "Customer.io no longer keeps the content."
    # Off the event loop: a body may be of megabytes.
    text = await anyio.to_thread.run_sync(partial(_text, sent.body, start, mask=ws.settings.mask_pii))
    content = ContentPart(
        subject=sent.subject,
        from_=sent.from_,
        reply_to=sent.reply_to,
        preheader=sent.preheader_text,
    ).model_copy(update=text)  # validation would make it a plain text
    return content, "Read from the archive, which allows 100 reads a day."


def _text(body: str | None, start: int, *, mask: bool) -> dict[str, str | None]:
    """A part of the text, and the cursor to the next one."""
    text, cursor = text_page(readable(body) if body else "", MAX_BODY_CHARACTERS, start, mask=mask)
    return {"text": text if body else None, "cursor": cursor}


def _answer(result: Search, messages: list[MessageLine], order: str, now: datetime) -> MessagesAnswer:
    return MessagesAnswer(
        messages=messages,
        order=order,
        looked_at=result.looked_at,
        back_to=result.back_to,
        undated=result.undated or None,
        now=now,
        **continuation(result.next),
        omitted=result.omitted,
        total=result.total,
    )


def _range(since: str | None, until: str | None, now: datetime, *, months: int) -> Range:
    """Read the range of time; Customer.io would cut a longer one without a word, so it is refused."""
    time_range = Range(*span(since, until))
    earliest = months_before(time_range.until or now, months)
    if time_range.since and time_range.since < earliest - CLOCK_LEEWAY:
        limit = f"Customer.io lists at most {months} months at once; with this until (default: now)"
        raise InvalidArgument("since", f"{limit} it can be {moment(earliest)} at the earliest")
    return time_range


def months_before(end: datetime, months: int) -> datetime:
    """The same time of day so many months earlier."""
    year, month = divmod(end.year * 12 + end.month - 1 - months, 12)
    return end.replace(year=year, month=month + 1, day=min(end.day, monthrange(year, month + 1)[1]))
