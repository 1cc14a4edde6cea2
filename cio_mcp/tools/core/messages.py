"""Tools that list deliveries and show one."""

from calendar import monthrange
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, NamedTuple

from pydantic import Field

from cio_mcp.customerio.api.base import Message, MessagePage, is_number
from cio_mcp.customerio.api.messages import TYPED
from cio_mcp.errors import InvalidArgument, NotFound, RateLimited
from cio_mcp.text.html import readable
from cio_mcp.text.render import Answer
from cio_mcp.text.sanitize import quoted_text, word
from cio_mcp.text.timestamps import moment
from cio_mcp.text.untrusted import FreeText, Prose, Untrusted
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
from cio_mcp.tools.common.pages import PageAnswer, following
from cio_mcp.tools.common.person_ref import AnswerPart
from cio_mcp.tools.common.sources import SourceRef
from cio_mcp.tools.core.deliveries import MessageLine, channel_of, lines_of, sent_by, timeline, type_of
from cio_mcp.workspace import CallContext

Read = Callable[..., Awaitable[MessagePage]]

MONTHS = 6
"""The longest span Customer.io lists at once; of one transactional message it is twice that (its API reference)."""
PAGES = 5
"""Pages read at most where Customer.io cannot filter and we do; no source, half a second of the lane."""
BODY_CHARACTERS = 8_000
"""Characters of a message's text in an answer; no source, about 2,000 tokens."""
A_MINUTE = timedelta(minutes=1)
"""Leeway for clocks that differ."""


class MessagesAnswer(PageAnswer):
    """Deliveries, newest first."""

    messages: list[MessageLine]
    looked_at: int | None = Field(default=None, description="Messages looked through where Customer.io cannot filter")

    def lines(self) -> Iterable[str]:
        """Each delivery on a line."""
        if self.looked_at is not None:
            yield f"{len(self.messages)} of the {self.looked_at} messages looked through match."
        elif not self.messages:
            yield "No messages in this time."
        yield from map(str, self.messages)
        yield from self.more()


class ContentPart(AnswerPart):
    """What was sent, as text."""

    subject: Untrusted | None = None
    from_: Untrusted | None = Field(default=None, serialization_alias="from")
    reply_to: Untrusted | None = None
    preheader: Untrusted | None = None
    text: Annotated[str, FreeText(BODY_CHARACTERS, keep_lines=True)] | None = None

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


class MessageAnswer(Answer):
    """One delivery: what became of it, and when."""

    message: MessageLine
    timeline: dict[str, datetime]
    action_id: str | None = None
    content_id: str | None = None
    content: ContentPart | None = None
    note: Prose | None = None

    def lines(self) -> Iterable[str]:
        """The delivery, its timeline, and what was sent, as a quotation."""
        yield str(self.message)
        yield ", ".join(f"{name} {moment(at)}" for name, at in self.timeline.items()) or "Nothing yet."
        if template := [
            f"{name} {word(id_)}" for name, id_ in (("action", self.action_id), ("content", self.content_id)) if id_
        ]:
            yield f"Made from {', '.join(template)}."
        if self.note:
            yield self.note
        if self.content:
            yield from self.content.lines()


