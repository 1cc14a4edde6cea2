"""Jobs: each row takes effect once, through deaths, freezes, pauses, and cancellations."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest
from pydantic import JsonValue

from cio_mcp.errors import CioError, StorageFailed
from cio_mcp.jobs.job import Batch, Result
from cio_mcp.jobs.runner import (
    BEAT_SECONDS,
    DIED,
    JOBS_AT_ONCE,
    LEASE_SECONDS,
    MAX_ATTEMPTS,
    MAX_RETRY_SECONDS,
    SAFE_PART,
    Runner,
    retry_delay,
)
from cio_mcp.storage.engine import Database
from cio_mcp.storage.job_erasure import JobEraser, JobErasure
from cio_mcp.storage.job_rows import RefusedRow
from cio_mcp.storage.jobs import JobRow, Jobs
from tests.clock import ManualClock
from tests.jobs.staged import source_of

pytestmark = pytest.mark.anyio

ROWS: list[JsonValue] = [{"id": f"p{number}"} for number in range(10)]
Step = Callable[[Batch], None]


def _nothing(batch: Batch) -> None:
    """Let the batch pass."""


class Receiver:
    """Takes rows three at a time, as a job's function does; `before` and `after` are called once with each batch."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.before: Step = _nothing
        self.after: Step = _nothing
        self.refused: dict[int, str] = {}

    async def function(self, job: JobRow, batch: Batch) -> Result:  # noqa: ARG002 - as every function of a job
        await anyio.lowlevel.checkpoint()
        self.before(batch)
        part = Batch(batch.first, batch.rows[:3], batch.is_owned)
        numbers = [number for number, _ in part]
        self.taken += numbers
        self.after(batch)
        return Result(len(numbers), {number: self.refused[number] for number in numbers if number in self.refused})


@pytest.fixture
async def jobs(tmp_path: Path) -> AsyncIterator[Jobs]:
    database = Database(f"sqlite:///{tmp_path / 'cio.db'}")
    yield Jobs(database, "w")
    await database.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


async def allowed() -> bool:
    await anyio.lowlevel.checkpoint()
    return True


def runner(jobs: Jobs, clock: ManualClock, receiver: Receiver, worker: str = "first") -> Runner:
    return Runner(jobs, {"import": receiver.function}, allowed, clock, worker)


async def staged(jobs: Jobs, clock: ManualClock, *, kind: str = "import", started: bool = True) -> JobRow:
    job = await jobs.stage(
        "j1", principal="local:me", kind=kind, key="k", options={"x": 1}, source=source_of(ROWS), now=clock.now()
    )
    if started:
        assert await jobs.start("j1", job.digest, now=clock.now())
    return job


async def state(jobs: Jobs) -> tuple[str, int, int]:
    job = await jobs.get("j1")
    assert job
    return job.state, job.cursor, job.failed


async def test_an_approved_job_does_each_row_once_in_order(jobs: Jobs, clock: ManualClock, receiver: Receiver) -> None:
    await staged(jobs, clock)
    assert await runner(jobs, clock, receiver).round()
    assert receiver.taken == [*range(10)]
    assert await state(jobs) == ("completed", 10, 0)
    assert not await runner(jobs, clock, receiver).round()


async def test_a_job_runs_only_as_it_was_approved(jobs: Jobs, clock: ManualClock, receiver: Receiver) -> None:
    job = await staged(jobs, clock, started=False)
    assert not await jobs.start("j1", "0" * 64, now=clock.now())
    assert not await runner(jobs, clock, receiver).round()
    assert await jobs.start("j1", job.digest, now=clock.now())
    assert not await jobs.start("j1", job.digest, now=clock.now())


async def test_any_other_row_option_or_kind_has_another_digest(jobs: Jobs) -> None:
    variants: list[tuple[str, dict[str, JsonValue], list[JsonValue]]] = [
        ("import", {"x": 1}, ROWS),
        ("sync", {"x": 1}, ROWS),
        ("import", {"x": 2}, ROWS),
        ("import", {"x": 1}, ROWS[:-1]),
        ("import", {"x": 1}, [*ROWS[:-1], {"id": "other"}]),
        ("import", {"x": 1}, ROWS[::-1]),
        ("import", {"x": 1}, [1, 23]),
        ("import", {"x": 1}, [12, 3]),
    ]
    digests = {
        (
            await jobs.stage(
                f"j{number}", principal="p", kind=kind, key="k", options=options, source=source_of(rows), now=0
            )
        ).digest
        for number, (kind, options, rows) in enumerate(variants)
    }
    assert len(digests) == len(variants)


