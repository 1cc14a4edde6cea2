"""The file of an export: saved below an allowed directory, or shown in part, with a link to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import anyio
import anyio.to_thread

from cio_mcp.customerio.api.exports import LINK_SECONDS, Export
from cio_mcp.errors import OperatorError, TimeError, Unavailable
from cio_mcp.jobs.output_files import MAX_FILE_BYTES, OutputFile, new_file
from cio_mcp.outbound.downloads import Download
from cio_mcp.outbound.link import read_link
from cio_mcp.text.counts import count_of
from cio_mcp.text.sanitize import key_name
from cio_mcp.tools.exports.answers import ExportAnswer, FileRow
from cio_mcp.tools.exports.contents import MAX_HEAD_BYTES, Contents
from cio_mcp.workspace import CallContext

OPERATIONS = ("export_customers", "export_deliveries")
TYPES = ("customers", "deliveries")
PROGRESS_SECONDS = 1.0
"""Between two reports of progress."""
MAX_COLUMNS = 50
"""Columns that an answer names. Chosen."""
TOO_SLOW = (
    "The file did not arrive within the time of this call, so nothing was saved. Call get_export again. If that "
    "doesn't help, the operator can allow more time (CIO_MAX_WAIT), or the user downloads the file in Customer.io."
)
ANYONE = (
    "Anyone who has this link can download the file, without a key. Give it to the user only; don't open or post it."
)
MASKED = "MASK_PII is set, so no link to the file is given. The user can download it in Customer.io."
NOT_YOURS = (
    "This server gives a link only to exports that the same caller started through it. The user can download the file "
    "in Customer.io."
)
UNMASKED = "MASK_PII masks this answer only; the file has the values as they are."


async def save(ws: CallContext, export: Export, name: str | None) -> ExportAnswer:
    """Download the file into an allowed directory, under a name or the next free one.

    Raises:
        CioError: it could not be downloaded or written; nothing is left of it.
    """
    directories, contents = ws.settings.files_dirs, Contents()
    link = await ws.exports.link(export.id)
    async with _in_time(ws), ws.downloads.open(link) as download:
        if (download.size or 0) > MAX_FILE_BYTES:
            raise OperatorError(f"The file has more than {MAX_FILE_BYTES:,} bytes. Nothing was saved.")
        subject = export.type if export.type in TYPES else "export"
        default = f"{subject}-{export.id}.csv"
        async with new_file(name or default, directories, numbered=name is None) as file:
            await _receive(ws, download, file, contents)
    answer = _answer(contents, whole=True)
    return answer.model_copy(
        update={
            "file": file.name,
            "bytes": contents.size,
            "rows": contents.rows,
            "note": UNMASKED if ws.settings.mask_pii else _difference(export, contents),
        }
    )


async def preview(ws: CallContext, export: Export) -> ExportAnswer:
    """Read the beginning of the file; an answer without it where that is not possible."""
    contents = Contents()
    try:
        link = await ws.exports.link(export.id)
        whole = False
        async with _in_time(ws), ws.downloads.open(link) as download:
            async for piece in download.pieces():
                contents.add(piece)
                if contents.size >= MAX_HEAD_BYTES:
                    break
            else:
                whole = True
    except TimeError:
        return ExportAnswer()
    return _answer(contents, whole=whole)


async def link_of(ws: CallContext, export: Export) -> dict[str, Any]:
    """A link to the file for who had the export approved, and what to know about it; else why there is none."""
    if ws.settings.mask_pii:
        return {"note": MASKED}
    if not await ws.gate.has_made(ws.caller.id, OPERATIONS, export.id):
        return {"note": NOT_YOURS}
    link, expires = await ws.exports.link(export.id), ws.now + timedelta(seconds=LINK_SECONDS)
    return {"link": str(read_link(link, ws.settings.app_url)), "link_expires_at": expires, "note": ANYONE}


@asynccontextmanager
async def _in_time(ws: CallContext) -> AsyncIterator[None]:
    with ws.clock.move_on_after(ws.seconds_left):
        yield
        return
    raise Unavailable(TOO_SLOW)


async def _receive(ws: CallContext, download: Download, file: OutputFile, contents: Contents) -> None:
    shown_at = ws.clock.steady()
    async for piece in download.pieces():
        await anyio.to_thread.run_sync(partial(_keep, piece, file, contents))
        if ws.progress is not None and ws.clock.steady() - shown_at >= PROGRESS_SECONDS:
            shown_at = ws.clock.steady()
            await ws.progress(contents.size, download.size, "Downloading the export")


def _keep(piece: bytes, file: OutputFile, contents: Contents) -> None:
    file.write(piece)
    contents.add(piece)


def _answer(contents: Contents, *, whole: bool) -> ExportAnswer:
    columns, rows = contents.first_rows(whole=whole)
    return ExportAnswer(
        columns=[*map(key_name, columns[:MAX_COLUMNS])],
        more_columns=len(columns[MAX_COLUMNS:]) or None,
        first_rows=[FileRow(values=row) for row in rows],
    )


def _difference(export: Export, contents: Contents) -> str | None:
    """What to say where the file has not as many rows as Customer.io counted."""
    if export.total is None or export.total == contents.rows:
        return None
    return f"Customer.io counted {export.total:,} entries; the file has {count_of(contents.rows, 'row')}."
