"""Following a job until it ends, or no more time is left."""

from collections.abc import Awaitable, Callable

from cio_mcp.clock import Clock
from cio_mcp.storage.jobs import JobRow, Jobs

POLL_SECONDS = 0.2
"""Seconds between looks at a job."""


async def follow(
    jobs: Jobs, id_: str, clock: Clock, seconds: float, report: Callable[[JobRow], Awaitable[None]] | None = None
) -> JobRow | None:
    """Look at a job until it no longer runs, or for so many seconds; `report` gets each state that is not the last.

    None means that it is no longer stored.

    Raises:
        StorageFailed: the database cannot be used.
    """
    until = clock.steady() + seconds
    while (job := await jobs.get(id_)) is not None and job.state == "working":
        if report is not None:
            await report(job)
        left = until - clock.steady()
        if left <= 0:
            break
        await clock.sleep(min(POLL_SECONDS, left))
    return job
