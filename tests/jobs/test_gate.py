"""A job behind the gate: an approval starts exactly the rows that were shown, once."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio
import pytest
from pydantic import JsonValue

from cio_mcp.errors import InvalidArgument, Refused
from cio_mcp.gate.change import Change
from cio_mcp.gate.job_receipt import TO_CORRECT, with_job
from cio_mcp.gate.job_spec import JobSpec, JobStarter
from cio_mcp.gate.plan import Plan, arguments_digest
from cio_mcp.gate.policy import Entry, Policy
from cio_mcp.gate.receipt import Receipt
from cio_mcp.jobs.progress import follow
from cio_mcp.jobs.staging import ListedRows
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.storage.job_rows import StagedRow
from cio_mcp.storage.jobs import JobRow
from cio_mcp.workspace import CallContext, Workspace
from tests.callers import work_of
from tests.carrying_out import approve
from tests.clock import FunctionClock
from tests.reconcilers import reconciler_of

pytestmark = pytest.mark.anyio

ARGUMENTS: dict[str, JsonValue] = {"file": "people.csv"}
Planner = Callable[[], Awaitable[Plan]]


def identify(number: int) -> JsonValue:
    person: JsonValue = {"id": f"new-{number}"}
    return {"type": "person", "action": "identify", "identifiers": person, "attributes": {"score": number}}


def rows(count: int) -> list[StagedRow]:
    return [StagedRow(line, identify(line - 2)) for line in range(2, count + 2)]


def planner(ws: CallContext, staged: list[StagedRow], key: str = "key", *, once: bool = False) -> Planner:
    async def plan() -> Plan:
        source = ListedRows(staged, {"rows": len(staged)})
        job = await ws.stage("import_customers", key, {"create": True}, source)
        return Plan(
            risk="send",
            summary=f"Import {job.total} customers.",
            affected=job.total,
            sample=("“new-0”: “score” 0",),
            job=JobSpec.of(job, "person_identify"),
            once=once,
            repeat=False if once else None,
        )

    return plan


async def proposed(ws: CallContext, plan: Planner, arguments: dict[str, JsonValue] | None = None) -> Change:
    digest = arguments_digest(ARGUMENTS if arguments is None else arguments)
    change = await ws.gate.propose(ws.caller.id, "import_customers", digest, plan)
    assert isinstance(change, Change)
    return change


async def make(ws: CallContext, change: Change, plan: Planner) -> Receipt:
    return await ws.gate.make(change, plan, work_of(ws.caller))


async def ended(ws: CallContext, change: Change) -> JobRow:
    assert change.plan.job
    job = await follow(ws.jobs, change.plan.job.id, ws.clock, seconds=60)
    assert job
    return job


def requested(sandbox: Sandbox) -> int:
    return sum(request["path"].endswith("/batch") for request in sandbox.requests)


async def test_an_approved_job_runs_and_sends_each_row(ws: CallContext, sandbox: Sandbox) -> None:
    plan = planner(ws, rows(30))
    change = await proposed(ws, plan)
    assert (await make(ws, change, plan)).status == "approval_required"
    await approve(ws.gate, change)
    receipt = await make(ws, change, plan)
    assert change.plan.job
    assert receipt.status in {"started", "done"}
    assert receipt.job == change.plan.job.id
    job = await ended(ws, change)
    assert (job.state, job.cursor, job.failed) == ("completed", 30, 0)
    assert requested(sandbox) == 1
    receipt = await ws.gate.describe(await ws.gate.approvals.current(change))
    assert receipt.status == "done"
    assert receipt.message == f"Import 30 customers. Job {job.id} is done. Customer.io accepted all 30 rows."


async def test_nothing_runs_without_an_approval(ws: CallContext, sandbox: Sandbox) -> None:
    change = await proposed(ws, planner(ws, rows(3)))
    assert change.plan.job
    job = await ws.jobs.get(change.plan.job.id)
    assert job
    assert job.state == "input_required"
    assert requested(sandbox) == 0


async def test_the_question_names_the_digest_of_the_rows_and_shows_some(ws: CallContext) -> None:
    change = await proposed(ws, planner(ws, rows(3)))
    assert change.plan.job
    line = f"Job {change.plan.job.id}: sends 3 rows in batches. Their SHA-256 starts with {change.row.digest[:16]}."
    assert line in change.question
    assert "Sample rows:\n- “new-0”: “score” 0." in change.question


async def test_other_rows_than_those_that_were_shown_are_shown_again(ws: CallContext, sandbox: Sandbox) -> None:
    change = await proposed(ws, planner(ws, rows(3)))
    await approve(ws.gate, change)
    receipt = await make(ws, change, planner(ws, rows(4), "the file has changed"))
    assert (receipt.status, requested(sandbox)) == ("approval_required", 0)
    assert "changed after approval" in receipt.message


async def test_rows_that_are_gone_are_not_sent(ws: CallContext, sandbox: Sandbox) -> None:
    plan = planner(ws, rows(3))
    change = await proposed(ws, plan)
    spec, planned = change.plan.job, await plan()
    assert spec
    await approve(ws.gate, change)
    await ws.jobs.drop(spec.id)

    async def again() -> Plan:
        await anyio.lowlevel.checkpoint()
        return planned

    receipt = await make(ws, change, again)
    assert (receipt.status, requested(sandbox)) == ("failed", 0)
    assert "no longer stored" in receipt.message


class LosingStarter(JobStarter):
    """Starts a job, and fails before anyone learns of it."""

    async def start(self, job: JobSpec) -> bool:
        await JobStarter.start(self, job)
        raise RuntimeError


async def test_a_start_whose_outcome_was_lost_is_found(ws: CallContext, opened: Workspace, sandbox: Sandbox) -> None:
    plan = planner(ws, rows(3))
    change = await proposed(ws, plan)
    await approve(ws.gate, change)
    starter = ws.gate.executor.jobs
    losing = LosingStarter(starter.jobs, starter.clock, starter.look)
    gate = replace(ws.gate, executor=replace(ws.gate.executor, jobs=losing))
    assert (await gate.make(change, plan, work_of(ws.caller))).status == "unknown"
    assert await reconciler_of(opened, FunctionClock(now=lambda: ws.clock.now() + 60)).round() == 1
    assert (await ws.gate.approvals.current(change)).state == "sent"
    assert (await ended(ws, change)).cursor == 3
    assert requested(sandbox) == 1


async def test_a_job_of_other_rows_than_were_approved_has_not_been_started_by_the_approval(ws: CallContext) -> None:
    change = await proposed(ws, planner(ws, rows(3)))
    spec, starter = change.plan.job, ws.gate.executor.jobs
    assert spec
    assert not await starter.has_started(spec)
    assert await starter.start(spec)
    assert await starter.has_started(spec)
    assert not await starter.start(spec.model_copy(update={"digest": "0" * 64}))


async def test_a_job_of_which_every_row_was_refused_has_failed(ws: CallContext) -> None:
    plan = planner(ws, [StagedRow(2, {"type": "person", "action": "unknown"})])
    change = await proposed(ws, plan)
    await approve(ws.gate, change)
    receipt = await make(ws, change, plan)
    assert with_job(receipt, change.plan.summary, await ended(ws, change)).status == "failed"


async def test_the_same_rows_of_effects_that_count_once_are_a_duplicate(ws: CallContext) -> None:
    plan = planner(ws, rows(3), once=True)
    change = await proposed(ws, plan)
    await approve(ws.gate, change)
    await make(ws, change, plan)
    await ended(ws, change)
    again = await ws.gate.propose(
        ws.caller.id,
        "import_customers",
        arguments_digest({"file": "copy.csv"}),
        planner(ws, rows(3), "copy", once=True),
    )
    assert isinstance(again, Receipt)
    assert again.status == "already_done"
    assert "is done. Customer.io accepted all 3 rows." in again.message


async def test_a_duplicate_of_a_job_that_was_stopped_says_what_it_left(ws: CallContext, sandbox: Sandbox) -> None:
    plan = planner(ws, rows(3), once=True)
    change = await proposed(ws, plan)
    await approve(ws.gate, change)
    sandbox.faults.append(Fault("POST", "/api/v2/batch", "status:500", -1))
    await make(ws, change, plan)
    assert change.plan.job
    await ws.jobs.cancel(change.plan.job.id, now=ws.clock.now())
    digest = arguments_digest({"file": "copy.csv"})
    again = await ws.gate.propose(ws.caller.id, "import_customers", digest, planner(ws, rows(3), "copy", once=True))
    assert isinstance(again, Receipt)
    assert again.job == change.plan.job.id
    assert "was canceled " in again.message


async def test_no_policy_allows_a_job_by_itself(ws: CallContext) -> None:
    allows = Policy(classes={"data": Entry(rule="allow")}, large_audience=10)
    planned = (await planner(ws, rows(3))()).model_copy(update={"risk": "data"})
    assert allows.rule_of("import_customers", planned) == "confirm"
    many = planned.model_copy(update={"affected": 11})
    assert allows.confirmation_of(many) == "11"


async def test_each_person_of_a_job_counts_against_the_cap(ws: CallContext) -> None:
    gate = replace(ws.gate, policy=Policy(sends_an_hour=5))
    with pytest.raises(Refused, match="limit is 5 sends an hour, and this change is for 6 people"):
        await gate.propose(ws.caller.id, "import_events", arguments_digest(ARGUMENTS), planner(ws, rows(6)))


async def test_rows_are_read_once_for_the_same_call(ws: CallContext) -> None:
    class Counted(ListedRows):
        reads = 0

        def rows(self):  # type: ignore[no-untyped-def]  # noqa: ANN202
            Counted.reads += 1
            return super().rows()

    for _ in range(3):
        await ws.stage("import_customers", "key", {}, Counted(rows(3)))
    assert Counted.reads == 1


async def test_rows_of_equal_calls_at_the_same_time_are_read_once(ws: CallContext) -> None:
    staged: list[str] = []

    async def stage() -> None:
        staged.append((await ws.stage("import_customers", "key", {}, ListedRows(rows(3)))).id)

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(stage)
    assert len(set(staged)) == 1
    assert len(await ws.jobs.recent(5)) == 1
    assert (await ws.stage("import_customers", "key", {}, ListedRows(rows(3)))).id == staged[0]


async def test_a_source_that_cannot_be_read_is_the_error_of_the_call_and_leaves_nothing(ws: CallContext) -> None:
    class Broken(ListedRows):
        def rows(self):  # type: ignore[no-untyped-def]  # noqa: ANN202
            yield from super().rows()
            raise InvalidArgument("file", "line 5 isn't UTF-8")

    with pytest.raises(InvalidArgument, match="line 5"):
        await ws.stage("import_customers", "key", {}, Broken(rows(3)))
    assert await ws.jobs.recent(5) == []


async def test_the_receipt_says_how_far_a_job_came(ws: CallContext) -> None:
    plan = planner(ws, [*rows(3), StagedRow(5, {"type": "person", "action": "unknown"})])
    change = await proposed(ws, plan)
    await approve(ws.gate, change)
    await ws.gate.pauses.pause(by="local:ada", now=ws.clock.now())
    spec = change.plan.job
    assert spec
    assert await ws.gate.executor.jobs.start(spec)
    job = await ws.jobs.get(spec.id)
    assert job
    started = with_job(Receipt(status="done", message=""), "Import.", replace(job, cursor=2, failed=1))
    assert (started.status, started.message) == (
        "started", f"Import. Job {job.id} is running: 2 of 4 rows so far. Of them, 1 was refused.",
    )  # fmt: skip
    canceled = with_job(started, "Import.", replace(job, state="cancelled", cursor=2))
    assert canceled.message == f"Import. Job {job.id} was canceled after 2 of 4 rows. What was sent stays."
    stopped = with_job(started, "Import.", replace(job, state="cancelled", cursor=0, attempts=0))
    assert (stopped.status, stopped.message) == (
        "declined", f"Import. Job {job.id} was canceled before its first row. Nothing was sent.",
    )  # fmt: skip
    assert stopped.next_step == TO_CORRECT.format(job.id)
    sending = with_job(started, "Import.", replace(job, state="cancelled", cursor=0, attempts=1))
    assert sending.status == "partly_done"
    failed = with_job(started, "Import.", replace(job, state="failed", cursor=2, reason="Customer.io is down."))
    assert (failed.status, failed.is_error) == ("failed", True)
    assert failed.message == f"Import. Job {job.id} failed after 2 of 4 rows. Customer.io is down."
    partly = with_job(started, "Import.", replace(job, state="completed", cursor=4, failed=1))
    assert (partly.status, partly.next_step) == ("partly_done", TO_CORRECT.format(job.id))


async def test_a_pause_stops_a_job_before_its_next_batch(ws: CallContext, sandbox: Sandbox) -> None:
    plan = planner(ws, rows(3))
    change = await proposed(ws, plan)
    assert change.plan.job
    await ws.gate.pauses.pause(by="local:ada", now=ws.clock.now())
    assert await ws.gate.executor.jobs.start(change.plan.job)
    job = await follow(ws.jobs, change.plan.job.id, ws.clock, seconds=0.3)
    assert job
    assert (job.state, job.cursor, requested(sandbox)) == ("working", 0, 0)
    await ws.gate.pauses.resume()
    ws.gate.executor.jobs.look()
    assert (await ended(ws, change)).state == "completed"


async def test_no_more_rows_are_staged_while_too_many_wait(ws: CallContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cio_mcp.jobs.staging.MAX_WAITING_ROWS", 5)
    await ws.stage("import_customers", "first", {}, ListedRows(rows(3)))
    job = await ws.stage("import_customers", "second", {}, ListedRows(rows(3)))
    with pytest.raises(Refused, match="Imports of 6 rows already wait for approval"):
        await ws.stage("import_customers", "third", {}, ListedRows(rows(3)))
    assert (await ws.stage("import_customers", "second", {}, ListedRows(rows(3)))).id == job.id
    await ws.jobs.cancel(job.id, now=ws.clock.now())
    assert (await ws.stage("import_customers", "third", {}, ListedRows(rows(3)))).total == 3
