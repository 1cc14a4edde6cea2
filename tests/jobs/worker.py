"""A process that works on the jobs of a database, and records in a file what a receiver would have got of each row.

    python -m tests.jobs.worker DATABASE RECEIVED NAME [ROWS SIGNAL]

It ends once the job is done. After so many rows it sends itself a signal first, in the middle of its work. A row is one
short line, which the system appends as a whole.
"""

import os
import sys
from functools import partial

import anyio
import anyio.lowlevel

from cio_mcp.clock import Clock
from cio_mcp.errors import StorageFailed
from cio_mcp.jobs import runner
from cio_mcp.jobs.job import Batch, Result
from cio_mcp.jobs.runner import Runner
from cio_mcp.storage.engine import Database
from cio_mcp.storage.jobs import JobRow, Jobs

ROWS_OF_A_BATCH = 20
LEASE_SECONDS = 1.0


class Receiver:
    """Appends the number of each row that it gets, with the name of the worker."""

    def __init__(self, path: str, name: str, rows: int, interruption: int) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.name = name
        self.left, self.interruption = rows, interruption

    async def take(self, job: JobRow, batch: Batch) -> Result:  # noqa: ARG002 - as every function of a job
        part = Batch(batch.first, batch.rows[:ROWS_OF_A_BATCH], batch.is_owned)
        for number, _ in part:
            os.write(self.file, f"{number} {self.name}\n".encode())
            self.left -= 1
            if not self.left:
                os.kill(os.getpid(), self.interruption)
            await anyio.lowlevel.checkpoint()
        return Result(len(part.rows))


async def allowed() -> bool:
    await anyio.lowlevel.checkpoint()
    return True


async def work(database: Database, receiver: Receiver, name: str) -> None:
    """Work until the job is done, here or elsewhere."""
    jobs = Jobs(database, "w")
    worker = Runner(jobs, {"test": receiver.take}, allowed, Clock(), name)
    while True:
        try:
            job = await jobs.get("j")
            if job is None or job.state != "working":
                return
            if not await worker.round():
                await anyio.sleep(0.05)
        except StorageFailed:
            await anyio.sleep(0.05)


async def main(url: str, received: str, name: str, rows: str = "0", interruption: str = "0") -> None:
    runner.LEASE_SECONDS, runner.BEAT_SECONDS = LEASE_SECONDS, LEASE_SECONDS / 4
    database = Database(url)
    try:
        await work(database, Receiver(received, name, int(rows), int(interruption)), name)
    finally:
        await database.close()


if __name__ == "__main__":
    anyio.run(partial(main, *sys.argv[1:]))