async def test_rows_that_are_done_are_deleted_with_each_batch(
    jobs: Jobs, clock: ManualClock, receiver: Receiver
) -> None:
    await staged(jobs, clock)
    left: list[list[JsonValue]] = []
    original = receiver.function

    async def look(job: JobRow, batch: Batch) -> Result:
        left.append(await jobs.rows("j1", 0, 20))
        return await original(job, batch)

    await Runner(jobs, {"import": look}, allowed, clock, "first").round()
    assert left == [ROWS, ROWS[3:], ROWS[6:], ROWS[9:]]
    assert await jobs.rows("j1", 0, 20) == []


async def test_rows_that_were_refused_are_kept_with_their_reason(
    jobs: Jobs, clock: ManualClock, receiver: Receiver
) -> None:
    await staged(jobs, clock)
    receiver.refused = {1: "no such person", 7: "too large"}
    await runner(jobs, clock, receiver).round()
    assert await state(jobs) == ("completed", 10, 2)
    first, second = RefusedRow(1, 2, ROWS[1], "no such person"), RefusedRow(7, 8, ROWS[7], "too large")
    assert await jobs.refused("j1", 10) == [first, second]
    assert await jobs.refused("j1", 10, after=1) == [second]


async def test_the_job_of_a_dead_worker_goes_on_with_the_batch_in_flight(
    jobs: Jobs, clock: ManualClock, receiver: Receiver
) -> None:
    await staged(jobs, clock)

    def die(batch: Batch) -> None:
        if batch.first == 3:
            raise SystemExit

    receiver.after = die
    with pytest.raises(BaseExceptionGroup):
        await runner(jobs, clock, receiver).round()
    receiver.after = _nothing
    assert not await runner(jobs, clock, receiver, "second").round()
    await clock.advance(LEASE_SECONDS)
    assert await runner(jobs, clock, receiver, "second").round()
    assert receiver.taken == [*range(6), *range(3, 10)]
    assert await state(jobs) == ("completed", 10, 0)


async def test_a_worker_that_was_frozen_beyond_its_lease_sends_and_records_nothing_more(
    jobs: Jobs, clock: ManualClock, receiver: Receiver
) -> None:
    await staged(jobs, clock)
    other = Receiver()

    def freeze(batch: Batch) -> None:
        if batch.first == 3:
            clock.time += SAFE_PART * LEASE_SECONDS

    receiver.before = freeze
    await runner(jobs, clock, receiver).round()
    assert receiver.taken == [0, 1, 2]
    assert await state(jobs) == ("working", 3, 0)
    await clock.advance(LEASE_SECONDS)
    await runner(jobs, clock, other, "second").round()
    assert other.taken == [*range(3, 10)]
    assert not await jobs.advance("j1", "first", cursor=3, to=6, problems={3: "x"}, now=0, until=0)
    assert not await jobs.finish("j1", "first", "failed", now=0)
    assert await state(jobs) == ("completed", 10, 0)


async def test_a_batch_is_recorded_once(jobs: Jobs, clock: ManualClock) -> None:
    await staged(jobs, clock)
    assert await jobs.claim("first", ["import"], now=clock.now(), until=clock.now() + 9)
    step = {"cursor": 0, "to": 3, "problems": {0: "x"}, "now": 0.0, "until": clock.now() + 9}
    assert await jobs.advance("j1", "first", **step)  # type: ignore[arg-type]
    assert not await jobs.advance("j1", "first", **step)  # type: ignore[arg-type]
    assert await state(jobs) == ("working", 3, 1)


async def test_only_the_worker_that_has_the_lease_records_a_batch(jobs: Jobs, clock: ManualClock) -> None:
    await staged(jobs, clock)
    now = clock.now()
    for worker in ("first", "second"):
        assert await jobs.claim(worker, ["import"], now=clock.now(), until=clock.now() + 9)
        await clock.advance(10)
    assert await jobs.advance("j1", "first", cursor=0, to=3, problems={}, now=now, until=now + 99) is None
    assert not await jobs.release("j1", "first", due=now)
    assert await jobs.advance("j1", "second", cursor=0, to=3, problems={}, now=now, until=now + 99) == "working"


