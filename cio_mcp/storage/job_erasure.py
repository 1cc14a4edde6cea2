"""Erasure in jobs: rows that nobody needs any more, and those about one person, a little at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, exists, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from cio_mcp.storage.engine import Database
from cio_mcp.storage.job_rows import delete_rows
from cio_mcp.storage.jobs import OPEN_STATES
from cio_mcp.storage.schema import job_rows, jobs

READ_AT_ONCE = 1_000
"""Rows that one transaction reads. Chosen: some 300 KB."""
NO_REPORT = "{}"
NOT_APPROVED = "Nobody approved it in time."
WITHDRAWN = "The data of a person in it was erased."

About = Callable[[str, bool], bool]
"""Whether data (JSON) is about the person; where it is about others, too, an ID must stand as one."""


async def cancel_unapproved_jobs(database: Database, *, before: float, now: float) -> int:
    """Cancel jobs of any workspace that have waited for approval since before a time; returns how many."""
    late = and_(jobs.c.state == "input_required", jobs.c.updated_at < before)
    canceled = update(jobs).where(late).values(state="cancelled", reason=NOT_APPROVED, updated_at=now)
    return await database.write(lambda db: db.execute(canceled).rowcount)


async def delete_useless_rows(database: Database, *, before: float) -> int:
    """Delete some rows of a job that never ran, or that ended before a time; returns how many."""
    has_rows = exists().where(job_rows.c.job == jobs.c.id)
    due = select(jobs.c.id).where(_is_over(before), has_rows).limit(1)

    def work(db: Connection) -> int:
        job = db.scalar(due)
        return delete_rows(job, db) if job else 0

    return await database.erase(work)


async def delete_useless_reports(database: Database, *, before: float) -> None:
    """Delete what plans showed of the rows of jobs that never ran, or that ended before a time."""
    due = and_(_is_over(before), jobs.c.report != NO_REPORT)
    await database.erase(lambda db: db.execute(update(jobs).where(due).values(report=NO_REPORT)))


def _is_over(before: float) -> ColumnElement[bool]:
    return and_(jobs.c.state.not_in(OPEN_STATES), or_(jobs.c.started_at.is_(None), jobs.c.updated_at < before))


@dataclass(frozen=True, slots=True)
class JobErasure:
    """How many rows and reports there are about a person, and how many jobs have to be canceled for it.

    `running`: the worker of one of them may hold a row in memory until its lease can be trusted no longer.
    """

    rows: int = 0
    reports: int = 0
    canceled: int = 0
    running: bool = False

    def __add__(self, other: "JobErasure") -> "JobErasure":
        return JobErasure(
            self.rows + other.rows,
            self.reports + other.reports,
            self.canceled + other.canceled,
            self.running or other.running,
        )


class _Stored(NamedTuple):
    """A row of a job, as stored."""

    number: int
    data: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class _Matches:
    """Rows of one page of a job that are about the person; `unsent` if one of them could still be sent."""

    job: str
    numbers: tuple[int, ...]
    unsent: bool


class JobEraser:
    """What the jobs of one workspace keep about a person, whom `about` recognizes."""

    def __init__(self, database: Database, workspace: str, about: About) -> None:
        self._database = database
        self._workspace = workspace
        self._about = about

    async def count(self) -> JobErasure:
        """Count, without changing anything."""
        total = JobErasure()
        for job, report in await self._jobs():
            canceled = False
            last: int | None = None
            while page := await self._page(job, last):
                last, matches = page[-1].number, self._matches(job, page)
                total += JobErasure(rows=len(matches.numbers))
                if matches.unsent and not canceled:
                    canceled, running = await self._database.read(partial(_progress, job))
                    total += JobErasure(canceled=int(canceled), running=running)
            total += JobErasure(reports=int(self._about(report, True)))
        return total

    async def erase(self, *, now: float) -> JobErasure:
        """Delete rows and reports; a job in which a row could still be sent is canceled: it is not as approved."""
        total = JobErasure()
        for job, report in await self._jobs():
            last: int | None = None
            while page := await self._page(job, last):
                last, matches = page[-1].number, self._matches(job, page)
                if matches.numbers:
                    total += await self._database.erase(partial(_erase, matches, now))
            if self._about(report, True):
                total += await self._database.erase(partial(_erase_report, job, now))
        return total

    async def _jobs(self) -> list[tuple[str, str]]:
        """Every job with its report (JSON)."""
        here = select(jobs.c.id, jobs.c.report).where(jobs.c.workspace == self._workspace)
        return await self._database.read(lambda db: [(row.id, row.report) for row in db.execute(here)])

    async def _page(self, job: str, last: int | None) -> list[_Stored]:
        rest = job_rows.c.job == job if last is None else and_(job_rows.c.job == job, job_rows.c.number > last)
        query = select(job_rows.c.number, job_rows.c.data, job_rows.c.problem).where(rest)
        few = query.order_by(job_rows.c.number).limit(READ_AT_ONCE)
        return await self._database.read(lambda db: [_Stored(*row) for row in db.execute(few)])

    def _matches(self, job: str, page: list[_Stored]) -> _Matches:
        mine = [row for row in page if self._about(row.data, row.problem is None)]
        return _Matches(job, tuple(row.number for row in mine), any(row.problem is None for row in mine))


def _erase(matches: _Matches, now: float, db: Connection) -> JobErasure:
    canceled, running = _progress(matches.job, db) if matches.unsent else (False, False)
    here = update(jobs).where(jobs.c.id == matches.job)
    if canceled:
        db.execute(here.values(state="cancelled", reason=WITHDRAWN, updated_at=now))
    if running:
        # Without its lease, the worker stops at its next sign of life, within its batch.
        db.execute(here.values(lease=None))
    mine = and_(job_rows.c.job == matches.job, job_rows.c.number.in_(matches.numbers))
    rows = db.execute(delete(job_rows).where(mine)).rowcount
    return JobErasure(rows=rows, canceled=int(canceled), running=running)


def _erase_report(job: str, now: float, db: Connection) -> JobErasure:
    here = update(jobs).where(jobs.c.id == job)
    waits = here.where(jobs.c.state == "input_required")  # its plan can't be made again
    canceled = db.execute(waits.values(state="cancelled", reason=WITHDRAWN, updated_at=now)).rowcount
    return JobErasure(reports=db.execute(here.values(report=NO_REPORT)).rowcount, canceled=canceled)


def _progress(job: str, db: Connection) -> tuple[bool, bool]:
    """Whether a job has not ended, and whether a worker has it, which may be dead."""
    row = db.execute(select(jobs.c.state, jobs.c.lease).where(jobs.c.id == job)).one_or_none()
    return (row.state in OPEN_STATES, row.lease is not None) if row else (False, False)
