"""The rows of an import: from the call or from a file, staged."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from secrets import token_hex
from typing import Annotated, Literal

import anyio.to_thread
from pydantic import Field, JsonValue

from cio_mcp.customerio.call import canonical
from cio_mcp.errors import InvalidArgument
from cio_mcp.jobs.columns import Columns
from cio_mcp.jobs.files import ARGUMENT, BadRow, Row, fingerprint, holds_text, open_rows
from cio_mcp.jobs.imports import ImportSource, Maker
from cio_mcp.storage.jobs import JobRow
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.bulk.report import REPORT_FORM, Report
from cio_mcp.tools.common.arguments import Name
from cio_mcp.workspace import CallContext

MAX_ROWS = 1_000
"""Rows of one call. Chosen: longer lists come from a file."""
MAX_REASONS = 3
"""Rejected rows that an error names where no row can be imported."""

InlineRows = list[dict[str, JsonValue]]
Rows = Annotated[InlineRows | None, Field(description="Up to 1,000 objects")]
File = Annotated[Name | None, Field(description="Or a CSV, JSON-lines, or Parquet file")]
ColumnMap = Annotated[
    dict[str, str | None] | None,
    Field(description='Column → id, email, cio_id, or name; "name:time" converts dates; null omits'),
]


async def stage(
    ws: CallContext,
    kind: Literal["import_customers", "import_events"],
    rows: InlineRows | None,
    file: str | None,
    columns: Columns,
    make: Maker,
    options: Mapping[str, JsonValue],
) -> tuple[JobRow, Report]:
    """Stage the rows of a call, or find those that it staged before.

    Raises:
        InvalidArgument: there are none, or two kinds of them, or none can be imported.
        Unavailable: the call's time is over before all are read; the next call finds them.
    """
    if file is not None:
        if rows is not None:
            raise InvalidArgument("rows", "omit them when passing file")
        directories = ws.settings.files_dirs
        content: JsonValue = (found := await anyio.to_thread.run_sync(fingerprint, file, directories))
        source, is_text = partial(open_rows, file, directories, found), holds_text(file)
    else:
        content = [*_checked(rows)]
        source, is_text = partial(_inline, rows or []), False
    given: JsonValue = {**columns.given}
    key = hashlib.sha256(
        canonical([REPORT_FORM, kind, content, given, {**options}]).encode(errors="surrogatepass")
    ).hexdigest()
    source_of_rows = ImportSource(source, columns, make, is_text, seed=token_hex(8), now=ws.clock.now())
    job = await ws.stage(kind, key, options, source_of_rows)
    report = Report.model_validate(job.report)
    if not report.accepted:
        listed = "; ".join(report.name_rejected(MAX_REASONS))
        raise InvalidArgument(
            "rows" if file is None else ARGUMENT, f"no row can be imported: {listed or 'it has none'}"
        )
    return job, report


def name_of(file: str | None) -> str:
    """How a summary names where the rows are from."""
    return f" from {quoted(file.replace(chr(92), '/').rstrip('/').rpartition('/')[2])}" if file is not None else ""


def _checked(rows: InlineRows | None) -> InlineRows:
    if not rows:
        raise InvalidArgument("rows", "expected at least one row, or a file")
    if len(rows) > MAX_ROWS:
        raise InvalidArgument("rows", f"has {len(rows):,} rows; at most {MAX_ROWS:,} per call. Pass a file")
    return rows


@contextmanager
def _inline(rows: InlineRows) -> Iterator[Iterator[Row | BadRow]]:
    yield (Row(number, values) for number, values in enumerate(rows, 1))
