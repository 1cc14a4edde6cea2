"""Files with rows of a job, in the columns of an import: those to send, or to be corrected and imported again."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import anyio.to_thread
from pydantic import JsonValue

from cio_mcp.errors import InvalidArgument
from cio_mcp.jobs.files import ARGUMENT, EVENT_ID_COLUMN, LINE_COLUMN, MAX_COLUMNS, PROBLEM_COLUMN
from cio_mcp.jobs.output_files import new_file
from cio_mcp.jobs.row_lines import csv_lines, json_lines
from cio_mcp.jobs.upload import stamp
from cio_mcp.storage.job_rows import RefusedRow
from cio_mcp.storage.jobs import JobRow, Jobs

Pages = AsyncIterator[list[RefusedRow]]
ColumnsOf = Callable[[RefusedRow], dict[str, JsonValue]]
SUFFIXES = (".csv", ".jsonl")
READ_AT_ONCE = 500
"""Rows that are in memory at once. Chosen."""
NOT_DONE = "The job ended before this row. Rows of the last batch may have been sent."
IDENTIFIERS = ("id", "email", "cio_id", "phone")
UPDATE = "_update"
INTERNAL = frozenset({"type", "action", "identifiers", "attributes", "id"})
"""Parts of an operation that are no columns."""


def columns_of(row: RefusedRow) -> dict[str, JsonValue]:
    """The columns of a row: identifiers first, then what else the operation has, then attributes.

    A row that was rejected before it became an operation stays as it was read.
    """
    data = row.data
    if not isinstance(data, dict):
        return {}
    identifiers, attributes = data.get("identifiers"), data.get("attributes")
    if not isinstance(identifiers, dict):
        return {name: data[name] for name in (*IDENTIFIERS, *data) if name in data}
    own = {name: value for name, value in attributes.items() if name != UPDATE} if isinstance(attributes, dict) else {}
    # An event's data may have a name, too; its own one was then given for all rows.
    rest = {name: value for name, value in data.items() if name not in INTERNAL and name not in own}
    return {**identifiers, **rest, **own, **identifiers}


def problem_of(row: RefusedRow) -> str:
    """Why a row was not applied."""
    return NOT_DONE if row.problem is None else row.problem


def refused_rows(jobs: Jobs, job: str) -> Pages:
    """Read the rows that a job did not apply, a few at a time."""
    return _pages(partial(jobs.refused, job, READ_AT_ONCE))


def staged_rows(jobs: Jobs, job: str) -> Pages:
    """Read the rows that a job has yet to send, a few at a time."""
    return _pages(partial(jobs.staged, job, READ_AT_ONCE))


async def write_refused(jobs: Jobs, job: str, name: str, directories: Sequence[Path]) -> tuple[str, int]:
    """Write the rows that a job did not apply into a new file; returns its name, and how many rows it has.

    Raises:
        InvalidArgument: the name is not acceptable, or there is such a file already.
        OperatorError: the file can't be written.
    """
    columns = partial(_columns_to_import, await jobs.get(job))
    return await _write(partial(refused_rows, jobs, job), columns, (LINE_COLUMN, PROBLEM_COLUMN), name, directories)


async def write_staged(jobs: Jobs, job: str, name: str, directories: Sequence[Path]) -> tuple[str, int]:
    """Write the rows that a job has yet to send, as `write_refused` does."""
    return await _write(partial(staged_rows, jobs, job), columns_of, (LINE_COLUMN,), name, directories)


async def _pages(read: Callable[[int | None], Awaitable[list[RefusedRow]]]) -> Pages:
    after: int | None = None
    while rows := await read(after):
        yield rows
        after = rows[-1].number


async def _write(
    pages: Callable[[], Pages], columns: ColumnsOf, ends: Sequence[str], name: str, directories: Sequence[Path]
) -> tuple[str, int]:
    header = await _header(pages(), columns, ends) if Path(name).suffix.lower() == ".csv" else None
    count = 0
    async with new_file(name, directories, suffixes=SUFFIXES) as file:
        if header is not None:
            await anyio.to_thread.run_sync(file.write, csv_lines([header]))
        async for rows in pages():
            await anyio.to_thread.run_sync(file.write, _encoded(rows, columns, ends, header))
            count += len(rows)
    return file.name, count


async def _header(pages: Pages, columns: ColumnsOf, ends: Sequence[str]) -> list[str]:
    """Every column of the rows, in the order in which they come.

    Raises:
        InvalidArgument: there are too many.
    """
    names: dict[str, None] = {}
    async for rows in pages:
        for row in rows:
            names |= dict.fromkeys(columns(row))
        if len(names) > MAX_COLUMNS:
            raise InvalidArgument(ARGUMENT, f"the rows have more than {MAX_COLUMNS:,} columns. Choose a name in .jsonl")
    return [*names, *ends]


def _columns_to_import(job: JobRow | None, row: RefusedRow) -> dict[str, JsonValue]:
    """The columns of a row, and the ID of an event that may have been sent already, so that it counts once."""
    columns, data = columns_of(row), row.data
    if job is None or row.problem is not None or not isinstance(data, dict) or data.get("action") != "event":
        return columns
    return {**columns, EVENT_ID_COLUMN: stamp(data, job, row.number)["id"]}


def _encoded(
    rows: Sequence[RefusedRow], columns: ColumnsOf, ends: Sequence[str], header: Sequence[str] | None
) -> bytes:
    whole = [_whole(row, columns, ends) for row in rows]
    if header is not None:
        return csv_lines([_cell(row.get(name)) for name in header] for row in whole)
    return json_lines(whole)


def _whole(row: RefusedRow, columns: ColumnsOf, ends: Sequence[str]) -> dict[str, JsonValue]:
    last: dict[str, JsonValue] = {LINE_COLUMN: row.line, PROBLEM_COLUMN: problem_of(row)}
    return {**columns(row), **{name: last[name] for name in ends}}


def _cell(value: JsonValue) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