async def list_messages(
    ws: CallContext,
    customer: Customer | None = None,
    id_type: CustomerIdType = None,
    kind: Kind | None = None,
    id: Annotated[Id | None, Field(description="id or exact name, with kind")] = None,  # noqa: A002 - the tools' word
    metric: Metric | None = None,
    channel: Channel | None = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> MessagesAnswer:
    """List deliveries, newest first, of the last 6 months unless told: of a person, a campaign (kind, id), or all."""
    if id is not None and kind is None:
        raise InvalidArgument("kind", "is needed with id: campaign, broadcast, newsletter or transactional")
    if kind is not None and id is not None and not is_number(id):
        id = (await find(ws, kind, id)).id  # noqa: A001 - the name has become the id
    listed = kind if id is not None and customer is None else None
    start, end = _window(since, until, months=2 * MONTHS if listed == "transactional" else MONTHS)
    read: Read
    if customer is not None:
        reference = await ws.people.locate(customer, id_type)
        read = partial(ws.people.messages_of, reference, since=start, until=end)
        wanted = _Wanted(kind, id, metric, channel)
    else:
        read = partial(ws.messages.list, listed, id, metric=metric, type_=type_of(channel), since=start, until=end)
        wanted = _Wanted(None if listed else kind, None, None, None if listed in TYPED else channel)
    try:
        messages, next_, looked_at = await _read(read, wanted, limit, cursor)
    except NotFound:
        if listed and id:
            await find(ws, listed, id)  # which knows whether another kind has this id
        raise
    source = SourceRef(listed, id) if listed and id else None
    return MessagesAnswer(messages=await lines_of(ws, messages, source), looked_at=looked_at, **following(next_))


async def get_message(
    ws: CallContext,
    id: Id,  # noqa: A002 - what every tool calls it
    content: Annotated[bool, Field(description="Also what was sent; 100 a day")] = False,
) -> MessageAnswer:
    """Show one delivery: what became of it and when; content adds its subject and text."""
    message = await ws.messages.get(id)
    [line] = await lines_of(ws, [message])
    shown, note = await _content(ws, id) if content else (None, None)
    return MessageAnswer(
        message=line,
        timeline={name: at for name, at in timeline(message).items() if at},
        action_id=message.action_id,
        content_id=message.content_id,
        content=shown,
        note=note,
    )


class _Wanted(NamedTuple):
    """What was asked for that Customer.io cannot filter by in the list at hand."""

    kind: Kind | None
    id: str | None
    metric: Metric | None
    channel: Channel | None

    def takes(self, message: Message) -> bool:
        thing = sent_by(message)
        return (
            (self.kind is None or (thing is not None and thing.kind == self.kind))
            and (self.id is None or (thing is not None and thing.id == self.id))
            and (self.metric is None or bool(message.metrics.get(self.metric)))
            and (self.channel is None or channel_of(message) == self.channel)
        )


class _Read(NamedTuple):
    messages: list[Message]
    next: str | None
    looked_at: int | None = None


async def _read(read: Read, wanted: _Wanted, limit: int, start: str | None) -> _Read:
    """Read a page, or as many as fill one; each asks for no more than there is room for, so that none is lost."""
    if not any(wanted):
        page = await read(limit=limit, start=start)
        return _Read(list(page.messages), page.next)
    found: list[Message] = []
    looked_at = 0
    for _ in range(PAGES):
        page = await read(limit=limit - len(found), start=start)
        found += filter(wanted.takes, page.messages)
        looked_at += len(page.messages)
        start = page.next
        if not start or len(found) >= limit:
            break
    return _Read(found, start, looked_at)


async def _content(ws: CallContext, id_: str) -> tuple[ContentPart | None, str]:
    try:
        sent = await ws.messages.archived(id_)
    except NotFound:
        return None, "Customer.io kept no copy of what was sent."
    except RateLimited as full:
        return None, f"What was sent could not be read: {full}"
    if sent.forgotten:
        return None, "Customer.io has forgotten what was sent."
    content = ContentPart(
        subject=sent.subject,
        from_=sent.from_,
        reply_to=sent.reply_to,
        preheader=sent.preheader_text,
        text=readable(sent.body) if sent.body else None,
    )
    return content, "Read from the archive, which Customer.io opens 100 times a day."


def _window(since: str | None, until: str | None, *, months: int) -> tuple[datetime | None, datetime | None]:
    """Read the span of time; a longer one would be cut by Customer.io without a word, so it is refused."""
    start, end = span(since, until)
    if start is None:
        return start, end
    earliest = _months_before(end or datetime.now(UTC), months)
    if start < earliest - A_MINUTE:
        limit = f"Customer.io lists at most {months} months at once; with this until (now, unless given)"
        raise InvalidArgument("since", f"{limit} it can be {moment(earliest)} at the earliest")
    return start, end


def _months_before(end: datetime, months: int) -> datetime:
    year, month = divmod(end.year * 12 + end.month - 1 - months, 12)
    return end.replace(year=year, month=month + 1, day=min(end.day, monthrange(year, month + 1)[1]))
