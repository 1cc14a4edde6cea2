"""Jobs of a workspace: staged rows, a lease for the worker that owns a job, and the cursor that fences out others."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import anyio
import anyio.to_thread
from pydantic import JsonValue
from sqlalchemy import Connection, and_, delete, func, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from cio_mcp.errors import StorageFailed
from cio_mcp.storage.engine import Database
from cio_mcp.storage.job_rows import (
    MAX_READ_BYTES,
    NumberedRows,
    RefusedRow,
    RowSource,
    StoredRows,
    delete_rows,
    insert_rows,
    note_problems,
    read_refused,
    read_rows,
    read_staged,
)
from cio_mcp.storage.schema import job_rows, jobs

JobState = Literal["input_required", "working", "completed", "failed", "cancelled"]
"""The states of a task in MCP's tasks extension. A job that nobody approved yet is `input_required`."""
OPEN_STATES: tuple[JobState, ...] = ("input_required", "working")
"""States that a job may still leave."""
EFFECT = "effect"
"""The key in the report of a job for the digest that equal jobs share."""
STOPPED = "The job was canceled while its rows were stored."


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job; the columns of the table `jobs`, with `options` and `report` parsed."""

    id: str
    workspace: str
    principal: str
    kind: str
    options: Mapping[str, JsonValue]
    digest: str
    state: JobState
    total: int
    cursor: int
    failed: int
    lease: str | None
    lease_until: float
    attempts: int
    created_at: float
    started_at: float | None
    updated_at: float
    reason: str | None
    key: str
    report: Mapping[str, JsonValue]

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.state in OPEN_STATES


class Jobs:
    """The jobs of one workspace; any number of processes may use one database."""

    def __init__(self, database: Database, workspace: str) -> None:
        self._database = database
        self._workspace = workspace

    async def stage(
        self, id_: str, *, principal: str, kind: str, key: str, options: Mapping[str, JsonValue], source: RowSource,
        now: float, read: Callable[[int], None] = lambda _: None,
    ) -> JobRow:  # fmt: skip
        """Store a job that waits for approval, and its rows; `digest` is computed over kind, options, and rows.

        `read` is called with the number of rows that were read so far.

        Raises:
            UserError: the source cannot be read.
            StorageFailed: it cannot be stored. What is left of it cannot run.
        """
        options_json = json.dumps(dict(options), sort_keys=True)
        row: dict[str, Any] = {
            "id": id_, "workspace": self._workspace, "principal": principal, "kind": kind, "options": options_json,
            "digest": "", "state": "input_required", "total": 0, "created_at": now, "updated_at": now,
        }  # fmt: skip
        await self._database.write(lambda db: db.execute(insert(jobs).values(**row)))
        rows = await anyio.to_thread.run_sync(NumberedRows, source)
        try:
            while part := await anyio.to_thread.run_sync(rows.part):
                await self._database.write(partial(_store, id_, part))
                read(rows.total + rows.rejected)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(rows.close)
        report = json.dumps({**await anyio.to_thread.run_sync(source.report), EFFECT: rows.effect(kind)})
        values = {"total": rows.total, "digest": rows.digest(kind, options_json), "report": report, "key": key}
        here = update(jobs).where(jobs.c.id == id_).values(**values)

        def complete(db: Connection) -> JobRow | None:
            db.execute(here)
            return _read(db, id_)

        staged = await self._database.write(complete)
        if staged is None or staged.state != "input_required":
            raise StorageFailed(STOPPED)
        return staged

    async def waiting(self, principal: str, key: str, *, now: float) -> JobRow | None:
        """Find a job of a principal that waits for approval, so that its rows need not be staged again.

        Its time until it expires, which counts from `updated_at`, starts again.
        """
        here = (jobs.c.workspace == self._workspace, jobs.c.principal == principal, jobs.c.state == "input_required")
        newest = select(jobs.c.id).where(*here, jobs.c.key == key).order_by(jobs.c.created_at.desc()).limit(1)
        again = update(jobs).where(jobs.c.id == newest.scalar_subquery()).values(updated_at=now).returning(*jobs.c)

        def work(db: Connection) -> JobRow | None:
            row = db.execute(again).mappings().one_or_none()
            return _job(dict(row)) if row else None

        return await self._database.write(work)

    async def waiting_rows(self) -> int:
        """Count the rows of jobs that wait for approval."""
        waiting = and_(jobs.c.workspace == self._workspace, jobs.c.state == "input_required")
        query = select(func.coalesce(func.sum(jobs.c.total), 0)).where(waiting)
        return await self._database.read(lambda db: db.scalar(query) or 0)

    async def start(self, id_: str, digest: str, *, now: float) -> bool:
        """Let an approved job run; False if its rows aren't those that were approved, or it no longer waits."""
        approved = and_(jobs.c.digest == digest, jobs.c.state == "input_required")
        return await self._update(id_, approved, state="working", started_at=now, updated_at=now)

    async def claim(self, worker: str, kinds: Sequence[str], *, now: float, until: float) -> JobRow | None:
        """Take a job of some kinds that no living worker owns, the oldest first."""
        here = and_(jobs.c.workspace == self._workspace, jobs.c.kind.in_(kinds))
        due = and_(here, jobs.c.state == "working", jobs.c.lease_until <= now)
        oldest = select(jobs.c.id).where(due).order_by(jobs.c.created_at).limit(1)
        taken = {
            "lease": worker, "lease_until": until, "attempts": jobs.c.attempts + 1, "updated_at": now,
        }  # fmt: skip

        # Most looks find nothing, and must not hold the write lock for it.
        if await self._database.read(lambda db: db.scalar(oldest)) is None:
            return None

        def work(db: Connection) -> JobRow | None:
            found = db.scalar(oldest)
            if found is None:
                return None
            db.execute(update(jobs).where(jobs.c.id == found).values(**taken))
            return _read(db, found)

        return await self._database.write(work)

    async def beat(self, id_: str, worker: str, *, until: float) -> bool:
        """Keep the lease; False if the job is another worker's by now, or must stop within its batch."""
        return await self._update(id_, _leased(worker), lease_until=until)

    async def advance(
        self, id_: str, worker: str, *, cursor: int, to: int, problems: Mapping[int, str], now: float, until: float
    ) -> JobState | None:
        """Record that the rows from `cursor` up to, not with, `to` are done, and why some of them were refused.

        The others of them are deleted. Returns the job's state: a job that was canceled meanwhile has this batch as its
        last. None if it is another worker's by now or the batch was recorded already; then nothing is recorded.
        """
        owned = and_(_leased(worker), jobs.c.cursor == cursor)
        here = update(jobs).where(jobs.c.id == id_, jobs.c.workspace == self._workspace, owned)
        moved = here.values(
            cursor=to, failed=jobs.c.failed + len(problems), lease_until=until, attempts=0, updated_at=now
        )
        behind = and_(job_rows.c.job == id_, job_rows.c.number >= cursor, job_rows.c.number < to)

        def work(db: Connection) -> JobState | None:
            if db.execute(moved).rowcount != 1:
                return None
            note_problems(id_, problems, db)
            db.execute(delete(job_rows).where(behind, job_rows.c.problem.is_(None)))
            state: JobState | None = db.scalar(select(jobs.c.state).where(jobs.c.id == id_))
            return state

        # Overwritten, since an erasure would not find them later: 8 ms for the 2,500 rows of a usual batch.
        return await self._database.erase(work)

    async def finish(
        self, id_: str, worker: str, state: Literal["completed", "failed"], *, now: float, reason: str | None = None
    ) -> bool:
        """End a job; False if it is another worker's by now, or was canceled."""
        return await self._update(id_, _owned(worker), state=state, reason=reason, lease=None, updated_at=now)

    async def release(self, id_: str, worker: str, *, due: float) -> bool:
        """Give a job back, for any worker to take from a time (Unix seconds) if it is to run on."""
        return await self._update(id_, _leased(worker), lease=None, lease_until=due)

    async def cancel(self, id_: str, *, now: float, reason: str | None = None) -> bool:
        """Cancel a job; its worker still finishes and records its batch. False if it has ended already."""
        unfinished = jobs.c.state.in_(OPEN_STATES)
        return await self._update(id_, unfinished, state="cancelled", reason=reason, updated_at=now)

    async def get(self, id_: str) -> JobRow | None:
        """Read a job."""
        return await self._database.read(lambda db: _read(db, id_, self._workspace))

    async def recent(self, limit: int) -> list[JobRow]:
        """Read the newest jobs, the newest first."""
        return await recent_jobs(self._database, limit, self._workspace)

    async def rows(self, id_: str, start: int, limit: int, size: int = MAX_READ_BYTES) -> StoredRows:
        """Read staged rows in their order, from number `start`: up to `limit`, and until they have `size` characters.

        At least one is read, if there is one.
        """
        return await self._database.read(lambda db: read_rows(db, id_, start, limit, size))

    async def refused(self, id_: str, limit: int, after: int | None = None) -> list[RefusedRow]:
        """Read the rows that were rejected or refused, and of a job that began and ended also those that were not done.

        `after` is the number of the last row of the previous page.
        """

        def work(db: Connection) -> list[RefusedRow]:
            job = _read(db, id_, self._workspace)
            if job is None:
                return []
            left = not job.is_open and job.started_at is not None
            return read_refused(db, id_, after, limit, None if left else job.cursor)

        return await self._database.read(work)

    async def staged(self, id_: str, limit: int, after: int | None = None) -> list[RefusedRow]:
        """Read the rows that a job has yet to send; `after` is the number of the last row of the previous page."""

        def work(db: Connection) -> list[RefusedRow]:
            return read_staged(db, id_, after, limit) if _read(db, id_, self._workspace) else []

        return await self._database.read(work)

    async def rejected(self, ids: Collection[str]) -> dict[str, int]:
        """Count the rows of jobs that were rejected before they were staged, as far as they are still stored."""
        lowest = select(job_rows.c.job, func.min(job_rows.c.number)).where(job_rows.c.job.in_(ids))
        query = lowest.where(job_rows.c.number < 0).group_by(job_rows.c.job)
        return await self._database.read(lambda db: {row[0]: -row[1] for row in db.execute(query)})

    async def drop(self, id_: str) -> None:
        """Delete a job and its rows, a little at a time."""
        while await self._database.erase(partial(delete_rows, id_)):
            pass
        here = delete(jobs).where(jobs.c.id == id_, jobs.c.workspace == self._workspace)
        await self._database.write(lambda db: db.execute(here))

    async def _update(self, id_: str, condition: ColumnElement[bool], **values: Any) -> bool:
        here = and_(jobs.c.id == id_, jobs.c.workspace == self._workspace, condition)
        statement = update(jobs).where(here).values(**values)
        return await self._database.write(lambda db: db.execute(statement).rowcount == 1)


