"""Edits of a segment as a job: few requests, each of which may come twice, and no person who is out and in again."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from cio_mcp.customerio.api import segments
from cio_mcp.customerio.writer import Writer
from cio_mcp.jobs.job import Batch, JobFunction, LeaseLost, Result
from cio_mcp.jobs.membership import KIND, ChangeMembers, Edit, edits
from cio_mcp.jobs.runner import LEASE_SECONDS, MAX_ATTEMPTS, MAX_RETRY_SECONDS, Runner
from cio_mcp.jobs.segment_list import PersonKey
from cio_mcp.jobs.staging import ListedRows
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.sandbox.world.people import Person
from cio_mcp.storage.engine import Database
from cio_mcp.storage.job_rows import StagedRow
from cio_mcp.storage.jobs import JobRow, Jobs
from cio_mcp.workspace import Workspace
from tests.clock import ManualClock
from tests.jobs.test_runner import allowed

pytestmark = pytest.mark.anyio

BETA = 3
EDITS = "/api/v1/segments/"
MAX_IDS, PEOPLE = 100, 250


class Scene:
    """A segment in the sandbox of which the first people leave and the last ones join."""

    def __init__(self, opened: Workspace, sandbox: Sandbox, jobs: Jobs) -> None:
        self.sandbox, self.jobs, self.clock = sandbox, jobs, ManualClock()
        self.function = ChangeMembers(Writer(opened.client))
        people = sandbox.workspace.people
        for person in people:
            person.manual_segments.discard(BETA)
        self.people = [
            people.add(Person(people.new_cio_id(), None if number % 10 == 0 else f"n{number}", None, 1_700_000_000))
            for number in range(2 * PEOPLE)
        ]
        for person in self.people[:PEOPLE]:
            person.manual_segments.add(BETA)

    async def stage(self, segment: str = "3") -> JobRow:
        known = [PersonKey(id=person.id, cio_id=person.cio_id) for person in self.people]
        all_edits = [*edits("remove", known[:PEOPLE]), *edits("add", known[PEOPLE:])]
        rows = ListedRows([StagedRow(None, edit.row) for _, edit in all_edits])
        job = await self.jobs.stage(
            "j", principal="local:me", kind=KIND, key="k", options={"segment": segment}, source=rows, now=0
        )
        assert await self.jobs.start("j", job.digest, now=0)
        return job

    def runner(self, worker: str, function: JobFunction | None = None) -> Runner:
        return Runner(self.jobs, {KIND: function or self.function}, allowed, self.clock, worker)

    async def run(self, *, rounds: int = 1) -> JobRow:
        for _ in range(rounds):
            await self.runner("worker").round()
            await self.clock.advance(MAX_RETRY_SECONDS)
        ended = await self.jobs.get("j")
        assert ended
        return ended

    @property
    def requests(self) -> list[str]:
        """The requests that arrived, each by its action."""
        paths = [request["path"] for request in self.sandbox.requests]
        return [path.rsplit("/", 1)[1].removesuffix("_customers") for path in paths if path.startswith(EDITS)]

    def is_synced(self) -> bool:
        self.sandbox.clock.advance(10)
        self.sandbox.workspace.settle()
        members = [person for person in self.sandbox.workspace.people if BETA in person.manual_segments]
        return members == self.people[PEOPLE:]


@pytest.fixture(autouse=True)
def few_people_of_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request takes a tenth of the documented number of people."""
    monkeypatch.setattr(segments, "MAX_IDS", MAX_IDS)


@pytest.fixture
async def scene(opened: Workspace, sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Scene]:
    database = Database(f"sqlite:///{tmp_path / 'jobs.db'}")
    yield Scene(opened, sandbox, Jobs(database, "w"))
    await database.close()


def test_an_edit_comes_out_of_its_row_as_it_went_in() -> None:
    for edit in (Edit("add", "id", "ada"), Edit("remove", "cio_id", "a3")):
        assert Edit.of(edit.row) == edit


def test_people_are_named_by_id_and_those_without_one_by_cio_id() -> None:
    people = [PersonKey(cio_id="c1"), PersonKey(id="b", cio_id="c2"), PersonKey(email="x@example.com")]
    assert [edit for _, edit in edits("add", people)] == [Edit("add", "id", "b"), Edit("add", "cio_id", "c1")]


async def test_people_of_a_kind_share_requests_and_removals_come_first(scene: Scene) -> None:
    await scene.stage()
    job = await scene.run()
    assert (job.state, job.cursor, job.failed) == ("completed", 2 * PEOPLE, 0)
    assert scene.requests == ["remove"] * 4 + ["add"] * 4  # three of people with an ID, one of the others
    assert scene.is_synced()


@pytest.mark.parametrize("kind", ["accept_then_drop", "accept_then_503", "503", "429"])
@pytest.mark.sampled(1)
async def test_a_request_that_comes_twice_has_one_effect(kind: str, scene: Scene) -> None:
    scene.sandbox.faults.append(Fault("POST", EDITS, kind, times=3))
    await scene.stage()
    job = await scene.run(rounds=4)
    assert (job.state, job.cursor, job.failed) == ("completed", 2 * PEOPLE, 0)
    assert scene.is_synced()


@pytest.mark.parametrize("status", [400, 404, 422])
@pytest.mark.sampled(1)
async def test_people_of_a_refused_request_are_named_and_the_others_are_changed(status: int, scene: Scene) -> None:
    scene.sandbox.faults.append(Fault("POST", EDITS, f"status:{status}"))
    await scene.stage()
    job = await scene.run()
    assert (job.state, job.failed) == ("completed", MAX_IDS)
    refused = await scene.jobs.refused("j", 1)
    assert [(row.number, row.problem) for row in refused] == [(0, f"Customer.io refused the request ({status})")]
    assert len(scene.requests) == 8


async def test_a_refused_key_ends_the_job_with_its_reason(scene: Scene) -> None:
    scene.sandbox.faults.append(Fault("POST", EDITS, "status:401", times=-1))
    await scene.stage()
    job = await scene.run(rounds=MAX_ATTEMPTS + 1)
    assert (job.state, job.cursor) == ("failed", 0)
    assert "CIO_SITE_ID" in str(job.reason)


async def test_another_worker_goes_on_with_the_request_that_a_dead_one_did_not_record(scene: Scene) -> None:
    async def die(job: JobRow, batch: Batch) -> Result:
        result = await scene.function(job, batch)
        if batch.first >= MAX_IDS:
            scope.cancel()
            await anyio.lowlevel.checkpoint()
        return result

    await scene.stage()
    with anyio.CancelScope() as scope:
        await scene.runner("first", die).round()
    job = await scene.jobs.get("j")
    assert job
    assert (job.state, job.cursor, len(scene.requests)) == ("working", MAX_IDS, 2)
    scene.clock.time += LEASE_SECONDS + 1
    ended = await scene.run()
    assert (ended.state, ended.cursor) == ("completed", 2 * PEOPLE)
    assert scene.requests == ["remove"] * 5 + ["add"] * 4
    assert scene.is_synced()


async def test_a_worker_without_its_lease_sends_nothing(scene: Scene) -> None:
    await scene.stage()
    rows = await scene.jobs.rows("j", 0, 10)
    job = await scene.jobs.get("j")
    assert job
    with pytest.raises(LeaseLost):
        await scene.function(job, Batch(0, rows, lambda: False))
    assert scene.requests == []
