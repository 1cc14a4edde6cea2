"""What a sync has sent: only what Customer.io accepted counts, and only as long as the job is this worker's."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import JsonValue

from cio_mcp.customerio.writer import Writer
from cio_mcp.jobs.job import Batch, LeaseLost
from cio_mcp.jobs.sync_upload import SyncUpload
from cio_mcp.jobs.upload import Upload
from cio_mcp.sandbox import Sandbox
from cio_mcp.storage.engine import Database
from cio_mcp.storage.sync_rows import SyncRow, SyncRows
from cio_mcp.workspace import Workspace
from tests.jobs.test_upload import BATCH, identify, job_of

pytestmark = pytest.mark.anyio

ROWS = [identify(0), {**identify(1), "action": "identifY"}, identify(2)]
JOB = replace(job_of("j"), options={"sync": "plans"})


@pytest.fixture
async def sent(tmp_path: Path) -> AsyncIterator[SyncRows]:
    database = Database(f"sqlite:///{tmp_path / 'jobs.db'}")
    yield SyncRows(database, "w")
    await database.close()


def batch_of(is_owned: Callable[[], bool]) -> Batch:
    rows: list[JsonValue] = [*ROWS]
    return Batch(500, rows, is_owned, [json.dumps(row) for row in ROWS])


async def test_a_row_that_was_refused_is_sent_again_by_the_next_run(opened: Workspace, sent: SyncRows) -> None:
    result = await SyncUpload(Upload(Writer(opened.client)), sent)(JOB, batch_of(lambda: True))
    assert [*result.problems] == [501]
    known = await sent.known("plans")
    assert [known.has(SyncRow.of(row)) for row in ROWS] == [True, False, True]
    assert len(await sent.known("another")) == 0


async def test_a_worker_that_lost_its_lease_while_it_sent_records_nothing(
    opened: Workspace, sandbox: Sandbox, sent: SyncRows
) -> None:
    def is_owned() -> bool:
        return not any(request["path"] == BATCH for request in sandbox.requests)

    rows: list[JsonValue] = [identify(0)]
    batch = Batch(0, rows, is_owned, [json.dumps(row) for row in rows])
    with pytest.raises(LeaseLost):
        await SyncUpload(Upload(Writer(opened.client)), sent)(JOB, batch)
    assert not is_owned()
    assert len(await sent.known("plans")) == 0
