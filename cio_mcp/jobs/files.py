"""Files of rows: opened only below the directories that the operator allows, and read row by row."""

import csv
import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from pydantic import JsonValue

from cio_mcp.errors import InvalidArgument
from cio_mcp.storage.parquet import SUFFIX, read_parquet
from cio_mcp.text.sanitize import quoted

ARGUMENT = "file"
"""The argument of the tools that read a file."""
FORMATS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", SUFFIX: "parquet"}
MAX_LINE_BYTES = 1_000_000
"""Of one line. Chosen: thirty times what Customer.io takes of one customer."""
MAX_COLUMNS = 1_000
"""Chosen: Customer.io keeps 300 attributes of a customer."""
LINE_COLUMN, PROBLEM_COLUMN, EVENT_ID_COLUMN = "import_line", "import_problem", "import_event_id"
"""Columns of the files of refused rows that no import sets: the line of the original file, and what was wrong."""
SPREADSHEETS = (".xlsx", ".xls", ".ods")
AS_UTF8 = "Save it as UTF-8 (in Excel: “CSV UTF-8”)"
UTF16 = (b"\xff\xfe", b"\xfe\xff")
UTF8_MARK = b"\xef\xbb\xbf"


class RepeatedName(Exception):
    """An object has a name twice, so it is not known which value counts."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


NO_FAULTS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Row:
    """A row that could be read: the line it starts at, from 1, and its values by column.

    `faults` are reasons, by column, why a value is missing that JSON has no word for.
    """

    line: int
    values: dict[str, JsonValue]
    faults: Mapping[str, str] = field(default_factory=lambda: NO_FAULTS)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read, and why."""

    line: int
    reason: str


