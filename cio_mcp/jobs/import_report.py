"""The report of an import: counts, columns, examples, and what a person may not expect; kept with the job as JSON."""

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import groupby
from random import Random

from pydantic import JsonValue

from cio_mcp.customerio.api.tracking import MAX_TRIGGER_AGE
from cio_mcp.customerio.batches import Operation
from cio_mcp.errors import InvalidArgument
from cio_mcp.jobs.cells import TIMES, Form, Guess, Oddity
from cio_mcp.jobs.columns import Columns, Target, describe
from cio_mcp.jobs.files import ARGUMENT
from cio_mcp.jobs.repeats import Pairs, Repeated
from cio_mcp.text.counts import count_of
from cio_mcp.text.lists import join_first, list_first
from cio_mcp.text.names import mixes_scripts
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.visible import visible

FIRST_ROWS = RANDOM_ROWS = 5
"""Accepted rows of the sample: the first, and some at random."""
MAX_REJECTIONS = 10
"""Rejected rows that the report names."""
MAX_PEOPLE = 1_000
"""Customers whom the report names, where an import has no more: as many as are looked up. Chosen: 10 requests."""
MAX_COLUMN_LINES = 15
"""Columns that the report describes."""
MAX_ODD_COLUMNS = 5
"""Columns that warnings name."""
MAX_ALIKE = 3
"""Names with letters of several scripts that a warning names."""
MAX_EVENT_NAMES = 20
"""Names of events that the report counts."""
CLOCK_TOLERANCE = timedelta(minutes=1)
"""How far clocks may differ before a time counts as future. Chosen."""

ODDITIES: Mapping[Oddity, str] = {
    "dates": "{} kept as text, while date conditions in Customer.io compare Unix seconds. To convert them, map the "
    'column to "{}:time".',
    "other dates": "{} kept as text, because the order of day and month can't be known. To convert them, map the "
    'column to "{}:day_first" or "{}:month_first".',
    "commas": '{} with a comma kept as text. If it is a decimal comma, map the column to "{}:decimal_comma".',
    "milliseconds": "{} like times in milliseconds, while date conditions in Customer.io compare Unix seconds.",
    "missing": "{} such as “null”, “none”, or “NaN”, kept as text.",
}
"""What a person may not expect, after how many cells of which columns it is about."""
NOUNS: Mapping[Oddity, str] = {
    "dates": "date",
    "other dates": "date",
    "commas": "value",
    "milliseconds": "number",
    "missing": "value",
}


