"""A list of people, from arguments or a file: which customer each row names, without asking Customer.io."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import anyio.to_thread
from pydantic import JsonValue

from cio_mcp.customerio.api.base import Reference
from cio_mcp.errors import InvalidArgument
from cio_mcp.jobs.files import BadRow, Row, open_rows
from cio_mcp.jobs.identifiers import IDENTIFIERS, Identifier
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.spelling import closest_word
from cio_mcp.tools.common.people_lookup import read_entries

MAX_PEOPLE = 200_000
"""Rows of a list. Chosen: people who are not in the segment yet are looked up, 1,000 in a second at most."""
MAX_CHARACTERS = 500
"""Characters of an identifier. Chosen: Customer.io documents 150 bytes, and an address has 254."""
MAX_NAMED = 10
"""Columns that an error names. Chosen."""
NO_PHONES = "is a phone number; pass an ID, an email address, or cio_…"


@dataclass(frozen=True, slots=True)
class PeopleList:
    """The people of a list: each different reference once, with the line of its row.

    `faults` are the rows that name nobody, by line, each with its text and the reason. `rows` counts all, `repeated`
    those that repeat an earlier one, and `column` is the one of a file that was read.
    """

    lines: Mapping[Reference, int]
    faults: Mapping[int, tuple[str, str]]
    rows: int
    repeated: int
    column: str | None = None

    @property
    def references(self) -> list[Reference]:
        """How its people are named."""
        return [*self.lines]


def list_of(values: Sequence[str], kind: Identifier | None) -> PeopleList:
    """Read a list that was given as it is; the lines are its numbers from 1."""
    return _list(dict(enumerate(values, 1)), {}, kind)


async def read_list(name: str, directories: Sequence[Path], column: str | None, kind: Identifier | None) -> PeopleList:
    """Read one column of a file: the given one, or one that is named after an identifier, or the only one.

    Raises:
        InvalidArgument: it can't be read, it has too many rows, or no column is clear; the text says what to do.
    """
    return await anyio.to_thread.run_sync(_read_file, name, directories, column, kind)


def _read_file(name: str, directories: Sequence[Path], column: str | None, kind: Identifier | None) -> PeopleList:
    with open_rows(name, directories) as rows:
        return list_of_rows(rows, column, kind)


def list_of_rows(rows: Iterable[Row | BadRow], column: str | None, kind: Identifier | None) -> PeopleList:
    """Read one column of rows, as `read_list` does.

    Raises:
        InvalidArgument: there are too many rows, or no column is clear.
    """
    values: dict[int, str] = {}
    faults: dict[int, tuple[str, str]] = {}
    chosen: str | None = None
    for count, row in enumerate(rows, 1):
        if count > MAX_PEOPLE:
            raise InvalidArgument("file", f"has more than {MAX_PEOPLE:,} rows; split the list into several segments")
        if isinstance(row, BadRow):
            faults[row.line] = "", row.reason
            continue
        chosen = chosen or _column(row.values, column)
        match row.values.get(chosen):
            case str(text) if len(text) > MAX_CHARACTERS:
                faults[row.line] = text[:MAX_CHARACTERS], "is too long to identify a customer"
            case str(text) if text.strip():
                values[row.line] = text
            case int() as number if not isinstance(number, bool):
                values[row.line] = str(number)
            case None | str():
                faults[row.line] = "", f"has no {quoted(chosen)}"
            case _:
                faults[row.line] = "", f"{quoted(chosen)} is neither text nor a whole number"
    read = _list(values, faults, kind or _kind_of(chosen))
    return replace(read, column=chosen)


def _list(values: Mapping[int, str], faults: Mapping[int, tuple[str, str]], kind: Identifier | None) -> PeopleList:
    lines, texts = [*values], [*values.values()]
    entries, unread = read_entries(texts, kind)
    people = {entry.reference: lines[entry.number - 1] for entry in entries if entry.reference.kind != "phone"}
    phones = {entry.number: NO_PHONES for entry in entries if entry.reference.kind == "phone"}
    more = {lines[number - 1]: (texts[number - 1], reason) for number, reason in {**unread, **phones}.items()}
    repeated = len(texts) - len(unread) - len(entries)
    return PeopleList(people, {**faults, **more}, len(texts) + len(faults), repeated)


def _column(values: Mapping[str, JsonValue], wanted: str | None) -> str:
    """The column to read."""
    if wanted is not None:
        named = [name for name in values if name == wanted] or [
            name for name in values if name.casefold() == wanted.strip().casefold()
        ]
        if len(named) == 1:
            return named[0]
        close = closest_word(wanted, values)
        hint = f"did you mean {quoted(close)}?" if close else f"it has {_names(values)}"
        raise InvalidArgument("column", f"the file has no column {quoted(wanted)}; {hint}")
    for kind in IDENTIFIERS:
        if named := [name for name in values if _kind_of(name) == kind]:
            return named[0]
    only = next(iter(values)) if len(values) == 1 else None
    if only is None:
        raise InvalidArgument("column", f"expected the one that names the customers: {_names(values)}")
    if "@" in only or only.startswith("cio_") or only.isdecimal():
        raise InvalidArgument("file", "its first line must name the column, such as email; it is no row of the list")
    return only


def _names(values: Mapping[str, JsonValue]) -> str:
    return join_first([*values], MAX_NAMED, quoted) or "no columns"


def _kind_of(column: str | None) -> Identifier | None:
    """The kind of identifier after which a column is named."""
    name = (column or "").strip().casefold()
    return next((kind for kind in IDENTIFIERS if kind == name), None)
