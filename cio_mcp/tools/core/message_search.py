"""Searches deliveries: filters that Customer.io lacks, and the order by the time of a metric."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from math import ceil
from typing import NamedTuple

from cio_mcp.customerio.api.base import Message, MessagePage
from cio_mcp.errors import InvalidArgument
from cio_mcp.text.timestamps import from_unix
from cio_mcp.tools.common.arguments import Kind, Metric
from cio_mcp.tools.common.pages import page_of
from cio_mcp.tools.core.deliveries import DeliveryEvent, channel_of, happening_of, sent_by

Read = Callable[..., Awaitable[MessagePage]]
"""Reads a page of deliveries, newest created first: takes `limit`, `start`, `since`, `until`."""

MAX_PAGES = 5
"""Pages read at most where Customer.io cannot filter or order and we do. Chosen: half a second of the lane."""
PAGE_SIZE = 200
"""Deliveries a page where a metric's time orders them, so that a search looks through `MAX_PAGES` times as many.

No source: some 120 KB a page, while Customer.io takes up to 1,000."""


class Conditions(NamedTuple):
    """Filters that the list at hand lacks in Customer.io; None means any."""

    kind: Kind | None = None
    id: str | None = None
    metric: Metric | None = None
    channel: str | None = None

    def match(self, message: Message) -> bool:
        """Whether all of them hold."""
        thing = sent_by(message)
        return (
            (self.kind is None or (thing is not None and thing.kind == self.kind))
            and (self.id is None or (thing is not None and thing.id == self.id))
            and (self.metric is None or bool(message.metrics.get(self.metric)))
            and (self.channel is None or channel_of(message) == self.channel)
        )


class Range(NamedTuple):
    """A range of time; `until` itself is not in it, and None leaves an end open."""

    since: datetime | None
    until: datetime | None

    def holds(self, at: datetime) -> bool:
        """Whether a time lies in it."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)


class Search(NamedTuple):
    """The result: deliveries in order, with the metric's time if it orders them.

    `looked_at` counts the deliveries looked through, the oldest of them created at `back_to`; `undated` had the
    metric at a time that Customer.io does not state. `omitted` follow in what was looked through, if that was all, and
    `total` says of how many, if all were looked through at once.
    """

    messages: list[tuple[Message, DeliveryEvent | None]]
    next: str | None
    looked_at: int | None = None
    back_to: datetime | None = None
    undated: int = 0
    omitted: int | None = None
    total: int | None = None


async def by_creation(read: Read, conditions: Conditions, created: Range, limit: int, cursor: str | None) -> Search:
    """Read a page, or as many as fill one; each asks for no more than there is room for, so that none is lost."""
    if not any(conditions):
        page = await page_of(read, "messages", limit, cursor, since=created.since, until=created.until)
        return Search([(message, None) for message in page.messages], page.next)
    matches: list[Message] = []
    looked_at = 0
    for _ in range(MAX_PAGES):
        room = limit - len(matches)
        page = await page_of(read, "messages", room, cursor, since=created.since, until=created.until)
        matches += filter(conditions.match, page.messages)
        looked_at += len(page.messages)
        cursor = page.next
        if not cursor or len(matches) >= limit:
            break
    return Search([(message, None) for message in matches], cursor, looked_at)


async def by_metric(
    read: Read, conditions: Conditions, metric: Metric, happened: Range, earliest: datetime, place: "SearchPlace"
) -> Search:
    """Look through `MAX_PAGES` pages of what was created since `earliest`; the latest with `metric` come first.

    What happened in the range may have been created long before it. What lies behind these pages is a search of its
    own, to which `next` leads once all that was found in them is shown.
    """
    looked: list[Message] = []
    token = place.token
    for _ in range(MAX_PAGES):
        page = await read(limit=PAGE_SIZE, start=token, since=earliest, until=happened.until)
        looked += page.messages
        token = page.next if page.messages else None
        if not token:
            break
    matching = [(message, happening_of(message, metric)) for message in looked if conditions.match(message)]
    dated = [
        (event.at, message, event) for message, event in matching if event and event.at and happened.holds(event.at)
    ]
    dated.sort(key=lambda entry: (entry[0], entry[1].id), reverse=True)
    end = place.offset + place.limit
    omitted = max(0, len(dated) - end) or None
    next_place = None
    if omitted:
        next_place = place._replace(offset=end)
    elif token:
        next_place = place._replace(offset=0, token=token)
    return Search(
        [(message, event) for _, message, event in dated[place.offset : end]],
        next_place and next_place.cursor,
        len(looked),
        min((message.created for message in looked if message.created), default=None),
        undated=sum(not (event and event.at) for _, event in matching),
        omitted=omitted if token is None else None,
        total=len(dated) if omitted and token is None and place.token is None else None,
    )


class SearchPlace(NamedTuple):
    """Where a search by the time of a metric goes on: `offset` rows into what is found from page `token` on.

    `until` (Unix seconds) stays what it was on the first page, so that what happens meanwhile moves nothing.
    """

    limit: int
    until: int
    offset: int = 0
    token: str | None = None

    @property
    def cursor(self) -> str:
        """The cursor that leads here."""
        return f"{self.offset}.{self.until}.{self.token or ''}"

    @classmethod
    def of(cls, cursor: str | None, limit: int, until: datetime) -> "SearchPlace":
        """Read a cursor; without one it is the beginning.

        Raises:
            InvalidArgument: the cursor is none of ours.
        """
        if cursor is None:
            return cls(limit, ceil(until.timestamp()))
        offset, _, rest = cursor.partition(".")
        ends, dot, token = rest.partition(".")
        if not (dot and _is_number(offset) and _is_number(ends)):
            raise InvalidArgument(
                "cursor", "expected the cursor from the previous page, unchanged, with the same metric"
            )
        return cls(limit, int(ends), int(offset), token or None)

    @property
    def ends(self) -> datetime:
        """`until` as a time."""
        return from_unix(self.until)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len("1234567890")
