"""Workers of a segment's job that are killed or frozen: the segment ends equal to the list, in few requests."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import anyio.to_thread
import pytest

from cio_mcp.jobs.membership import KIND, edits
from cio_mcp.jobs.segment_list import PersonKey
from cio_mcp.jobs.staging import ListedRows
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.server import serve_in_background
from cio_mcp.sandbox.world.people import Person
from cio_mcp.storage.engine import Database
from cio_mcp.storage.job_rows import StagedRow
from cio_mcp.storage.jobs import Jobs
from tests.jobs.segment_worker import MAX_IDS, settings_of

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

BETA = 3
PEOPLE = 300
INTERRUPTIONS = 3


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen beyond its lease"])
async def test_a_segment_ends_equal_to_the_list(way: signal.Signals, tmp_path: Path) -> None:
    chance = random.Random(7)
    sandbox = Sandbox(people=0)
    people = [
        sandbox.workspace.people.add(Person(f"b{number:07x}", f"n{number}", None, 1_700_000_000))
        for number in range(2 * PEOPLE)
    ]
    for person in people[:PEOPLE]:
        person.manual_segments.add(BETA)
    with serve_in_background(sandbox) as where:
        settings = settings_of(where.url, tmp_path)
        settings.data_dir.mkdir(parents=True)
        database = Database(settings.storage_url)
        jobs = Jobs(database, settings.workspace_key)
        known = [PersonKey(id=person.id, cio_id=person.cio_id) for person in people]
        rows = [*edits("remove", known[:PEOPLE]), *edits("add", known[PEOPLE:])]
        source = ListedRows([StagedRow(None, edit.row) for _, edit in rows])
        options = {"segment": str(BETA)}
        job = await jobs.stage("j", principal="p", kind=KIND, key="k", options=options, source=source, now=0)
        assert await jobs.start("j", job.digest, now=0)

        def start(number: int, *interruption: int) -> "subprocess.Popen[bytes]":
            arguments = [where.url, str(tmp_path), f"worker-{number}", *map(str, interruption)]
            return subprocess.Popen([sys.executable, "-m", "tests.jobs.segment_worker", *arguments])

        stopped = []
        for number in range(INTERRUPTIONS):
            process = start(number, chance.randrange(1, 6), way)
            await anyio.to_thread.run_sync(os.waitid, os.P_PID, process.pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
            stopped.append(process)
        last = start(INTERRUPTIONS)
        assert await anyio.to_thread.run_sync(last.wait) == 0
        paths = [request["path"] for request in sandbox.requests if request["path"].endswith("_customers")]
        for process in stopped:
            process.send_signal(signal.SIGCONT)
            await anyio.to_thread.run_sync(process.wait)
        assert len(paths) == sum(request["path"].endswith("_customers") for request in sandbox.requests)
        ended = await jobs.get("j")
        await database.close()
    assert ended
    assert (ended.state, ended.cursor, ended.failed) == ("completed", 2 * PEOPLE, 0)
    assert len(paths) <= 2 * PEOPLE // MAX_IDS + INTERRUPTIONS
    assert paths == sorted(paths, reverse=True)  # no addition before the last removal
    sandbox.clock.advance(10)
    sandbox.workspace.settle()
    assert [person for person in people if BETA in person.manual_segments] == people[PEOPLE:]
