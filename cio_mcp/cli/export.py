"""`cio-mcp export metrics` and `export events`: files for analysts that grow with each run."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import date
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar, cast

import anyio
import typer

from cio_mcp.cli import lazy
from cio_mcp.cli.common import INTERRUPTED, check_key, settings_of_workspace
from cio_mcp.cli.logs import log_to_stderr
from cio_mcp.cli.progress_bar import progress_bar
from cio_mcp.clock import SYSTEM_CLOCK
from cio_mcp.customerio.api.base import Kind
from cio_mcp.errors import InvalidArgument, OperatorError, SettingError, TimeError, first_of
from cio_mcp.exports import events, metric_table
from cio_mcp.exports.events import EventExport, EventSummary
from cio_mcp.exports.formats import FileFormat, Format
from cio_mcp.exports.metric_days import today
from cio_mcp.exports.metrics import MetricExport, Request, Summary, bulk_reads
from cio_mcp.exports.output import Output, check_not_foreign, find_output
from cio_mcp.identity.callers import local_caller
from cio_mcp.settings import Settings, load_settings
from cio_mcp.storage.engine import Database
from cio_mcp.storage.events import Events
from cio_mcp.storage.export_state import ExportState
from cio_mcp.storage.metric_state import MetricState
from cio_mcp.text.counts import count_of
from cio_mcp.text.sanitize import clean, quoted_name
from cio_mcp.workspace import Workspace, open_workspace

INCOMPLETE = 1
MAX_PROBLEMS = 10
"""Problems that are printed."""
MAX_PROBLEM_CHARACTERS = 300
RESUME = "What was read is kept: run the command again to continue."
AnyState = TypeVar("AnyState", bound=ExportState)
T = TypeVar("T")


def export_metrics(
    to: Path, format_: Format | None, *, kinds: Sequence[str], since: str | None, until: str | None, sandbox: bool
) -> int:
    """Export metrics into a file; the exit status.

    Raises:
        CioError: the file could not be written.
    """
    log_to_stderr()
    request = _request(kinds, since, until)
    path, chosen = find_output(to, format_, metric_table.TABLE.name)
    format_of_file = _file_format(chosen)
    check_not_foreign(path)

    async def run() -> Summary:
        async with _workspace(sandbox=sandbox) as opened:
            begin = partial(_state, MetricState, path, metric_table.TABLE.name)
            with begin(opened.settings) as state, progress_bar("Reading metrics") as show:
                output = Output(path, format_of_file, metric_table.TABLE, state)
                reader = bulk_reads(opened.client, local_caller(opened.settings.local_principal))
                return await MetricExport(reader, state, output, SYSTEM_CLOCK, show).run(request)

    summary = _interruptible(run)
    if summary is None:
        return INTERRUPTED
    name = quoted_name(path.name)
    days = f", {summary.first} to {summary.last}" if summary.first else ""
    typer.echo(
        f"{name} {'has' if summary.written else 'already had'} {count_of(summary.rows, 'row')}{days} (Eastern time)."
    )
    for note in summary.notes:
        typer.echo(note, err=True)
    for problem in summary.problems[:MAX_PROBLEMS]:
        typer.echo(clean(problem, MAX_PROBLEM_CHARACTERS), err=True)
    if (more := len(summary.problems) - MAX_PROBLEMS) > 0:
        typer.echo(f"And {more:,} more could not be read.", err=True)
    return INCOMPLETE if summary.problems else 0


def export_events(to: Path, format_: Format | None) -> int:
    """Export the event log into a file; the exit status.

    Raises:
        CioError: the file could not be written.
    """
    log_to_stderr()
    settings = settings_of_workspace()
    path, chosen = find_output(to, format_, events.TABLE.name)
    format_of_file = _file_format(chosen)
    check_not_foreign(path)

    async def run() -> EventSummary:
        database = Database(settings.storage_url)
        try:
            with _state(ExportState, path, events.TABLE.name, settings) as state:
                output = Output(path, format_of_file, events.TABLE, state)
                log = Events(database, settings.workspace_key)
                return await EventExport(log, output, now=SYSTEM_CLOCK.now(), days=settings.event_days).run()
        finally:
            await database.close()

    summary = _interruptible(run)
    if summary is None:
        return INTERRUPTED
    typer.echo(f"{quoted_name(path.name)} has {count_of(summary.added, 'new event')}.")
    if summary.may_lack:
        typer.echo(
            "Events may be missing: some were deleted (CIO_EVENT_DAYS, CIO_EVENT_ROWS) before this export. "
            "Run it more often.",
            err=True,
        )
    return 0


def _request(kinds: Sequence[str], since: str | None, until: str | None) -> Request:
    first, end = _day("--since", since), _day("--until", until)
    now = today(SYSTEM_CLOCK.now())
    if first and first > now:
        raise InvalidArgument("--since", "must not be in the future")
    if first and end and end <= first:
        raise InvalidArgument("--until", "must be after --since")
    return Request(tuple(cast("Kind", kind) for kind in kinds), first, end)


def _day(option: str, text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InvalidArgument(option, "expected a day such as 2026-01-31") from None


def _file_format(name: Format) -> FileFormat:
    """The format, with what converts to it.

    Raises:
        SettingError: that is not installed.
    """
    if name in (Format.csv, Format.jsonl):
        return FileFormat(name)
    if find_spec("duckdb") is None:
        raise SettingError("--format", f"{name} needs another package: pip install 'cio-mcp[data]'")
    files = lazy.duckdb_files
    return FileFormat(name, files.write_parquet if name is Format.parquet else files.write_duckdb)


@asynccontextmanager
async def _workspace(*, sandbox: bool) -> AsyncIterator[Workspace]:
    """The workspace of the settings, of which an export only reads, or a simulated one."""
    if sandbox:
        with TemporaryDirectory(prefix="cio-mcp-") as folder:
            simulated = lazy.serve.sandbox_settings(Path(folder), read_only=True)
            async with lazy.sandbox_app.Sandbox() as box, open_workspace(simulated, sandbox=box) as opened:
                yield opened
        return
    settings = load_settings(keys_needed=False)
    check_key("CIO_APP_API_KEY", is_there=settings.has_app)
    async with open_workspace(settings.model_copy(update={"read_only": True})) as opened:
        yield opened


@contextmanager
def _state(kind: type[AnyState], path: Path, table: str, settings: Settings) -> Iterator[AnyState]:
    state = kind.open(path, table=table, workspace=settings.workspace_key)
    try:
        yield state
    finally:
        state.close()


def _interruptible(run: Callable[[], Awaitable[T]]) -> T | None:
    """Run to the end; None after Ctrl-C.

    Raises:
        CioError: it failed; the text says how to go on if it may work later.
    """
    failure: TimeError
    try:
        try:
            return anyio.run(run)
        except* TimeError as passing:
            failure = first_of(passing)
    except KeyboardInterrupt:
        typer.echo(f"Interrupted. {RESUME}", err=True)
        return None
    raise OperatorError(f"{failure} {RESUME}")
