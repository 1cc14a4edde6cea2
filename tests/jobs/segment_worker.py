"""A process that runs the job of a segment against a sandbox, and stops itself between a request and its record.

    python -m tests.jobs.segment_worker URL FOLDER NAME [REQUESTS SIGNAL]

It ends once no job is left. After so many requests it sends itself a signal.
"""

import os
import sys
from functools import partial
from pathlib import Path

import anyio
import anyio.lowlevel

from cio_mcp.customerio.api import segments
from cio_mcp.customerio.writer import Writer
from cio_mcp.jobs import runner
from cio_mcp.jobs.job import Batch, Result
from cio_mcp.jobs.membership import KIND, ChangeMembers
from cio_mcp.jobs.runner import Runner
from cio_mcp.settings import Settings
from cio_mcp.storage.engine import Database
from cio_mcp.storage.jobs import JobRow, Jobs
from cio_mcp.workspace import open_workspace
from tests.settings import sandbox_settings

MAX_IDS = 20
LEASE_SECONDS = 3.0


def settings_of(url: str, folder: Path) -> Settings:
    """Settings for a workspace in a sandbox; with `read_only` its own runner leaves the job to this process's."""
    urls = {"track_url": url, "app_url": url, "cdp_url": url}
    return sandbox_settings(folder).model_copy(update={**urls, "read_only": True})


async def allowed() -> bool:
    await anyio.lowlevel.checkpoint()
    return True


async def main(url: str, folder: str, name: str, requests: str = "0", interruption: str = "0") -> None:
    segments.MAX_IDS, runner.LEASE_SECONDS, runner.BEAT_SECONDS = MAX_IDS, LEASE_SECONDS, LEASE_SECONDS / 4
    settings, left = settings_of(url, Path(folder)), int(requests)
    async with open_workspace(settings) as opened:
        function = ChangeMembers(Writer(opened.client))

        async def change(job: JobRow, batch: Batch) -> Result:
            nonlocal left
            result = await function(job, batch)
            left -= 1
            if not left:
                os.kill(os.getpid(), int(interruption))
            return result

        database = Database(settings.storage_url)
        jobs = Jobs(database, settings.workspace_key)
        worker = Runner(jobs, {KIND: change}, allowed, opened.gate.clock, name)
        while any(job.state == "working" for job in await jobs.recent(5)):
            if not await worker.round():
                await anyio.sleep(0.05)
        await database.close()


if __name__ == "__main__":
    anyio.run(partial(main, *sys.argv[1:]))