@contextmanager
def open_rows(name: str, directories: Sequence[Path], expected: str = "") -> Iterator[Iterator[Row | BadRow]]:
    """Open a file of rows and read them; the file must not change meanwhile, nor differ from an `expected` fingerprint.

    Raises:
        InvalidArgument: it lies elsewhere, cannot be read, or changed while it was read; the text says what to do.
    """
    path = allowed_path(name, directories)
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        hint = f". {AS_UTF8}" if path.suffix.lower() in SPREADSHEETS else ""
        raise InvalidArgument(ARGUMENT, f"{quoted(path.name)} must end with {', '.join(FORMATS)}{hint}")
    try:
        file = os.fdopen(_open(path), "rb")
    except OSError:
        raise InvalidArgument(ARGUMENT, f"{quoted(path.name)} can't be read by this server") from None
    with file:
        before = os.fstat(file.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise InvalidArgument(ARGUMENT, f"{quoted(path.name)} isn't a regular file")
        if not before.st_size:
            raise InvalidArgument(ARGUMENT, f"{quoted(path.name)} is empty")
        if expected and _fingerprint(path, before) != expected:
            raise _changed(path)
        try:
            yield _rows(kind, path, file)
        except OSError:
            raise InvalidArgument(ARGUMENT, f"{quoted(path.name)} can't be read to its end") from None
        after = os.fstat(file.fileno())
        is_replaced = kind == "parquet" and not _is_still(path, after)
        if is_replaced or (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise _changed(path)


def fingerprint(name: str, directories: Sequence[Path]) -> str:
    """What tells a file from every other one and from itself after a change.

    Raises:
        InvalidArgument: there is none, or it lies elsewhere.
    """
    path = allowed_path(name, directories)
    try:
        status = path.stat()
    except OSError:
        raise InvalidArgument(ARGUMENT, f"{quoted(path.name)} can't be read by this server") from None
    return _fingerprint(path, status)


def holds_text(name: str) -> bool:
    """Whether all values of a file are text, by the ending of its name."""
    return Path(name).suffix.lower() == ".csv"


def allowed_path(name: str, directories: Sequence[Path]) -> Path:
    """Find a file below the allowed directories, with every symlink resolved.

    Raises:
        InvalidArgument: there is none, or it lies elsewhere.
    """
    if not directories:
        raise InvalidArgument(
            ARGUMENT, "this server reads no files. Its operator can allow a directory: CIO_FILES_DIRS"
        )
    roots = [directory.expanduser().resolve() for directory in directories]
    given = Path(os.path.expanduser(name))  # noqa: PTH111 - pathlib fails for an unknown user
    for path in [given] if given.is_absolute() else [root / given for root in roots]:
        try:
            resolved = path.resolve(strict=True)
        except (OSError, RuntimeError, ValueError):
            continue
        if any(resolved.is_relative_to(root) for root in roots):
            return resolved
    raise InvalidArgument(ARGUMENT, f"there is no file {quoted(given.name)} in the directories of CIO_FILES_DIRS")


def _fingerprint(path: Path, status: os.stat_result) -> str:
    return f"{path} {status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns}"


def _changed(path: Path) -> InvalidArgument:
    return InvalidArgument(ARGUMENT, f"{quoted(path.name)} changed while it was read. Try again")


def _open(path: Path) -> int:
    """Open a path whose symlinks were resolved, without following one that took the place of a part of it meanwhile."""
    # A named pipe without a writer would otherwise hold up the thread that opens it.
    to_read = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    if not hasattr(os, "O_PATH"):  # elsewhere than on Linux, a folder that can't be listed can't be opened
        return os.open(path, to_read)
    root, *folders = path.parent.parts
    folder = os.open(root, os.O_PATH)
    try:
        for each in folders:
            inner = os.open(each, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(path.name, to_read, dir_fd=folder)
    finally:
        os.close(folder)


def _rows(kind: str, path: Path, file: BinaryIO) -> Iterator[Row | BadRow]:
    match kind:
        case "csv":
            return _csv_rows(file)
        case "jsonl":
            return _json_rows(file)
        case _:
            return _parquet_rows(path)


def _is_still(path: Path, opened: os.stat_result) -> bool:
    """Whether a path, which DuckDB opened by itself, still leads to the file that was checked."""
    try:
        return os.path.samestat(path.lstat(), opened)
    except OSError:
        return False


def _parquet_rows(path: Path) -> Iterator[Row | BadRow]:
    for number, (values, faults) in enumerate(read_parquet(path, ARGUMENT), 1):
        if number == 1:
            _check_columns([*values])
        yield Row(number, values, faults)


def _lines(file: BinaryIO) -> Iterator[str]:
    """Decode line by line; a byte order mark is skipped.

    Raises:
        InvalidArgument: the encoding isn't UTF-8, or a line is too long.
    """
    number = 0
    while raw := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if number == 1 and raw.startswith(UTF16):
            raise InvalidArgument(ARGUMENT, f"is encoded in UTF-16. {AS_UTF8}")
        if len(raw) > MAX_LINE_BYTES:
            raise InvalidArgument(ARGUMENT, f"line {number:,} has more than {MAX_LINE_BYTES:,} bytes")
        if b"\0" in raw:
            raise InvalidArgument(ARGUMENT, f"line {number:,} has a null byte, so it isn't a text file")
        try:
            yield raw.removeprefix(UTF8_MARK if number == 1 else b"").decode()
        except UnicodeDecodeError:
            raise InvalidArgument(
                ARGUMENT, f"line {number:,} isn't UTF-8 (maybe Latin-1 or Windows-1252). {AS_UTF8}"
            ) from None


def _csv_rows(file: BinaryIO) -> Iterator[Row | BadRow]:
    lines = _lines(file)
    first = next(lines, "")
    delimiter = max(",;\t", key=first.count)
    record = _Record(chain([first], lines))
    reader = csv.reader(record, delimiter=delimiter, strict=True)
    try:
        columns = [name.strip() for name in next(reader, [])]
        _check_columns(columns)
        start = reader.line_num + 1
        record.size = 0
        for cells in reader:
            record.size = 0
            if len(cells) == len(columns):
                yield Row(start, dict(zip(columns, cells, strict=True)))
            elif cells:
                yield BadRow(start, f"has {len(cells):,} values; the first line names {len(columns):,} columns")
            start = reader.line_num + 1
    except csv.Error:
        raise InvalidArgument(
            ARGUMENT, f"line {reader.line_num:,} isn't valid CSV: check its quotation marks"
        ) from None


def _check_columns(columns: Sequence[str]) -> None:
    if len(columns) > MAX_COLUMNS:
        raise InvalidArgument(ARGUMENT, f"has {len(columns):,} columns; at most {MAX_COLUMNS:,} can be read")
    if not all(columns):
        raise InvalidArgument(ARGUMENT, f"column {columns.index('') + 1:,} has no name in the first line")
    repeated = next((name for name in columns if columns.count(name) > 1), None)
    if repeated is not None:
        raise InvalidArgument(ARGUMENT, f"the first line names the column {quoted(repeated)} twice")


def _json_rows(file: BinaryIO) -> Iterator[Row | BadRow]:
    for number, line in enumerate(_lines(file), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line, parse_constant=_refuse_constant, object_pairs_hook=_unique)
        except RepeatedName as repeated:
            yield BadRow(number, f"names {quoted(repeated.name)} twice")
            continue
        except (ValueError, RecursionError):
            yield BadRow(number, "isn't valid JSON")
            continue
        yield Row(number, value) if isinstance(value, dict) else BadRow(number, "isn't a JSON object")


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        raise RepeatedName(next(name for name in names if names.count(name) > 1))
    return values


@dataclass(slots=True)
class _Record:
    """The lines of a CSV file, of which quotation marks can make one row: no more of them than one line may have."""

    lines: Iterator[str]
    size: int = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self.lines)
        self.size += len(line)
        if self.size > MAX_LINE_BYTES:
            raise InvalidArgument(ARGUMENT, f"a row has more than {MAX_LINE_BYTES:,} bytes: check the quotation marks")
        return line
