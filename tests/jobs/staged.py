"""Rows to stage, as the lines of a file."""

from collections.abc import Sequence

from pydantic import JsonValue

from cio_mcp.jobs.staging import ListedRows
from cio_mcp.storage.job_rows import StagedRow


def source_of(rows: Sequence[JsonValue]) -> ListedRows:
    """A source of rows, of which the first is in line 1."""
    return ListedRows([StagedRow(line, row) for line, row in enumerate(rows, 1)])