async def test_attempts_are_counted_from_the_last_batch_that_was_done(
    jobs: Jobs, clock: ManualClock, receiver: Receiver
) -> None:
    await staged(jobs, clock)
    for _ in range(MAX_ATTEMPTS):
        assert await jobs.claim("dies", ["import"], now=clock.now(), until=clock.now() + 9)
        await clock.advance(10)
    assert await jobs.advance("j1", "dies", cursor=0, to=3, problems={}, now=clock.now(), until=clock.now())
    await clock.advance(1)
    assert await runner(jobs, clock, receiver).round()
    assert await state(jobs) == ("completed", 10, 0)


async def test_the_oldest_job_comes_first(jobs: Jobs, clock: ManualClock) -> None:
    await staged(jobs, clock)
    await clock.advance(1)
    later = await jobs.stage(
        "a-later-one", principal="p", kind="import", key="", options={}, source=source_of(ROWS), now=clock.now()
    )
    assert await jobs.start(later.id, later.digest, now=clock.now())
    claimed = [await jobs.claim("first", ["import"], now=clock.now(), until=clock.now() + 9) for _ in range(2)]
    assert [job.id for job in claimed if job] == ["j1", later.id]


async def test_few_large_rows_are_read_at_once(jobs: Jobs, clock: ManualClock) -> None:
    await staged(jobs, clock)
    assert len(await jobs.rows("j1", 0, 10)) == 10
    assert [*await jobs.rows("j1", 2, 10, size=1)] == ROWS[2:3]
    assert [*await jobs.rows("j1", 2, 10, size=2 * len('{"id":"p2"}'))] == ROWS[2:4]


async def test_rows_that_one_caller_staged_wait_for_no_other(jobs: Jobs, clock: ManualClock) -> None:
    job = await staged(jobs, clock, started=False)
    assert await jobs.waiting("local:other", job.key, now=clock.now()) is None
    assert await jobs.waiting(job.principal, "another key", now=clock.now()) is None
    found = await jobs.waiting(job.principal, job.key, now=clock.now())
    assert found
    assert found.id == job.id


async def test_a_living_worker_keeps_a_job_that_takes_longer_than_a_lease(
    jobs: Jobs, clock: ManualClock, receiver: Receiver
) -> None:
    await staged(jobs, clock)
    proceed = anyio.Event()

    async def slow(job: JobRow, batch: Batch) -> Result:
        await proceed.wait()
        batch.check()
        return await receiver.function(job, batch)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Runner(jobs, {"import": slow}, allowed, clock, "first").round)
        for _ in range(20):
            await clock.advance(BEAT_SECONDS)
            assert not await runner(jobs, clock, Receiver(), "second").round()
        proceed.set()
    assert await state(jobs) == ("completed", 10, 0)


async def test_a_canceled_job_records_its_batch_in_flight_and_stops_before_the_next(
    jobs: Jobs, clock: ManualClock, receiver: Receiver
) -> None:
    await staged(jobs, clock)
    original = receiver.function

    async def cancel(job: JobRow, batch: Batch) -> Result:
        if batch.first == 3:
            assert await jobs.cancel("j1", now=clock.now())
        return await original(job, batch)

    await Runner(jobs, {"import": cancel}, allowed, clock, "first").round()
    assert receiver.taken == [*range(6)]
    assert await state(jobs) == ("cancelled", 6, 0)
    assert await jobs.rows("j1", 0, 20) == ROWS[6:]
    assert not await jobs.cancel("j1", now=clock.now())
    assert not await runner(jobs, clock, receiver).round()


async def test_a_job_with_a_row_of_a_person_who_is_erased_stops_within_its_batch(
    jobs: Jobs, clock: ManualClock, receiver: Receiver, tmp_path: Path
) -> None:
    await staged(jobs, clock)
    database = Database(f"sqlite:///{tmp_path / 'cio.db'}")
    begun = anyio.Event()

    async def wait(job: JobRow, batch: Batch) -> Result:
        begun.set()
        await anyio.Event().wait()
        return await receiver.function(job, batch)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Runner(jobs, {"import": wait}, allowed, clock, "first").round)
        await begun.wait()
        gone = await JobEraser(database, "w", lambda data, _: "p7" in data).erase(now=clock.now())
        assert gone == JobErasure(rows=1, canceled=1, running=True)
        await clock.advance(BEAT_SECONDS)
    assert receiver.taken == []
    assert await state(jobs) == ("cancelled", 0, 0)
    assert not await runner(jobs, clock, receiver).round()
    await database.close()


