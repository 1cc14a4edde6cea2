"""Rows of jobs go when nobody needs them any more, and those about a person when they are erased."""

from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial
from pathlib import Path

import anyio.from_thread
import pytest
from pydantic import JsonValue

from cio_mcp.errors import StorageFailed
from cio_mcp.gate.retention import DAY_SECONDS, KEPT_DAYS, UNAPPROVED_SECONDS, Retention
from cio_mcp.gate.subject import Subject
from cio_mcp.jobs.staging import ListedRows
from cio_mcp.storage.engine import Database
from cio_mcp.storage.job_erasure import NOT_APPROVED, READ_AT_ONCE, WITHDRAWN, JobEraser, JobErasure
from cio_mcp.storage.job_rows import DELETED_AT_ONCE, STAGED_AT_ONCE, StagedRow
from cio_mcp.storage.jobs import JobRow, Jobs
from tests.clock import ManualClock
from tests.jobs.staged import source_of

pytestmark = pytest.mark.anyio

ADA = Subject(id="ada", email="ada@example.com", cio_id="0100")
WORKER = "first"


def row(id_: str, **attributes: JsonValue) -> JsonValue:
    return {"type": "person", "action": "identify", "identifiers": {"id": id_}, "attributes": attributes}


ROWS = [row("bob"), row("ada", plan="vip"), row("eve")]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'cio.db'}")
    yield opened
    await opened.close()


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database, "w")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(skips=True)


@pytest.fixture
def retention(database: Database, clock: ManualClock) -> Retention:
    return Retention(database, clock)


@pytest.fixture
def eraser(database: Database) -> JobEraser:
    return JobEraser(database, "w", ADA.is_in_data)


async def stage(
    jobs: Jobs,
    now: float = 0,
    rows: list[JsonValue] = ROWS,
    id_: str = "j",
    bad: tuple[StagedRow, ...] = (),
    shown: Mapping[str, JsonValue] | None = None,
) -> JobRow:
    """Stage rows; unless something else is shown of them, a plan shows the first."""
    source = ListedRows([*bad, *source_of(rows).listed], {"sample": rows[:1]} if shown is None else shown)
    return await jobs.stage(id_, principal="p", kind="import", key="k", options={}, source=source, now=now)


async def run(jobs: Jobs, now: float, *, done: int = 0, rows: list[JsonValue] = ROWS) -> None:
    """Let a worker start a job; it has done so many rows, the first of which was refused."""
    assert await jobs.start("j", (await stage(jobs, now, rows)).digest, now=now)
    assert await jobs.claim(WORKER, ["import"], now=now, until=now + 30)
    if done:
        step = {"cursor": 0, "to": done, "now": now, "until": now + 30}
        assert await jobs.advance("j", WORKER, problems={0: "refused"}, **step)  # type: ignore[arg-type]


async def state(jobs: Jobs, id_: str = "j") -> tuple[str, str | None]:
    job = await jobs.get(id_)
    assert job
    return job.state, job.reason


async def test_a_job_that_nobody_approved_is_canceled_and_its_rows_are_deleted(
    jobs: Jobs, retention: Retention, clock: ManualClock
) -> None:
    await stage(jobs, clock.now() - UNAPPROVED_SECONDS + 1)
    await retention.round()
    assert (await state(jobs))[0] == "input_required"
    assert await jobs.rows("j", 0, 9) == ROWS
    await clock.sleep(2)
    await retention.round()
    assert await state(jobs) == ("cancelled", NOT_APPROVED)
    assert await jobs.rows("j", -9, 9) == []
    assert await report(jobs) == {}


async def test_no_more_rows_are_stored_of_a_job_that_is_canceled_meanwhile(jobs: Jobs) -> None:
    class Canceled(ListedRows):
        def rows(self) -> Iterator[StagedRow]:
            for row in self.listed:
                yield row
                if row.line == STAGED_AT_ONCE + 1:
                    anyio.from_thread.run(partial(jobs.cancel, "j", now=0))

    source = Canceled(source_of([{"id": str(number)} for number in range(3 * STAGED_AT_ONCE)]).listed)
    with pytest.raises(StorageFailed, match="canceled while its rows were stored"):
        await jobs.stage("j", principal="p", kind="import", key="k", options={}, source=source, now=0)
    assert len(await jobs.rows("j", 0, 3 * STAGED_AT_ONCE)) == STAGED_AT_ONCE


async def test_a_job_that_is_proposed_again_has_its_whole_time_again(
    jobs: Jobs, retention: Retention, clock: ManualClock
) -> None:
    await stage(jobs, clock.now() - UNAPPROVED_SECONDS - 1)
    assert await jobs.waiting("p", "k", now=clock.now() - 1)
    await retention.round()
    assert (await state(jobs))[0] == "input_required"


async def test_no_more_rows_are_stored_for_a_job_that_was_canceled(jobs: Jobs) -> None:
    class Source(ListedRows):
        def rows(self) -> Iterator[StagedRow]:
            yield from super().rows()
            anyio.from_thread.run(partial(jobs.cancel, "j", now=1))

    with pytest.raises(StorageFailed, match="canceled while"):
        await jobs.stage(
            "j", principal="p", kind="import", key="k", options={}, source=Source(source_of(ROWS).listed), now=0
        )


async def report(jobs: Jobs) -> Mapping[str, JsonValue]:
    job = await jobs.get("j")
    assert job
    return job.report


