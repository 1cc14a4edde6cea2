"""How many people of an audience a broadcast reaches, and why not the others, as far as the API tells."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

from pydantic import JsonValue

from cio_mcp.customerio.api.base import Identifiers
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.api.suppressions import SuppressionType
from cio_mcp.customerio.call import canonical
from cio_mcp.errors import CioError
from cio_mcp.gate.choice import people_count
from cio_mcp.tools.common.broadcast_audience import Audience, AudienceMember
from cio_mcp.tools.common.channel_needs import NEEDS, has_no_address
from cio_mcp.tools.common.gather import together
from cio_mcp.workspace import CallContext

MAX_PROFILES = 300
"""People of a filter whose profiles are read: three requests. Of more only the identifiers are. Chosen."""
SEARCH_PAGE = 1_000
MAX_SEARCH_PAGES = 10
"""Requests for the identifiers of an audience, of which each has at most 1,000. Chosen."""
SUPPRESSION_PAGE = 1_000
"""Addresses a page at most: https://docs.customer.io/integrations/api/app/ (ESP suppression)."""
MAX_SUPPRESSION_PAGES = 5
"""Requests for the suppressed addresses of a type. Chosen."""

UNSUBSCRIBED: dict[str, Any] = {"attribute": {"field": "unsubscribed", "operator": "eq", "value": "true"}}

Fate = Literal["reached", "unsubscribed", "no address", "suppressed", "unknown"]


@dataclass(frozen=True, slots=True)
class Reach:
    """The people of an audience, as far as they are known.

    `size` is how many it has, `least` how many are expected to be reached and `most` how many may be (None: unknown).
    `people` are those who may be reached, where their profiles are known, and `without_address` is how many have no
    address of the message's type (None: unknown). `members` is a digest of who they are, at which addresses, and who of
    them is expected to be reached; None where that is unknown.
    """

    size: int | None
    least: int | None
    most: int | None
    lines: tuple[str, ...]
    people: tuple[AudienceMember, ...] = ()
    without_address: int | None = None
    members: str | None = None


NOT_COMPARED = "So whether it has changed can't be compared again before it is sent."
ONLY_NUMBER = "Only their number is compared again before it is sent, not who they are."


async def reach_of(ws: CallContext, audience: Audience, types: Collection[str]) -> Reach:
    """Count whom a broadcast with messages of some types reaches."""
    head = f"Audience: {audience.label}"
    if audience.people is not None:
        return _of_people(
            f"{head}, {people_count(len(audience.people))}.", audience.people, types, await _suppressed(ws, types)
        )
    if audience.filter is None:
        return Reach(None, None, None, (audience.unknown, NOT_COMPARED))
    identifiers = await _search(ws, audience.filter)
    if identifiers is None:
        size = await ws.segments.count(audience.segment) if audience.segment else None
        limit = SEARCH_PAGE * MAX_SEARCH_PAGES
        number = people_count(size) if size is not None else f"more than {limit:,} people"
        unknown = f"More than {limit:,} people are not looked up, so how many of them are reached can't be known."
        compared = NOT_COMPARED if size is None else ONLY_NUMBER
        return Reach(size, None, size, (f"{head}, {number}.", unknown, compared))
    head = f"{head}, {people_count(len(identifiers))}."
    suppressed = await _suppressed(ws, types)
    if len(identifiers) <= MAX_PROFILES:
        profiles = await ws.people.profiles_of_many(identifiers)
        return _of_people(head, [AudienceMember(person) for person in profiles.values()], types, suppressed)
    return await _of_identifiers(ws, head, audience.filter, identifiers, types, suppressed)


def _of_people(
    head: str, people: Sequence[AudienceMember], types: Collection[str], suppressed: frozenset[str] | None
) -> Reach:
    fates = [_fate(one.person, types, suppressed) for one in people]
    reachable = [one for one, fate in zip(people, fates, strict=True) if fate == "reached"]
    unsubscribed = [one for one, fate in zip(people, fates, strict=True) if fate == "unsubscribed"]
    members: list[JsonValue] = [
        [one.person.reference.value, one.person.email, one.person.phone, [device.id for device in one.person.devices]]
        for one in people
    ]
    return _reach(head, fates, types, suppressed, members, (*reachable, *unsubscribed))


def _fate(person: Person, types: Collection[str], suppressed: frozenset[str] | None) -> Fate:
    if has_no_address(person, types):
        return "no address"
    if {*types} == {"email"} and suppressed and (person.email or "").casefold() in suppressed:
        return "suppressed"
    return "unsubscribed" if person.unsubscribed else "reached"


