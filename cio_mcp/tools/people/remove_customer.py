"""The write tool that deletes, suppresses, and unsuppresses customers."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Annotated, Literal

from pydantic import Field

from cio_mcp.customerio.api import profiles
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.call import Call
from cio_mcp.customerio.references import reference_of
from cio_mcp.errors import Ambiguous, NotFound
from cio_mcp.gate.plan import Plan
from cio_mcp.gate.proof import PersonGone
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.arguments import Customer, CustomerIdType
from cio_mcp.tools.common.recipients import UNKNOWN_CUSTOMER, Recipient, recipient_of
from cio_mcp.tools.people.inventory import confirmation_for, inventory_of
from cio_mcp.workspace import CallContext

Action = Literal["delete", "suppress", "unsuppress"]

CALLS: Mapping[Action, Callable[[Reference], Call]] = {
    "delete": profiles.delete,
    "suppress": profiles.suppress,
    "unsuppress": profiles.unsuppress,
}
FINAL = "This cannot be undone: a profile and its history cannot be restored."
RECREATED = "The identifiers stay usable: a system that sends data about this customer creates a new, empty profile."
BLOCKED = "Customer.io ignores all later data about blocked identifiers, until they are unsuppressed."
NOTHING_BACK = "It makes the identifiers usable again. The profile and its history don't come back."
ERASE_HERE = "This server's own records of the customer stay. To erase them too, run cio-mcp forget before you approve."
VERIFY = "To verify, call get_customer: it should find nobody."


async def remove_customer(
    ws: CallContext,
    customer: Customer,
    action: Annotated[
        Action, Field(description="suppress also blocks the identifiers; unsuppress frees them, without the profile")
    ],
    id_type: CustomerIdType = None,
) -> Plan:
    """Delete a customer and all their data for good (GDPR), or suppress one. Requires approval, with the ID typed."""
    if action == "unsuppress":
        return await _unsuppress(ws, reference_of(customer, id_type))
    recipient = await recipient_of(ws, customer, id_type)
    if recipient.person is None:
        return _blind(recipient, action)
    inventory = await inventory_of(ws, recipient)
    reference = recipient.reference if action == "delete" else await _blocked(ws, recipient)
    confirmation, exact_case = confirmation_for(recipient)
    return Plan(
        risk="destroy",
        summary=_summary(action, recipient.name),
        notes=(f"Lost: {inventory.counts}.", FINAL, *_consequences(action, recipient), ERASE_HERE),
        examples=(recipient.example,),
        recipients=recipient.recipients,
        warnings=await _warnings(ws, recipient, action),
        calls=(CALLS[action](reference),),
        rests_on={**recipient.rests_on, "identifiers": [recipient.person.id, recipient.person.email]},
        confirmation=confirmation,
        exact_case=exact_case,
        effect_title=f"{action} 1 customer",
        proof=PersonGone(person=recipient.cio_id) if recipient.cio_id else None,
        next_step=VERIFY,
    )


def _summary(action: Action, name: str) -> str:
    if action == "delete":
        return f"Delete the customer {name}."
    return f"Delete the customer {name} and block the identifiers (suppress)."


def _consequences(action: Action, recipient: Recipient) -> Iterator[str]:
    if action == "delete":
        yield RECREATED
        return
    person = recipient.person
    known = [quoted(one) for one in (person.id, person.email) if one] if person else []
    yield f"Blocked: {' and '.join(known) or recipient.name}. {BLOCKED}"


async def _blocked(ws: CallContext, recipient: Recipient) -> Reference:
    """The identifier by which to suppress: Customer.io blocks the one that the request names."""
    person = recipient.person
    if person and person.id:
        return Reference(person.id)
    if person and person.email and len(await ws.people.find_by_email(person.email)) == 1:
        return Reference(person.email, "email")
    return recipient.reference


async def _warnings(ws: CallContext, recipient: Recipient, action: Action) -> tuple[str, ...]:
    email = recipient.person and recipient.person.email
    if action != "suppress" or not email:
        return ()
    others = len(await ws.people.find_by_email(email)) - 1
    if others < 1:
        return ()
    people = "1 other customer has" if others == 1 else f"{others} other customers have"
    return (f"{people} the same email address. Customer.io may ignore data about them, too.",)


def _blind(recipient: Recipient, action: Action) -> Plan:
    return Plan(
        risk="destroy",
        summary=_summary(action, recipient.name),
        notes=(FINAL, *_consequences(action, recipient), ERASE_HERE),
        examples=(recipient.example,),
        warnings=(UNKNOWN_CUSTOMER, "No App API key: what is lost is not known, and the result can't be verified."),
        calls=(CALLS[action](recipient.reference),),
        rests_on=recipient.rests_on,
        confirmation=recipient.identifier,
        exact_case=recipient.reference.kind != "email",
        effect_title=f"{action} 1 customer",
    )


async def _unsuppress(ws: CallContext, reference: Reference) -> Plan:
    existing = None
    if ws.settings.has_app:
        with suppress(NotFound, Ambiguous):
            existing = await ws.people.resolve(reference.value, reference.kind)
    doubt = (
        f"A customer with {reference} exists, so it is probably not suppressed."
        if existing
        else "Whether it is suppressed is not visible through the API."
    )
    return Plan(
        risk="send",
        summary=f"Unsuppress {reference}.",
        notes=(NOTHING_BACK, "Identifiers that were suppressed together are freed together."),
        why="Once data about it arrives, a customer is created who may receive messages.",
        examples=(str(reference),),
        recipients=(reference.value,) if reference.kind == "email" else (),
        warnings=(doubt,),
        calls=(CALLS["unsuppress"](reference),),
        rests_on={"person": reference.value, "exists": existing is not None},
        effect_title="unsuppress it",
    )
