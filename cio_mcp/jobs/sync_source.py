"""The rows of a sync as a file: standard input and queries are copied into one, so that they can be read twice."""

import json
import math
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import JsonValue

from cio_mcp.errors import InvalidArgument, OperatorError, SettingError
from cio_mcp.jobs.sync_file import InputFormat, Query
from cio_mcp.storage.external import open_query
from cio_mcp.text.sanitize import quoted

MAX_BYTES = 2_000_000_000
"""Bytes of a copy. Chosen: a million rows of 2 KB."""
COPIED_AT_ONCE = 1_000_000
MAX_DIGITS = 15
"""Digits that a number in JSON keeps for sure."""
NOTHING = "standard input is empty, so nothing was sent"
NO_ROWS = "the query returned no rows, so nothing was sent"
FULL = "The rows can't be copied into the data directory: its disk is full, or it isn't writable."


@contextmanager
def open_source(source: Path | InputFormat | Query, folder: Path, standard_input: BinaryIO) -> Iterator[Path]:
    """A file with the rows; a copy lies in `folder`, readable for this user alone, until the block ends. It blocks.

    Raises:
        SettingError: the file is missing, or the query fails.
        InvalidArgument: there are no rows, or too many.
    """
    if isinstance(source, Path):
        if not source.is_file():
            raise SettingError("from.file", f"there is no file {quoted(source.name)}")
        yield source.resolve()
        return
    shutil.rmtree(folder, ignore_errors=True)  # what a run left that was killed
    try:
        yield _copied(source, folder, standard_input)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copied(source: InputFormat | Query, folder: Path, standard_input: BinaryIO) -> Path:
    path = folder / ("query.jsonl" if isinstance(source, Query) else f"input.{source}")
    try:
        folder.mkdir(mode=0o700, parents=True)
        with path.open("wb") as file:
            if isinstance(source, Query):
                _copy_query(source, file)
            else:
                _copy(standard_input, file)
    except OSError:
        raise OperatorError(FULL) from None
    return path


def _copy(standard_input: BinaryIO, file: BinaryIO) -> None:
    size = 0
    while part := standard_input.read(COPIED_AT_ONCE):
        size += file.write(part)
        _check_size(size)
    if not size:
        raise InvalidArgument("stdin", NOTHING)


def _copy_query(source: Query, file: BinaryIO) -> None:
    size = 0
    with open_query(source.key, source.url, source.query) as rows:
        for row in rows:
            values = {column: _json_value(source.key, column, value) for column, value in row.items()}
            size += file.write(f"{json.dumps(values)}\n".encode())
            _check_size(size)
    if not size:
        raise SettingError(source.key, NO_ROWS)


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise OperatorError(f"The rows have more than {MAX_BYTES:,} bytes. Split them into several syncs.")


def _json_value(key: str, column: str, value: Any) -> JsonValue:
    """A value of a database as JSON: a time as Unix seconds, as Customer.io expects it; without a zone it is UTC.

    A number that is none (NaN, Infinity) counts as empty.

    Raises:
        SettingError: it is binary.
    """
    match value:
        case bytes() | bytearray() | memoryview():
            raise SettingError(key, f"the query returns binary values in the column {quoted(column)}")
        case Mapping():
            return {str(name): _json_value(key, column, each) for name, each in value.items()}
        case list() | tuple():
            return [_json_value(key, column, each) for each in value]
        case _:
            return _scalar(value)


def _scalar(value: Any) -> JsonValue:
    match value:
        case float() | Decimal() if not math.isfinite(value):
            return None
        case None | bool() | str() | int() | float():
            return value
        case Decimal():
            return _number(value)
        case datetime():
            return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())
        case date():
            return int(datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp())
        case _:
            return str(value)


def _number(value: Decimal) -> JsonValue:
    if len(value.as_tuple().digits) > MAX_DIGITS:
        return str(value)
    return int(value) if value == value.to_integral_value() else float(value)
