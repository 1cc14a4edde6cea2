"""The result for each of several people, as a receipt lists them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field, JsonValue
from pydantic.json_schema import SkipJsonSchema

from cio_mcp.customerio.call import canonical
from cio_mcp.gate.field_labels import label_of
from cio_mcp.gate.plan import PersonEdit, Plan, ValueEdit, is_unchanged
from cio_mcp.gate.text_edits import begins_alike, excerpt, excerpt_rows, has_difference
from cio_mcp.text.render import Part
from cio_mcp.text.sanitize import quoted, quoted_name, quoted_value, word
from cio_mcp.text.untrusted import Prose, Untrusted

PersonOutcome = Literal["updated", "created", "no change needed", "pending", "failed", "unknown"]

MAX_EDITS = 50
"""Values that a receipt lists. Chosen. The journal has all."""


class Edit(Part):
    """A value that was changed; nothing stands for a value that was not set.

    Of several people `customer` is the one whose value it is. Without `known` nobody knows what was there before.
    """

    customer: str | None = None
    name: str
    before: Untrusted | int | float | None = None
    after: Untrusted | int | float | None = None
    known: Annotated[SkipJsonSchema[bool], Field(exclude=True)] = True

    def __str__(self) -> str:
        before, after = ("(not set)" if value is None else quoted_value(value) for value in (self.before, self.after))
        return f"{quoted(self.name, 80)}: {before if self.known else '(unknown)'} → {after}"


class PersonResult(Part):
    """The result for one of several people."""

    personal: ClassVar[bool] = True

    customer: str
    name: str | None = None
    result: str
    reason: Prose | None = None

    def __str__(self) -> str:
        label = f"{quoted_name(self.name)} ({word(self.customer)})" if self.name else word(self.customer, 200)
        return f"{label}: {self.result}{f', {self.reason}' if self.reason else ''}"


def edits_of(plan: Plan) -> tuple[Edit, ...]:
    """The values that a plan changes, of several people each with the person; at most `MAX_EDITS`."""
    operation = plan.calls[0].effects[0].operation.id if plan.calls else ""
    edits = [_edit(edit, None, operation) for edit in plan.edits if not is_unchanged(edit)]
    edits += [_edit(edit, person.person, "identify_customer") for person in plan.changed for edit in person.edits]
    return tuple(edits[:MAX_EDITS])


def results_of(plan: Plan, outcome: PersonOutcome, refused: Mapping[str, str]) -> Iterator[PersonResult]:
    """A line for each of several people: `outcome` for whom the plan changes, but for those who were refused.

    `refused` has the field that was wrong by the index of the operation, as the journal keeps it.
    """
    for index, person in enumerate(plan.changed):
        if (field := refused.get(str(index))) is not None:
            wrong = f"because of {field}" if field else "without a reason"
            yield _result(person, "failed", f"Customer.io refused it {wrong}")
        else:
            yield _result(person, "created" if person.created and outcome == "updated" else outcome)
    for person in plan.people:
        if not person.edits:
            yield _result(person, "no change needed")


def counts_of(people: Sequence[PersonResult]) -> str:
    """A sentence with how many people have each result."""
    counts = Counter(person.result for person in people)
    return f"{', '.join(f'{count} {result}' for result, count in counts.items())}."


def not_listed(plan: Plan) -> str:
    """A sentence with how many values of several people a receipt leaves out; empty if it lists all."""
    total = sum(len(person.edits) for person in plan.changed)
    return f" The first {MAX_EDITS} of {total} values are listed; get_customer has each." if total > MAX_EDITS else ""


def _result(person: PersonEdit, outcome: PersonOutcome, reason: str | None = None) -> PersonResult:
    name = person.name if person.name != person.person else None
    return PersonResult(customer=person.person, name=name, result=outcome, reason=reason)


def _edit(edit: ValueEdit, customer: str | None, operation: str) -> Edit:
    before, after = _value(edit.before), _value(edit.after)
    if isinstance(edit.before, list) and isinstance(edit.after, list) and has_difference(edit):
        before, after = excerpt_rows(edit.before, edit.after)
    if isinstance(before, str) and isinstance(after, str) and edit.known and begins_alike(before, after):
        before, after = excerpt(before, after)
    return Edit(
        customer=customer,
        name=label_of(operation, edit.name) or edit.name,
        before=before,
        after=after,
        known=edit.known,
    )


def _value(value: JsonValue) -> str | int | float | None:
    if value in (None, ""):
        return None
    return canonical(value) if isinstance(value, bool | list | dict) else value
