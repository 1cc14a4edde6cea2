"""Parquet and DuckDB files, written from rows in JSON lines. Loads duckdb, which comes with the extra `data`."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from cio_mcp.errors import OperatorError
from cio_mcp.storage.duckdb_settings import duckdb_settings
from cio_mcp.storage.export_table import ColumnType, ExportTable

MEMORY = "256MB"
"""What one conversion may take; more rows than fit go through the disk."""
MAX_LINE_BYTES = 16 * 2**20
TYPES: dict[ColumnType, str] = {
    "text": "VARCHAR",
    "count": "BIGINT",
    "day": "DATE",
    "time": "TIMESTAMP",
    "json": "JSON",
}


def write_parquet(table: ExportTable, rows: Path, target: Path, old: Path | None = None) -> None:
    """Write the rows of an old Parquet file, and those of a file of JSON lines after them, to a new Parquet file.

    Raises:
        OperatorError: it could not be written.
    """
    with _connected(":memory:", rows.parent) as db:
        tables = [*([f"read_parquet({_text(old)})"] if old else []), _reading(table, rows)]
        both = " UNION ALL ".join(f"FROM {each}" for each in tables)
        db.execute(f"COPY ({both}) TO {_text(target)} (FORMAT parquet)")


def write_duckdb(table: ExportTable, rows: Path, target: Path, old: Path | None = None) -> None:
    """Write the same to a DuckDB file with one table.

    Raises:
        OperatorError: it could not be written.
    """
    if old:
        shutil.copyfile(old, target)
    with _connected(str(target), rows.parent) as db:
        columns = ", ".join(f'"{name}" {TYPES[kind]}' for name, kind in table.columns.items())
        db.execute(f"CREATE TABLE IF NOT EXISTS {table.name} ({columns})")
        db.execute(f"INSERT INTO {table.name} FROM {_reading(table, rows)}")
        db.execute("CHECKPOINT")


@contextmanager
def _connected(database: str, scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a database; what does not fit into memory goes to the directory `scratch`."""
    try:
        db = duckdb.connect(database, config=duckdb_settings(MEMORY, scratch))
        try:
            yield db
        finally:
            db.close()
    except duckdb.Error as error:
        full = "no space" in str(error).lower()
        raise OperatorError(
            f"The export can't be written{': the disk is full' if full else ''}. What was read is kept."
        ) from None


def _reading(table: ExportTable, rows: Path) -> str:
    columns = ", ".join(f"\"{name}\": '{TYPES[kind]}'" for name, kind in table.columns.items())
    return (
        f"read_json({_text(rows)}, format = 'newline_delimited', columns = {{{columns}}}, "
        f"maximum_object_size = {MAX_LINE_BYTES})"
    )


def _text(path: Path | None) -> str:
    quoted = str(path).replace("'", "''")
    return f"'{quoted}'"
