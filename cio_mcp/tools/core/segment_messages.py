"""The customers of messages with a metric, such as all whose email bounced last month, for a manual segment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from cio_mcp.customerio.api.base import Identifiers, Message, is_number
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.api.segments import MAX_IDS
from cio_mcp.errors import InvalidArgument
from cio_mcp.text.timestamps import moment, read_time
from cio_mcp.tools.common.arguments import Kind, Metric
from cio_mcp.tools.common.lookup import find
from cio_mcp.tools.core.deliveries import happening_of
from cio_mcp.tools.core.message_search import Range
from cio_mcp.tools.core.messages import MAX_SPAN_MONTHS, months_before
from cio_mcp.workspace import CallContext

PAGE_SIZE, MAX_PAGES = 1_000, 5
"""Messages of a request, the most that Customer.io returns, and requests of a search. Chosen."""


class MessageFilter(BaseModel):
    """Which messages: as in `list_messages`."""

    model_config = ConfigDict(extra="forbid")

    metric: Metric
    kind: Kind | None = None
    id: str | None = None
    since: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Customers:
    """The customers of messages, and a sentence about what was searched and who is left out."""

    people: Sequence[Person]
    note: str


async def customers_of(ws: CallContext, given: dict[str, JsonValue]) -> Customers:
    """Look up the customers whose messages have a metric at a time in the range.

    Raises:
        InvalidArgument: the filter is malformed, or nobody, or too many, are in it.
    """
    wanted = _read(given)
    id_ = wanted.id
    if id_ is not None and wanted.kind and not is_number(id_):
        id_ = (await find(ws, wanted.kind, id_, field="messages.id")).id
    since, until = _time("messages.since", wanted.since, ws.now), _time("messages.until", wanted.until, ws.now)
    # The running hour is left out, so that what happens before an approval doesn't change who is meant.
    until = min(until or ws.now, ws.now.replace(minute=0, second=0, microsecond=0))
    messages = await _search(ws, wanted, id_, until)
    identifiers: dict[str, Identifiers] = {}
    left_out = 0
    for message in messages:
        event = happening_of(message, wanted.metric)
        who = message.customer_identifiers
        if event is None or event.machine or not event.at or not who or not who.cio_id:
            left_out += 1
        elif Range(since, until).holds(event.at):
            identifiers.setdefault(who.cio_id, who)
    if len(identifiers) > MAX_IDS:
        problem = f"are of {len(identifiers):,} customers; at most {MAX_IDS:,} per call. Pass a shorter range"
        raise InvalidArgument("messages", problem)
    profiles = await ws.people.profiles_of_many([*identifiers.values()])
    period = f"from {moment(since)} to {moment(until)}" if since else f"before {moment(until)}"
    if not profiles:
        raise InvalidArgument("messages", f"no customer has a message with the metric {wanted.metric} {period}")
    return Customers([*profiles.values()], _note(wanted.metric, period, len(identifiers) - len(profiles), left_out))


def _read(given: dict[str, Any]) -> MessageFilter:
    try:
        wanted = MessageFilter.model_validate({name: value for name, value in given.items() if value not in (None, "")})
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_input=False)[0]
        where = ".".join(["messages", *map(str, first["loc"])])
        raise InvalidArgument(where, f"{first['msg']}. Accepted: metric (required), since, until, kind, id") from None
    if wanted.id is not None and wanted.kind is None:
        raise InvalidArgument("messages.kind", "is required with id: campaign, broadcast, newsletter, or transactional")
    return wanted


def _time(field: str, text: str | None, now: datetime) -> datetime | None:
    return read_time(text, field, zone=UTC, now=now, whole_days=True).at if text else None


async def _search(ws: CallContext, wanted: MessageFilter, id_: str | None, until: datetime) -> list[Message]:
    """All messages that have the metric by now, of the months that Customer.io lists at once."""
    kind = wanted.kind if id_ is not None else None
    earliest = months_before(until, MAX_SPAN_MONTHS)
    messages: list[Message] = []
    start: str | None = None
    for _ in range(MAX_PAGES):
        page = await ws.messages.list(
            kind, id_, metric=wanted.metric, limit=PAGE_SIZE, start=start, since=earliest, until=until
        )
        messages += page.messages
        if not (start := page.next) or not page.messages:
            return messages
    most = f"{PAGE_SIZE * MAX_PAGES:,}"
    raise InvalidArgument(
        "messages", f"are more than {most} in {MAX_SPAN_MONTHS} months; pass kind and id of one source"
    )


def _note(metric: str, period: str, gone: int, left_out: int) -> str:
    more = [
        *([f"{gone:,} of them no longer exist"] if gone else []),
        *([f"{left_out:,} messages are left out: without a time or customer, or by a machine"] if left_out else []),
    ]
    return f"Customers with a message that has the metric {metric} {period}{''.join(f'; {each}' for each in more)}."
