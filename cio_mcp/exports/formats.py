"""The formats of an export: how rows become a file, alone or after those of an earlier file."""

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from cio_mcp.storage.export_table import ExportRow, ExportTable

LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}
"""Characters that some readers take for the end of a line, as JSON escapes them."""
DIGEST_BYTES = 2**20
"""Bytes of a file that are read at once."""


class Format(StrEnum):
    """What an export is written as."""

    csv = "csv"
    jsonl = "jsonl"
    parquet = "parquet"
    duckdb = "duckdb"


class Convert(Protocol):
    """Writes the rows of a file of JSON lines to another format, after those of an old file."""

    def __call__(self, table: ExportTable, rows: Path, target: Path, old: Path | None = None) -> None:
        """Write the file `target`."""


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A format, and for Parquet and DuckDB what converts to it."""

    name: Format
    convert: Convert | None = None

    def write(self, table: ExportTable, target: Path, old: Path | None, add: Callable[["Add"], None]) -> None:
        """Write the rows that `add` hands over, after those of the file `old`.

        Raises:
            OSError: the file cannot be written.
            OperatorError: it cannot be converted.
        """
        if self.convert is None:
            if old:
                shutil.copyfile(old, target)
            with target.open("a", encoding="utf-8", errors="replace", newline="") as file:
                add(_csv_adder(file, table, header=not old) if self.name is Format.csv else _json_adder(file))
        else:
            rows = target.with_name("rows.jsonl")
            with rows.open("w", encoding="utf-8", errors="replace", newline="") as file:
                add(_json_adder(file))
            self.convert(table, rows, target, old)


class Add(Protocol):
    """Adds rows to the file that is being written."""

    def __call__(self, rows: Iterable[ExportRow]) -> None:
        """Add rows."""


class _Text(Protocol):
    def write(self, text: str, /) -> int: ...


def _csv_adder(file: _Text, table: ExportTable, *, header: bool) -> Add:
    writer = csv.DictWriter(file, list(table.columns), lineterminator="\n")
    if header:
        writer.writeheader()
    nested = [name for name, kind in table.columns.items() if kind == "json"]

    def add(rows: Iterable[ExportRow]) -> None:
        for row in rows:
            writer.writerow({**row, **{name: _compact(row[name]) for name in nested}})

    return add


def _json_adder(file: _Text) -> Add:
    def add(rows: Iterable[ExportRow]) -> None:
        for row in rows:
            file.write(f"{_compact(row)}\n")

    return add


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(LINE_ENDS)


def digest_of_rows(format_: Format, table: ExportTable, rows: Iterable[ExportRow]) -> str:
    """The SHA-256 of a format and all rows, which says whether a file must be written again."""
    digest = hashlib.sha256(f"{format_} {_compact(dict(table.columns))}".encode())
    for row in rows:
        digest.update(_compact(row).encode())
    return digest.hexdigest()


def digest_of_file(path: Path) -> str:
    """The SHA-256 of a file.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(DIGEST_BYTES):
            digest.update(part)
    return digest.hexdigest()


def flush(path: Path) -> None:
    """Have the system put a file, or the entries of a directory, on the disk.

    Raises:
        OSError: it cannot.
    """
    if path.is_dir() and os.name == "nt":  # Windows opens no directories
        return
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
