"""The write tool for profiles."""

import time
from typing import Annotated

from pydantic import Field, JsonValue

from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.api.people import reference_of
from cio_mcp.customerio.call import canonical
from cio_mcp.errors import InvalidArgument, NotFound
from cio_mcp.gate.plan import Before, Plan
from cio_mcp.text.sanitize import quoted, word
from cio_mcp.tools.common.arguments import Customer, CustomerIdType
from cio_mcp.tools.common.profile_edit import edit, normalized_name, reached
from cio_mcp.tools.common.recipients import UNREAD, Recipient, one_address, recipient_of, within
from cio_mcp.workspace import CallContext

RESERVED = frozenset({"_timestamp", "_update", "anonymous_id", "cio_id"})
"""Attributes with which a profile write would be another kind of write (Track API, identify)."""


async def update_customer(
    ws: CallContext,
    customer: Customer,
    attributes: Annotated[dict[str, JsonValue], Field(description="Values to set; null clears", min_length=1)],
    create: Annotated[bool, Field(description="Create the customer if there is none")] = False,
    id_type: CustomerIdType = None,
) -> Plan:
    """Set attributes of one customer. A person approves it; nobody is created unless create is true."""
    _check(attributes)
    try:
        whom = await recipient_of(ws, customer, id_type)
    except NotFound:
        if not create:
            raise
        return _creation(reference_of(customer, id_type), attributes)
    if whom.person is None:
        return _blind(whom, attributes, create=create)
    return await edit(ws, whom, attributes)


def _creation(reference: Reference, attributes: dict[str, JsonValue]) -> Plan:
    if reference.id_type in ("phone", "cio_id"):
        raise InvalidArgument("customer", "a customer is created by an id or an email address")
    identifier = reference.value
    return Plan(
        risk="send",
        summary=f"Create the customer {quoted(identifier)}.",
        why="A new customer may enter any segment and any campaign that starts from one.",
        examples=(f"{quoted(identifier)}, new",),
        edits=tuple(Before(name=name, before=None, after=value) for name, value in attributes.items()),
        recipients=reached((identifier,) if reference.id_type == "email" else (), attributes),
        calls=(tracking.identify(identifier, attributes, at=int(time.time()), create=True),),
        rests_on={"person": None},
        once=True,
        find_out="To see it: get_customer.",
    )


def _blind(whom: Recipient, attributes: dict[str, JsonValue], *, create: bool) -> Plan:
    return Plan(
        risk="send",
        summary=f"Set {', '.join(quoted(name, 40) for name in sorted(attributes)[:5])} of {whom.name}.",
        why="What it may start cannot be known.",
        examples=(whom.example,),
        edits=tuple(Before(name=name, before="(unknown)", after=value) for name, value in attributes.items()),
        warnings=(UNREAD,),
        calls=(tracking.identify(whom.identifier, attributes, at=int(time.time()), create=create),),
        rests_on=whom.rests_on,
    )


def _check(attributes: dict[str, JsonValue]) -> None:
    if len(attributes) > tracking.ATTRIBUTES:
        raise InvalidArgument("attributes", f"are {len(attributes)}; Customer.io takes at most {tracking.ATTRIBUTES}")
    for name, value in attributes.items():
        if not name.strip() or normalized_name(name) in RESERVED:
            raise InvalidArgument("attributes", f"{quoted(name)} cannot be set; leave it out")
        within(f"attributes.{word(name)}", name, tracking.ATTRIBUTE_NAME_BYTES)
        text = value if isinstance(value, str) else canonical(value)
        within(f"attributes.{word(name)}", text, tracking.ATTRIBUTE_VALUE_BYTES)
        _check_meaning(name, value)


def _check_meaning(name: str, value: JsonValue) -> None:
    """Refuse what Customer.io would take, and then treat as something else than was meant."""
    if value in (None, ""):
        return
    match name:
        case "email":
            one_address("attributes.email", str(value))
        case "unsubscribed" if str(value).lower() not in ("true", "false"):
            raise InvalidArgument("attributes.unsubscribed", "expected true or false")
        case "created_at" if not str(value).isdecimal():
            raise InvalidArgument("attributes.created_at", "expected a Unix time in seconds")
