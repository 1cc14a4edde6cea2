"""The runner: takes a job, does it batch by batch, and keeps the lease that tells other processes so."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import anyio

from cio_mcp.clock import Clock
from cio_mcp.errors import CioError, StorageFailed
from cio_mcp.jobs.ahead import Ahead
from cio_mcp.jobs.job import JobFunction, LeaseLost
from cio_mcp.storage.jobs import JobRow, Jobs

LEASE_SECONDS = 30.0
"""Seconds after which the job of a worker that is silent is another's."""
BEAT_SECONDS = 5.0
"""Seconds between signs of life."""
SAFE_PART = 0.75
"""The part of a lease after which a worker that was frozen sends nothing more."""
LOOK_SECONDS = 2.0
"""Seconds between looks for a job."""
RETRY_SECONDS = 30.0
"""Seconds until a batch that failed is tried again. Chosen."""
MAX_ATTEMPTS = 5
"""Attempts at one batch, after which the job has failed."""

DIED = "The server ended unexpectedly each time it came to the same rows."
"""Why a job failed that no attempt brought to an answer."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Runner:
    """Runs the jobs of a workspace one after the other; any number of processes may have one.

    `functions` are by kind; jobs of a kind that is missing are left to other releases. `may_write` says whether writes
    are allowed at the moment: a pause or read-only mode stops a job between two batches.
    """

    jobs: Jobs
    functions: Mapping[str, JobFunction]
    may_write: Callable[[], Awaitable[bool]]
    clock: Clock
    worker: str
    _started: anyio.Event = field(default_factory=anyio.Event)

    def look(self) -> None:
        """Look for a job at once, since one was started."""
        self._started.set()

    async def run(self) -> None:
        """Run jobs until canceled; a database that fails for a while is survived."""
        while True:
            self._started = anyio.Event()
            try:
                if not await self.round():
                    await self.clock.wait(self._started, LOOK_SECONDS)
            except StorageFailed as failure:
                log.warning("jobs cannot go on: %s", failure)
                await self.clock.sleep(LOOK_SECONDS)

    async def round(self) -> bool:
        """Run one job as far as it can go now; False if there was none."""
        if not await self.may_write():
            return False
        now, before = self.clock.now(), self.clock.steady()
        job = await self.jobs.claim(self.worker, [*self.functions], now=now, until=now + LEASE_SECONDS)
        if job is None:
            return False
        lease = _Lease(self.jobs, job.id, self.worker, self.clock, since=before)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lease.keep, tasks.cancel_scope)
            await self._run_safely(job, lease, Ahead(self.jobs, job, self.functions[job.kind], lease.is_safe, tasks))
            tasks.cancel_scope.cancel()
        return True

    async def _run_safely(self, job: JobRow, lease: "_Lease", ahead: Ahead) -> None:
        try:
            await self._attempt(job, lease, ahead)
        except StorageFailed as failure:  # here, since a task group would wrap it; once the lease is over, it goes on
            log.warning("job %s cannot go on yet: %s", job.id, failure)

    async def _attempt(self, job: JobRow, lease: "_Lease", ahead: Ahead) -> None:
        try:
            await self._run(job, lease, ahead)
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

    async def _run(self, job: JobRow, lease: "_Lease", ahead: Ahead) -> None:
        if job.attempts > MAX_ATTEMPTS:  # each time the worker died with it
            await self.jobs.finish(job.id, self.worker, "failed", now=self.clock.now(), reason=DIED)
            return
        cursor = job.cursor
        while cursor < job.total:
            if not await self.may_write():
                await self.jobs.release(job.id, self.worker, due=self.clock.now())
                return
            result = await (await ahead.step(cursor)).carry_out()
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
            await self.jobs.release(job.id, self.worker, due=now + RETRY_SECONDS)


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
