"""The tools that follow and stop jobs."""

from typing import Annotated

from pydantic import Field

from cio_mcp.errors import InvalidArgument, NotFound
from cio_mcp.gate.pause_note import pause_note
from cio_mcp.jobs.job_list import HAS_ENDED, JobReport, RefusedLine
from cio_mcp.jobs.progress import follow
from cio_mcp.jobs.row_files import write_refused
from cio_mcp.storage.jobs import JobRow
from cio_mcp.text.sanitize import quoted, word
from cio_mcp.tools.common.arguments import FOREIGN_CURSOR, Cursor, Name
from cio_mcp.workspace import CallContext

FOLLOW_SECONDS = 5.0
"""Seconds that a call follows a running job, if its time allows. Chosen: as long as a chat may be silent."""
MAX_CURSOR_DIGITS = 8
JobId = Annotated[Name, Field(description="Job ID")]
Limit = Annotated[int, Field(ge=1, le=50)]


async def get_job(
    ws: CallContext,
    job: JobId | None = None,
    file: Annotated[Name | None, Field(description="New .csv or .jsonl for the refused rows")] = None,
    limit: Limit = 10,
    cursor: Cursor = None,
) -> JobReport:
    """Get the progress of a job (import, sync), its speed and time left, and which rows were refused and why.

    Without job, the recent ones.
    """
    if job is None:
        for name, given in (("file", file), ("cursor", cursor)):
            if given is not None:
                raise InvalidArgument(name, "needs a job. Call get_job without it for the recent jobs")
        recent = await ws.jobs.recent(limit + 1)
        return JobReport.of(recent, await ws.jobs.rejected([each.id for each in recent]), ws.clock.now(), limit)
    after = _row_number(cursor)
    found = await _follow(ws, job)
    rows = await ws.jobs.refused(job, limit + 1, after)
    report = (await _report(ws, found)).model_copy(
        update={
            "rows": [RefusedLine.of(row) for row in rows[:limit]] or None,
            "cursor": str(rows[limit - 1].number) if len(rows) > limit else None,
        }
    )
    if file is not None:
        if not rows and after is None:
            raise InvalidArgument("file", "not written: no row of this job was refused")
        name, count = await write_refused(ws.jobs, job, file, ws.settings.files_dirs)
        report = report.model_copy(update={"file": name, "rows_in_file": count})
    return report.model_copy(update={"next_step": await _next_step(ws, found, report)})


async def cancel_job(ws: CallContext, job: JobId) -> JobReport:
    """Stop a job (import, sync) before its next batch. What was done stays."""
    found = await _find(ws, job)
    if await ws.jobs.cancel(job, now=ws.clock.now(), reason=f"Canceled by {word(ws.caller.id, 200)}."):
        found = await _find(ws, job)
    report = await _report(ws, found)
    if found.state != "cancelled":
        return report.model_copy(update={"next_step": HAS_ENDED})
    has_rows_left = found.started_at is not None and (found.cursor < found.total or found.failed)
    return report.model_copy(update={"next_step": _to_correct(ws, report) if has_rows_left else None})


async def _find(ws: CallContext, id_: str) -> JobRow:
    if (found := await ws.jobs.get(id_)) is None:
        raise NotFound(f"job: no job {quoted(id_)}. Call get_job without it for the recent jobs.")
    return found


async def _follow(ws: CallContext, id_: str) -> JobRow:
    """Read a job; if it runs, follow it for a few seconds."""

    async def report(job: JobRow) -> None:
        if ws.progress is not None:
            await ws.progress(job.cursor, job.total, f"{job.cursor:,} of {job.total:,} rows")

    await follow(ws.jobs, id_, ws.clock, min(FOLLOW_SECONDS, ws.seconds_left), report)
    return await _find(ws, id_)


async def _report(ws: CallContext, job: JobRow) -> JobReport:
    return JobReport.of([job], await ws.jobs.rejected([job.id]), ws.clock.now(), 1)


async def _next_step(ws: CallContext, job: JobRow, report: JobReport) -> str | None:
    if job.state != "working":
        return _to_correct(ws, report) if report.rows and not report.file else None
    pause = await ws.gate.pauses.in_force()
    if pause is not None:
        return f"{pause_note(pause)}. The job goes on once writes are resumed."
    if ws.settings.read_only:
        return "This server is read-only. The job goes on in another one."
    seconds = report.jobs[0].check_again_seconds
    return f"It goes on by itself, also after this chat. To look again, call get_job with job={job.id} in {seconds} s."


def _to_correct(ws: CallContext, report: JobReport) -> str:
    """How to get at the rows that were not applied."""
    if ws.settings.files_dirs:
        return f"To correct these rows and import them again, call get_job with job={report.jobs[0].id} and file=….csv."
    return "To write these rows into a file, the operator must allow a directory: CIO_FILES_DIRS."


def _row_number(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    digits = cursor.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MAX_CURSOR_DIGITS):
        raise InvalidArgument("cursor", FOREIGN_CURSOR)
    return int(cursor)