async def test_a_pause_stops_a_job_between_two_batches_and_it_goes_on_afterwards(
    jobs: Jobs, clock: ManualClock, receiver: Receiver
) -> None:
    await staged(jobs, clock)

    async def until_the_second() -> bool:
        await anyio.lowlevel.checkpoint()
        return len(receiver.taken) < 6

    await Runner(jobs, {"import": receiver.function}, until_the_second, clock, "first").round()
    assert await state(jobs) == ("working", 6, 0)
    assert not await Runner(jobs, {"import": receiver.function}, until_the_second, clock, "second").round()
    assert await runner(jobs, clock, receiver, "third").round()
    assert receiver.taken == [*range(10)]


@pytest.mark.parametrize("failure", [CioError("Customer.io could not be reached."), ValueError("ada@example.com")])
async def test_a_batch_that_fails_is_tried_again_later_and_not_forever(
    failure: Exception, jobs: Jobs, clock: ManualClock, receiver: Receiver
) -> None:
    await staged(jobs, clock)

    def fail(batch: Batch) -> None:  # noqa: ARG001 - a step
        raise failure

    receiver.before = fail
    for _ in range(MAX_ATTEMPTS):
        assert await runner(jobs, clock, receiver).round()
        assert not await runner(jobs, clock, receiver).round()
        await clock.advance(MAX_RETRY_SECONDS)
    job = await jobs.get("j1")
    assert job
    assert (job.state, job.cursor) == ("failed", 0)
    assert job.reason
    assert "@" not in job.reason


