"""Uploads: operations arrive once, in few requests, and what Customer.io refuses is named."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from cio_mcp.customerio.api.tracking import MAX_BATCH_BYTES
from cio_mcp.customerio.writer import Writer
from cio_mcp.errors import CioError
from cio_mcp.jobs.job import Batch
from cio_mcp.jobs.packing import FRAME_BYTES
from cio_mcp.jobs.runner import MAX_RETRY_SECONDS, Runner
from cio_mcp.jobs.upload import Upload, stamp
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.storage.engine import Database
from cio_mcp.storage.job_rows import RefusedRow
from cio_mcp.storage.jobs import JobRow, Jobs
from cio_mcp.workspace import Workspace
from tests.clock import ManualClock
from tests.jobs.staged import source_of
from tests.jobs.test_runner import allowed

pytestmark = pytest.mark.anyio

BATCH = "/api/v2/batch"


def identify(number: int, **attributes: JsonValue) -> dict[str, JsonValue]:
    return {
        "type": "person",
        "action": "identify",
        "identifiers": {"id": f"new-{number}"},
        "attributes": {"score": number, **attributes},
    }


def event(number: int) -> dict[str, JsonValue]:
    data: JsonValue = {"number": number}
    return {"type": "person", "action": "event", "identifiers": {"id": "ada"}, "name": "imported", "attributes": data}


def job_of(id_: str) -> JobRow:
    return JobRow(
        id=id_, workspace="w", principal="p", kind="upload", options={}, digest="", state="working", total=9, cursor=0,
        failed=0, lease=None, lease_until=0, attempts=1, created_at=1_800_000_000, started_at=1_800_000_060,
        updated_at=0, reason=None, key="", report={},
    )  # fmt: skip


class Scene:
    """A job of a workspace, with the sandbox behind it."""

    def __init__(self, opened: Workspace, sandbox: Sandbox, jobs: Jobs) -> None:
        self.sandbox, self.jobs, self.clock = sandbox, jobs, ManualClock()
        self.runner = Runner(jobs, {"upload": Upload(Writer(opened.client))}, allowed, self.clock, "worker")

    async def upload(self, rows: list[JsonValue], *, rounds: int = 1) -> JobRow:
        job = await self.jobs.stage(
            "j", principal="local:me", kind="upload", key="k", options={}, source=source_of(rows), now=0
        )
        assert await self.jobs.start("j", job.digest, now=0)
        for _ in range(rounds):
            await self.runner.round()
            await self.clock.advance(MAX_RETRY_SECONDS)
        self.sandbox.clock.advance(10)
        self.sandbox.workspace.settle()
        ended = await self.jobs.get("j")
        assert ended
        return ended

    @property
    def scores(self) -> list[Any]:
        people = (self.sandbox.workspace.people.get("id", f"new-{number}") for number in range(3_000))
        return [person.attributes.get("score") for person in people if person]

    @property
    def requests(self) -> int:
        return sum(request["path"] == BATCH for request in self.sandbox.requests)


@pytest.fixture
async def scene(opened: Workspace, sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Scene]:
    database = Database(f"sqlite:///{tmp_path / 'jobs.db'}")
    yield Scene(opened, sandbox, Jobs(database, "w"))
    await database.close()


async def test_all_rows_arrive_in_as_few_requests_as_their_size_allows(scene: Scene) -> None:
    rows: list[JsonValue] = [identify(number, note="ü" * 60) for number in range(2_500)]
    assert (await scene.upload(rows)).state == "completed"
    assert scene.scores == [*range(2_500)]
    stamped = len('"timestamp":1800000000,')
    sizes = (len(json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode()) for row in rows)
    whole = FRAME_BYTES + sum(size + stamped + 1 for size in sizes)
    assert scene.requests == -(-whole // (MAX_BATCH_BYTES - 1_000))


async def test_what_customer_io_refuses_is_named_and_the_rest_arrives(scene: Scene) -> None:
    rows: list[JsonValue] = [identify(0), {**identify(1), "action": "identifY"}, identify(2)]
    job = await scene.upload(rows)
    assert (job.state, job.cursor, job.failed) == ("completed", 3, 1)
    assert scene.scores == [0, 2]
    (refused,) = await scene.jobs.refused("j", 5)
    assert refused == RefusedRow(1, 2, rows[1], "Customer.io refused action")


@pytest.mark.parametrize("kind", ["accept_then_drop", "accept_then_503", "503", "429"])
@pytest.mark.sampled(1)
async def test_a_request_that_comes_twice_has_one_effect(scene: Scene, kind: str) -> None:
    scene.sandbox.faults.append(Fault("POST", BATCH, kind, times=3))
    job = await scene.upload([event(number) for number in range(20)], rounds=4)
    assert (job.state, job.cursor, job.failed) == ("completed", 20, 0)
    assert sum(one["name"] == "imported" for one in scene.sandbox.workspace.events) == 20


async def test_values_arrive_as_they_were_staged(scene: Scene) -> None:
    notes: list[JsonValue] = ["Zoë", "東京 🎉", '"}],\\', "\u2028\n", {"a": [None, True, 1.5e300]}, -1, "x" * 900]
    rows = [identify(number, note=note) for number, note in enumerate(notes)]
    job = await scene.upload([*rows, {}, "text", {**identify(7, note="own time"), "timestamp": 5}])
    people = [scene.sandbox.workspace.people.get("id", f"new-{number}") for number in range(8)]
    assert [person.attributes.get("note") for person in people if person] == [*notes, "own time"]
    assert (job.state, job.failed) == ("completed", 2)


def test_each_row_has_its_own_stamp_which_is_the_same_in_each_attempt() -> None:
    ids = [stamp(event(0), job_of(id_), number) for id_ in ("j1", "j2") for number in range(3)]
    assert len({json.dumps(each) for each in ids}) == 6
    assert ids == [stamp(event(0), job_of(id_), number) for id_ in ("j1", "j2") for number in range(3)]


def test_a_profile_has_the_time_at_which_the_job_was_started() -> None:
    """Between staging and the start a person decided, so what was set meanwhile is older."""
    job = job_of("j")
    assert job.started_at
    assert job.started_at > job.created_at
    assert stamp(identify(0), job, 0)["timestamp"] == job.started_at


async def test_what_is_refused_in_a_later_batch_is_named_by_its_number_in_the_job(opened: Workspace) -> None:
    rows: list[JsonValue] = [identify(0), {**identify(1), "action": "identifY"}]
    batch = Batch(500, rows, lambda: True, [json.dumps(row) for row in rows])
    result = await Upload(Writer(opened.client))(job_of("j"), batch)
    assert (result.done, result.problems) == (2, {501: "Customer.io refused action"})


def test_a_time_or_id_that_a_row_brings_is_kept() -> None:
    assert stamp({"action": "identify", "timestamp": 5}, job_of("j"), 0) == {"action": "identify", "timestamp": 5}
    assert stamp({"action": "event", "id": "mine"}, job_of("j"), 0) == {"action": "event", "id": "mine"}


async def test_a_request_does_not_leave_once_the_lease_is_over_while_it_waits_for_its_turn(
    opened: Workspace, sandbox: Sandbox
) -> None:
    owned = iter([True, False])
    row: JsonValue = identify(0)
    batch = Batch(0, [row], lambda: next(owned), [json.dumps(row)])
    with pytest.raises(CioError, match="stopped while the request waited"):
        await Upload(Writer(opened.client))(job_of("j"), batch)
    assert [request for request in sandbox.requests if request["path"] == BATCH] == []
    assert next(owned, None) is None
