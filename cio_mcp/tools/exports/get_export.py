"""The tool that reads an export: its status, and its file."""

from functools import partial
from typing import Annotated

import anyio
from pydantic import Field

from cio_mcp.customerio.api.exports import Export
from cio_mcp.errors import InvalidArgument, TimeError
from cio_mcp.jobs.output_files import check_new
from cio_mcp.tools.common.arguments import Id, max_bytes
from cio_mcp.tools.exports.answers import ExportAnswer, ExportLine
from cio_mcp.tools.exports.saving import link_of, preview, save
from cio_mcp.workspace import CallContext

MAX_LISTED = 20
"""Exports in a list. Chosen: the latest are what matters."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 4.0
"""Between two looks at an export: twice as long each time, so that many waiting calls use little of the limit."""
FAILED = "Customer.io could not make this export. Start it again with start_export."
MAX_FILE_NAME_BYTES = 1_000


async def get_export(
    ws: CallContext,
    export: Annotated[Id | None, Field(description="ID. Default: lists the latest")] = None,
    file: Annotated[
        str | None, Field(description="Name of the new file, ending with .csv"), max_bytes(MAX_FILE_NAME_BYTES)
    ] = None,
) -> ExportAnswer:
    """Wait for an export and download its CSV file, or get a link to it. Shows the columns and first rows."""
    if export is None:
        if file is not None:
            raise InvalidArgument("export", "is required with file")
        return _list(await ws.exports.all())
    if file is not None and not ws.settings.files_dirs:
        raise InvalidArgument("file", "this server writes no files, so omit it to get a link")
    if file is not None:
        await anyio.to_thread.run_sync(partial(check_new, file, ws.settings.files_dirs))
    found = await _wait(ws, export)
    if found.state != "done":
        note = FAILED if found.state == "failed" else "Customer.io still prepares it. Call get_export again."
        return ExportAnswer(exports=(_line(found),), note=note)
    answer = await save(ws, found, file) if ws.settings.files_dirs else await preview(ws, found)
    link = {} if ws.settings.files_dirs else await link_of(ws, found)
    return answer.model_copy(update={"exports": (_line(found),), **link})


async def _wait(ws: CallContext, id_: str) -> Export:
    """Look at an export until it is done or failed, or the time of the call is over."""
    found = await ws.exports.get(id_)
    began = ws.clock.steady()
    patience = ws.seconds_left
    pause = FIRST_PAUSE_SECONDS
    while found.state == "pending" and (passed := ws.clock.steady() - began) + pause < patience:
        if ws.progress is not None:
            await ws.progress(round(passed, 1), patience, "Customer.io prepares the export")
        await ws.clock.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        try:
            found = await ws.exports.get(id_)
        except TimeError:  # what is known is answered all the same
            break
    return found


def _list(exports: list[Export]) -> ExportAnswer:
    newest = sorted(exports, key=lambda each: int(each.id), reverse=True)
    return ExportAnswer(
        exports=(*map(_line, newest[:MAX_LISTED]),),
        omitted=len(newest) - MAX_LISTED if len(newest) > MAX_LISTED else None,
    )


def _line(export: Export) -> ExportLine:
    return ExportLine(
        id=export.id,
        type=export.type,
        status=export.state,
        total=export.total if export.state == "done" else None,
        created_at=export.created_at,
        description=export.description,
    )
