"""The report of an import, as a plan reads it: what it says of the rows."""

from collections.abc import Sequence

from pydantic import BaseModel, JsonValue

from cio_mcp.customerio.api.base import Reference
from cio_mcp.jobs.identifiers import Identifier
from cio_mcp.text.lists import join_first

MAX_LINES = 5
"""Lines that a sentence names."""

REPORT_FORM = 2
"""Raised when `Report` changes, so that no plan rests on a report of an older release."""


class Example(BaseModel):
    """A row of the sample, and its line."""

    line: int
    operation: dict[str, JsonValue]

    @property
    def customer(self) -> Reference:
        """The customer whom it names."""
        identifiers = self.operation.get("identifiers")
        [(kind, value)] = identifiers.items() if isinstance(identifiers, dict) else [("id", "")]
        return _reference(kind, str(value))

    @property
    def values(self) -> dict[str, JsonValue]:
        """Its attributes, or the data of its event."""
        attributes = self.operation.get("attributes")
        plain = attributes if isinstance(attributes, dict) else {}
        return {name: value for name, value in plain.items() if name != "_update"}


class Rejection(BaseModel):
    """A rejected row, and why."""

    line: int
    reason: str


class Report(BaseModel):
    """The report of an import's source, as it is kept with the job; see `jobs/import_report.py`."""

    rows: int
    accepted: int
    rejected: int
    left_out: int
    unchanged: int = 0
    people: int
    references: list[tuple[int, Identifier, str, str | None]] | None
    kinds: list[str]
    columns: list[str]
    names: list[str]
    in_all: list[str]
    reaching: list[str]
    events: dict[str, int]
    old: int
    has_times: bool
    sample: list[Example]
    rejections: list[Rejection]
    warnings: list[str]

    @property
    def customers(self) -> list[tuple[int, Reference]]:
        """Each customer, by the first line that names them; empty if there are many."""
        return [(line, _reference(kind, value)) for line, kind, value, _ in self.references or ()]

    @property
    def new_emails(self) -> list[tuple[int, Reference, str]]:
        """The rows that name a customer by ID and set an email address, with both."""
        return [(line, _reference(kind, value), email) for line, kind, value, email in self.references or () if email]

    @property
    def notes(self) -> tuple[str, ...]:
        """The counts, and what the columns become."""
        left_out = f", {self.left_out:,} left out because they repeat an earlier one" if self.left_out else ""
        unchanged = f", {self.unchanged:,} unchanged since they were sent" if self.unchanged else ""
        counts = f"Rows: {self.rows:,}, of which {self.rejected:,} rejected{left_out}{unchanged}."
        times = ("Times without a zone are read as UTC.",) if self.has_times else ()
        return (counts, f"Columns: {'; '.join(self.columns)}.", *times)

    @property
    def all_warnings(self) -> tuple[str, ...]:
        """What a person and the receipt must say: first that rows are missing."""
        if not self.rejected:
            return tuple(self.warnings)
        are = "is" if self.rejected == 1 else "are"
        first = f"{self.rejected:,} of {self.rows:,} rows {are} rejected and not sent. get_job lists them."
        return (first, *self.warnings)

    @property
    def rejected_rows(self) -> tuple[str, ...]:
        """The first rejected rows, a line each, and how many more there are."""
        return self.name_rejected(MAX_LINES)

    def name_rejected(self, most: int) -> tuple[str, ...]:
        """Name at most so many rejected rows, a line each, and how many more there are."""
        lines = [f"line {row.line:,}: {row.reason}" for row in self.rejections[:most]]
        more = self.rejected - len(lines)
        return (*lines, *([f"and {more:,} more"] if more else []))


def _reference(kind: str, value: str) -> Reference:
    match kind:
        case "cio_id":
            return Reference(f"cio_{value}", "cio_id")
        case "email":
            return Reference(value, "email")
        case _:
            return Reference(value)


def lines_of(lines: Sequence[int]) -> str:
    """Name some lines in a sentence."""
    return f"line{'' if len(lines) == 1 else 's'} {join_first(lines, MAX_LINES, '{:,}'.format)}"
