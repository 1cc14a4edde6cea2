"""`cio-mcp jobs`: the jobs in the database, one of them live, stopping it, and the rows that it refused."""

import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.text import Text

from cio_mcp.cli.change_view import with_hanging_indent
from cio_mcp.cli.common import console, settings, storage_place, with_database
from cio_mcp.cli.jobs_live import watch
from cio_mcp.cli.terminal import is_terminal
from cio_mcp.clock import SYSTEM_CLOCK
from cio_mcp.errors import InvalidArgument, NotFound
from cio_mcp.gate.retention import Retention
from cio_mcp.jobs.files import ARGUMENT
from cio_mcp.jobs.job_list import HAS_ENDED, JobReport, RefusedLine
from cio_mcp.jobs.row_files import write_refused, write_staged
from cio_mcp.storage.engine import Database
from cio_mcp.storage.job_rows import RefusedRow
from cio_mcp.storage.jobs import JobRow, Jobs, find_job, recent_jobs
from cio_mcp.text.counts import count_of
from cio_mcp.text.render import render
from cio_mcp.text.sanitize import quoted, word

RETENTION_STEPS = 5
"""Steps of retention that one look at the jobs may take."""
SHOWN_ROWS = 5
"""Refused rows of a job that are shown. Chosen."""
TO = "--to"
ReadRows = Callable[[Jobs, str, int], Awaitable[list[RefusedRow]]]
WriteRows = Callable[[Jobs, str, str, list[Path]], Awaitable[tuple[str, int]]]


def list_jobs(*, limit: int, as_json: bool) -> None:
    """Print the newest jobs of every workspace in the database."""

    async def read(database: Database) -> JobReport:
        await Retention(database, SYSTEM_CLOCK).round(RETENTION_STEPS)
        found = await recent_jobs(database, limit + 1)
        rejected: dict[str, int] = {}
        for workspace in {job.workspace for job in found}:
            rejected |= await Jobs(database, workspace).rejected([job.id for job in found])
        return JobReport.of(found, rejected, SYSTEM_CLOCK.now(), limit)

    report = with_database(read)
    if not report.jobs and not as_json:
        where = console()
        where.print(with_hanging_indent(Text(f"No jobs. Data directory: {storage_place()}"), where))
        return
    _print(report, as_json=as_json)


def show_job(job: str, *, as_json: bool) -> int:
    """Print a job; on a terminal, follow it while it runs. The exit status.

    Raises:
        NotFound: there is none of that ID.
    """
    if is_terminal(sys.stdout) and not as_json and (status := watch(job, lambda database: _find(database, job))):
        return status

    async def read(database: Database) -> JobReport:
        found = await _find(database, job)
        report = await _report(database, found)
        rows = await Jobs(database, found.workspace).refused(job, SHOWN_ROWS + 1)
        more = f"cio-mcp jobs failed {job} --to FILE.csv writes every such row." if rows else None
        shown = [RefusedLine.of(row) for row in rows[:SHOWN_ROWS]] or None
        return report.model_copy(update={"rows": shown, "next_step": more})

    _print(with_database(read), as_json=as_json)
    return 0


def cancel_job(job: str) -> None:
    """Stop a job before its next batch.

    Raises:
        NotFound: there is none of that ID.
    """
    by = settings().local_principal

    async def stop(database: Database) -> JobReport:
        found = await _find(database, job)
        reason = f"Canceled by {word(by, 200)}."
        await Jobs(database, found.workspace).cancel(job, now=SYSTEM_CLOCK.now(), reason=reason)
        now = await _find(database, job)
        report = await _report(database, now)
        return report if now.state == "cancelled" else report.model_copy(update={"next_step": HAS_ENDED})

    _print(with_database(stop), as_json=False)


def write_failed(job: str, to: Path) -> None:
    """Write the rows that a job did not apply into a new file.

    Raises:
        NotFound: there is no job of that ID.
        InvalidArgument: it has no such rows, or the file can't be created.
        OperatorError: the file can't be written.
    """
    _write(job, to, Jobs.refused, write_refused, f"no row of {quoted(job)} was refused")


def write_rows(job: str, to: Path) -> None:
    """Write the rows that a job has yet to send into a new file.

    Raises:
        NotFound: there is no job of that ID.
        InvalidArgument: it has no such rows, or the file can't be created.
        OperatorError: the file can't be written.
    """
    _write(job, to, Jobs.staged, write_staged, f"{quoted(job)} has no rows left to send")


def _write(job: str, to: Path, read: ReadRows, write_all: WriteRows, problem: str) -> None:
    """Write rows of a job into a new file; without any, `problem` says so."""
    folder = _folder_of(to)

    async def write(database: Database) -> tuple[str, int]:
        jobs = Jobs(database, (await _find(database, job)).workspace)
        if not await read(jobs, job, 1):
            raise InvalidArgument("job", f"{problem}. Nothing was written")
        return await write_all(jobs, job, to.name, [folder])

    with _about_to():
        name, count = with_database(write)
    typer.echo(f"Wrote {count_of(count, 'row')} to {quoted(name, 200)}.")


def _folder_of(to: Path) -> Path:
    folder = to.expanduser().parent
    if not folder.is_dir():
        raise InvalidArgument(TO, f"there is no directory for {quoted(to.name)}. Create it first")
    return folder


@contextmanager
def _about_to() -> Iterator[None]:
    """Call the file by its option, not by the argument that tools have for it."""
    try:
        yield
    except InvalidArgument as wrong:
        if wrong.field != ARGUMENT:
            raise
        raise InvalidArgument(TO, str(wrong).removeprefix(f"{ARGUMENT}: ")) from None


async def _find(database: Database, job: str) -> JobRow:
    if (found := await find_job(database, job)) is None:
        raise NotFound(f"There is no job {quoted(job)}. `cio-mcp jobs` lists all of them.")
    return found


async def _report(database: Database, job: JobRow) -> JobReport:
    rejected = await Jobs(database, job.workspace).rejected([job.id])
    return JobReport.of([job], rejected, SYSTEM_CLOCK.now(), 1)


def _print(report: JobReport, *, as_json: bool) -> None:
    rendered = render(report, mask=settings().mask_pii)
    if as_json:
        typer.echo(json.dumps(rendered.structured, indent=2, ensure_ascii=False))
        return
    if not is_terminal(sys.stdout):
        typer.echo(rendered.text)
        return
    where = console()
    where.print(with_hanging_indent(Text(rendered.text), where))
