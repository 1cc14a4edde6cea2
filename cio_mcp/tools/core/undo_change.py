"""The way back: an edit of a profile is undone by a write like any other."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, JsonValue

from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.mentions import person_of
from cio_mcp.customerio.operations import Operation, Permanence
from cio_mcp.errors import NotFound, Refused
from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import Before, Plan
from cio_mcp.gate.values import same
from cio_mcp.storage.rows import EFFECTIVE
from cio_mcp.text.names import normalized_name
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.arguments import Name
from cio_mcp.tools.common.profile_edit import edit
from cio_mcp.tools.common.recipients import recipient_of
from cio_mcp.workspace import CallContext

NO_WAY_BACK: dict[Permanence, str] = {
    "": "this kind of change has no undo",
    "event": "an event cannot be taken back, nor what it started",
    "message": "a message that was sent cannot be taken back",
    "removal": "what was deleted cannot be restored",
    "merge": "customers who were merged cannot be separated",
}
"""Why a write that is no profile edit has no undo."""
IDENTIFIERS = frozenset({"id", "email"})
MERGED = ("cio_relationships", "cio_subscription_preferences")
"""What Customer.io merges into what is there, so that setting the value before does not bring it back."""
NAMED = 5


async def undo_change(ws: CallContext, change: Annotated[Name, Field(description="Change id")]) -> Plan:
    """Set the attributes that a change set back to what they were. A person approves it; sends have no undo."""
    done = await _done(ws, change)
    whom = await recipient_of(ws, *_target(done))
    if whom.person is None:
        raise _refused(change, "without an App API key nobody can look whether its values still stand")
    now = whom.person.attributes
    back = {one.name: _restored(one) for one in done.edits}
    left = [one for one in done.edits if not _equal(one.name, now.get(one.name), back[one.name])]
    if changed := [one.name for one in left if not _equal(one.name, now.get(one.name), one.after)]:
        named = ", ".join(quoted(name, 40) for name in changed[:NAMED])
        raise _refused(change, f"{named} changed since; what is wanted now can be set with update_customer")
    planned = await edit(ws, whom, {one.name: back[one.name] for one in left})
    return planned.model_copy(
        update={
            "summary": f"Undo change {change}: set {_named(done)} of {whom.name} back.",
            "warnings": (*planned.warnings, *_lost(left)),
            "rests_on": planned.rests_on | {"undoes": change},
        }
    )


async def _done(ws: CallContext, change: str) -> Plan:
    row = await ws.gate.journal.get(change)
    if row is None:
        raise NotFound(f"change: there is no change {quoted(change)}; list_changes lists them.")
    if row.state not in EFFECTIVE:
        raise _refused(change, f"it is {row.state_at(ws.gate.clock.now())}, and only an applied change can be undone")
    plan = Change.of(row).plan
    if reason := next(_reasons(plan), None):
        raise _refused(change, reason)
    return plan


def _reasons(plan: Plan) -> Iterator[str]:
    """Why a change cannot be undone; none where it can."""
    if not plan.calls:
        yield "its details are kept no longer"
    for call in plan.calls:
        yield from (NO_WAY_BACK[row.permanent] for row, _ in call.effects if not _edits_profile(row))
    if "person" in plan.rests_on and plan.rests_on["person"] is None:
        yield "it created a customer, and an undo deletes nobody"
    if "before" not in plan.rests_on:
        yield "the values before were not known when it was made"
    if merged := [one.name for one in plan.edits if normalized_name(one.name) in MERGED]:
        yield f"Customer.io merges {quoted(merged[0], 40)} into what is there"
    if new := [one.name for one in plan.edits if normalized_name(one.name) in IDENTIFIERS and one.before in (None, "")]:
        yield f"Customer.io takes no {new[0]} away from somebody who has one"


def _edits_profile(row: Operation) -> bool:
    """Whether an operation is undone by setting what a profile held before."""
    return row.inverse == row.id and row.verify == "get_customer_attributes"


def _target(plan: Plan) -> Reference:
    """Whose profile a plan edited."""
    people = (person_of(call, effect) for call in plan.calls for effect in call.effects)
    return next(person for person in people if person)


def _restored(edit_: Before) -> JsonValue:
    return str(edit_.before).lower() == "true" if edit_.name == "unsubscribed" else edit_.before


def _equal(name: str, one: JsonValue, other: JsonValue) -> bool:
    if name == "unsubscribed":  # absent means subscribed
        return (str(one).lower() == "true") == (str(other).lower() == "true")
    return same(one, other)


def _lost(edits: list[Before]) -> tuple[str, ...]:
    if not edits:
        return ()
    text = "What was a number, true or false, or a list may come back as text: values can be read as text alone."
    texts = (text,) if any(one.before is not None and one.name != "unsubscribed" for one in edits) else ()
    return (*texts, "It takes back neither the history of these values nor what they started meanwhile.")


def _named(plan: Plan) -> str:
    names = [quoted(one.name, 40) for one in plan.edits]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def _refused(change: str, reason: str) -> Refused:
    return Refused(f"Change {quoted(change, 40)} is not undone: {reason}. Nothing was sent.")
