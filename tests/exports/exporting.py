"""Exports of the metrics of a sandbox whose time stands still."""

import os
import signal
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from cio_mcp.clock import Clock
from cio_mcp.exports import events
from cio_mcp.exports.events import EventExport
from cio_mcp.exports.formats import FileFormat, Format
from cio_mcp.exports.metric_table import TABLE
from cio_mcp.exports.metrics import MetricExport, Request, Summary, bulk_reads
from cio_mcp.exports.output import Output
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.world.clock import StillClock
from cio_mcp.storage.duckdb_files import write_duckdb, write_parquet
from cio_mcp.storage.engine import Database
from cio_mcp.storage.events import Events
from cio_mcp.storage.export_state import ExportState
from cio_mcp.storage.metric_state import MetricState
from cio_mcp.workspace import Workspace, open_workspace
from tests.callers import caller_named
from tests.clock import FunctionClock
from tests.limits import widen_limits
from tests.settings import sandbox_settings

CSV = FileFormat(Format.csv)
FORMATS = {
    "csv": CSV,
    "jsonl": FileFormat(Format.jsonl),
    "parquet": FileFormat(Format.parquet, write_parquet),
    "duckdb": FileFormat(Format.duckdb, write_duckdb),
}
YEAR = Request()
TOUCHING = {"open", "os.rename", "os.mkdir", "os.chmod", "os.rmdir", "os.remove"}
"""The audit events before a file is touched."""


def still_sandbox() -> Sandbox:
    return Sandbox(seed=7, people=40, clock=StillClock())


async def export(
    opened: Workspace,
    sandbox: Sandbox,
    path: Path,
    request: Request = YEAR,
    *,
    format_: FileFormat | None = None,
    clock: Clock | None = None,
) -> Summary:
    """Export as the command does, at the sandbox's time."""

    reader = bulk_reads(opened.client, caller_named("local:analyst"))
    with closing(MetricState.open(path, table=TABLE.name, workspace="sandbox")) as state:
        output = Output(path, format_ or FORMATS[path.suffix[1:]], TABLE, state)
        run = MetricExport(reader, state, output, clock or FunctionClock(sandbox.clock.now), lambda _done, _total: None)
        return await run.run(request)


class Deaths:
    """Sends this process a signal at one of its points: before a request is answered, and before a file is touched."""

    def __init__(self, folder: Path, point: int, number: int) -> None:
        self.count, self._folder, self._point, self._signal = 0, str(folder), point, number
        sys.addaudithook(self._audit)

    def pass_by(self) -> None:
        self.count += 1
        if self.count == self._point:
            os.kill(os.getpid(), self._signal)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        path = arguments[0] if event in TOUCHING else None
        if isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self._folder):
            self.pass_by()


class MortalSandbox(Sandbox):
    """A sandbox in whose requests the process may die."""

    deaths: Deaths

    async def _count(self, request: HttpRequest, raw_path: str) -> Response:
        self.deaths.pass_by()
        return await super()._count(request, raw_path)


def export_and_die(path: str, data: str, point: int, number: int = signal.SIGKILL) -> None:
    """A process that exports a year, and gets a signal at a point; it writes how many points it has passed."""

    async def run() -> None:
        async with MortalSandbox(seed=7, people=40, clock=StillClock()) as sandbox:
            sandbox.deaths = Deaths(Path(path).parent, point, number)
            async with open_workspace(sandbox_settings(Path(data)), sandbox=sandbox) as opened:
                await export(opened, sandbox, Path(path))
            passed.append(sandbox.deaths.count)

    passed: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        widen_limits(patch)
        anyio.run(run)
    Path(data, "points").write_text(str(passed[0]))


def export_events_and_die(path: str, data: str, point: int, number: int = signal.SIGKILL) -> None:
    """The same with the event log of a database in a directory, for the workspace `acme`."""

    async def run() -> None:
        database = Database(f"sqlite:///{data}/cio-mcp.db")
        deaths = Deaths(Path(path).parent, point, number)
        with closing(ExportState.open(Path(path), table=events.TABLE.name, workspace="acme")) as state:
            output = Output(Path(path), FORMATS[Path(path).suffix[1:]], events.TABLE, state)
            await EventExport(Events(database, "acme"), output, now=0.0, days=30).run()
        passed.append(deaths.count)
        await database.close()

    passed: list[int] = []
    anyio.run(run)
    Path(data, "points").write_text(str(passed[0]))
