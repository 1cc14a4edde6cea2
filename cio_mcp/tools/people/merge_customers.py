"""The write tool that merges two customers."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Annotated

from pydantic import Field, JsonValue

from cio_mcp.customerio.api import profiles
from cio_mcp.customerio.api.base import IdType, is_number
from cio_mcp.errors import InvalidArgument, NotFound, UserError
from cio_mcp.gate.plan import Plan
from cio_mcp.gate.proof import PersonGone
from cio_mcp.gate.values import same
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted, quoted_value, word
from cio_mcp.text.timestamps import from_unix_if_readable, moment
from cio_mcp.tools.common.arguments import Customer, CustomerIdType
from cio_mcp.tools.common.gather import together
from cio_mcp.tools.common.recipients import Recipient, recipient_of
from cio_mcp.tools.people.inventory import Inventory, confirmation_for, inventory_of
from cio_mcp.workspace import CallContext

MAX_VALUES = 15
"""Attributes of each kind that the question shows with their values. Chosen. The others are named."""
MAX_NAMES = 50
"""Attributes that are only named. Chosen."""
VALUE_CHARACTERS = 60
"""Characters of one value in the question. Chosen."""
MOVED = (
    "Also moved: manual segments, events of the last 30 days (they trigger nothing), the message history, and campaign "
    "journeys that the kept customer has not entered. Such a journey continues, and may send messages."
)
UNDOCUMENTED = "Customer.io does not document whether {what} of the deleted customer move."
STAYS_SUBSCRIBED = (
    "The deleted customer is unsubscribed, but the kept one stays subscribed. "
    "Messages may reach a person who opted out."
)
BECOMES_UNSUBSCRIBED = (
    "The deleted customer is unsubscribed. The kept one has no value for it, so the merge should fill it: the kept "
    "customer becomes unsubscribed. Check it after the merge."
)
FINAL = "This cannot be undone."


async def merge_customers(
    ws: CallContext,
    primary: Annotated[Customer, Field(description="Customer to keep: ID, email, or +phone")],
    secondary: Annotated[Customer, Field(description="Customer to merge into primary and delete")],
    id_type: CustomerIdType = None,
) -> Plan:
    """Merge two duplicates: combine both profiles and delete one for good. Requires approval, with its ID typed."""
    kept, lost = await _both(ws, {"primary": primary, "secondary": secondary}, id_type)
    if kept.identifier == lost.identifier:
        raise InvalidArgument("secondary", f"is the same customer as primary ({word(kept.identifier)})")
    read = await together({"kept": partial(inventory_of, ws, kept), "lost": partial(inventory_of, ws, lost)})
    ours: Inventory = read["kept"]
    theirs: Inventory = read["lost"]
    confirmation, exact_case = confirmation_for(lost)
    return Plan(
        risk="destroy",
        summary=f"Merge the customer {lost.name} into {kept.name}, and delete {lost.name}.",
        notes=tuple(_comparison(ours, theirs)),
        affected=2,
        examples=(f"kept: {kept.example}", f"deleted: {lost.example}"),
        recipients=(*kept.recipients, *lost.recipients),
        starts="unknown",
        warnings=tuple(_warnings(ours, theirs)),
        calls=(profiles.merge(kept.reference, lost.reference),),
        rests_on={"primary": ours.rests_on, "secondary": theirs.rests_on},
        once=True,
        confirmation=confirmation,
        exact_case=exact_case,
        effect_title="merge 2 customers",
        proof=PersonGone(person=lost.cio_id) if lost.cio_id else None,
        next_step="To verify, call get_customer for both.",
    )


async def _both(ws: CallContext, names: Mapping[str, str], id_type: IdType | None) -> tuple[Recipient, Recipient]:
    """Find both customers; if either can't be used, the error says so of each."""
    found: list[Recipient] = []
    faults: list[UserError] = []
    sentences: list[str] = []
    for argument, customer in names.items():
        try:
            found.append(await recipient_of(ws, customer, id_type))
        except UserError as wrong:
            faults.append(wrong)
            problem = str(wrong).removeprefix("customer: ").rstrip(".")
            sentences.append(f"{argument}: {problem}.")
    if faults:
        kind = NotFound if any(isinstance(each, NotFound) for each in faults) else UserError
        raise kind(" ".join(sentences))
    kept, lost = found
    return kept, lost


def _comparison(kept: Inventory, lost: Inventory) -> Iterator[str]:
    """Both people side by side: what each has, what stays, what is added, and what is lost."""
    yield FINAL
    yield f"Kept: {kept.recipient.name} has {kept.counts}."
    yield f"Deleted: {lost.recipient.name} has {lost.counts}."
    ours, theirs = kept.attributes, lost.attributes
    differ = [name for name in theirs if name in ours and not same(ours[name], theirs[name])]
    added = [name for name in theirs if name not in ours]
    if differ:
        yield f"Different; only the kept value stays: {_values(differ, lambda name: _both_values(name, ours, theirs))}."
    if added:
        yield f"Added to the kept customer: {_values(added, lambda name: f'{word(name, 60)} {_shown(name, theirs)}')}."
    if not differ and not added:
        yield "No attribute of the deleted customer differs or is added."
    identifiers = [
        quoted(one)
        for one in (lost.person.id, lost.person.email, lost.person.phone)
        if one and one not in (kept.person.id, kept.person.email, kept.person.phone)
    ]
    yield f"Lost: the identifiers {', '.join(identifiers) or 'of the deleted customer'}, and events older than 30 days."
    yield MOVED
    left = [
        name for name, there in (("devices", lost.person.devices), ("relationships to objects", lost.objects)) if there
    ]
    if left:
        yield UNDOCUMENTED.format(what=" and ".join(left))


def _both_values(name: str, ours: Mapping[str, JsonValue], theirs: Mapping[str, JsonValue]) -> str:
    return f"{word(name, 60)} {_shown(name, ours)} (not {_shown(name, theirs)})"


def _shown(name: str, attributes: Mapping[str, JsonValue]) -> str:
    value = attributes[name]
    is_time = name == "created_at" and isinstance(value, str) and is_number(value)
    at = from_unix_if_readable(int(value)) if is_time and isinstance(value, str) else None
    return moment(at) if at else quoted_value(value, VALUE_CHARACTERS)


def _values(names: list[str], render: Callable[[str], str]) -> str:
    shown = "; ".join(map(render, names[:MAX_VALUES]))
    rest = names[MAX_VALUES:]
    if not rest:
        return shown
    return f"{shown}; without their values: {join_first(rest, MAX_NAMES, word)}"


def _warnings(kept: Inventory, lost: Inventory) -> Iterator[str]:
    if lost.person.unsubscribed and not kept.person.unsubscribed:
        yield STAYS_SUBSCRIBED if "unsubscribed" in kept.attributes else BECOMES_UNSUBSCRIBED
    if kept.person.email and lost.person.email and kept.person.email.casefold() != lost.person.email.casefold():
        yield "They have different email addresses. Make sure that they are the same person."
