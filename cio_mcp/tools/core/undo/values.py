"""What an undo starts from, and values that it sets back: whether they still stand, and what does not come back."""

from collections.abc import Container, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from cio_mcp.errors import Refused
from cio_mcp.gate.plan import Plan, ValueEdit
from cio_mcp.gate.values import same
from cio_mcp.text.sanitize import quoted


@dataclass(frozen=True, slots=True)
class PastChange:
    """A change that was applied; `refused` are the indexes of operations of its batch that Customer.io refused."""

    id: str
    plan: Plan
    refused: Container[str] = ()


def restored_value(edit: ValueEdit) -> JsonValue:
    """The value that an undo sets: for `unsubscribed` never an absent one, which would subscribe no one."""
    return str(edit.before).lower() == "true" if edit.name == "unsubscribed" else edit.before


def equal(name: str, one: JsonValue, other: JsonValue) -> bool:
    """Whether two values of an attribute are the same; an absent `unsubscribed` means subscribed."""
    if name == "unsubscribed":
        return (str(one).lower() == "true") == (str(other).lower() == "true")
    return same(one, other)


def lost(edits: Sequence[ValueEdit]) -> tuple[str, ...]:
    """What an undo of the edits does not restore."""
    if not edits:
        return ()
    text = "Numbers, booleans, and lists may be restored as text, because Customer.io returns values as text."
    texts = (text,) if any(one.before is not None and one.name != "unsubscribed" for one in edits) else ()
    return (*texts, "The history of the values, and anything they triggered meanwhile, can't be undone.")


def as_undo(past: PastChange, planned: Plan, *warnings: str, summary: str | None = None) -> Plan:
    """The plan of an undo, made of the plan of the change that goes back; it keeps its summary, if none is given."""
    return planned.model_copy(
        update={
            "summary": planned.summary if summary is None else f"Undo change {past.id}: {summary}",
            "warnings": (*planned.warnings, *warnings),
            "rests_on": planned.rests_on | {"undoes": past.id},
        }
    )


def refusal(change: str, reason: str) -> Refused:
    """Why a change is not undone."""
    return Refused(f"Change {quoted(change, 40)} is not undone: {reason}. Nothing was sent.")
