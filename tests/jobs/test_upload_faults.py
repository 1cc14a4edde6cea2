"""Uploads while Customer.io or the disk fails: no row is lost, and none takes effect twice."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pydantic import JsonValue

from cio_mcp.errors import StorageFailed
from cio_mcp.jobs.runner import MAX_ATTEMPTS, Runner
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.storage.engine import Database
from cio_mcp.storage.job_rows import StagedRow
from cio_mcp.storage.jobs import Jobs
from cio_mcp.workspace import Workspace
from tests.jobs.test_upload import BATCH, Scene, event, identify

pytestmark = pytest.mark.anyio

NOTES: dict[str, JsonValue] = {f"note_{number}": "x" * 950 for number in range(17)}
"""Some 17 KB, so that a request holds 30 of such rows."""


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'jobs.db'}")
    yield database
    await database.close()


@pytest.fixture
def scene(opened: Workspace, sandbox: Sandbox, database: Database) -> Scene:
    return Scene(opened, sandbox, Jobs(database, "w"))


@pytest.mark.parametrize("kind", ["refuse:0,3", "status:500", "drop", "html", "empty", "hang:0.05", "429_bare"])
@pytest.mark.sampled(2)
async def test_a_fault_that_passes_costs_no_row_and_no_second_effect(scene: Scene, kind: str) -> None:
    scene.sandbox.faults.append(Fault("POST", BATCH, kind))
    job = await scene.upload([event(number) for number in range(20)], rounds=2)
    assert (job.state, job.cursor, job.failed, job.attempts) == ("completed", 20, 0, 0)
    imported = [one["data"]["number"] for one in scene.sandbox.workspace.events if one["name"] == "imported"]
    assert sorted(imported) == [*range(20)]


async def test_rows_that_are_refused_twice_are_named_and_the_rest_arrives(scene: Scene) -> None:
    scene.sandbox.faults += [Fault("POST", BATCH, "refuse:1,2"), Fault("POST", BATCH, "refuse:1")]
    job = await scene.upload([identify(number) for number in range(5)])
    assert (job.state, job.failed) == ("completed", 1)
    assert scene.scores == [0, 1, 3, 4]
    (refused,) = await scene.jobs.refused("j", 9)
    assert (refused.number, refused.problem) == (2, "Customer.io refused attributes")


async def test_an_outage_that_lasts_fails_the_job_and_leaves_the_rows_that_are_not_done(scene: Scene) -> None:
    async def fail_after_the_first_request() -> bool:
        if scene.requests == 1:
            scene.sandbox.faults.append(Fault("POST", BATCH, "status:400", times=-1))
        return True

    scene.runner = Runner(scene.jobs, scene.runner.functions, fail_after_the_first_request, scene.clock, "worker")
    job = await scene.upload([identify(number, **NOTES) for number in range(70)], rounds=MAX_ATTEMPTS + 1)
    assert (job.state, job.attempts, job.failed) == ("failed", MAX_ATTEMPTS, 0)
    assert job.reason is not None
    assert job.reason.endswith(".")
    assert 0 < job.cursor < job.total
    assert scene.scores == [*range(job.cursor)]
    assert scene.requests == 2 + MAX_ATTEMPTS  # the attempt at the first rows came to the next ones, too
    left = await scene.jobs.refused("j", 99)
    assert [row.data for row in left] == [identify(number, **NOTES) for number in range(job.cursor, 70)]


class Endless:
    """More rows than the disk holds; `read` says how many were read."""

    def __init__(self) -> None:
        self.read = 0

    def rows(self) -> Iterator[StagedRow]:
        while True:
            self.read += 1
            yield StagedRow(self.read, identify(self.read))

    def report(self) -> dict[str, JsonValue]:
        return {}


async def test_rows_that_fill_the_disk_cannot_be_sent_in_part(scene: Scene, database: Database) -> None:
    await database.write(lambda db: db.exec_driver_sql("PRAGMA max_page_count = 200"))
    with pytest.raises(StorageFailed, match="is full: free some disk space"):
        await scene.jobs.stage("j", principal="p", kind="upload", key="k", options={}, source=Endless(), now=0)
    assert await scene.jobs.waiting("p", "k", now=0) is None
    left = await scene.jobs.get("j")
    assert left
    assert not await scene.jobs.start("j", left.digest or "any", now=0)
    assert not await scene.runner.round()
