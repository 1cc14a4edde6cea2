"""The steps of a job: the next one is prepared while the one before it is carried out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from cio_mcp.jobs.job import Batch, JobFunction, PreparedFunction, Step
from cio_mcp.storage.jobs import JobRow, Jobs

BATCH_ROWS = 10_000
"""Rows that are read for a batch at most; a function may do fewer. Chosen: more than one request holds."""


@dataclass(slots=True)
class _Preparation:
    """The step from a cursor on, once `ended` is set; or why there is none."""

    cursor: int
    ended: anyio.Event = field(default_factory=anyio.Event)
    step: Step | None = None
    failure: Exception | None = None


@dataclass(slots=True)
class Steps:
    """The steps of a job; `tasks` must end with the work on it."""

    jobs: Jobs
    job: JobRow
    function: JobFunction
    is_owned: Callable[[], bool]
    tasks: TaskGroup
    _next: _Preparation | None = None

    async def step(self, cursor: int) -> Step:
        """Get the step from a cursor on, and begin to prepare the one after it.

        Raises:
            StorageFailed: the rows cannot be read.
        """
        preparation = self._next
        if preparation is None or preparation.cursor != cursor:
            preparation = _Preparation(cursor)
            await self._prepare(preparation)
        await preparation.ended.wait()
        if preparation.step is None:
            raise preparation.failure or AssertionError("a step that was prepared is there")
        self._next = None
        if preparation.step.rows and cursor + preparation.step.rows < self.job.total:
            self._next = _Preparation(cursor + preparation.step.rows)
            self.tasks.start_soon(self._prepare, self._next)
        return preparation.step

    async def _prepare(self, preparation: _Preparation) -> None:
        try:
            rows = await self.jobs.rows(self.job.id, preparation.cursor, BATCH_ROWS)
            batch = Batch(preparation.cursor, rows, self.is_owned, rows.texts)
            if isinstance(self.function, PreparedFunction):
                preparation.step = await anyio.to_thread.run_sync(self.function.prepare, self.job, batch)
            else:
                preparation.step = Step(0, partial(self.function, self.job, batch))
        except Exception as failure:  # noqa: BLE001 - raised where the step is wanted
            preparation.failure = failure
        finally:
            preparation.ended.set()
