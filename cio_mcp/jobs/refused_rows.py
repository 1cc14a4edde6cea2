"""Rows that a job did not apply, in the columns of an import: to be read, corrected, and imported again."""

import csv
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from io import StringIO
from pathlib import Path

import anyio.to_thread
from pydantic import JsonValue

from cio_mcp.errors import InvalidArgument
from cio_mcp.jobs.files import ARGUMENT, EVENT_ID_COLUMN, LINE_COLUMN, MAX_COLUMNS, PROBLEM_COLUMN
from cio_mcp.jobs.output_files import new_file
from cio_mcp.jobs.upload import stamp
from cio_mcp.storage.job_rows import RefusedRow
from cio_mcp.storage.jobs import JobRow, Jobs

SUFFIXES = (".csv", ".jsonl")
READ_AT_ONCE = 500
"""Rows that are in memory at once. Chosen."""
NOT_DONE = "The job ended before this row. Rows of the last batch may have been sent."
IDENTIFIERS = ("id", "email", "cio_id", "phone")
INTERNAL = frozenset({"type", "action", "identifiers", "attributes", "id", "_update"})
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
    columns = dict(identifiers)
    for part in (data, attributes if isinstance(attributes, dict) else {}):
        for name, value in part.items():
            if name not in INTERNAL:
                columns.setdefault(name, value)
    return columns


def problem_of(row: RefusedRow) -> str:
    """Why a row was not applied."""
    return NOT_DONE if row.problem is None else row.problem


async def refused_rows(jobs: Jobs, job: str) -> AsyncIterator[list[RefusedRow]]:
    """Read all of them, a few at a time."""
    after: int | None = None
    while rows := await jobs.refused(job, READ_AT_ONCE, after):
        yield rows
        after = rows[-1].number


async def write_refused(jobs: Jobs, job: str, name: str, directories: Sequence[Path]) -> tuple[str, int]:
    """Write the rows that a job did not apply into a new file; returns its name, and how many rows it has.

    Raises:
        InvalidArgument: the name is not acceptable, or there is such a file already.
        OperatorError: the file can't be written.
    """
    found = await jobs.get(job)
    header = await _header(jobs, job, found) if Path(name).suffix.lower() == ".csv" else None
    count = 0
    async with new_file(name, directories, suffixes=SUFFIXES) as file:
        if header is not None:
            await anyio.to_thread.run_sync(file.write, _csv([header]))
        async for rows in refused_rows(jobs, job):
            await anyio.to_thread.run_sync(file.write, _encoded(rows, found, header))
            count += len(rows)
    return file.name, count


async def _header(jobs: Jobs, job: str, found: JobRow | None) -> list[str]:
    """Every column of the rows, in the order in which they come.

    Raises:
        InvalidArgument: there are too many.
    """
    names: dict[str, None] = {}
    async for rows in refused_rows(jobs, job):
        for row in rows:
            names |= dict.fromkeys(_columns_to_import(row, found))
        if len(names) > MAX_COLUMNS:
            raise InvalidArgument(ARGUMENT, f"the rows have more than {MAX_COLUMNS:,} columns. Choose a name in .jsonl")
    return [*names, LINE_COLUMN, PROBLEM_COLUMN]


def _columns_to_import(row: RefusedRow, job: JobRow | None) -> dict[str, JsonValue]:
    """The columns of a row, and the ID of an event that may have been sent already, so that it counts once."""
    columns, data = columns_of(row), row.data
    if job is None or row.problem is not None or not isinstance(data, dict) or data.get("action") != "event":
        return columns
    return {**columns, EVENT_ID_COLUMN: stamp(data, job, row.number)["id"]}


def _encoded(rows: Sequence[RefusedRow], job: JobRow | None, header: Sequence[str] | None) -> bytes:
    whole = [{**_columns_to_import(row, job), LINE_COLUMN: row.line, PROBLEM_COLUMN: problem_of(row)} for row in rows]
    if header is not None:
        return _csv([_cell(row.get(name)) for name in header] for row in whole)
    lines = [f"{json.dumps(row, ensure_ascii=False)}\n" for row in whole]
    return "".join(lines).encode(errors="replace")


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode(errors="replace")


def _cell(value: JsonValue) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
