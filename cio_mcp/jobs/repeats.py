"""Rows that name the same customer: found by hashes of 41 bytes a row, since a file may have a million."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

SORT_PARTS = 8
"""Parts in which hashes are sorted, each by itself: Python's numbers take five times the room of those in an array."""
MAX_EXAMPLES = 3
"""Pairs of lines that a report names. Chosen."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """How many rows share something with another one, and the lines of the first pairs."""

    rows: int = 0
    lines: tuple[tuple[int, int], ...] = ()

    def __bool__(self) -> bool:
        return self.rows > 0


@dataclass(frozen=True, slots=True)
class Repeated:
    """What the rows of an import share, by their number from 0.

    `conflicts` name a customer whom another row names with other values, `equal` say what an earlier row says: each has
    the line of the other row. `people` counts the customers, `other_case` those whose IDs differ only in case, and
    `shared_emails` rows about different customers with one email address.
    """

    conflicts: Mapping[int, int]
    equal: Mapping[int, int]
    people: int
    other_case: Pairs
    shared_emails: Pairs


def _array() -> "array[int]":
    return array("q")


@dataclass(slots=True)
class Repeats:
    """Collects one row after the other."""

    lines: "array[int]" = field(default_factory=_array)
    folded: "array[int]" = field(default_factory=_array)
    exact: "array[int]" = field(default_factory=_array)
    content: "array[int]" = field(default_factory=_array)
    emails: "array[int]" = field(default_factory=_array)
    by_email: bytearray = field(default_factory=bytearray)

    def add(self, line: int, kind: str, identifier: str, email: str | None, content: int) -> None:
        """Add a row about the customer with an identifier.

        `email` is an address that it sets, and `content` a hash of all that it says. Python's hash of a text has 64
        bits and differs in each process, so that no file can aim at it.
        """
        folded = hash((kind, identifier.casefold()))
        self.lines.append(line)
        self.folded.append(folded)
        self.exact.append(folded if kind == "email" else hash((kind, identifier)))
        self.content.append(content)
        self.emails.append(hash(("email", email.casefold())) if email else 0)
        self.by_email.append(kind == "email")

    def skip(self, line: int) -> None:
        """Add a row that names no customer: it shares nothing."""
        number = len(self.lines)
        self.lines.append(line)
        for values in (self.folded, self.exact):
            values.append(hash((number, line)))
        self.content.append(0)
        self.emails.append(0)
        self.by_email.append(False)

    def find(self) -> Repeated:
        """Compare all rows."""
        conflicts: dict[int, int] = {}
        equal: dict[int, int] = {}
        people, case_rows = 0, 0
        case_lines: list[tuple[int, int]] = []
        for group in self._groups(self.folded):
            spellings: dict[int, list[int]] = {}
            for number in group:
                spellings.setdefault(self.exact[number], []).append(number)
            people += len(spellings)
            if len(spellings) > 1:
                case_rows += len(group)
                first, second = [numbers[0] for numbers in spellings.values()][:2]
                case_lines.append((self.lines[first], self.lines[second]))
            for numbers in spellings.values():
                self._compare(numbers, conflicts, equal)
        self._by_email(conflicts)
        return Repeated(conflicts, equal, people, _pairs(case_rows, case_lines), self._shared_emails())

    def _compare(self, numbers: Sequence[int], conflicts: dict[int, int], equal: dict[int, int]) -> None:
        """Of rows about one customer, all conflict unless all say the same."""
        if len(numbers) == 1:
            return
        first = numbers[0]
        if len({self.content[number] for number in numbers}) == 1:
            equal.update(dict.fromkeys(numbers[1:], self.lines[first]))
            return
        conflicts.update(dict.fromkeys(numbers[1:], self.lines[first]))
        conflicts[first] = self.lines[numbers[1]]

    def _by_email(self, conflicts: dict[int, int]) -> None:
        """A row that names its customer by an address that another row sets is about the same customer, or both are."""
        named = {self.folded[number]: number for number, is_named in enumerate(self.by_email) if is_named}
        for number, email in enumerate(self.emails if named else ()):
            if (other := named.get(email)) is not None:
                conflicts.setdefault(number, self.lines[other])
                conflicts.setdefault(other, self.lines[number])

    def _shared_emails(self) -> Pairs:
        rows = 0
        lines: list[tuple[int, int]] = []
        for group in self._groups(self.emails) if any(self.emails) else ():
            if self.emails[group[0]] and len({self.exact[number] for number in group}) > 1:
                rows += len(group)
                lines.append((self.lines[group[0]], self.lines[group[1]]))
        return _pairs(rows, lines)

    def _groups(self, values: "array[int]") -> Iterator[list[int]]:
        """The numbers of rows with equal values, those of a group in their order; a part of the values at a time."""
        for part in range(SORT_PARTS):
            numbers = [number for number, value in enumerate(values) if value % SORT_PARTS == part]
            numbers.sort(key=values.__getitem__)
            for _, group in groupby(numbers, values.__getitem__):
                yield [*group]


def _pairs(rows: int, lines: list[tuple[int, int]]) -> Pairs:
    return Pairs(rows, tuple(sorted(lines)[:MAX_EXAMPLES]))
