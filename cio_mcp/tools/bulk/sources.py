"""The rows of an import: from the call or from a file, staged, and what the plan says of them."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Literal

import anyio.to_thread
from pydantic import BaseModel, JsonValue

from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.call import canonical
from cio_mcp.errors import InvalidArgument
from cio_mcp.jobs.columns import Columns
from cio_mcp.jobs.files import ARGUMENT, BadRow, Row, fingerprint, holds_text, open_rows
from cio_mcp.jobs.imports import ImportSource, Maker
from cio_mcp.storage.jobs import JobRow
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted
from cio_mcp.workspace import CallContext

MAX_ROWS = 1_000
"""Rows of one call. Chosen: longer lists come from a file."""
MAX_REASONS = 3
"""Rejected rows that an error names where no row can be imported."""
MAX_LINES = 5
"""Lines that a sentence names."""

REPORT_FORM = 2
"""Raised when `Report` changes, so that no plan rests on a report of an older release."""

InlineRows = list[dict[str, JsonValue]]


Kind = Literal["id", "email", "cio_id"]


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
    references: list[tuple[int, Kind, str, str | None]] | None
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


async def stage(
    ws: CallContext,
    kind: Literal["import_customers", "import_events"],
    rows: InlineRows | None,
    file: str | None,
    columns: Columns,
    make: Maker,
    options: Mapping[str, JsonValue],
) -> tuple[JobRow, Report]:
    """Stage the rows of a call, or find those that it staged before.

    Raises:
        InvalidArgument: there are none, or two kinds of them, or none can be imported.
        Unavailable: the call's time is over before all are read; the next call finds them.
    """
    if file is not None:
        if rows is not None:
            raise InvalidArgument("rows", "omit them when passing file")
        directories = ws.settings.files_dirs
        content: JsonValue = (found := await anyio.to_thread.run_sync(fingerprint, file, directories))
        source, is_text = partial(open_rows, file, directories, found), holds_text(file)
    else:
        content = [*_checked(rows)]
        source, is_text = partial(_inline, rows or []), False
    given: JsonValue = {**columns.given}
    key = hashlib.sha256(
        canonical([REPORT_FORM, kind, content, given, {**options}]).encode(errors="surrogatepass")
    ).hexdigest()
    source_of_rows = ImportSource(source, columns, make, is_text, seed=key, now=ws.clock.now())
    job = await ws.stage(kind, key, options, source_of_rows)
    report = Report.model_validate(job.report)
    if not report.accepted:
        listed = "; ".join(report.name_rejected(MAX_REASONS))
        raise InvalidArgument(
            "rows" if file is None else ARGUMENT, f"no row can be imported: {listed or 'it has none'}"
        )
    return job, report


def name_of(file: str | None) -> str:
    """How a summary names where the rows are from."""
    return f" from {quoted(file.replace(chr(92), '/').rstrip('/').rpartition('/')[2])}" if file is not None else ""


def lines_of(lines: Sequence[int]) -> str:
    """Name some lines in a sentence."""
    return f"line{'' if len(lines) == 1 else 's'} {join_first(lines, MAX_LINES, '{:,}'.format)}"


def _checked(rows: InlineRows | None) -> InlineRows:
    if not rows:
        raise InvalidArgument("rows", "expected at least one row, or a file")
    if len(rows) > MAX_ROWS:
        raise InvalidArgument("rows", f"has {len(rows):,} rows; at most {MAX_ROWS:,} per call. Pass a file")
    return rows


@contextmanager
def _inline(rows: InlineRows) -> Iterator[Iterator[Row | BadRow]]:
    yield (Row(number, values) for number, values in enumerate(rows, 1))
