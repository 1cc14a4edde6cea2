"""The write tool for profiles."""

from contextlib import suppress
from typing import Annotated

from pydantic import Field, JsonValue

from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.api.base import KIND_NAMES, Reference
from cio_mcp.customerio.api.people import SeveralPeople
from cio_mcp.customerio.attribute_checks import RESERVED, check_meaning, within
from cio_mcp.customerio.call import canonical
from cio_mcp.customerio.references import reference_of
from cio_mcp.customerio.url_values import check_path_value
from cio_mcp.errors import InvalidArgument, NotFound
from cio_mcp.gate.plan import Plan, ValueEdit
from cio_mcp.text.names import fold, meanings
from cio_mcp.text.sanitize import quoted, word
from cio_mcp.tools.common.arguments import Customer, CustomerIdType, CustomerInList
from cio_mcp.tools.common.attribute_names import name_attributes
from cio_mcp.tools.common.profile_edit import edit, recipients_after
from cio_mcp.tools.common.recipients import (
    UNKNOWN_CUSTOMER,
    UNREAD,
    Recipient,
    may_start,
    recipient_of,
)
from cio_mcp.tools.core.update_customers import (
    IDENTIFYING,
    MAX_CUSTOMERS,
    check_creatable,
    check_shared,
    is_creatable,
    update_customers,
)
from cio_mcp.workspace import CallContext

NEW = " For a new customer, pass create=true."
"""Where no customer has the identifier, and one can be created by it."""


async def update_customer(
    ws: CallContext,
    customer: Customer | None = None,
    *,
    customers: Annotated[list[CustomerInList] | None, Field(description="Instead of customer: up to 50")] = None,
    attributes: Annotated[dict[str, JsonValue], Field(description="Values to set; null clears", min_length=1)],
    create: Annotated[bool, Field(description="Create the customer if there is none")] = False,
    id_type: CustomerIdType = None,
) -> Plan:
    """Change attributes of one or several customers (plan, phone, …), or unsubscribe them. Requires approval.

    Creates customers only if create is true.
    """
    _check(attributes)
    if customers is not None and len(several := _several(customer, customers)) > 1:
        check_shared(attributes)
        return await update_customers(ws, several, attributes, create=create, id_type=id_type)
    customer = customers[0] if customers else _one(customer)
    if not ws.settings.has_app:
        return _blind(ws, await recipient_of(ws, customer, id_type), attributes, create=create)
    try:
        recipient = await recipient_of(ws, customer, id_type)
    except NotFound as missing:
        reference = reference_of(customer, id_type)
        if not create:
            raise NotFound(f"{missing}{NEW if is_creatable(reference) else ''}") from None
        return await _creation(ws, reference, attributes)
    return await edit(ws, recipient, attributes)


def _one(customer: str | None) -> str:
    if customer is None:
        raise InvalidArgument("customer", "pass one customer, or up to 50 in customers")
    return customer


def _several(customer: str | None, customers: list[str]) -> list[str]:
    if customer is not None:
        raise InvalidArgument("customer", "omit it when passing customers, or add it to them")
    if not customers:
        raise InvalidArgument("customers", "must not be empty")
    if len(customers) > MAX_CUSTOMERS:
        raise InvalidArgument(
            "customers",
            f"has {len(customers)} entries; at most {MAX_CUSTOMERS} per call. Pass the others in further calls",
        )
    return customers


async def _creation(ws: CallContext, reference: Reference, attributes: dict[str, JsonValue]) -> Plan:
    """Plan to create a customer, or to edit the one who has the identifier as another kind."""
    check_creatable(reference)
    if existing := await ws.people.known_otherwise(reference):
        return _edit_instead(reference, await edit(ws, Recipient.of(existing), attributes))
    starts = await ws.campaigns.started_by_creation(attributes)
    return Plan(
        risk="send",
        summary=f"Create the customer with {reference}.",
        why="A new customer may enter any segment and any campaign that starts from one.",
        examples=(f"{quoted(reference.value)}, new",),
        starts=may_start(starts),
        edits=tuple(ValueEdit(name=name, before=None, after=value) for name, value in attributes.items()),
        recipients=recipients_after((reference.value,), attributes),
        warnings=await _identifier_conflicts(ws, reference, attributes),
        calls=(tracking.identify(reference, attributes, at=int(ws.clock.now()), create=True),),
        rests_on={"person": None, "starts": list(may_start(starts))},
        once=True,
        next_step="To verify, call get_customer.",
    )


def _edit_instead(reference: Reference, planned: Plan) -> Plan:
    """The edit of a customer who was named as if they were new; a person decides whether they are meant."""
    doubt = f"No customer has {reference}. This edits the customer who has this value as another identifier."
    return planned.model_copy(
        update={"risk": "send", "warnings": (doubt, *planned.warnings), "recipients": (), "test_profiles": ()}
    )


async def _identifier_conflicts(
    ws: CallContext, reference: Reference, attributes: dict[str, JsonValue]
) -> tuple[str, ...]:
    """Warn of each identifier among the attributes that a customer already has: the write may reach them instead."""
    conflicts = []
    for name, kind in IDENTIFYING.items():
        value = attributes.get(name)
        if value in (None, "", reference.value):
            continue
        check_path_value(f"attributes.{name}", str(value))
        with suppress(NotFound):
            try:
                holder = (await ws.people.resolve(str(value), kind)).reference.value
            except SeveralPeople as several:
                holder = f"{several.count} customers"
            conflicts.append(
                f"{word(holder)} already has this {KIND_NAMES[kind]}. "
                "Customer.io may refuse the request or change that customer instead."
            )
    return tuple(conflicts)


def _blind(ws: CallContext, recipient: Recipient, attributes: dict[str, JsonValue], *, create: bool) -> Plan:
    names = name_attributes(sorted(attributes))
    if create:
        check_creatable(recipient.reference)
    doubt = (f"{UNKNOWN_CUSTOMER} If not, this creates the customer.",) if create else ()
    return Plan(
        risk="send",
        summary=f"Set {names} of {recipient.name}{', or create that customer' if create else ''}.",
        examples=(recipient.example,),
        edits=tuple(ValueEdit(name=name, before=None, after=value, known=False) for name, value in attributes.items()),
        starts="unknown",
        warnings=(*doubt, UNREAD),
        calls=(tracking.identify(recipient.reference, attributes, at=int(ws.clock.now()), create=create),),
        rests_on=recipient.rests_on,
    )


def _check(attributes: dict[str, JsonValue]) -> None:
    if len(attributes) > tracking.ATTRIBUTES:
        raise InvalidArgument(
            "attributes", f"has {len(attributes)} entries; Customer.io accepts at most {tracking.ATTRIBUTES}"
        )
    for name, value in attributes.items():
        if not fold(name) or RESERVED & meanings(name, value):
            raise InvalidArgument("attributes", f"{quoted(name)} cannot be set; omit it")
        within(f"attributes.{word(name)}", name, tracking.ATTRIBUTE_NAME_BYTES)
        text = value if isinstance(value, str) else canonical(value)
        within(f"attributes.{word(name)}", text, tracking.ATTRIBUTE_VALUE_BYTES)
        check_meaning("attributes", name, value)
