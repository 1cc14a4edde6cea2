"""The columns of an import: what each becomes, as it was requested or by its plain name."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.attribute_checks import REACHING_ATTRIBUTES, RESERVED, within
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.guardrails import MAIL_REDIRECTS
from cio_mcp.jobs.cells import READERS, TIMES, Form
from cio_mcp.jobs.files import EVENT_ID_COLUMN, LINE_COLUMN, MAX_COLUMNS, PROBLEM_COLUMN
from cio_mcp.jobs.identifiers import IDENTIFIERS, Identifier
from cio_mcp.text.lists import join_first
from cio_mcp.text.names import fold, hidden_characters, meanings
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.spelling import closest_word, same_word

ARGUMENT = "columns"
Role = Identifier | Literal["timestamp", "name", "event_id"]

EVENT_ROLES: tuple[Role, ...] = (*IDENTIFIERS, "timestamp")
"""The roles of a column of events that its name alone gives it."""
CUSTOMER_NAMES = ("id", "email", "cio_id", "phone", "unsubscribed", "created_at")
EVENT_NAMES = ("id", "email", "cio_id", "timestamp")
"""What a column becomes by itself where its name differs only in case, spaces, or hyphens."""
OTHER_NAMES = {"email_address": "email", "phone_number": "phone", "event": "name", "event_name": "name"}
"""Other plain names for some."""
FORMS_OF: Mapping[str, Form] = {"unsubscribed": "boolean"}
"""What the values of Customer.io's own attributes always become."""
OTHER_FORMS = frozenset(
    {"date", "datetime", "timestamp", "int", "integer", "float", "decimal", "bool", "string", "str"}
)
"""What other programs call a form: as the end of a name, a mistake."""
MAX_LISTED = 10
"""Columns that an error names. Chosen."""
UNSETTABLE = RESERVED | {"cio_relationships", "id"}
"""What a column of customers, by this or a similar name, can only be where it names the customer, or not at all."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a column becomes: an attribute (of an event: a part of its data) of this name, or a role of the row.

    `form` is what its values become, None to leave them as they are. `checked` is the name of the attribute whose
    values `check_meaning` knows, and `reaches` says that it affects who receives messages.
    """

    column: str
    name: str
    role: Role | None = None
    form: Form | None = None
    checked: str = ""
    reaches: bool = False


