"""The same attributes for several customers: the customers of the list, and the faults of the call."""

from collections.abc import Sequence

from pydantic import JsonValue

from cio_mcp.customerio.api.base import KIND_NAMES, IdType, Reference
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.references import other_references
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.plan import Plan
from cio_mcp.text.names import meanings
from cio_mcp.text.sanitize import word
from cio_mcp.text.values import count_values
from cio_mcp.tools.common.group_edit import Target, edit_people
from cio_mcp.tools.common.people_lookup import CORRECT, NO_CUSTOMER, Entry, find_people, read_entries, refuse_faults
from cio_mcp.tools.common.recipients import UNKNOWN_CUSTOMER, Recipient
from cio_mcp.workspace import CallContext

MAX_CUSTOMERS = 50
"""Customers that one call updates. Chosen: what a person can read before deciding."""

MAX_VALUES = 5_000
"""Values that one call sets, of all its customers together: 100 attributes of 50 customers. Chosen."""

CREATE = f"{CORRECT}, or pass create=true for new customers"
"""What to do about customers who don't exist, where they can be created."""

IDENTIFYING: dict[str, IdType] = {"id": "id", "email": "email"}
"""Attributes by which Customer.io may find another customer than the one in the request."""


async def update_customers(
    ws: CallContext,
    customers: Sequence[str],
    attributes: dict[str, JsonValue],
    *,
    create: bool,
    id_type: IdType | None,
) -> Plan:
    """Plan to set the same attributes of several customers; a customer who is listed twice is updated once.

    Raises:
        InvalidArgument: some of them cannot be updated; the text has each with the reason.
    """
    _check_size(len(customers), attributes)
    entries, faults = read_entries(customers, id_type)
    if not ws.settings.has_app:
        return await _blind(ws, customers, entries, faults, attributes, create=create)
    people = await find_people(ws, [entry.reference for entry in entries])
    missing = [entry for entry in entries if create and people[entry.reference] == NO_CUSTOMER]
    faults |= await _not_creatable(ws, missing)
    faults |= {
        entry.number: reason
        for entry in entries
        if isinstance(reason := people[entry.reference], str) and entry not in missing
    }
    unknown = [entry.reference for entry in entries if people[entry.reference] == NO_CUSTOMER]
    refuse_faults(customers, faults, remedy=CREATE if not create and any(map(is_creatable, unknown)) else CORRECT)
    targets: dict[Reference, Target] = {}
    for entry in entries:
        one = people[entry.reference]
        recipient = Recipient.of(one) if isinstance(one, Person) else Recipient(entry.reference, None)
        is_new = entry in missing
        targets.setdefault(recipient.reference, Target(recipient, attributes, create=is_new, new=is_new))
    planned = await edit_people(ws, [*targets.values()], notes=_repeated(len(customers) - len(targets)))
    new = sum(target.new for target in targets.values())
    return planned.model_copy(update={"summary": f"{planned.summary} Creates {new} of them."}) if new else planned


def _check_size(customers: int, attributes: dict[str, JsonValue]) -> None:
    values = count_values(attributes)
    if values * customers > MAX_VALUES:
        raise InvalidArgument(
            "attributes",
            f"are {values:,} values for {customers} customers; at most {MAX_VALUES:,} values can be set per call. "
            "Pass fewer customers per call",
        )


async def _blind(
    ws: CallContext,
    customers: Sequence[str],
    entries: Sequence[Entry],
    faults: dict[int, str],
    attributes: dict[str, JsonValue],
    *,
    create: bool,
) -> Plan:
    """The same without an App API key: no profile is read; a customer listed by two identifiers is written twice."""
    refuse_faults(customers, faults | (_unusable(entries) if create else {}))
    targets = [Target(Recipient(entry.reference, None), attributes, create=create) for entry in entries]
    planned = await edit_people(ws, targets, notes=_repeated(len(customers) - len(entries)))
    doubt = (f"{UNKNOWN_CUSTOMER} Customers who don't exist are created.",) if create else ()
    return planned.model_copy(update={"risk": "send", "warnings": (*doubt, *planned.warnings)})


async def _not_creatable(ws: CallContext, missing: Sequence[Entry]) -> dict[int, str]:
    """Why customers cannot be created: their kind of identifier, or it belongs to a customer as another kind."""
    faults = _unusable(missing)
    others = {entry.number: other_references(entry.reference) for entry in missing if entry.number not in faults}
    people = await find_people(ws, [other for each in others.values() for other in each])
    for number, references in others.items():
        for other in references:
            if isinstance(holder := people[other], Person):
                faults[number] = (
                    f"it is the {KIND_NAMES[other.kind]} of {word(holder.reference.value)}, so pass that one instead"
                )
            elif holder != NO_CUSTOMER and other.kind == "email":
                faults[number] = holder
    return faults


def _unusable(entries: Sequence[Entry]) -> dict[int, str]:
    by = "customers can only be created by ID or email address"
    return {entry.number: by for entry in entries if not is_creatable(entry.reference)}


def _repeated(count: int) -> tuple[str, ...]:
    if not count:
        return ()
    entries = "1 entry names a customer" if count == 1 else f"{count} entries name customers"
    return (f"{entries} who {'is' if count == 1 else 'are'} already in the list. Each customer is updated once.",)


def is_creatable(reference: Reference) -> bool:
    """Whether Customer.io can create a customer by this kind of identifier."""
    return reference.kind in IDENTIFYING.values()


def check_creatable(reference: Reference) -> None:
    """Refuse to create a customer by a kind of identifier that Customer.io can't create one by.

    Raises:
        InvalidArgument: the reference is of such a kind.
    """
    if not is_creatable(reference):
        raise InvalidArgument("customer", "customers can only be created by ID or email address")


def check_shared(attributes: dict[str, JsonValue]) -> None:
    """Refuse what several customers cannot have the same of, and what only a request about one can set.

    Raises:
        InvalidArgument: an attribute identifies one customer, or relates customers to objects.
    """
    for name, value in attributes.items():
        meant = meanings(name, value)
        if meant & IDENTIFYING.keys() and value not in (None, ""):
            raise InvalidArgument(
                f"attributes.{word(name)}", "identifies a single customer, so several can't share it; omit it"
            )
        if "cio_relationships" in meant:
            raise InvalidArgument(
                f"attributes.{word(name)}", "cannot be set for several customers at once; pass one customer per call"
            )
