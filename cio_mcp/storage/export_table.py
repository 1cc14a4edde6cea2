"""The shape of an exported table, which every format writes alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["text", "count", "day", "time", "json"]
"""`day` is text such as 2026-06-15, `time` such as 2026-06-15T12:00:00Z (UTC), and `json` any JSON value."""
ExportRow = Mapping[str, object]
"""The values of a row by column, in the order of the columns; they can be written as JSON."""


@dataclass(frozen=True, slots=True)
class ExportTable:
    """A table by its name, which it has in a DuckDB file, and its columns in their order."""

    name: str
    columns: Mapping[str, ColumnType]
