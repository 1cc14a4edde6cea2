"""The runner: takes a job, does it batch by batch, and keeps the lease that tells other processes so."""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import anyio
from anyio.abc import TaskGroup

from cio_mcp.clock import Clock
from cio_mcp.errors import CioError, StorageFailed
from cio_mcp.jobs.job import JobFunction, LeaseLost
from cio_mcp.jobs.steps import Steps
from cio_mcp.storage.jobs import JobRow, Jobs

LEASE_SECONDS = 30.0
"""Seconds after which the job of a worker that is silent is another's."""
BEAT_SECONDS = 5.0
"""Seconds between signs of life."""
SAFE_PART = 0.75
"""The part of a lease after which a worker that was frozen sends nothing more."""
LOOK_SECONDS = 3.0
"""Seconds between looks for a job."""
RETRY_SECONDS, MAX_RETRY_SECONDS = 30.0, 960.0
"""Seconds until a batch that failed is tried again: the first time, and at most; they double. Chosen."""
MAX_ATTEMPTS = 8
"""Attempts at one batch, after which the job has failed: Customer.io may be down for three quarters of an hour."""
JOBS_AT_ONCE = 3
"""Jobs that one process runs at a time, so that a short one need not wait for a long one. Chosen."""

DIED = "The server ended unexpectedly each time it came to the same rows."
"""Why a job failed that no attempt brought to an answer."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Runner:
    """Runs the jobs of a workspace, a few at a time and the oldest first; any number of processes may have one.

    `functions` are by kind; jobs of a kind that is missing are left to other releases. `may_write` says whether writes
    are allowed at the moment: a pause or read-only mode stops a job between two batches.
    """

    jobs: Jobs
    functions: Mapping[str, JobFunction]
    may_write: Callable[[], Awaitable[bool]]
    clock: Clock
    worker: str
    one_at_a_time: frozenset[str] = frozenset()
    """Kinds of which this process runs one job at a time, since the order of their jobs matters."""
    _running: Counter[str] = field(default_factory=Counter)
    _started: anyio.Event = field(default_factory=anyio.Event)

    def look(self) -> None:
        """Look for a job at once, since one was started."""
        self._started.set()

    async def run(self) -> None:
        """Run jobs until canceled; a database that fails for a while is survived.

        The first look is after a moment, or when a job is started, so that a start is not slower for it.
        """
        room = anyio.Semaphore(JOBS_AT_ONCE)
        async with anyio.create_task_group() as tasks:
            while True:
                await self.clock.wait(self._started, LOOK_SECONDS)
                self._started = anyio.Event()
                await self._start_all(room, tasks)

    async def _start_all(self, room: anyio.Semaphore, tasks: TaskGroup) -> None:
        """Start jobs as long as there are some to run; while there is no room, wait for it."""
        while True:
            await room.acquire()
            claimed = await self._claim_safely()
            if claimed is None:
                room.release()
                return
            tasks.start_soon(self._work_in, room, *claimed)

    async def round(self) -> bool:
        """Run one job as far as it can go now; False if there was none."""
        claimed = await self._claim()
        if claimed is not None:
            await self._work(*claimed)
        return claimed is not None

    async def _claim_safely(self) -> "tuple[JobRow, _Lease] | None":
        try:
            return await self._claim()
        except StorageFailed as failure:
            log.warning("jobs cannot go on: %s", failure)
            return None

    async def _claim(self) -> "tuple[JobRow, _Lease] | None":
        if not await self.may_write():
            return None
        now, before = self.clock.now(), self.clock.steady()
        kinds = [kind for kind in self.functions if not (kind in self.one_at_a_time and self._running[kind])]
        job = await self.jobs.claim(self.worker, kinds, now=now, until=now + LEASE_SECONDS)
        if job is None:
            return None
        self._running[job.kind] += 1
        return job, _Lease(self.jobs, job.id, self.worker, self.clock, since=before)

    async def _work_in(self, room: anyio.Semaphore, job: JobRow, lease: "_Lease") -> None:
        try:
            await self._work(job, lease)
        finally:
            room.release()

    async def _work(self, job: JobRow, lease: "_Lease") -> None:
        steps = partial(Steps, self.jobs, job, self.functions[job.kind], lease.is_safe)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lease.keep, tasks.cancel_scope)
                await self._run_safely(job, lease, steps(tasks))
                tasks.cancel_scope.cancel()
        finally:
            self._running[job.kind] -= 1

    async def _run_safely(self, job: JobRow, lease: "_Lease", steps: Steps) -> None:
        try:
            await self._attempt(job, lease, steps)
        except StorageFailed as failure:  # here, since a task group would wrap it; once the lease is over, it goes on
            log.warning("job %s cannot go on yet: %s", job.id, failure)

    async def _attempt(self, job: JobRow, lease: "_Lease", steps: Steps) -> None:
        try:
            await self._run(job, lease, steps)
        except LeaseLost:
            log.warning("job %s is left to another worker", job.id)
        except StorageFailed:
            raise
        except CioError as failure:
            await self._try_later(job, str(failure))
        except Exception as unforeseen:  # noqa: BLE001 - one job must not end the server
            # The class only: its text may hold an address or a key.
            log.error("job %s failed: %s", job.id, type(unforeseen).__name__)  # noqa: TRY400 - class only
            await self._try_later(job, "An unforeseen failure. The server's log has the details.")

    async def _run(self, job: JobRow, lease: "_Lease", steps: Steps) -> None:
        if job.attempts > MAX_ATTEMPTS:  # each time the worker died with it
            await self.jobs.finish(job.id, self.worker, "failed", now=self.clock.now(), reason=DIED)
            return
        cursor = job.cursor
        while cursor < job.total:
            if not await self.may_write():
                await self.jobs.release(job.id, self.worker, due=self.clock.now())
                return
            result = await (await steps.step(cursor)).carry_out()
            if result.done < 1:
                raise ValueError("a batch must do at least one row")
            now, before = self.clock.now(), self.clock.steady()
            state = await self.jobs.advance(
                job.id, self.worker, cursor=cursor, to=cursor + result.done, problems=result.problems,
                now=now, until=now + LEASE_SECONDS,
            )  # fmt: skip
            if state is None:
                raise LeaseLost
            if state != "working":  # canceled
                await self.jobs.release(job.id, self.worker, due=now)
                return
            lease.since = before
            cursor += result.done
        await self.jobs.finish(job.id, self.worker, "completed", now=self.clock.now())

    async def _try_later(self, job: JobRow, reason: str) -> None:
        now, current = self.clock.now(), await self.jobs.get(job.id)
        if current is not None and current.attempts >= MAX_ATTEMPTS:
            await self.jobs.finish(job.id, self.worker, "failed", now=now, reason=reason)
        elif current is not None and current.state == "working":
            # A canceled job keeps its lease: it shows that rows of the last batch may have been sent.
            await self.jobs.release(job.id, self.worker, due=now + retry_delay(current.attempts))


def retry_delay(attempts: int) -> float:
    """Seconds until the next attempt at a batch, after so many."""
    return float(min(RETRY_SECONDS * 2 ** (attempts - 1), MAX_RETRY_SECONDS))


@dataclass(slots=True)
class _Lease:
    """The lease of one job, as this process knows it: by its own steady clock, from before it was extended."""

    jobs: Jobs
    job: str
    worker: str
    clock: Clock
    since: float

    def is_safe(self) -> bool:
        """Whether no other worker can have taken the job yet."""
        return self.clock.steady() - self.since < SAFE_PART * LEASE_SECONDS

    async def keep(self, work: anyio.CancelScope) -> None:
        """Extend the lease until canceled; cancel the work once it is lost."""
        while True:
            await self.clock.sleep(BEAT_SECONDS)
            before = self.clock.steady()
            try:
                if not await self.jobs.beat(self.job, self.worker, until=self.clock.now() + LEASE_SECONDS):
                    work.cancel()
                    return
            except StorageFailed as failure:
                log.warning("the lease of job %s cannot be extended: %s", self.job, failure)
            else:
                self.since = before
