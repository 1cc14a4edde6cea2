"""A process that forks workers of a job, of which the first dies or is frozen beyond its lease, and others finish it.

One line of JSON in per case, one out: `{"point", "turn", "way", "url", "folder"}` and
`{"met", "late", "state", "cursor", "failed"}`. `met` says that the first worker met its fate, and `late` how many
requests it made after it was thawed.
"""

import json
import os
import signal
import sys
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import anyio
import anyio.lowlevel
from pydantic import JsonValue

from cio_mcp.cli.serve import sandbox_settings
from cio_mcp.clock import Clock
from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.caller import Work, background_caller
from cio_mcp.customerio.request import Request
from cio_mcp.customerio.writer import Result, Sent, Writer
from cio_mcp.jobs.runner import LEASE_SECONDS, Runner
from cio_mcp.jobs.upload import Upload
from cio_mcp.storage.engine import Database
from cio_mcp.storage.jobs import JobRow, Jobs, JobState
from cio_mcp.workspace import open_workspace
from tests.crash.arena import TIMEOUT_SECONDS, in_a_child, warm_up
from tests.crash.dying import UNDER_WAY
from tests.jobs.staged import source_of

JobPoint = Literal[
    "before the claim", "after the claim", "before sending", "under way", "after the answer", "before it is recorded",
    "after it is recorded", "before the end", "after the end",
]  # fmt: skip
JOB_POINTS: tuple[JobPoint, ...] = JobPoint.__args__  # type: ignore[attr-defined]  # typing has no other way to list them
Way = Literal["killed", "frozen"]
WAYS: dict[Way, signal.Signals] = {"killed": signal.SIGKILL, "frozen": signal.SIGSTOP}

JOB = "j"
PEOPLE = 40
BATCHES = 3
"""Requests that the rows of a job take: each has 17 KB."""
NOTES: dict[str, JsonValue] = {f"note_{number}": "x" * 950 for number in range(17)}
LATER = 2 * LEASE_SECONDS
KIND = "upload"
PATH = "/api/v2/batch"
NEWER = -1


@dataclass(frozen=True)
class JobCase:
    """One worker's end: at which point, which time it comes there, and how."""

    point: JobPoint
    turn: int
    way: Way
    url: str
    folder: str


class AheadClock(Clock):
    """A clock that is ahead by some seconds; a freeze is as if time had passed."""

    def __init__(self, ahead: float = 0.0) -> None:
        self.ahead = ahead

    def now(self) -> float:
        return super().now() + self.ahead

    def steady(self) -> float:
        return super().steady() + self.ahead


@dataclass
class Doom:
    """Ends or freezes this process when it comes to a point for the given time."""

    case: JobCase
    clock: AheadClock
    turns: int = 0

    def at(self, point: JobPoint) -> None:
        """Meet the fate here, if this is the point."""
        if point == self.case.point:
            self.turns += 1
            if self.turns == self.case.turn:
                os.kill(os.getpid(), WAYS[self.case.way])
                self.clock.ahead += LATER

    async def under_way(self) -> None:
        """Meet it while a request is under way, if that is the point."""
        await anyio.sleep(UNDER_WAY)
        self.at("under way")


class DoomedJobs(Jobs):
    """Jobs of a worker that ends at a point."""

    doom: Doom

    async def claim(self, *given: Any, **more: Any) -> JobRow | None:
        self.doom.at("before the claim")
        job = await super().claim(*given, **more)
        self.doom.at("after the claim")
        return job

    async def advance(self, *given: Any, **more: Any) -> JobState | None:
        self.doom.at("before it is recorded")
        moved = await super().advance(*given, **more)
        self.doom.at("after it is recorded")
        return moved

    async def finish(self, *given: Any, **more: Any) -> bool:
        self.doom.at("before the end")
        finished = await super().finish(*given, **more)
        self.doom.at("after the end")
        return finished


class DoomedWriter(Writer):
    """A writer in whose requests the process ends."""

    doom: Doom

    async def send_request(self, request: Request, work: Work) -> Result:
        self.doom.at("before sending")
        async with anyio.create_task_group() as group:
            group.start_soon(self.doom.under_way)
            result = await super().send_request(request, work)
            group.cancel_scope.cancel()
        self.doom.at("after the answer")
        return result