async def _of_identifiers(
    ws: CallContext,
    head: str,
    filter_: dict[str, Any],
    identifiers: Sequence[Identifiers],
    types: Collection[str],
    suppressed: frozenset[str] | None,
) -> Reach:
    """The same without profiles: addresses from identifiers, and who is unsubscribed from a second search."""
    both = await _search(ws, {"and": [filter_, UNSUBSCRIBED]})
    unsubscribed = {person.cio_id for person in both or ()}
    only_email = {*types} == {"email"}

    def fate(person: Identifiers) -> Fate:
        if only_email and not person.email:
            return "no address"
        if only_email and suppressed and (person.email or "").casefold() in suppressed:
            return "suppressed"
        if person.cio_id in unsubscribed:
            return "unsubscribed"
        return "reached" if only_email else "unknown"

    members: list[JsonValue] = [[person.cio_id, person.email] for person in identifiers]
    return _reach(head, [fate(person) for person in identifiers], types, suppressed, members)


def _reach(
    head: str,
    fates: Sequence[Fate],
    types: Collection[str],
    suppressed: frozenset[str] | None,
    members: Sequence[JsonValue],
    people: tuple[AudienceMember, ...] = (),
) -> Reach:
    """The reach by the fate of each member, both in the same order."""
    counts: dict[Fate, int] = {fate: fates.count(fate) for fate in get_args(Fate)}
    least = None if counts["unknown"] else counts["reached"]
    most = counts["reached"] + counts["unsubscribed"] + counts["unknown"]
    return Reach(
        size=len(fates),
        least=least,
        most=most,
        lines=(head, *_lines(counts, types, suppressed, least)),
        people=people,
        without_address=None if counts["unknown"] else counts["no address"],
        members=_digest(members, fates),
    )


def _digest(members: Sequence[JsonValue], fates: Sequence[Fate]) -> str:
    """SHA-256 (hex) over who is in an audience, in any order."""
    rows = sorted(canonical([member, fate]) for member, fate in zip(members, fates, strict=True))
    return hashlib.sha256("\n".join(rows).encode(errors="surrogatepass")).hexdigest()


def _lines(
    counts: Mapping[Fate, int], types: Collection[str], suppressed: frozenset[str] | None, least: int | None
) -> Iterator[str]:
    needed = " or ".join(sorted({NEEDS[type_].noun for type_ in types if type_ in NEEDS}))
    if least is None:
        yield f"How many of them have a {needed or 'reachable address'} can't be known for so many people."
    else:
        yield f"Expected to be reached: {people_count(least)}."
    if number := counts["no address"]:
        yield f"Not reached: {people_count(number)} without {'an' if needed.startswith('e') else 'a'} {needed}."
    if number := counts["suppressed"]:
        yield f"Not reached: {people_count(number)} whose address the email provider suppresses."
    if number := counts["unsubscribed"]:
        yield (
            f"Unsubscribed: {people_count(number)}. They are reached only if the message is set to send to "
            "unsubscribed people, which the API doesn't show."
        )
    if suppressed is None and "email" in types:
        yield "How many addresses the email provider suppresses can't be known."


async def _search(ws: CallContext, filter_: JsonValue) -> list[Identifiers] | None:
    """Everybody who matches; None where they are too many."""
    people: dict[str, Identifiers] = {}
    start: str | None = None
    for _ in range(MAX_SEARCH_PAGES):
        page = await ws.people.search(filter_, limit=SEARCH_PAGE, start=start)
        people |= {person.reference.value: person for person in page.identifiers}
        if not page.next or not page.identifiers:
            return [*people.values()]
        start = page.next
    return None


async def _suppressed(ws: CallContext, types: Iterable[str]) -> frozenset[str] | None:
    """The addresses that get no email, in lower case; None where they can't all be read."""
    if "email" not in types:
        return frozenset()
    kinds: tuple[SuppressionType, ...] = get_args(SuppressionType)
    try:
        lists = await together({kind: partial(_addresses, ws, kind) for kind in kinds})
    except CioError:
        return None
    return None if None in lists.values() else frozenset().union(*lists.values())


async def _addresses(ws: CallContext, kind: SuppressionType) -> frozenset[str] | None:
    addresses: set[str] = set()
    for number in range(MAX_SUPPRESSION_PAGES):
        page = await ws.suppressions.all(kind, limit=SUPPRESSION_PAGE, offset=number * SUPPRESSION_PAGE)
        addresses |= {one.email.casefold() for one in page.suppressions if one.email}
        if len(page.suppressions) < SUPPRESSION_PAGE:
            return frozenset(addresses)
    return None
