"""Finding the people of a list, in a few requests instead of one for each."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from pydantic import JsonValue

from cio_mcp.customerio.api.base import Identifiers, IdType, Reference
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.references import reference_of
from cio_mcp.errors import InvalidArgument, NotFound
from cio_mcp.jobs.segment_list import shared_by
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.gather import together
from cio_mcp.workspace import CallContext

MAX_SEARCH_RESULTS = 1_000
"""Maximum people of one search: https://docs.customer.io/integrations/api/app/ (search for customers)."""
MAX_LISTED_FAULTS = 16
"""Entries of a list that a refusal names; more would not fit into one sentence."""
CORRECT = "Correct or omit them"
"""What to do about the entries of a list that can't be used."""
NO_CUSTOMER = "no customer has it"


class Entry(NamedTuple):
    """What one entry of a list names: its number from 1, its text, and how it was read."""

    number: int
    text: str
    reference: Reference


def read_entries(customers: Sequence[str], id_type: IdType | None) -> tuple[list[Entry], dict[int, str]]:
    """Read a list of identifiers: each different one once, and the faults of the others, by number from 1."""
    entries: dict[Reference, Entry] = {}
    faults: dict[int, str] = {}
    for number, customer in enumerate(customers, start=1):
        try:
            reference = reference_of(customer, id_type)
        except InvalidArgument as wrong:
            faults[number] = str(wrong).removeprefix(f"{wrong.field}: ")
        else:
            same = Reference(reference.value.casefold(), "email") if reference.kind == "email" else reference
            entries.setdefault(same, Entry(number, customer, reference))
    return [*entries.values()], faults


def refuse_faults(
    customers: Sequence[str],
    faults: Mapping[int, str],
    *,
    field: str = "customers",
    cannot: str = "cannot be updated",
    remedy: str = CORRECT,
) -> None:
    """Refuse a list with faults, all of them at once, each entry with its number and the reason.

    Raises:
        InvalidArgument: there are any.
    """
    if not faults:
        return
    reasons: dict[str, list[str]] = {}
    for number in sorted(faults)[:MAX_LISTED_FAULTS]:
        reasons.setdefault(faults[number], []).append(f"no. {number} {quoted(customers[number - 1], 30)}")
    listed = "; ".join(f"{', '.join(entries)}: {reason}" for reason, entries in reasons.items())
    more = f"; and {len(faults) - MAX_LISTED_FAULTS} more" if len(faults) > MAX_LISTED_FAULTS else ""
    raise InvalidArgument(field, f"{len(faults)} of {len(customers)} {cannot}: {listed}{more}. {remedy}")


async def find_people(ws: CallContext, references: Sequence[Reference]) -> dict[Reference, Person | str]:
    """Find the profile of each reference, or say in words why there is none."""
    found = await _find(ws, [*dict.fromkeys(map(_as_looked_up, references))])
    return {one: found[_as_looked_up(one)] for one in references}


def _as_looked_up(reference: Reference) -> Reference:
    """A reference with the one spelling of its kind: requests may say that an id is one, and leave `cio_` out."""
    match reference.kind:
        case "id":
            return Reference(reference.value)
        case "cio_id":
            return Reference(f"cio_{reference.value.removeprefix('cio_')}", "cio_id")
        case _:
            return reference


async def _find(ws: CallContext, references: Sequence[Reference]) -> dict[Reference, Person | str]:
    kinds: dict[IdType, list[Reference]] = {}
    for reference in references:
        kinds.setdefault(reference.kind, []).append(reference)
    results: dict[Reference, Person | str] = dict.fromkeys(references, NO_CUSTOMER)
    if ids := [reference.value for reference in kinds.get("id", ())]:
        profiles = await ws.people.profiles_by(ids, None)
        results |= {Reference(person.id): person for person in profiles if person.id in ids}
    if cio_ids := [reference.value for reference in kinds.get("cio_id", ())]:
        profiles = await ws.people.profiles_by(cio_ids, "cio_id")
        results |= {Reference(f"cio_{person.cio_id}", "cio_id"): person for person in profiles}
    results |= await _by_email(ws, kinds.get("email", ()))
    phones = {reference.value: partial(_by_phone, ws, reference) for reference in kinds.get("phone", ())}
    by_phone = await together(phones)
    return results | {Reference(phone, "phone"): by_phone[phone] for phone in phones}


async def _by_email(ws: CallContext, references: Sequence[Reference]) -> dict[Reference, Person | str]:
    """Find people by addresses in one search, and whether anybody has those that it does not find in one request."""
    if not references:
        return {}
    holders = await holders_of(ws, [one.value for one in references])
    alone = [people[0] for people in holders.values() if len(people) == 1]
    profiles = await ws.people.profiles_of_many(alone)
    return {one: _only(holders.get(one.value.casefold(), ()), profiles) for one in references}


async def holders_of(
    ws: CallContext, addresses: Sequence[str], *, many: bool = False
) -> dict[str, tuple[Identifiers, ...]]:
    """Find everybody who has each of some addresses, by the address in lower case.

    It is not documented whether a search is case-sensitive, so it has each address as given and in lower case. An
    address that a customer has all the same, or that several may have, is looked up by itself. Of `many`, one that
    nobody seems to have is not, where the workspace does not identify customers by their address.
    """
    spellings = dict.fromkeys(text for one in addresses for text in (one, one.lower()))
    either: list[JsonValue] = [
        {"attribute": {"field": "email", "operator": "eq", "value": spelling}} for spelling in spellings
    ]
    page = await ws.people.search({"or": either}, limit=MAX_SEARCH_RESULTS)
    holders: dict[str, tuple[Identifiers, ...]] = {}
    for person in page.identifiers:
        address = (person.email or "").casefold()
        holders[address] = (*holders.get(address, ()), person)
    enough = 2 if page.next else 1
    unsure = [address for address in addresses if len(holders.get(address.casefold(), ())) < enough]
    unsure = await _without_unused(ws, unsure, holders, many=many)
    reads = await together({address: partial(ws.people.find_by_email, address) for address in unsure})
    return holders | {address.casefold(): people for address, people in reads.items()}


async def _without_unused(
    ws: CallContext, unsure: Sequence[str], holders: Mapping[str, tuple[Identifiers, ...]], *, many: bool
) -> list[str]:
    """Drop the addresses that no customer has; a single one takes a request either way."""
    missing = [address for address in unsure if address.casefold() not in holders]
    in_use = await ws.people.emails_in_use(missing) if len(missing) > 1 else None
    if in_use is None and not (many and len(missing) > 1):
        return [*unsure]
    in_use = in_use or frozenset()
    return [address for address in unsure if address.casefold() in in_use or address.casefold() in holders]


def _only(holders: Sequence[Identifiers], profiles: Mapping[str, Person]) -> Person | str:
    """The profile of the one who has an address, or in words why there is none."""
    if len(holders) > 1:
        return shared_by(holders)
    return profiles.get(holders[0].cio_id or "", NO_CUSTOMER) if holders else NO_CUSTOMER


async def _by_phone(ws: CallContext, reference: Reference) -> Person | str:
    try:
        return await ws.people.attributes(reference)
    except NotFound:
        return NO_CUSTOMER
    except InvalidArgument as wrong:
        return str(wrong).removeprefix(f"{wrong.field}: ")