async def test_a_job_that_runs_keeps_its_rows_at_any_age(jobs: Jobs, retention: Retention, clock: ManualClock) -> None:
    await run(jobs, clock.now() - 2 * KEPT_DAYS * DAY_SECONDS)
    await retention.round()
    assert await jobs.rows("j", 0, 9) == ROWS


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
async def test_rows_that_were_refused_or_not_done_are_kept_for_thirty_days(
    end: str, jobs: Jobs, retention: Retention, clock: ManualClock
) -> None:
    await run(jobs, clock.now(), done=2)
    if end == "cancelled":
        assert await jobs.cancel("j", now=clock.now())
    else:
        assert await jobs.finish("j", WORKER, end, now=clock.now())  # type: ignore[arg-type]
    await retention.round()
    assert await jobs.rows("j", 0, 9) == [ROWS[0], ROWS[2]]
    await clock.sleep(KEPT_DAYS * DAY_SECONDS + 1)
    await retention.round()
    assert await jobs.rows("j", 0, 9) == []
    job = await jobs.get("j")
    assert job
    assert (job.state, job.total, job.cursor, job.failed, job.report) == (end, 3, 2, 1, {})


async def test_many_rows_are_deleted_in_small_steps(jobs: Jobs, retention: Retention, clock: ManualClock) -> None:
    await stage(jobs, clock.now(), [{"n": number} for number in range(DELETED_AT_ONCE + 5)])
    assert await jobs.cancel("j", now=clock.now())
    await retention.round(steps=1)
    assert len(await jobs.rows("j", 0, DELETED_AT_ONCE + 5)) == 5
    await retention.round()
    assert await jobs.rows("j", 0, 9) == []


async def test_a_waiting_job_with_a_row_of_the_person_is_canceled_for_it_is_not_what_was_shown(
    jobs: Jobs, eraser: JobEraser
) -> None:
    job = await stage(jobs)
    assert await eraser.count() == JobErasure(rows=1, canceled=1)
    assert await eraser.erase(now=1) == JobErasure(rows=1, canceled=1)
    assert await state(jobs) == ("cancelled", WITHDRAWN)
    assert not await jobs.start("j", job.digest, now=1)
    assert await jobs.rows("j", 0, 9) == [ROWS[0], ROWS[2]]
    assert await eraser.erase(now=1) == JobErasure()


async def test_the_worker_of_a_running_job_with_a_row_of_the_person_stops_within_its_batch(
    jobs: Jobs, eraser: JobEraser
) -> None:
    await run(jobs, 0)
    assert (await eraser.count()).running
    assert await eraser.erase(now=1) == JobErasure(rows=1, canceled=1, running=True)
    assert not await jobs.beat("j", WORKER, until=60)
    assert not await jobs.advance("j", WORKER, cursor=0, to=3, problems={}, now=1, until=60)
    assert await state(jobs) == ("cancelled", WITHDRAWN)


async def test_a_running_job_that_only_refused_the_person_goes_on(jobs: Jobs, eraser: JobEraser) -> None:
    await run(jobs, 0, done=1, rows=[row("ada"), row("bob")])
    assert await eraser.erase(now=1) == JobErasure(rows=1, reports=1)
    assert (await state(jobs))[0] == "working"
    assert await jobs.rows("j", 0, 9) == [row("bob")]


async def test_a_row_that_was_rejected_is_erased_and_the_job_can_still_be_approved(
    jobs: Jobs, eraser: JobEraser
) -> None:
    rejected = StagedRow(1, {"customer": "ada", "plan": "?"}, "has no email")
    job = await stage(jobs, rows=[row("bob", friend="eve")], bad=(rejected,))
    assert await eraser.erase(now=1) == JobErasure(rows=1)
    assert await jobs.start("j", job.digest, now=1)


async def test_a_job_that_waits_without_its_report_is_canceled(jobs: Jobs, eraser: JobEraser) -> None:
    await stage(jobs, rows=[row("bob")], shown={"references": [[2, {"id": "ada"}]]})
    assert await eraser.erase(now=1) == JobErasure(reports=1, canceled=1)
    assert await report(jobs) == {}


@pytest.mark.parametrize(
    "about",
    [
        row("ada"),
        row("x", friend="see ADA@example.com"),
        row("cio_0100"),
        {"type": "person", "action": "merge", "primary": {"id": "bob"}, "secondary": {"id": "ada"}},
        {"type": "object", "action": "identify", "identifiers": {"object_type_id": "1", "object_id": "a"},
         "cio_relationships": [{"identifiers": {"id": "ada"}}]},
    ],
)  # fmt: skip
async def test_a_row_is_about_a_person_whom_it_names(about: JsonValue, jobs: Jobs, eraser: JobEraser) -> None:
    await stage(jobs, rows=[row("bob"), about])
    assert (await eraser.count()).rows == 1


async def test_a_value_that_equals_an_id_by_chance_deletes_no_row_that_can_be_sent(
    jobs: Jobs, eraser: JobEraser
) -> None:
    await stage(jobs, rows=[row("bob", nickname="ada"), {"object_id": "ada"}], shown={"ada": 1, "rows": "ada"})
    assert await eraser.count() == JobErasure()


async def test_rows_of_several_pages_and_jobs_are_erased_and_other_workspaces_left_alone(
    database: Database, jobs: Jobs, eraser: JobEraser
) -> None:
    rows = [row("ada" if number % 400 == 0 else f"p{number}") for number in range(READ_AT_ONCE + 201)]
    for id_ in ("j1", "j2"):
        await stage(jobs, rows=rows, id_=id_)
    await stage(Jobs(database, "other"), id_="j3")
    assert await eraser.erase(now=1) == JobErasure(rows=8, reports=2, canceled=2)
    assert (await state(Jobs(database, "other"), "j3"))[0] == "input_required"