@dataclass(slots=True)
class ReportBuilder:
    """Collects what a plan shows of the rows, in bounded memory; `now` is in Unix seconds."""

    columns: Columns
    forms: Mapping[str, Form]
    guesses: Mapping[str, Guess]
    repeated: Repeated
    random: Random
    now: float
    accepted: int = 0
    rejected: int = 0
    left_out: int = 0
    unchanged: int = 0
    old: int = 0
    future: int = 0
    first: list[JsonValue] = field(default_factory=list)
    random_rows: list[JsonValue] = field(default_factory=list)
    rejections: list[JsonValue] = field(default_factory=list)
    references: list[JsonValue] = field(default_factory=list)
    referenced: set[int] = field(default_factory=set)
    people: "array[int]" = field(default_factory=lambda: array("q"))
    kinds: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    in_all: frozenset[str] | None = None
    events: Counter[str] = field(default_factory=Counter)

    def accept(self, line: int, operation: Operation) -> None:
        """Count a row that will be sent, and maybe keep it as an example (reservoir sampling)."""
        self.accepted += 1
        match operation:
            case {"identifiers": dict(identifiers), "attributes": dict(attributes)}:
                self._count_person(line, identifiers, attributes.get("email"))
                self.names.update(attributes)
                if self.in_all is None:
                    self.in_all = frozenset(attributes)
                elif not self.in_all <= attributes.keys():
                    self.in_all &= attributes.keys()
        match operation:
            case {"action": "event", "name": str(name)}:
                self._count_event(name, operation.get("timestamp"))
        example: JsonValue = {"line": line, "operation": operation}
        if len(self.first) < FIRST_ROWS:
            self.first.append(example)
        elif len(self.random_rows) < RANDOM_ROWS:
            self.random_rows.append(example)
        elif (place := self.random.randrange(self.accepted - FIRST_ROWS)) < RANDOM_ROWS:
            self.random_rows[place] = example

    def reject(self, line: int, reason: str) -> None:
        """Count a row that can't be sent."""
        self.rejected += 1
        if len(self.rejections) < MAX_REJECTIONS:
            self.rejections.append({"line": line, "reason": reason})

    def leave_out(self) -> None:
        """Count a row that says what an earlier one does."""
        self.left_out += 1

    @property
    def rows(self) -> int:
        """How many rows were read."""
        return self.accepted + self.rejected + self.left_out + self.unchanged

    def leave_unchanged(self) -> None:
        """Count a row that was sent before as it is."""
        self.unchanged += 1

    def check_read(self, seen: int) -> None:
        """Make sure that the second reading found the rows of the first.

        Raises:
            InvalidArgument: the file changed in between.
        """
        if self.rows != seen:
            raise InvalidArgument(ARGUMENT, "changed while it was read. Try again")

    def as_json(self) -> dict[str, JsonValue]:
        """The report, as it is kept."""
        lines = describe(self.columns, self.forms)
        names = sorted(self.names - {"_update"})
        return {
            "rows": self.rows,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "left_out": self.left_out,
            "unchanged": self.unchanged,
            "people": sum(1 for _ in groupby(sorted(self.people))),
            "references": [*self.references] if self.repeated.people <= MAX_PEOPLE else None,
            "kinds": [*sorted(self.kinds)],
            "columns": [*list_first([*lines], MAX_COLUMN_LINES)],
            "names": [*names],
            "in_all": [*sorted(self.in_all or ())],
            "reaching": [
                target.name for _, target in self._targets() if target and target.reaches and self._sets(target)
            ],
            "events": dict(self.events.most_common(MAX_EVENT_NAMES)),
            "old": self.old,
            "has_times": any(self._form(*each) in TIMES for each in self._targets()),
            "sample": [*self.first, *sorted(self.random_rows, key=_line_of)],
            "rejections": [*self.rejections],
            "warnings": [*self._warnings()],
        }

    def _sets(self, target: Target) -> bool:
        """Whether rows set what they don't use to name their customer."""
        return target.name in self.names

    def _targets(self) -> Iterator[tuple[str, Target | None]]:
        yield from self.columns.targets.items()

    def _form(self, column: str, target: Target | None) -> Form | None:
        return (target.form if target else None) or self.forms.get(column)

    def _count_person(self, line: int, identifiers: Mapping[str, JsonValue], email: JsonValue) -> None:
        [(kind, value)] = identifiers.items()
        self.kinds.add(kind)
        self.people.append(hash((kind, str(value).casefold() if kind == "email" else value)))
        if self.repeated.people <= MAX_PEOPLE and self.people[-1] not in self.referenced:
            self.referenced.add(self.people[-1])
            self.references.append(
                [line, kind, value, email if kind == "id" and self.columns.kind == "customers" else None]
            )

    def _count_event(self, name: str, at: JsonValue) -> None:
        if name in self.events or len(self.events) < MAX_EVENT_NAMES:
            self.events[name] += 1
        if isinstance(at, int):
            self.old += at < self.now - MAX_TRIGGER_AGE.total_seconds()
            self.future += at > self.now + CLOCK_TOLERANCE.total_seconds()

    def _warnings(self) -> Iterator[str]:
        is_customers = self.columns.kind == "customers"
        if case := self.repeated.other_case:
            yield f"{_rows(case)} have IDs that differ only in case. To Customer.io they are different customers."
        if is_customers and (shared := self.repeated.shared_emails):
            yield (
                f"{_rows(shared)} set an email address that another row sets for another customer. A workspace that "
                "identifies customers by address drops such a change without an answer."
            )
        if not is_customers and self.repeated.equal:
            repeat = "1 row repeats" if len(self.repeated.equal) == 1 else f"{len(self.repeated.equal):,} rows repeat"
            yield f"{repeat} an earlier row word for word. Each is sent as an event of its own."
        if alike := [name for name in (*sorted(self.names), *self.events) if mixes_scripts(name)]:
            yield f"Some names mix scripts, so letters may look like others: {join_first(alike, MAX_ALIKE, visible)}."
        if self.future:
            yield f"{'1 event has' if self.future == 1 else f'{self.future:,} events have'} a time in the future."
        for oddity, sentence in ODDITIES.items():
            kept = self._kept(number=oddity == "milliseconds")
            if odd := [(target, guess.odd[oddity]) for target, guess in kept if oddity in guess.odd]:
                counted = join_first(odd, MAX_ODD_COLUMNS, partial(_counted, NOUNS[oddity]))
                yield sentence.format(counted, *[odd[0][0].name] * 2)
        mixed = [(target, guess) for target, guess in self._kept() if guess.others and target.form is None]
        for target, guess in mixed[:MAX_ODD_COLUMNS]:
            yield f"{quoted(target.column)}: {_mixed(guess)}, so all are kept as text."

    def _kept(self, *, number: bool = False) -> Iterator[tuple[Target, Guess]]:
        """The columns of a text file that stay text, or that are numbers, with what their cells look like."""
        forms = (None, "text", "number") if number else (None, "text")
        for column, guess in self.guesses.items():
            target = self.columns.targets.get(column)
            if target is not None and target.role is None and self._form(column, target) in forms:
                yield target, guess


def _counted(noun: str, odd: tuple[Target, int]) -> str:
    target, count = odd
    return f"{quoted(target.column)}: {count_of(count, noun)}"


def _mixed(guess: Guess) -> str:
    is_one = guess.others == 1
    what = ("a number" if is_one else "numbers") if guess.numbers else "true or false"
    return f"{guess.others:,} of {guess.cells:,} values {'is' if is_one else 'are'}n't {what}"


def _line_of(example: JsonValue) -> int:
    line = example.get("line") if isinstance(example, dict) else None
    return line if isinstance(line, int) else 0


def _rows(pairs: Pairs) -> str:
    examples = "; ".join(f"lines {one:,} and {other:,}" for one, other in pairs.lines)
    return f"{pairs.rows:,} rows ({examples}{', …' if pairs.rows > 2 * len(pairs.lines) else ''})"
