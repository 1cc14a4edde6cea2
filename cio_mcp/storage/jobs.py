"""Jobs of a workspace: staged rows, a lease for the worker that owns a job, and the cursor that fences out others."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Literal

from pydantic import JsonValue
from sqlalchemy import Connection, and_, delete, func, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from cio_mcp.errors import StorageFailed
from cio_mcp.storage.engine import Database
from cio_mcp.storage.schema import job_rows, jobs

JobState = Literal["input_required", "working", "completed", "failed", "cancelled"]
"""The states of a task in MCP's tasks extension. A job that nobody approved yet is `input_required`."""

STAGED_AT_ONCE = 1_000
"""Rows that are staged in one transaction, so that other writers never wait long. Chosen."""

MAX_READ_BYTES = 600_000
"""Characters of rows that are read at once: more than one request of the Track API holds."""
READ_AT_ONCE = 200
"""Rows that the driver holds at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job; the columns of the table `jobs`, with `options` parsed."""

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


class Jobs:
    """The jobs of one workspace; any number of processes may use one database."""

    def __init__(self, database: Database, workspace: str) -> None:
        self._database = database
        self._workspace = workspace

    async def stage(
        self, id_: str, *, principal: str, kind: str, options: Mapping[str, JsonValue], rows: Iterable[JsonValue],
        now: float,
    ) -> JobRow:  # fmt: skip
        """Store a job that waits for approval, and its rows; `digest` is computed over kind, options, and rows.

        Raises:
            StorageFailed: it cannot be stored; what is left of it cannot run.
        """
        options_json = json.dumps(dict(options), sort_keys=True)
        row: dict[str, Any] = {
            "id": id_, "workspace": self._workspace, "principal": principal, "kind": kind, "options": options_json,
            "digest": "", "state": "input_required", "total": 0, "created_at": now, "updated_at": now,
        }  # fmt: skip
        await self._database.write(lambda db: db.execute(insert(jobs).values(**row)))
        digest, total = hashlib.sha256(f"{kind}\n{options_json}\n".encode()), 0
        numbered = iter(enumerate(rows))
        while part := [*islice(_digested(numbered, digest), STAGED_AT_ONCE)]:
            await self._database.write(partial(_insert_rows, id_, part))
            total += len(part)
        here = update(jobs).where(jobs.c.id == id_).values(total=total, digest=digest.hexdigest())

        def complete(db: Connection) -> JobRow | None:
            db.execute(here)
            return _read(db, id_)

        staged = await self._database.write(complete)
        if staged is None:
            raise StorageFailed("The job was deleted while its rows were stored.")
        return staged

    async def waiting(self, principal: str, digest: str) -> JobRow | None:
        """Find a job of a principal that waits for approval, so that its rows need not be staged again."""
        query = select(jobs).where(
            jobs.c.workspace == self._workspace,
            jobs.c.digest == digest,
            jobs.c.principal == principal,
            jobs.c.state == "input_required",
        )

        def work(db: Connection) -> JobRow | None:
            row = db.execute(query.limit(1)).mappings().one_or_none()
            return _job(dict(row)) if row else None

        return await self._database.read(work)

    async def start(self, id_: str, digest: str, *, now: float) -> bool:
        """Let an approved job run; False if its rows aren't those that were approved, or it no longer waits."""
        approved = and_(jobs.c.digest == digest, jobs.c.state == "input_required")
        return await self._update(id_, approved, state="working", updated_at=now)

    async def claim(self, worker: str, kinds: Sequence[str], *, now: float, until: float) -> JobRow | None:
        """Take a job of some kinds that no living worker owns, the oldest first."""
        here = and_(jobs.c.workspace == self._workspace, jobs.c.kind.in_(kinds))
        due = and_(here, jobs.c.state == "working", jobs.c.lease_until <= now)
        oldest = select(jobs.c.id).where(due).order_by(jobs.c.created_at).limit(1)
        taken = {
            "lease": worker, "lease_until": until, "attempts": jobs.c.attempts + 1, "updated_at": now,
            "started_at": func.coalesce(jobs.c.started_at, now),
        }  # fmt: skip

        def work(db: Connection) -> JobRow | None:
            found = db.scalar(oldest)
            if found is None:
                return None
            db.execute(update(jobs).where(jobs.c.id == found).values(**taken))
            return _read(db, found)

        return await self._database.write(work)

    async def beat(self, id_: str, worker: str, *, until: float) -> bool:
        """Keep the lease; False if the job is another worker's by now, or is no longer to run."""
        return await self._update(id_, _owned(worker), lease_until=until)

    async def advance(
        self, id_: str, worker: str, *, cursor: int, to: int, problems: Mapping[int, str], now: float, until: float
    ) -> bool:
        """Record that the rows from `cursor` up to, not with, `to` are done, and why some of them were refused.

        False if the job is another worker's by now or the batch was recorded already; then nothing is recorded.
        """
        owned = and_(_owned(worker), jobs.c.cursor == cursor)
        here = update(jobs).where(jobs.c.id == id_, jobs.c.workspace == self._workspace, owned)
        moved = here.values(
            cursor=to, failed=jobs.c.failed + len(problems), lease_until=until, attempts=0, updated_at=now
        )

        def work(db: Connection) -> bool:
            if db.execute(moved).rowcount != 1:
                return False
            for number, problem in problems.items():
                refused = update(job_rows).where(job_rows.c.job == id_, job_rows.c.number == number)
                db.execute(refused.values(problem=problem))
            return True

        return await self._database.write(work)

    async def finish(
        self, id_: str, worker: str, state: Literal["completed", "failed"], *, now: float, reason: str | None = None
    ) -> bool:
        """End a job; False if it is another worker's by now, or was canceled."""
        return await self._update(id_, _owned(worker), state=state, reason=reason, lease=None, updated_at=now)

    async def release(self, id_: str, worker: str, *, due: float) -> bool:
        """Give a job back, for any worker to take from a time (Unix seconds)."""
        return await self._update(id_, _owned(worker), lease=None, lease_until=due)

    async def cancel(self, id_: str, *, now: float, reason: str | None = None) -> bool:
        """Cancel a job; a worker stops before its next item. False if it has ended already."""
        unfinished = jobs.c.state.in_(("input_required", "working"))
        return await self._update(id_, unfinished, state="cancelled", reason=reason, lease=None, updated_at=now)

    async def get(self, id_: str) -> JobRow | None:
        """Read a job."""
        return await self._database.read(lambda db: _read(db, id_, self._workspace))

    async def recent(self, limit: int) -> list[JobRow]:
        """Read the newest jobs, the newest first."""
        query = select(jobs).where(jobs.c.workspace == self._workspace).order_by(jobs.c.created_at.desc()).limit(limit)
        return await self._database.read(lambda db: [_job(dict(row)) for row in db.execute(query).mappings()])

    async def rows(self, id_: str, start: int, limit: int, size: int = MAX_READ_BYTES) -> list[JsonValue]:
        """Read staged rows in their order, from number `start`: up to `limit`, and until they have `size` characters.

        At least one is read, if there is one.
        """
        here = and_(job_rows.c.job == id_, job_rows.c.number >= start)
        query = select(job_rows.c.data).where(here).order_by(job_rows.c.number).limit(limit)

        def work(db: Connection) -> list[JsonValue]:
            rows: list[JsonValue] = []
            total = 0
            with db.execution_options(yield_per=READ_AT_ONCE).scalars(query) as found:
                for data in found:
                    rows.append(json.loads(data))
                    total += len(data)
                    if total >= size:
                        break
            return rows

        return await self._database.read(work)

    async def problems(self, id_: str, start: int, limit: int) -> list[tuple[int, JsonValue, str]]:
        """Read the rows that were refused, from number `start`: number, row, and why."""
        here = and_(job_rows.c.job == id_, job_rows.c.number >= start, job_rows.c.problem.is_not(None))
        query = select(job_rows.c.number, job_rows.c.data, job_rows.c.problem).where(here).order_by(job_rows.c.number)
        return await self._database.read(
            lambda db: [(number, json.loads(data), problem) for number, data, problem in db.execute(query.limit(limit))]
        )

    async def drop(self, id_: str) -> None:
        """Delete a job and its rows."""

        def work(db: Connection) -> None:
            db.execute(delete(job_rows).where(job_rows.c.job == id_))
            db.execute(delete(jobs).where(jobs.c.id == id_, jobs.c.workspace == self._workspace))

        await self._database.erase(work)

    async def _update(self, id_: str, condition: ColumnElement[bool], **values: Any) -> bool:
        here = and_(jobs.c.id == id_, jobs.c.workspace == self._workspace, condition)
        statement = update(jobs).where(here).values(**values)
        return await self._database.write(lambda db: db.execute(statement).rowcount == 1)


def _owned(worker: str) -> ColumnElement[bool]:
    return and_(jobs.c.lease == worker, jobs.c.state == "working")


def _digested(rows: Iterator[tuple[int, JsonValue]], digest: Any) -> Iterator[tuple[int, str]]:
    for number, row in rows:
        data = json.dumps(row, ensure_ascii=False, sort_keys=True)
        digest.update(f"{data}\n".encode(errors="surrogatepass"))
        yield number, data


def _insert_rows(job: str, rows: Sequence[tuple[int, str]], db: Connection) -> None:
    db.execute(insert(job_rows), [{"job": job, "number": number, "data": data} for number, data in rows])


def _read(db: Connection, id_: str, workspace: str | None = None) -> JobRow | None:
    query = select(jobs).where(jobs.c.id == id_)
    if workspace is not None:
        query = query.where(jobs.c.workspace == workspace)
    row = db.execute(query).mappings().one_or_none()
    return _job(dict(row)) if row else None


def _job(row: Mapping[str, Any]) -> JobRow:
    return JobRow(**{**row, "options": json.loads(row["options"])})
