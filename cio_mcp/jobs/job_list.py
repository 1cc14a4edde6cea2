"""Jobs, as people and assistants read them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import JsonValue

from cio_mcp.jobs.pace import Pace, spell_duration
from cio_mcp.jobs.row_files import columns_of, problem_of
from cio_mcp.jobs.runner import MAX_ATTEMPTS
from cio_mcp.storage.job_rows import RefusedRow
from cio_mcp.storage.jobs import JobRow, JobState
from cio_mcp.text.counts import count_of
from cio_mcp.text.render import Answer, Part
from cio_mcp.text.sanitize import cut, key_name, quoted, word
from cio_mcp.text.timestamps import from_unix, moment
from cio_mcp.text.untrusted import Bound, FreeText, Prose

MAX_SHOWN_COLUMNS = 4
"""Columns of a refused row in an answer; a file has all of them. Chosen."""
CELL_CHARACTERS = 60
NAME_CHARACTERS = 40
PROBLEM_CHARACTERS = 300
WAITS = "No person has approved it, so nothing was sent."
NOTHING_TO_SEND = "None of its rows can be sent."
HAS_ENDED = "It had ended before, so nothing was stopped."
NEVER_STARTED = "It never started, so nothing was sent."
STAYS = "What was done stays."
FINISHING = "Its last batch is still being sent."
UNSURE = "Rows of its last batch may have been sent, although they are not counted."
WAITS_FOR_SERVER = "No server has begun it yet. One on this database does within seconds."
ORPHANED = "The process that ran it is gone. The next server on this database continues it."


class JobLine(Part):
    """A job: of `total` rows, `done` are behind it, `failed` of which were refused; `rejected` ones were never sent.

    `rate` is in rows per second since the start. `check_again_seconds` is when another look is worthwhile.
    """

    personal: ClassVar[bool] = True

    id: str
    kind: str
    state: JobState
    total: int
    done: int
    failed: int
    rejected: int | None = None
    by: str
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    rate: float | None = None
    time_left: str | None = None
    check_again_seconds: int | None = None
    note: Prose | None = None

    @classmethod
    def of(cls, job: JobRow, now: float, rejected: int = 0) -> "JobLine":
        """Make a job readable at a time (Unix seconds); `rejected` rows of it are stored."""
        works = job.state == "working"
        started, ended = job.started_at, None if job.is_open else job.updated_at
        pace = Pace.of(job.cursor, job.total, (now if works else job.updated_at) - started if started else 0.0)
        left = pace.seconds_left if works else None
        return cls(
            id=job.id,
            kind=job.kind,
            state=job.state,
            total=job.total,
            done=job.cursor,
            failed=job.failed,
            rejected=rejected or None,
            by=job.principal,
            created_at=from_unix(int(job.created_at)),
            started_at=from_unix(int(started)) if started else None,
            ended_at=from_unix(int(ended)) if ended else None,
            rate=None if pace.rows_a_second is None else round(pace.rows_a_second, 1),
            time_left=None if left is None else spell_duration(left),
            check_again_seconds=pace.poll_seconds if works else None,
            note=" ".join(_notes(job, now)) or None,
        )

    def lines(self) -> Iterator[str]:
        """A line with counts, one with times, and one with what else there is to know."""
        counts = [f"{self.done:,} of {self.total:,} rows done"]
        counts += [f"{self.failed:,} of them refused"] if self.failed else []
        counts += [f"{self.rejected:,} more rejected before"] if self.rejected else []
        yield f"{self.id}  {self.kind}  {self.state}: {', '.join(counts)}"
        times = [f"started {moment(self.started_at)}" if self.started_at else f"created {moment(self.created_at)}"]
        times += [f"ended {moment(self.ended_at)}"] if self.ended_at else []
        times += [f"{self.rate:,} rows/s"] if self.rate is not None else []
        times += [f"about {self.time_left} left"] if self.time_left else []
        yield f"  by {word(self.by, 200)}, {', '.join(times)}"
        if self.note:
            yield f"  {self.note}"


def _notes(job: JobRow, now: float) -> Iterator[str]:
    if job.reason:
        yield job.reason
    match job.state:
        case "input_required":
            yield NOTHING_TO_SEND if job.digest and not job.total else WAITS
        case "working" if job.lease is None and job.lease_until > now:
            wait = spell_duration(job.lease_until - now)
            left = MAX_ATTEMPTS - job.attempts
            yield f"Its last batch failed. It is tried again in {wait}, at most {left:,} more times."
        case "working" if job.lease_until <= now:
            yield WAITS_FOR_SERVER if job.lease is None else ORPHANED
        case "cancelled" if job.started_at is None:
            yield NEVER_STARTED
        case "cancelled":
            yield STAYS if job.lease is None else FINISHING if job.lease_until > now else UNSURE
        case "failed":
            yield UNSURE
        case _:
            pass


class RefusedLine(Part):
    """A row that was not applied: the line of its file, some of its columns, and why."""

    personal: ClassVar[bool] = True

    line: int | None = None
    values: dict[str, Annotated[str, FreeText(CELL_CHARACTERS)]]
    problem: Annotated[str, Bound(PROBLEM_CHARACTERS)]

    @classmethod
    def of(cls, row: RefusedRow) -> "RefusedLine":
        """Make a row readable."""
        columns = [(name, value) for name, value in columns_of(row).items() if value not in (None, "")]
        shown = {cut(name, NAME_CHARACTERS): _cell(value) for name, value in columns[:MAX_SHOWN_COLUMNS]}
        return cls(line=row.line, values=shown, problem=problem_of(row))

    def __str__(self) -> str:
        where = "a row" if self.line is None else f"line {self.line:,}"
        values = ", ".join(f"{key_name(name)}: {quoted(value, CELL_CHARACTERS)}" for name, value in self.values.items())
        return f"{where}: {self.problem}{f' ({values})' if values else ''}"


def _cell(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class JobReport(Answer):
    """Jobs, newest first; of a single one also rows that were not applied, and the file with all of them."""

    jobs: list[JobLine]
    older: bool = False
    rows: list[RefusedLine] | None = None
    cursor: str | None = None
    file: str | None = None
    rows_in_file: int | None = None
    next_step: Prose | None = None

    def lines(self) -> Iterable[str]:
        """Each job, then the rows, the file, and what to do next."""
        if not self.jobs:
            yield "No jobs."
        for job in self.jobs:
            yield from job.lines()
        if self.older:
            yield "… older ones exist: raise limit"
        if self.rows:
            yield "Rows that were not applied:"
            yield from (f"- {row}" for row in self.rows)
        if self.cursor:
            yield f"… more: cursor={self.cursor}"
        if self.file:
            yield f"Wrote {count_of(self.rows_in_file or 0, 'row')} to {quoted(self.file, 200)}."
        if self.next_step:
            yield self.next_step

    @classmethod
    def of(cls, jobs: Sequence[JobRow], rejected: Mapping[str, int], now: float, limit: int) -> "JobReport":
        """List the first `limit` jobs."""
        listed = [JobLine.of(job, now, rejected.get(job.id, 0)) for job in jobs[:limit]]
        return cls(jobs=listed, older=len(jobs) > limit)
