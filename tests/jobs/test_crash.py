"""Workers that are killed or frozen: every row arrives, and at most the batch in flight arrives again."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from cio_mcp.storage.engine import Database
from cio_mcp.storage.jobs import JobRow, Jobs
from tests.jobs.staged import source_of
from tests.jobs.worker import ROWS_OF_A_BATCH

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ROWS = 600
INTERRUPTIONS = 5


class Workers:
    """Processes that work on one job."""

    def __init__(self, folder: Path) -> None:
        self.url, self.received = f"sqlite:///{folder / 'jobs.db'}", folder / "received"
        self.started = 0

    def start(self, *interruption: int) -> "subprocess.Popen[bytes]":
        self.started += 1
        arguments = [self.url, str(self.received), f"worker-{self.started}", *map(str, interruption)]
        return subprocess.Popen([sys.executable, "-m", "tests.jobs.worker", *arguments])

    def arrivals(self) -> list[int]:
        """The numbers of the rows in the order of their arrival."""
        return [int(line.split()[0]) for line in self.received.read_text().splitlines()]


async def stage(jobs: Jobs) -> None:
    job = await jobs.stage(
        "j", principal="p", kind="test", key="k", options={}, source=source_of([{"n": n} for n in range(ROWS)]), now=0
    )
    assert await jobs.start("j", job.digest, now=0)


async def ended(jobs: Jobs) -> JobRow:
    job = await jobs.get("j")
    assert job
    return job


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen beyond its lease"])
async def test_every_row_arrives_and_only_the_batch_in_flight_arrives_again(
    way: signal.Signals, tmp_path: Path
) -> None:
    workers, chance = Workers(tmp_path), random.Random(7)
    database = Database(workers.url)
    jobs = Jobs(database, "w")
    await stage(jobs)
    stopped = []
    for _ in range(INTERRUPTIONS):
        process = workers.start(chance.randrange(1, 5 * ROWS_OF_A_BATCH), way)
        await anyio.to_thread.run_sync(os.waitid, os.P_PID, process.pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
        stopped.append(process)
    last = workers.start()
    assert await anyio.to_thread.run_sync(last.wait) == 0
    before = workers.arrivals()
    for process in stopped:
        process.send_signal(signal.SIGCONT)
        await anyio.to_thread.run_sync(process.wait)
    assert workers.arrivals() == before
    arrived = Counter(before)
    assert arrived.keys() == set(range(ROWS))
    assert sum(arrived.values()) - ROWS <= INTERRUPTIONS * ROWS_OF_A_BATCH
    job = await ended(jobs)
    assert (job.state, job.cursor) == ("completed", ROWS)
    await database.close()
