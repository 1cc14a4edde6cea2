"""How much an export holds: counted before a person decides about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from cio_mcp.customerio.api.base import Identifiers
from cio_mcp.customerio.api.exports import ExportKind
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.spelling import closest_names
from cio_mcp.tools.common.arguments import Metric
from cio_mcp.tools.common.gather import or_none, together
from cio_mcp.tools.core.messages import MAX_SPAN_MONTHS, months_before
from cio_mcp.workspace import CallContext

MAX_COUNTED = 1_000
"""People or deliveries that one request lists, at most."""
SAMPLE = 20
"""People whose profiles are looked at for the names of attributes. Chosen."""
OWN_COLUMNS = frozenset({"id", "email", "cio_id", "phone", "created_at", "unsubscribed"})
"""Columns that need not be attributes of anyone."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows there are, or at least, and what of the request fits none of them."""

    number: int
    noun: str
    at_least: bool = False
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        noun = self.noun if self.number == 1 else {"customer": "customers", "delivery": "deliveries"}[self.noun]
        return f"{'at least ' if self.at_least else ''}{self.number:,} {noun}"


async def count_customers(ws: CallContext, condition: Mapping[str, Any], columns: Sequence[str]) -> Count:
    """Count those who match, and look at some of them for attributes that none of them has.

    A filter is counted up to `MAX_COUNTED`, since Customer.io has a count for segments only.
    """
    if "segment" in condition:
        id_ = str(condition["segment"]["id"])
        read = await together(
            {
                "count": partial(ws.segments.count, id_),
                "members": partial(ws.segments.members, id_, limit=SAMPLE),
            }
        )
        number, more, people = read["count"], False, read["members"].identifiers
    else:
        page = await ws.people.search(dict(condition), limit=MAX_COUNTED)
        number, more, people = len(page.identifiers), bool(page.next), page.identifiers
    empty = () if number else ("No customer is in it now, so the file will have no rows.",)
    return Count(number, "customer", more, (*empty, *await _unknown_attributes(ws, people[:SAMPLE], columns)))


async def _unknown_attributes(ws: CallContext, people: Sequence[Identifiers], columns: Sequence[str]) -> list[str]:
    names = [name for name in columns if name not in OWN_COLUMNS]
    profiles = await or_none(partial(ws.people.profiles_of_many, people)) if names and people else None
    if not profiles:
        return []
    known = {*OWN_COLUMNS, *(name for profile in profiles.values() for name in profile.attributes)}
    return [_unknown(name, known, len(profiles)) for name in names if name not in known]


def _unknown(name: str, known: set[str], looked_at: int) -> str:
    close = closest_names(name, sorted(known))
    hint = f" Did you mean {' or '.join(map(quoted, close))}?" if close else ""
    return f"None of the {looked_at} customers looked at has the attribute {quoted(name)}.{hint}"


async def count_deliveries(
    ws: CallContext, kind: ExportKind, id_: str, metric: Metric | None, since: datetime, until: datetime
) -> Count:
    """Count deliveries that were created in a time, in one request, which lists `MAX_SPAN_MONTHS` at most."""
    listed_since = max(since, months_before(until, MAX_SPAN_MONTHS))
    page = await ws.messages.list(kind, id_, limit=MAX_COUNTED, metric=metric, since=listed_since, until=until)
    number, more = len(page.messages), bool(page.next) or listed_since > since
    warnings = () if number or more else ("There is none now, so the file will have no rows.",)
    return Count(number, "delivery", more, warnings)
