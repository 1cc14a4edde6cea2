"""The source of an import's rows: read twice, first to know the columns and repeated customers, then as operations."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from random import Random

from pydantic import JsonValue

from cio_mcp.customerio.batches import Operation
from cio_mcp.errors import InvalidArgument
from cio_mcp.jobs.cells import Form, Guess
from cio_mcp.jobs.columns import Columns
from cio_mcp.jobs.files import ARGUMENT, EVENT_ID_COLUMN, BadRow, Row
from cio_mcp.jobs.import_report import ReportBuilder
from cio_mcp.jobs.import_rows import CustomerRows, EventRows, identifier_of
from cio_mcp.jobs.import_values import MAX_LEVELS, is_deep
from cio_mcp.jobs.repeats import Repeated, Repeats
from cio_mcp.storage.job_rows import StagedRow
from cio_mcp.text.sanitize import quoted

MAX_ROWS = 1_000_000
"""Rows of one import. Chosen: what was measured."""

Rows = Iterator[Row | BadRow]
Maker = Callable[[Columns, Mapping[str, Form]], CustomerRows | EventRows]


@dataclass(slots=True)
class ImportSource:
    """Rows as operations, those that can't be sent with the reason; see `RowSource`.

    `open` opens the rows each time. `is_text` says that all values are text, so that numbers and truth values are
    recognized by column. `seed` picks the random rows of the sample; nobody may foresee it, or they could hide a row.
    `now` is in Unix seconds. `is_known` says that an operation need not be sent again, as in a sync.
    """

    open: Callable[[], AbstractContextManager[Rows]]
    columns: Columns
    make: Maker
    is_text: bool
    seed: str
    now: float
    is_known: Callable[[Operation], bool] = lambda _: False
    event_ids: set[int] = field(default_factory=set)
    scan: "Scan" = field(init=False)
    result: ReportBuilder = field(init=False)

    def rows(self) -> Iterator[StagedRow]:
        """Read the rows.

        Raises:
            InvalidArgument: they can't be read, or a column can't become what was requested.
        """
        self.scan, self.event_ids = Scan(self.columns, self.is_text), set()
        with self.open() as rows:
            for row in rows:
                self.scan.see(row)
        if self.columns.targets:
            self.columns.check()
        repeated = self.scan.repeats.find()
        self.scan.repeats = Repeats()  # its memory is no longer needed
        forms = self.scan.forms
        self.result = ReportBuilder(self.columns, forms, self.scan.guesses, repeated, Random(self.seed), self.now)  # noqa: S311 - a sample
        made = self.make(self.columns, forms)
        with self.open() as rows:
            yield from self._staged(rows, made, repeated)
        self.result.check_read(self.scan.seen)

    def report(self) -> Mapping[str, JsonValue]:
        """What the plan shows of them."""
        return self.result.as_json()

    def _staged(self, rows: Rows, made: CustomerRows | EventRows, repeated: Repeated) -> Iterator[StagedRow]:
        number = -1
        is_customers = self.columns.kind == "customers"
        for row in rows:
            if isinstance(row, BadRow):
                self.result.reject(row.line, row.reason)
                yield StagedRow(row.line, None, row.reason)
                continue
            number += 1
            if is_customers and number in repeated.equal:
                self.result.leave_out()
                continue
            try:
                if is_customers:
                    _check_conflict(repeated.conflicts.get(number))
                self._check_faults(row)
                operation = made.operation(row.values)
                self._check_event_id(operation)
            except InvalidArgument as wrong:
                self.result.reject(row.line, str(wrong))
                yield StagedRow(row.line, storable(self.columns.named_by_targets(row.values)), str(wrong))
                continue
            if self.is_known(operation):
                self.result.leave_unchanged()
                continue
            self.result.accept(row.line, operation)
            yield StagedRow(row.line, operation)

    def _check_event_id(self, operation: Operation) -> None:
        """Refuse a second event with an ID: Customer.io keeps one of them, without an answer."""
        if (given := operation.get("id")) is not None:
            if (id_ := hash(str(given))) in self.event_ids:
                raise InvalidArgument(quoted(EVENT_ID_COLUMN), "another row has the same ID, so only one would count")
            self.event_ids.add(id_)

    def _check_faults(self, row: Row) -> None:
        for column, reason in row.faults.items():
            if self.columns.targets[column] is not None:
                raise InvalidArgument(quoted(column), reason)


@dataclass(slots=True)
class Scan:
    """The first reading: which columns there are, what they hold, and which rows share a customer."""

    columns: Columns
    is_text: bool
    guesses: dict[str, Guess] = field(default_factory=dict)
    repeats: Repeats = field(default_factory=Repeats)
    seen: int = 0

    @property
    def forms(self) -> dict[str, Form]:
        """The forms of columns whose cells agree."""
        return {column: guess.form for column, guess in self.guesses.items() if guess.form is not None}

    def see(self, row: Row | BadRow) -> None:
        """Take a row into account.

        Raises:
            InvalidArgument: there are too many rows, or a column can't become what was requested.
        """
        self.seen += 1
        if self.seen > MAX_ROWS:
            raise InvalidArgument(ARGUMENT, f"has more than {MAX_ROWS:,} rows; split it")
        if isinstance(row, BadRow):
            return
        for column, value in row.values.items():
            if column not in self.columns.targets:
                self.columns.target(column)
            if self.is_text and value and isinstance(value, str) and (cell := value.strip()):
                if (guess := self.guesses.get(column)) is None:
                    guess = self.guesses[column] = Guess()
                guess.see(cell)
        self._compare(row)

    def _compare(self, row: Row) -> None:
        identifying = self.columns.identifying
        named = [(each, text) for each in identifying if (text := identifier_of(each, row.values.get(each.column)))]
        if not named:
            self.repeats.skip(row.line)
            return
        by, text = named[0]
        email = next((text for each, text in named[1:] if each.role == "email"), None)
        targets = self.columns.targets
        values = tuple(
            item for item in row.values.items() if (target := targets[item[0]]) is not None and target is not by
        )
        try:
            # As text: the hash of 1 is that of true, and the hash of -1 that of -2.
            content = hash(values if self.is_text else repr(values))
        except RecursionError:  # the row will be rejected
            content = 0
        self.repeats.add(row.line, by.role or "id", text, email, content)


def _check_conflict(other: int | None) -> None:
    if other is not None:
        raise InvalidArgument("customer", f"line {other:,} names the same one with other values")


def storable(values: Mapping[str, JsonValue]) -> JsonValue:
    """A row's values as a database takes them: what isn't a text or number that it can keep is spelled out."""
    return {_whole(name): _storable(value) for name, value in values.items()}


def _storable(value: JsonValue) -> JsonValue:
    match value:
        case str():
            return _whole(value)
        case float() | int() if not isinstance(value, bool):
            return value if abs(value) < float("inf") and value == value else str(value)  # noqa: PLR0124 - NaN
        case list() | dict():
            return _spelled(value) if is_deep(value) or _is_odd(value) else value
        case _:
            return value


def _spelled(value: JsonValue) -> str:
    try:
        return _whole(repr(value))
    except RecursionError:
        return f"(more than {MAX_LEVELS} levels)"


def _is_odd(value: JsonValue) -> bool:
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return True
    return False


def _whole(text: str) -> str:
    return text.encode(errors="replace").decode()
