"""A job on a terminal, live: a bar with counts, pace, and time left, until it ends or the person stops watching."""

from collections.abc import Awaitable, Callable

from rich.console import Console
from rich.live import Live
from rich.text import Text

from cio_mcp.cli.common import INTERRUPTED, console, with_database
from cio_mcp.clock import SYSTEM_CLOCK
from cio_mcp.jobs.job_list import JobLine
from cio_mcp.storage.engine import Database
from cio_mcp.storage.jobs import JobRow

LOOK_SECONDS = 1.0
GOES_ON = "The job goes on. cio-mcp jobs cancel {} stops it."
Find = Callable[[Database], Awaitable[JobRow]]


def watch(job: str, find: Find) -> int:
    """Show a job while it runs; the exit status: 0 once it runs no more, 130 if the person stopped watching.

    Raises:
        NotFound: there is no such job.
    """
    where = console()
    try:
        with_database(lambda database: _watch(database, find, where))
    except KeyboardInterrupt:
        where.print(GOES_ON.format(job))
        return INTERRUPTED
    return 0


async def _watch(database: Database, find: Find, where: Console) -> None:
    job = await find(database)
    if job.state != "working" or where.is_dumb_terminal:
        return
    with Live(console=where, auto_refresh=False, transient=True) as live:
        while job.state == "working":
            live.update(draw(job, SYSTEM_CLOCK.now(), where.width), refresh=True)
            await SYSTEM_CLOCK.sleep(LOOK_SECONDS)
            job = await find(database)


def draw(job: JobRow, now: float, width: int) -> Text:
    """A bar as wide as the terminal, and below it what else is known; for a time in Unix seconds."""
    line = JobLine.of(job, now)
    parts = [f"{line.id}  {line.done:,} of {line.total:,} rows"]
    parts += [f"{line.failed:,} refused"] if line.failed else []
    parts += [f"{line.rate:,} rows/s"] if line.rate is not None else []
    parts += [f"about {line.time_left} left"] if line.time_left else []
    below = [Text(", ".join(parts)), *([Text(line.note)] if line.note else [])]
    return Text("\n").join([_bar(line.done, line.total, width), *below])


def _bar(done: int, total: int, width: int) -> Text:
    filled = width * done // max(1, total)
    return Text("━" * filled, style="green") + Text("─" * (width - filled), style="dim")
