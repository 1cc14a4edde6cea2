"""Reading ahead: the next step is prepared while one is carried out, and nothing else changes by it."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import anyio
import pytest

from cio_mcp.errors import StorageFailed
from cio_mcp.jobs.job import Batch, Result, Step
from cio_mcp.jobs.steps import Steps
from cio_mcp.storage.engine import Database
from cio_mcp.storage.job_rows import StoredRows
from cio_mcp.storage.jobs import JobRow, Jobs
from tests.jobs.staged import source_of

pytestmark = pytest.mark.anyio

STEP_ROWS = 3


class ByThree:
    """Prepares three rows at a time; `prepared` are the numbers of the first ones."""

    def __init__(self) -> None:
        self.prepared: list[int] = []
        self.done = STEP_ROWS

    def prepare(self, job: JobRow, batch: Batch) -> Step:
        self.prepared.append(batch.first)
        return Step(min(STEP_ROWS, len(batch.rows)), partial(self, job, batch))

    async def __call__(self, job: JobRow, batch: Batch) -> Result:  # noqa: ARG002 - as every function of a job
        await anyio.lowlevel.checkpoint()
        return Result(self.done)


@pytest.fixture
async def jobs(tmp_path: Path) -> AsyncIterator[Jobs]:
    database = Database(f"sqlite:///{tmp_path / 'cio.db'}")
    yield Jobs(database, "w")
    await database.close()


async def staged(jobs: Jobs) -> JobRow:
    source = source_of([{"n": number} for number in range(8)])
    return await jobs.stage("j", principal="p", kind="k", key="", options={}, source=source, now=0)


async def test_the_next_step_is_prepared_before_it_is_wanted(jobs: Jobs) -> None:
    function = ByThree()
    async with anyio.create_task_group() as tasks:
        steps = Steps(jobs, await staged(jobs), function, lambda: True, tasks)
        assert (await steps.step(0)).rows == STEP_ROWS
        while len(function.prepared) < 2:  # a worker thread prepares it
            await anyio.lowlevel.checkpoint()
        assert [(await steps.step(cursor)).rows for cursor in (3, 6)] == [3, 2]
    assert function.prepared == [0, 3, 6]


async def test_a_step_that_does_fewer_rows_than_it_prepared_is_followed_by_the_rest(jobs: Jobs) -> None:
    function = ByThree()
    async with anyio.create_task_group() as tasks:
        steps = Steps(jobs, await staged(jobs), function, lambda: True, tasks)
        assert [(await steps.step(cursor)).rows for cursor in (0, 1, 4)] == [3, 3, 3]
    assert {0, 1, 4} <= {*function.prepared}


async def test_rows_that_cannot_be_read_ahead_fail_where_they_are_wanted(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = jobs.rows

    async def rows(id_: str, start: int, limit: int) -> StoredRows:
        if start == STEP_ROWS:
            raise StorageFailed("The server's database is full.")
        return await read(id_, start, limit)

    monkeypatch.setattr(jobs, "rows", rows)
    async with anyio.create_task_group() as tasks:
        steps = Steps(jobs, await staged(jobs), ByThree(), lambda: True, tasks)
        assert (await steps.step(0)).rows == STEP_ROWS
        with pytest.raises(StorageFailed):
            await steps.step(STEP_ROWS)
