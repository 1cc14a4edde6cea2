"""The write tool for profiles."""

import time
from typing import Annotated

from pydantic import Field, JsonValue

from cio_mcp.api import tracking
from cio_mcp.api.base import Reference
from cio_mcp.api.people import reference_of
from cio_mcp.errors import InvalidArgument, NotFound
from cio_mcp.gate.execution import same
from cio_mcp.gate.plan import Before, Plan, ReadBack, Risk
from cio_mcp.http.call import canonical
from cio_mcp.text.foreign import quoted
from cio_mcp.tools.arguments import Customer, CustomerIdType
from cio_mcp.tools.plans import UNREAD, Addressee, addressee, may_start, test_profiles, within
from cio_mcp.workspace import Workspace

REACHES = frozenset({"id", "email", "phone", "unsubscribed", "cio_subscription_preferences", "cio_relationships"})
"""Attributes that decide whom messages reach."""

UNTOLD = frozenset({"id", "phone", "cio_relationships"})
"""Of those, the ones whose effect is not told by the address: another identity, another channel, other people."""

RESERVED = frozenset({"_timestamp", "_update", "anonymous_id", "cio_id"})
"""Attributes with which a profile write would be another kind of write (Track API, identify)."""


async def update_customer(
    ws: Workspace,
    customer: Customer,
    attributes: Annotated[dict[str, JsonValue], Field(description="Values to set; null clears", min_length=1)],
    create: Annotated[bool, Field(description="Create the customer if there is none")] = False,
    id_type: CustomerIdType = None,
) -> Plan:
    """Set attributes of one customer. A person approves it; nobody is created unless create is true."""
    _check(attributes)
    try:
        whom = await addressee(ws, customer, id_type)
    except NotFound:
        if not create:
            raise
        return _creation(reference_of(customer, id_type), attributes)
    if whom.person is None:
        return _blind(whom, attributes, create=create)
    return await _edit(ws, whom, attributes)


async def _edit(ws: Workspace, whom: Addressee, attributes: dict[str, JsonValue]) -> Plan:
    before = whom.person.attributes if whom.person else {}
    edits = tuple(
        Before(name=name, before=before.get(name), after=value)
        for name, value in attributes.items()
        if not same(before.get(name), value)
    )
    changed = {edit.name: edit.after for edit in edits}
    reaching = REACHES & changed.keys()
    starts = may_start(await ws.campaigns.started_by_attributes(changed)) if changed else ()
    risk: Risk = "send" if reaching or starts else "data"
    return Plan(
        risk=risk,
        summary=f"Set {', '.join(quoted(name, 40) for name in sorted(attributes)[:5])} of {whom.name}.",
        why=f"It decides whom messages reach: {', '.join(sorted(reaching))}." if reaching else "",
        examples=(whom.example,),
        edits=edits,
        recipients=_recipients(whom.recipients, changed),
        test_profiles=await test_profiles(ws, whom),
        starts=starts,
        calls=(tracking.identify(whom.identifier, changed, at=int(time.time()), create=False),) if changed else (),
        rests_on=whom.rests_on | {"before": {edit.name: edit.before for edit in edits}, "starts": list(starts)},
        reads_back=ReadBack(person=whom.identifier, attributes=changed) if "cio_relationships" not in changed else None,
        find_out="To see it: get_customer.",
    )


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
        recipients=_recipients((identifier,) if reference.id_type == "email" else (), attributes),
        calls=(tracking.identify(identifier, attributes, at=int(time.time()), create=True),),
        rests_on={"person": None},
        once=True,
        find_out="To see it: get_customer.",
    )


def _recipients(now: tuple[str, ...], changed: dict[str, JsonValue]) -> tuple[str, ...]:
    """Whom messages reach once a profile has these values; none where an address does not tell."""
    if UNTOLD & changed.keys():
        return ()
    email = changed.get("email")
    return (*now, email) if isinstance(email, str) and email and email not in now else now


def _blind(whom: Addressee, attributes: dict[str, JsonValue], *, create: bool) -> Plan:
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
        if not name or name in RESERVED:
            raise InvalidArgument("attributes", f"{quoted(name)} cannot be set; leave it out")
        within(f"attributes.{name[:40]}", name, tracking.ATTRIBUTE_NAME_BYTES)
        text = value if isinstance(value, str) else canonical(value)
        within(f"attributes.{name[:40]}", text, tracking.ATTRIBUTE_VALUE_BYTES)
