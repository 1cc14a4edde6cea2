"""The undo of a profile edit, as a write like any other."""

from collections.abc import Container, Iterator
from typing import Annotated

from pydantic import Field

from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.mentions import person_of
from cio_mcp.customerio.operations import Operation, Permanence
from cio_mcp.errors import NotFound
from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import Plan
from cio_mcp.gate.receipt import outcome_of
from cio_mcp.storage.rows import EFFECTIVE
from cio_mcp.text.names import normalized_name
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.arguments import Name
from cio_mcp.tools.common.attribute_names import name_attribute, name_attributes
from cio_mcp.tools.common.profile_edit import edit
from cio_mcp.tools.common.recipients import recipient_of
from cio_mcp.tools.core.undo_people import undo_people
from cio_mcp.tools.core.undo_values import equal, lost, refusal, restored_value
from cio_mcp.workspace import CallContext

NO_WAY_BACK: dict[Permanence, str] = {
    "": "this kind of change has no undo",
    "event": "events can't be undone, nor can their effects",
    "message": "sent messages can't be undone",
    "removal": "deletions can't be undone",
    "merge": "merges can't be undone",
}
"""Why a write that is no profile edit has no undo."""
IDENTIFIERS = frozenset({"id", "email"})
MERGED = ("cio_relationships", "cio_subscription_preferences")
"""Attributes that Customer.io merges into the existing value, so that writing the previous value doesn't restore it."""
BLIND = "without an App API key, its current values can't be read"


async def undo_change(ws: CallContext, change: Annotated[Name, Field(description="Change ID")]) -> Plan:
    """Revert the attributes set by a change. Requires approval. Sends can't be undone."""
    done, refused = await _done(ws, change)
    if done.people:
        if not ws.settings.has_app:
            raise refusal(change, BLIND)
        return await undo_people(ws, change, done, refused)
    recipient = await recipient_of(ws, *_target(done))
    if recipient.person is None:
        raise refusal(change, BLIND)
    now = recipient.person.attributes
    back = {one.name: restored_value(one) for one in done.edits}
    left = [one for one in done.edits if not equal(one.name, now.get(one.name), back[one.name])]
    if changed := [one.name for one in left if not equal(one.name, now.get(one.name), one.after)]:
        raise refusal(change, f"{name_attributes(changed)} changed since then; to set a new value, use update_customer")
    planned = await edit(ws, recipient, {one.name: back[one.name] for one in left})
    restored = name_attributes(edit.name for edit in done.edits)
    return planned.model_copy(
        update={
            "summary": f"Undo change {change}: restore {restored} of {recipient.name}.",
            "warnings": (*planned.warnings, *lost(left)),
            "rests_on": planned.rests_on | {"undoes": change},
        }
    )


async def _done(ws: CallContext, change: str) -> tuple[Plan, Container[str]]:
    """The plan of a change that was applied, and the indexes of people whose part of it was refused."""
    row = await ws.gate.journal.get(change)
    if row is None:
        raise NotFound(f"change: there is no change {quoted(change)}; list_changes lists them.")
    if row.state not in EFFECTIVE:
        raise refusal(change, f"it is {row.state_at(ws.clock.now())}, and only an applied change can be undone")
    plan = Change.of(row).plan
    if reason := next(_reasons(plan), None):
        raise refusal(change, reason)
    return plan, outcome_of(row).get("refused", {})


def _reasons(plan: Plan) -> Iterator[str]:
    """Why a change cannot be undone; none where it can."""
    if not plan.calls:
        yield "its details are no longer stored"
    for call in plan.calls:
        yield from (NO_WAY_BACK[row.permanent] for row, _ in call.effects if not _edits_profile(row))
    if "person" in plan.rests_on and plan.rests_on["person"] is None:
        yield "it created a customer, and an undo never deletes one"
    if "before" not in plan.rests_on and not plan.people:
        yield "the previous values were unknown when it was made"
    edits = (*plan.edits, *(edit for person in plan.people for edit in person.edits))
    if merged := [one.name for one in edits if normalized_name(one.name) in MERGED]:
        yield f"Customer.io merges {name_attribute(merged[0])} into the existing value"
    if new := [one.name for one in plan.edits if normalized_name(one.name) in IDENTIFIERS and one.before in (None, "")]:
        yield f"Customer.io doesn't remove the {new[0]} of a customer who has one"


def _edits_profile(row: Operation) -> bool:
    """Whether an operation is undone by restoring previous values of a profile."""
    return row.inverse == row.id and row.verify == "get_customer_attributes"


def _target(plan: Plan) -> Reference:
    """Whose profile a plan edited."""
    people = (person_of(call, effect) for call in plan.calls for effect in call.effects)
    return next(person for person in people if person)
