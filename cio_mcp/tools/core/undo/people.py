"""The undo of an edit of several profiles: for each of them whose values before are known and still stand."""

from collections.abc import Iterator, Mapping

from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.api.people import Person
from cio_mcp.gate.plan import PersonEdit, Plan
from cio_mcp.tools.common.attribute_names import name_attributes
from cio_mcp.tools.common.group_edit import Target, edit_people
from cio_mcp.tools.common.people_lookup import find_people
from cio_mcp.tools.common.recipients import Recipient
from cio_mcp.tools.core.undo.values import PastChange, equal, lost, refusal, restored_value
from cio_mcp.workspace import CallContext

GONE = "no customer has the identifier anymore"
CREATED = "the change created the customer, and an undo never deletes one"
UNKNOWN = "the previous values were unknown when it was made"


async def undo_people(ws: CallContext, past: PastChange) -> Plan:
    """Plan to restore the values that a change set for several people; the warnings list those it cannot restore.

    Raises:
        Refused: it can be undone for none of them.
    """
    change, done = past.id, past.plan
    updated = [person for index, person in enumerate(done.changed) if str(index) not in past.refused]
    lookups = await find_people(ws, [_reference(person) for person in updated])
    profiles = {reference: one for reference, one in lookups.items() if isinstance(one, Person)}
    obstacles = {person.person: reason for person in updated if (reason := _obstacle(person, profiles))}
    targets = [_target(person, profiles) for person in updated if person.person not in obstacles]
    left_out = tuple(_left_out(updated, obstacles))
    if not targets:
        raise refusal(change, "; ".join(left_out) or "it updated nobody")
    planned = await edit_people(ws, targets)
    edits = [edit for person in planned.changed for edit in person.edits]
    return planned.model_copy(
        update={
            "summary": f"Undo change {change} for {len(targets)} of {len(done.changed)} customers.",
            "warnings": (*(f"Not undone: {each}." for each in left_out), *planned.warnings, *lost(edits)),
            "rests_on": planned.rests_on | {"undoes": change},
        }
    )


def _obstacle(person: PersonEdit, profiles: Mapping[Reference, Person]) -> str | None:
    """Why the edit of one person cannot be undone; None where it can."""
    if person.created:
        return CREATED
    if not person.known:
        return UNKNOWN
    if (profile := profiles.get(_reference(person))) is None:
        return GONE
    now = profile.attributes
    changed = [
        edit.name
        for edit in person.edits
        if not equal(edit.name, now.get(edit.name), edit.after)
        and not equal(edit.name, now.get(edit.name), restored_value(edit))
    ]
    return f"{name_attributes(changed)} changed since" if changed else None


def _target(person: PersonEdit, profiles: Mapping[Reference, Person]) -> Target:
    profile = profiles[_reference(person)]
    back = {edit.name: restored_value(edit) for edit in person.edits}
    left = {name: value for name, value in back.items() if not equal(name, profile.attributes.get(name), value)}
    return Target(Recipient.of(profile), left)


def _left_out(people: list[PersonEdit], obstacles: Mapping[str, str]) -> Iterator[str]:
    """The people whose edit is not undone, a sentence for each reason."""
    reasons: dict[str, list[str]] = {}
    for person in people:
        if reason := obstacles.get(person.person):
            reasons.setdefault(reason, []).append(person.label)
    for reason, labels in reasons.items():
        yield f"{', '.join(labels)} ({reason})"


def _reference(person: PersonEdit) -> Reference:
    return Reference(person.person, None if person.kind == "id" else person.kind)
