"""Rows of a Parquet file, read by DuckDB a few at a time; it comes with the extra `data`."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import JsonValue

from cio_mcp.errors import InvalidArgument, OperatorError
from cio_mcp.storage.duckdb_settings import duckdb_settings
from cio_mcp.text.sanitize import quoted

SUFFIX = ".parquet"
ROWS_AT_ONCE = 1_000
"""Rows that are converted at once. Chosen."""
MAX_ROW_BYTES = 1_000_000
"""As a line of text."""
MAX_BYTES_AT_ONCE = 10_000_000
"""Chosen: in Python, a value may take some times its bytes."""
INTEGERS = {f"{sign}{size}" for sign in ("", "U") for size in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")}
TIMES = {"DATE", "TIME", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"}
SMALL = frozenset({"BOOLEAN", "FLOAT", "DOUBLE", "UUID", "INTERVAL"} | INTEGERS | TIMES)
"""Types of columns whose values have a size that is known."""
MEMORY = "128MB"
"""What DuckDB may take for a row group; by default it would be most of the machine's."""
PATTERN_SIGNS = frozenset("*?[]{}")
"""With which DuckDB would take the name of a file for a pattern of several."""
NO_EXTRA = "To read Parquet files, the server's operator must install the extra data: pip install 'cio-mcp[data]'."


class UnusableValue(Exception):
    """A value that JSON has no word for."""


def read_parquet(path: Path, argument: str) -> Iterator[tuple[dict[str, JsonValue], dict[str, str]]]:
    """Read rows by column, each with the columns whose value JSON has no word for, and why.

    Raises:
        InvalidArgument: the file can't be read.
        OperatorError: the extra is missing.
    """
    if not PATTERN_SIGNS.isdisjoint(str(path)):
        raise InvalidArgument(argument, f"{quoted(path.name)} has one of *?[]{{}} in its path; rename it")
    try:
        import duckdb  # noqa: PLC0415 - heavy, and rarely needed
    except ImportError:
        raise OperatorError(NO_EXTRA) from None
    number = 0
    try:
        with duckdb.connect(":memory:", config=duckdb_settings(MEMORY)) as database:
            described = database.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
            columns = [str(column[0]) for column in described]
            at_once = _rows_at_once(database, path, argument, described)
            read = database.execute("SELECT * FROM read_parquet(?)", [str(path)])
            while rows := read.fetchmany(at_once):
                for row in rows:
                    number += 1
                    yield _values(columns, row)
    except duckdb.Error:
        rest = f" beyond row {number:,}" if number else ""
        raise InvalidArgument(argument, f"{quoted(path.name)} can't be read as Parquet{rest}") from None


def _rows_at_once(database: Any, path: Path, argument: str, described: Sequence[tuple[Any, ...]]) -> int:
    """How many rows fit into memory: a file of a few kilobytes can hold gigabytes of repeated text.

    Raises:
        InvalidArgument: a row is too large.
    """
    sizes = [f"coalesce({_size(str(name), str(kind))}, 0)" for name, kind, *_ in described if str(kind) not in SMALL]
    if not sizes:
        return ROWS_AT_ONCE
    query = f"SELECT max({' + '.join(sizes)}) FROM read_parquet(?)"  # noqa: S608 - names are quoted
    largest = int((database.execute(query, [str(path)]).fetchone() or (0,))[0] or 0)
    if largest > MAX_ROW_BYTES:
        raise InvalidArgument(argument, f"{quoted(path.name)} has a row of more than {MAX_ROW_BYTES:,} bytes")
    return max(1, min(ROWS_AT_ONCE, MAX_BYTES_AT_ONCE // max(1, largest)))


def _size(name: str, kind: str) -> str:
    column = f'"{name.replace(chr(34), 2 * chr(34))}"'
    return f"octet_length({column})" if kind == "BLOB" else f"strlen({column}::VARCHAR)"


def _values(columns: list[str], row: tuple[Any, ...]) -> tuple[dict[str, JsonValue], dict[str, str]]:
    values: dict[str, JsonValue] = {}
    faults: dict[str, str] = {}
    for column, value in zip(columns, row, strict=True):
        try:
            values[column] = as_json(value)
        except UnusableValue as unusable:
            values[column], faults[column] = None, str(unusable)
    return values, faults


def as_json(value: Any) -> JsonValue:
    """A value of a column as JSON; dates and times as ISO 8601.

    Raises:
        UnusableValue: JSON has no word for it.
    """
    match value:
        case None | str() | bool() | int() | float():
            return value
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime() | date() | time():
            return value.isoformat()
        case UUID():
            return str(value)
        case list() | tuple():
            return [as_json(part) for part in value]
        case dict():
            return {str(name): as_json(part) for name, part in value.items()}
        case _:
            raise UnusableValue(f"a value of the type {type(value).__name__} can't be sent")
