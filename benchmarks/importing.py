"""The importing process, and what it is measured beside; it prints one line of JSON.

    python -m benchmarks.importing MODE URL FOLDER FILE

`once`: one import. `speed`: seconds of an import and of a bare loop that sends the same batches, in turns. `waits`:
seconds of interactive writes without an import and meanwhile. `memory`: MiB beyond the idle process.
"""

import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import httpx

from cio_mcp.clock import SYSTEM_CLOCK
from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.batches import Operation
from cio_mcp.customerio.caller import Caller, Work
from cio_mcp.customerio.writer import Sent, Writer
from cio_mcp.gate.job_spec import JobSpec
from cio_mcp.jobs.packing import pack
from cio_mcp.jobs.progress import follow
from cio_mcp.jobs.upload import stamp
from cio_mcp.settings import Settings
from cio_mcp.storage.jobs import JobRow
from cio_mcp.tools.bulk.import_customers import import_customers
from cio_mcp.workspace import Workspace, open_workspace

KEYS = {"site_id": "sandbox-site", "track_api_key": "sandbox-track-key", "workspace": "benchmark"}
PATH = "/api/v2/batch"
CALLER = Caller("benchmark", owner="benchmark")
LONG_SECONDS = 600.0
ROUNDS = 2
IDLE_WRITES = 40
APART_SECONDS = 0.05
READ_ROWS = 100_000


@dataclass
class Importer:
    """An open workspace that imports one file again and again."""

    ws: Workspace
    url: str
    file: str
    writes: list[float] = field(default_factory=list)

    async def stage(self) -> JobRow:
        """Read the file as `import_customers` does, up to the plan that a person is asked about."""
        plan = await import_customers(self.ws.acting(CALLER, max_wait=LONG_SECONDS), file=self.file, create=True)
        assert plan.job
        job = await self.ws.staging.jobs.get(plan.job.id)
        assert job
        return job

    async def run(self, job: JobRow) -> JobRow:
        """Start a job as an approval does, and wait for its end."""
        jobs, starter = self.ws.staging.jobs, self.ws.gate.executor.jobs
        assert await starter.start(JobSpec.of(job, "person_identify"))
        ended = await follow(jobs, job.id, SYSTEM_CLOCK, LONG_SECONDS)
        assert ended
        assert (ended.state, ended.failed) == ("completed", 0), ended.reason
        return ended

    async def write(self) -> None:
        """Make one interactive write of the Track API."""
        call = tracking.identify(Reference("ada"), {"plan": "pro"}, at=int(SYSTEM_CLOCK.now()), create=True)
        since = time.perf_counter()
        sent = await Writer(self.ws.client).send(call, Work(CALLER, anyio.current_time() + LONG_SECONDS))
        self.writes.append(time.perf_counter() - since)
        assert isinstance(sent, Sent), sent


async def once(importer: Importer) -> dict[str, float]:
    """Import the file once; the requests that its rows need at least, at the documented size."""
    since = time.perf_counter()
    job = await importer.stage()
    staged = time.perf_counter() - since
    batches = await _batches(importer, job)
    ended = await importer.run(job)
    return {"rows": ended.total, "staging": staged, "sending": _seconds(ended), "fewest": len(batches)}


async def speed(importer: Importer) -> dict[str, list[float]]:
    """Import, and send the same batches with a bare loop, in turns."""
    ours, bare = [], []
    for _ in range(ROUNDS):
        job = await importer.stage()
        batches = await _batches(importer, job)
        ours.append(_seconds(await importer.run(job)))
        bare.append(await _send_bare(importer.url, batches))
    return {"ours": ours, "bare": bare}


async def waits(importer: Importer) -> dict[str, list[float]]:
    """Make interactive writes before, while, and after the file is imported."""
    idle: list[float] = []
    job = await importer.stage()
    for _ in range(IDLE_WRITES):
        await _write_apart(importer)
    importer.writes, idle = [], importer.writes
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_write_until_canceled, importer)
        await importer.run(job)
        tasks.cancel_scope.cancel()
    importer.writes, meanwhile = [], importer.writes
    for _ in range(IDLE_WRITES):
        await _write_apart(importer)
    return {"idle": idle + importer.writes, "meanwhile": meanwhile}


async def memory(importer: Importer) -> dict[str, float]:
    """Import the file; how much memory the process had before, and at most."""
    await importer.write()
    idle = _memory("VmRSS")
    ended = await importer.run(await importer.stage())
    return {"rows": ended.total, "idle": idle, "peak": _memory("VmHWM")}


async def _write_apart(importer: Importer) -> None:
    await anyio.sleep(APART_SECONDS)
    await importer.write()


async def _write_until_canceled(importer: Importer) -> None:
    while True:
        await _write_apart(importer)


async def _batches(importer: Importer, job: JobRow) -> list[list[Operation]]:
    """What the job will send, packed by its size alone."""
    stamped: list[tuple[Operation, int]] = []
    while rows := await importer.ws.staging.jobs.rows(job.id, len(stamped), READ_ROWS):
        for number, row in enumerate(rows, len(stamped)):
            assert isinstance(row, dict)
            operation = stamp(row, job, number)
            stamped.append((operation, len(json.dumps(operation, separators=(",", ":"), ensure_ascii=False).encode())))
    return [*pack(stamped, tracking.MAX_BATCH_BYTES)]


async def _send_bare(url: str, batches: list[list[Operation]]) -> float:
    async with httpx.AsyncClient(auth=(KEYS["site_id"], KEYS["track_api_key"])) as http:
        since = time.perf_counter()
        for batch in batches:
            (await http.post(f"{url}{PATH}", json={"batch": batch})).raise_for_status()
        return time.perf_counter() - since


def _seconds(job: JobRow) -> float:
    assert job.started_at
    return job.updated_at - job.started_at


def _memory(kind: str) -> float:
    """MiB of this process: `VmRSS` at the moment, `VmHWM` at most until now."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith(f"{kind}:"))) / 1024


MODES: dict[str, Callable[[Importer], Awaitable[object]]] = {
    "once": once, "speed": speed, "waits": waits, "memory": memory,
}  # fmt: skip


async def main(mode: str, url: str, folder: str, file: str) -> None:
    """Measure, and print."""
    settings = Settings(**KEYS, track_url=url, data_dir=Path(folder), files_dirs=(Path(file).parent,))  # type: ignore[arg-type]  # settings read texts
    async with open_workspace(settings) as ws:
        print(json.dumps(await MODES[mode](Importer(ws, url, file))), flush=True)


if __name__ == "__main__":
    anyio.run(partial(main, *sys.argv[1:]))