@dataclass(frozen=True, slots=True)
class Columns:
    """The targets of columns, found as they come; `given` are those that were requested, None to leave a column out.

    `kind` decides what a column may become, `named` that all events have one name that was given.
    """

    kind: Literal["customers", "events"]
    given: Mapping[str, str | None]
    named: bool = False
    targets: dict[str, Target | None] = field(default_factory=dict)
    roles: dict[Role, Target] = field(default_factory=dict)

    def target(self, column: str) -> Target | None:
        """What a column becomes; None if it is left out.

        Raises:
            InvalidArgument: it can't become that, or another column already does.
        """
        if column in self.targets:
            return self.targets[column]
        if len(self.targets) >= MAX_COLUMNS:
            raise InvalidArgument(ARGUMENT, f"more than {MAX_COLUMNS:,} different columns were found")
        if column in self.given:
            wanted = self.given[column]
            target = None if wanted is None else self._target(column, *_parts(wanted))
        elif column in (LINE_COLUMN, PROBLEM_COLUMN) or (column == EVENT_ID_COLUMN and self.kind == "customers"):
            target = None
        else:
            target = self._target(column, self._by_name(column), None)
        if target is not None:
            for other in self.targets.values():
                if other is not None and (other.name, other.role) == (target.name, target.role):
                    raise InvalidArgument(
                        ARGUMENT,
                        f"{quoted(other.column)} and {quoted(column)} would both become {quoted(target.name)}. "
                        "Leave one out with null",
                    )
            if target.role is not None:
                self.roles[target.role] = target
        self.targets[column] = target
        return target

    def named_by_targets(self, values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """A row under the names that its columns become, without those that are left out."""
        targets = ((self.targets.get(column), value) for column, value in values.items())
        return {target.name: value for target, value in targets if target is not None}

    def check(self) -> None:
        """Make sure that what was requested was found, and that a row can name its customer.

        Raises:
            InvalidArgument: a column is missing.
        """
        for column in self.given:
            if column not in self.targets:
                close = closest_word(column, self.targets)
                hint = f"did you mean {quoted(close)}?" if close else f"the columns are {_listed(self.targets)}"
                raise InvalidArgument(ARGUMENT, f"there is no column {quoted(column)}; {hint}")
        if not self.identifying:
            raise InvalidArgument(
                ARGUMENT,
                f"no column names the customer. Map one to id, email, or cio_id; the columns are "
                f"{_listed(self.targets)}",
            )
        if self.kind == "events" and not self.named and "name" not in self.roles:
            raise InvalidArgument("name", f"pass the event's name, or map a column to name in {ARGUMENT}")
        if self.kind == "customers" and sum(target is not None for target in self.targets.values()) == 1:
            raise InvalidArgument(ARGUMENT, "there is no column besides the one that names the customer")

    @property
    def identifying(self) -> tuple[Target, ...]:
        """The columns that may name the customer, in the order in which they do."""
        return tuple(self.roles[role] for role in IDENTIFIERS if role in self.roles)

    def _by_name(self, column: str) -> str:
        names = CUSTOMER_NAMES if self.kind == "customers" else EVENT_NAMES
        if self.kind == "events" and not self.named:
            names = (*names, "name")
        same = same_word(fold(column), (*names, *OTHER_NAMES))
        meant = OTHER_NAMES.get(same, same) if same else column
        return meant if meant in names else column

    def _target(self, column: str, name: str, form: Form | None) -> Target:
        if not name.strip():
            raise InvalidArgument(ARGUMENT, f"{quoted(column)} becomes nothing; leave it out with null")
        if hidden := hidden_characters(name):
            raise InvalidArgument(
                ARGUMENT, f"the name {quoted(name, 40)} has invisible characters ({', '.join(hidden[:5])}). Map it"
            )
        if self.kind == "events":
            return self._of_event(column, name, form)
        meant = meanings(name, None)
        role: Role | None = next((role for role in IDENTIFIERS if role == name), None)
        if role is None and meant & UNSETTABLE:
            raise InvalidArgument(ARGUMENT, f"{quoted(name)} can't be set by an import. Leave the column out with null")
        within(ARGUMENT, name, tracking.ATTRIBUTE_NAME_BYTES)
        folded = fold(name)
        return Target(
            column,
            name,
            role,
            "text" if role else form or FORMS_OF.get(folded),
            folded if folded in ("email", "unsubscribed", "created_at") else "",
            reaches=bool(meant & REACHING_ATTRIBUTES),
        )

    def _of_event(self, column: str, name: str, form: Form | None) -> Target:
        role = next((role for role in EVENT_ROLES if role == name), None)
        if name == "name" and not self.named:
            role = "name"
        if name == EVENT_ID_COLUMN:
            role = "event_id"
        if role:
            time = form if form in TIMES else "time"
            return Target(column, name, role, time if role == "timestamp" else "text")
        if meanings(name, None) & MAIL_REDIRECTS:
            raise InvalidArgument(
                ARGUMENT, f"{quoted(name)} would redirect a campaign's mail. Leave the column out with null"
            )
        return Target(column, name, None, form)


def _parts(wanted: str) -> tuple[str, Form | None]:
    """The name and the form of `name:form`.

    Raises:
        InvalidArgument: the form is a word that other programs have for one.
    """
    base, _, suffix = wanted.rpartition(":")
    if base and suffix.lower() in OTHER_FORMS:
        raise InvalidArgument(
            ARGUMENT, f"{quoted(wanted)}: there is no form {quoted(suffix)}. Use {', '.join(READERS)}"
        )
    form: Form | None = next((form for form in READERS if base and form == suffix), None)
    return (base, form) if form else (wanted, None)


def describe(columns: Columns, forms: Mapping[str, Form]) -> Iterator[str]:
    """Write what each column becomes: `“E-Mail” → “email” (identifier)`; `forms` are those that were found out."""
    first, *others = columns.identifying or (None,)
    for column, target in columns.targets.items():
        if target is None:
            yield f"{quoted(column)}: left out"
            continue
        renamed = "" if target.name == column else f" → {quoted(target.name)}"
        if first and target in others:
            what = f" (identifier if {quoted(first.column)} is empty)"
        else:
            what = _ROLE_WORDS.get(target.role or "") or _FORM_WORDS.get(target.form or forms.get(column) or "", "")
        yield f"{quoted(column)}{renamed}{what}"


_ROLE_WORDS: Mapping[str, str] = {
    **dict.fromkeys(IDENTIFIERS, " (identifier)"),
    "timestamp": " (the time of the event)",
    "name": " (the event's name)",
    "event_id": " (the event's ID, by which it counts once)",
}
_FORM_WORDS = {
    "text": " (text)",
    "number": " (numbers)",
    "decimal_comma": " (numbers with a decimal comma)",
    "boolean": " (true or false)",
    "time": " (times, as Unix seconds)",
    "day_first": " (dates with the day first, as Unix seconds)",
    "month_first": " (dates with the month first, as Unix seconds)",
}


def _listed(columns: Iterable[str]) -> str:
    return join_first([*columns], MAX_LISTED, quoted)