def rows() -> list[JsonValue]:
    """A profile and an event of each customer."""
    people: list[JsonValue] = [{"id": f"p-{number}"} for number in range(PEOPLE)]
    return [
        {"type": "person", "action": action, "identifiers": person, "attributes": {"n": number, **NOTES}, **more}
        for number, person in enumerate(people)
        for action, more in (("identify", {}), ("event", {"name": "imported"}))
    ]


async def stage(case: JobCase) -> None:
    """Stage a job, and start it as an approval does."""
    settings = sandbox_settings(Path(case.folder), url=case.url)
    database = Database(settings.storage_url)
    jobs = Jobs(database, settings.workspace_key)
    job = await jobs.stage(
        JOB, principal="p", kind=KIND, key="", options={}, source=source_of(rows()), now=Clock().now()
    )
    assert await jobs.start(JOB, job.digest, now=Clock().now())
    await database.close()


async def work(case: JobCase, *, doomed: bool) -> JobRow:
    """Work on the job until it has ended; unless it is doomed, a lease is over at once, and a newer write follows."""
    clock = AheadClock(0.0 if doomed else LATER)
    settings = sandbox_settings(Path(case.folder), url=case.url, read_only=True)  # no other worker in this process
    async with open_workspace(settings) as ws:
        jobs, writer = ws.staging.jobs, Writer(ws.client)
        if doomed:
            jobs, writer = DoomedJobs(Database(settings.storage_url), settings.workspace_key), DoomedWriter(ws.client)
            jobs.doom = writer.doom = Doom(case, clock)
        runner = Runner(jobs, {KIND: Upload(writer)}, _allowed, clock, "doomed" if doomed else "heir")
        while (job := await ws.staging.jobs.get(JOB)) is not None and job.state == "working":
            if not await runner.round():
                await anyio.sleep(0.01)
        assert job is not None
        if not doomed:
            await _write_newer(writer, job)
        return job


async def _write_newer(writer: Writer, job: JobRow) -> None:
    """What a person sets after the job has ended must stay, whatever a frozen worker still sends."""
    at = int(job.started_at or 0) + 1
    newer = tracking.identify(Reference("p-0"), {"n": NEWER}, at=at, create=True)
    assert isinstance(await writer.send(newer, Work(background_caller("p"), anyio.current_time() + 30)), Sent)


async def _allowed() -> bool:
    await anyio.lowlevel.checkpoint()
    return True


async def finish(case: JobCase) -> dict[str, Any]:
    """Do the job as another process; how it ended."""
    job = await work(case, doomed=False)
    return {"state": job.state, "cursor": job.cursor, "failed": job.failed}


def death(case: JobCase) -> dict[str, Any]:
    """Let a worker meet its fate, let another one do the rest, and then thaw the first, if it is frozen."""
    in_a_child(partial(stage, case))
    first = _fork(partial(work, case, doomed=True))
    _, status = os.waitpid(first, os.WUNTRACED)
    is_frozen = os.WIFSTOPPED(status)
    met = is_frozen or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL)
    _, ended = in_a_child(partial(finish, case))
    before = _requests(case)
    if is_frozen:
        os.kill(first, signal.SIGCONT)
        _, status = os.waitpid(first, 0)
        assert status == 0, status
    return {"met": met, "late": _requests(case) - before, **ended}


def _fork(work: Callable[[], Awaitable[Any]]) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        signal.alarm(int(TIMEOUT_SECONDS))
        anyio.run(work)
        status = 0
    finally:
        os._exit(status)


def _requests(case: JobCase) -> int:
    with urllib.request.urlopen(f"{case.url}/_sandbox/state") as answer:  # noqa: S310 - our own sandbox
        return int(json.load(answer)["requests"].get(f"POST {PATH}", 0))


def main() -> None:
    """Answer cases until standard input ends."""
    warm_up()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(death(JobCase(**json.loads(line)))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
