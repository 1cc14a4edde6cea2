"""The undo of a profile edit, of one person or several."""

from collections.abc import Iterator

from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.mentions import person_of
from cio_mcp.gate.plan import Plan
from cio_mcp.text.names import normalized_name
from cio_mcp.tools.common.attribute_names import name_attribute, name_attributes
from cio_mcp.tools.common.profile_edit import edit
from cio_mcp.tools.common.recipients import recipient_of
from cio_mcp.tools.core.undo.people import undo_people
from cio_mcp.tools.core.undo.values import PastChange, as_undo, equal, lost, refusal, restored_value
from cio_mcp.workspace import CallContext

IDENTIFIERS = frozenset({"id", "email"})
MERGED = ("cio_relationships", "cio_subscription_preferences")
"""Attributes that Customer.io merges into the existing value, so that writing the previous value doesn't restore it."""
BLIND = "without an App API key, its current values can't be read"


async def undo_profile(ws: CallContext, past: PastChange) -> Plan:
    """Plan to restore the values that a change set.

    Raises:
        Refused: they are unknown, or changed since.
    """
    if reason := next(_reasons(past.plan), None):
        raise refusal(past.id, reason)
    if not ws.settings.has_app:
        raise refusal(past.id, BLIND)
    if past.plan.people:
        return await undo_people(ws, past)
    recipient = await recipient_of(ws, *_target(past.plan))
    if recipient.person is None:
        raise refusal(past.id, BLIND)
    now, edits = recipient.person.attributes, past.plan.edits
    back = {one.name: restored_value(one) for one in edits}
    left = [one for one in edits if not equal(one.name, now.get(one.name), back[one.name])]
    if changed := [one.name for one in left if not equal(one.name, now.get(one.name), one.after)]:
        reason = f"{name_attributes(changed)} changed since then; to set a new value, use update_customer"
        raise refusal(past.id, reason)
    planned = await edit(ws, recipient, {one.name: back[one.name] for one in left})
    restored = name_attributes(edit.name for edit in edits)
    return as_undo(past, planned, *lost(left), summary=f"restore {restored} of {recipient.name}.")


def _reasons(plan: Plan) -> Iterator[str]:
    """Why a profile edit cannot be undone; none where it can."""
    if "person" in plan.rests_on and plan.rests_on["person"] is None:
        yield "it created a customer, and an undo never deletes one"
    if "before" not in plan.rests_on and not plan.people:
        yield "the previous values were unknown when it was made"
    edits = (*plan.edits, *(edit for person in plan.people for edit in person.edits))
    if merged := [one.name for one in edits if normalized_name(one.name) in MERGED]:
        yield f"Customer.io merges {name_attribute(merged[0])} into the existing value"
    if new := [one.name for one in plan.edits if normalized_name(one.name) in IDENTIFIERS and one.before in (None, "")]:
        yield f"Customer.io doesn't remove the {new[0]} of a customer who has one"


def _target(plan: Plan) -> Reference:
    """Whose profile a plan edited."""
    people = (person_of(call, effect) for call in plan.calls for effect in call.effects)
    return next(person for person in people if person)