async def recent_jobs(database: Database, limit: int, workspace: str | None = None) -> list[JobRow]:
    """Read the newest jobs of a workspace, or of all in the database, the newest first."""
    query = select(jobs).order_by(jobs.c.created_at.desc(), jobs.c.id).limit(limit)
    query = query if workspace is None else query.where(jobs.c.workspace == workspace)
    return await database.read(lambda db: [_job(dict(row)) for row in db.execute(query).mappings()])


async def find_job(database: Database, id_: str) -> JobRow | None:
    """Read the job with this ID, in any workspace."""
    return await database.read(lambda db: _read(db, id_))


def _owned(worker: str) -> ColumnElement[bool]:
    return and_(jobs.c.lease == worker, jobs.c.state == "working")


def _leased(worker: str) -> ColumnElement[bool]:
    """As `_owned`, or canceled: the batch in flight is still recorded."""
    return and_(jobs.c.lease == worker, jobs.c.state.in_(("working", "cancelled")))


def _store(id_: str, rows: Sequence[Mapping[str, Any]], db: Connection) -> None:
    if db.scalar(select(jobs.c.state).where(jobs.c.id == id_)) != "input_required":
        raise StorageFailed(STOPPED)
    insert_rows(id_, rows, db)


def _read(db: Connection, id_: str, workspace: str | None = None) -> JobRow | None:
    query = select(jobs).where(jobs.c.id == id_)
    if workspace is not None:
        query = query.where(jobs.c.workspace == workspace)
    row = db.execute(query).mappings().one_or_none()
    return _job(dict(row)) if row else None


def _job(row: Mapping[str, Any]) -> JobRow:
    return JobRow(**{**row, "options": json.loads(row["options"]), "report": json.loads(row["report"])})