async def test_a_database_that_fails_where_a_failure_is_recorded_does_not_end_the_server(
    jobs: Jobs, clock: ManualClock, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await staged(jobs, clock)

    async def full(*_: object, **__: object) -> bool:
        await anyio.lowlevel.checkpoint()
        raise StorageFailed("The server's database is full.")

    def fail(batch: Batch) -> None:  # noqa: ARG001 - a step
        raise CioError("Customer.io could not be reached.")

    monkeypatch.setattr(jobs, "release", full)
    receiver.before = fail
    assert await runner(jobs, clock, receiver).round()
    monkeypatch.undo()
    receiver.before = _nothing
    await clock.advance(LEASE_SECONDS)
    assert await runner(jobs, clock, receiver, "second").round()
    assert await state(jobs) == ("completed", 10, 0)


async def test_a_function_that_does_nothing_of_a_batch_does_not_run_forever(jobs: Jobs, clock: ManualClock) -> None:
    await staged(jobs, clock)

    async def idle(job: JobRow, batch: Batch) -> Result:  # noqa: ARG001 - as every function of a job
        await anyio.lowlevel.checkpoint()
        return Result(0)

    for _ in range(MAX_ATTEMPTS):
        assert await Runner(jobs, {"import": idle}, allowed, clock, "first").round()
        await clock.advance(MAX_RETRY_SECONDS)
    assert (await state(jobs))[0] == "failed"


async def test_a_batch_at_which_every_worker_dies_fails_the_job(jobs: Jobs, clock: ManualClock) -> None:
    await staged(jobs, clock)
    receiver = Receiver()
    for number in range(MAX_ATTEMPTS):
        assert await jobs.claim(f"dead-{number}", ["import"], now=clock.now(), until=clock.now() + LEASE_SECONDS)
        await clock.advance(LEASE_SECONDS)
    await runner(jobs, clock, receiver).round()
    job = await jobs.get("j1")
    assert job
    assert (job.state, job.reason, receiver.taken) == ("failed", DIED, [])


async def test_a_job_of_an_unknown_kind_is_left_to_a_release_that_knows_it(
    jobs: Jobs, clock: ManualClock, receiver: Receiver
) -> None:
    await staged(jobs, clock, kind="of a newer release")
    assert not await runner(jobs, clock, receiver).round()
    assert (await state(jobs))[0] == "working"


async def test_a_job_of_another_workspace_is_not_seen(jobs: Jobs, clock: ManualClock, tmp_path: Path) -> None:
    await staged(jobs, clock)
    database = Database(f"sqlite:///{tmp_path / 'cio.db'}")
    other = Jobs(database, "other")
    assert await other.get("j1") is None
    assert await other.recent(5) == []
    assert await other.claim("x", ["import"], now=clock.now(), until=clock.now()) is None
    assert not await other.cancel("j1", now=clock.now())
    await database.close()


async def test_nothing_is_left_of_a_job_that_was_dropped(jobs: Jobs, clock: ManualClock) -> None:
    await staged(jobs, clock)
    assert await jobs.rows("j1", 8, 5) == ROWS[8:]
    await jobs.drop("j1")
    assert await jobs.get("j1") is None
    assert await jobs.rows("j1", 0, 5) == []


async def test_a_short_job_does_not_wait_for_a_long_one(jobs: Jobs, clock: ManualClock, receiver: Receiver) -> None:
    proceed = anyio.Event()

    async def long(job: JobRow, batch: Batch) -> Result:  # noqa: ARG001 - as every function of a job
        await proceed.wait()
        return Result(len(batch.rows))

    for id_, kind in (("j0", "long"), ("j1", "import")):
        await jobs.stage(id_, principal="p", kind=kind, key=id_, options={}, source=source_of(ROWS), now=0)
        job = await jobs.get(id_)
        assert job
        assert await jobs.start(id_, job.digest, now=0)
    worker = Runner(jobs, {"long": long, "import": receiver.function}, allowed, clock, "first")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(worker.run)
        worker.look()
        await clock.calm()
        assert await state(jobs) == ("completed", 10, 0)
        first = await jobs.get("j0")
        assert first
        assert (first.state, first.cursor) == ("working", 0)
        proceed.set()
        await clock.calm()
        first = await jobs.get("j0")
        assert first
        assert first.state == "completed"
        tasks.cancel_scope.cancel()


async def test_more_jobs_than_run_at_a_time_wait_for_one_of_them(jobs: Jobs, clock: ManualClock) -> None:
    proceed, begun = anyio.Event(), 0

    async def long(job: JobRow, batch: Batch) -> Result:  # noqa: ARG001 - as every function of a job
        nonlocal begun
        begun += 1
        await proceed.wait()
        return Result(len(batch.rows))

    for number in range(JOBS_AT_ONCE + 1):
        id_ = f"j{number}"
        job = await jobs.stage(id_, principal="p", kind="long", key=id_, options={}, source=source_of(ROWS), now=0)
        assert await jobs.start(id_, job.digest, now=0)
    async with anyio.create_task_group() as tasks:
        worker = Runner(jobs, {"long": long}, allowed, clock, "first")
        tasks.start_soon(worker.run)
        worker.look()
        await clock.calm()
        assert begun == JOBS_AT_ONCE
        proceed.set()
        await clock.calm()
        assert begun == JOBS_AT_ONCE + 1
        tasks.cancel_scope.cancel()


def test_the_next_attempt_is_later_each_time() -> None:
    assert [retry_delay(attempts) for attempts in range(1, MAX_ATTEMPTS)] == [30, 60, 120, 240, 480, 960, 960]


async def test_jobs_of_a_kind_whose_order_matters_run_one_after_the_other(jobs: Jobs, clock: ManualClock) -> None:
    proceed, begun = anyio.Event(), [0]

    async def long(job: JobRow, batch: Batch) -> Result:  # noqa: ARG001 - as every function of a job
        begun[0] += 1
        await proceed.wait()
        return Result(len(batch.rows))

    for id_ in ("j1", "j2"):
        job = await jobs.stage(id_, principal="p", kind="long", key=id_, options={}, source=source_of(ROWS), now=0)
        assert await jobs.start(id_, job.digest, now=0)
    worker = Runner(jobs, {"long": long}, allowed, clock, "first", one_at_a_time=frozenset({"long"}))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(worker.run)
        worker.look()
        await clock.calm()
        assert begun == [1]
        proceed.set()
        await clock.calm()
        worker.look()
        await clock.calm()
        assert begun == [2]
        tasks.cancel_scope.cancel()
