"""Finding the customers of a list in as few requests as possible: at once, or in the background where it is long."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from math import ceil

import anyio

from cio_mcp.customerio.api.base import Identifiers, IdType, Reference
from cio_mcp.customerio.api.people import MAX_PROFILES_PER_REQUEST
from cio_mcp.customerio.api.segments import SEARCH_SIZE
from cio_mcp.customerio.caller import Work
from cio_mcp.errors import CioError, Unavailable
from cio_mcp.jobs.segment_list import Lookup, PersonKey, shared_by
from cio_mcp.tools.common.gather import together
from cio_mcp.tools.common.people_lookup import NO_CUSTOMER, holders_of
from cio_mcp.workspace import CallContext

MAX_AT_ONCE = 1_000
"""References that are looked up within a call: 10 requests, or 20 where addresses are unknown. Chosen."""
AT_ONCE = 4
"""Requests in flight for a longer list. Chosen."""
WAIT_SECONDS = 3.5
"""Seconds after its start until which a call waits for a longer list; some clients give up after 5."""
GROUP_SECONDS = 120.0
"""Seconds that one group of requests may take; as bulk work, it lets all other work go first."""
UNFORESEEN = "The list can't be looked up, for a reason that this server did not foresee. Its log has the details."
PEOPLE_A_SECOND = 900
"""How many people can be looked up in a second: 10 requests for 100 people each, less a margin. An estimate."""

log = logging.getLogger(__name__)


async def look_up(ws: CallContext, references: Sequence[Reference]) -> dict[Reference, Lookup]:
    """Find whom each reference names; a list that takes longer than a call is found by a later call.

    Work with more time than a call has waits as much longer.

    Raises:
        Unavailable: it takes longer; the text says how far it is.
    """
    if len(references) <= MAX_AT_ONCE:
        return await _find_all(ws, [*_parts(references)])
    lookups = ws.lookups
    if missing := lookups.claim(references):
        ws.tasks.start_soon(_look_up_in_background, ws, missing)
        ws.tasks.start_soon(lookups.expire)
    with ws.clock.move_on_after(max(0.0, WAIT_SECONDS - _seconds_of(ws))):
        await lookups.wait(references)
    if left := sum(reference not in lookups.found for reference in references):
        if lookups.failure and lookups.pending.isdisjoint(references):
            raise lookups.failure
        raise Unavailable(_progress(len(references) - left, len(references)))
    return {reference: lookups.found[reference] for reference in references}


def _seconds_of(ws: CallContext) -> float:
    """How many seconds the call has taken so far."""
    return ws.settings.max_wait - (ws.reader.work.deadline - ws.reader.client.steady())


async def _look_up_in_background(ws: CallContext, references: Sequence[Reference]) -> None:
    """Look up a long list as bulk work; what can't be found out now is left to the next call."""
    left = {*references}
    failure: CioError | None = None
    parts = [*_parts(references)]
    try:
        for start in range(0, len(parts), AT_ONCE):
            work = Work(ws.caller, anyio.current_time() + GROUP_SECONDS, bulk=True)
            bulk = replace(ws, reader=ws.reader.again(work))
            found = await _find_all(bulk, parts[start : start + AT_ONCE])
            ws.lookups.keep(found)
            left.difference_update(found)
    except CioError as failed:
        failure = failed
    except Exception as unforeseen:  # noqa: BLE001 - it must not end what else runs in these tasks
        # The class only: its text may hold an address or a key.
        log.error("a list cannot be looked up: %s", type(unforeseen).__name__)  # noqa: TRY400 - class only
        failure = Unavailable(UNFORESEEN)
    finally:
        ws.lookups.give_up(left, failure)


async def _find_all(ws: CallContext, parts: Sequence[Sequence[Reference]]) -> dict[Reference, Lookup]:
    """Find people by references, each part in a request of its own."""
    found: dict[str, dict[Reference, Lookup]] = await together(
        {str(number): partial(_find, ws, part) for number, part in enumerate(parts)}
    )
    return {reference: lookup for part in found.values() for reference, lookup in part.items()}


def _parts(references: Sequence[Reference]) -> Iterator[list[Reference]]:
    """References of one kind, as many as one request finds."""
    groups: dict[tuple[IdType, bool], list[Reference]] = {}
    for reference in references:
        # An address that isn't in lower case takes two conditions of a search.
        twice = reference.kind == "email" and reference.value != reference.value.lower()
        groups.setdefault((reference.kind, twice), []).append(reference)
    for (kind, twice), group in groups.items():
        size = SEARCH_SIZE if kind == "email" else MAX_PROFILES_PER_REQUEST
        size = size // 2 if twice else size
        yield from (group[start : start + size] for start in range(0, len(group), size))


async def _find(ws: CallContext, references: Sequence[Reference]) -> dict[Reference, Lookup]:
    """Find people by references of one kind."""
    values = [reference.value for reference in references]
    if references[0].kind == "email":
        holders = await holders_of(ws, values, many=True)
        return {one: _only(holders.get(one.value.casefold(), ())) for one in references}
    by_cio_id = references[0].kind == "cio_id"
    found: dict[str, Lookup] = {}
    for person in await ws.people.profiles_by(values, "cio_id" if by_cio_id else None):
        own = PersonKey(person.id, person.email, person.cio_id)
        found[f"cio_{person.cio_id}" if by_cio_id else person.id or ""] = own
    return {one: found.get(one.value, NO_CUSTOMER) for one in references}


def _only(holders: Sequence[Identifiers]) -> Lookup:
    """The one who has an address, or in words why there is none."""
    if len(holders) > 1:
        return shared_by(holders)
    return PersonKey.of(holders[0]) if holders else NO_CUSTOMER


def _progress(done: int, total: int) -> str:
    seconds = max(3, ceil((total - done) / PEOPLE_A_SECOND))
    return (
        f"Customer.io is still being searched for the people of the list: {done:,} of {total:,} are done. Nothing was "
        f"sent. Call again with the same arguments in about {seconds:,} s."
    )
