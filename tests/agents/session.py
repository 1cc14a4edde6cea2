"""One run of a task: the sandbox in its start state, a client with a person in front of it, and the score."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from mcp import Client

from cio_mcp.gate.change import Change
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import parse_fault
from cio_mcp.server.app import CioServer, build_server
from cio_mcp.server.http import receiver_of
from cio_mcp.settings import Settings
from tests.agents.checks import sent, written
from tests.agents.clocks import ServerClock, WorldClock, short_waits
from tests.agents.policy import Decide, Run, Tools, perform
from tests.agents.reading import Channel
from tests.agents.task import End, Task
from tests.clients import APPROVE, REJECT, Person
from tests.sandbox.sandbox_client import APP, TRACK

SETTLE_SECONDS = 3600.0
"""After which all that was accepted is applied, sent, and reported."""
PEOPLE = 60


@dataclass(frozen=True)
class Score:
    """What an agent did, and everything that is not as the task wants it."""

    run: Run
    problems: list[str]


Link = Callable[[Client], Tools]
"""What stands between the agent and its client, if anything."""


async def score(task: Task, channel: Channel, settings: Settings, link: Link = lambda client: client) -> Score:
    """Do a task by reading one channel, and compare the end with what the task wants."""
    with short_waits():
        return await _score(task, channel, settings, link)


async def _score(task: Task, channel: Channel, settings: Settings, link: Link) -> Score:
    async with Sandbox(seed=7, people=PEOPLE, clock=WorldClock()) as sandbox:
        await prepare(sandbox, task)
        before = Counter(sent(sandbox))
        folder = settings.data_dir.parent / "files"
        async with connect(task, settings, sandbox, folder) as (client, server):
            run = await perform(task, link(client), channel, decider(server), advancer(sandbox))
        sandbox.clock.advance(SETTLE_SECONDS)
        sandbox.workspace.settle()
        return Score(run, problems(task, run, sandbox, before, folder))


async def prepare(sandbox: Sandbox, task: Task) -> None:
    """Bring the sandbox to the task's start state."""
    transport = httpx.ASGITransport(sandbox.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as http:
        for method, path, body in task.changes:
            headers, auth = (APP, None) if path.startswith("/v1/") else (None, TRACK)
            (await http.request(method, path, json=body, headers=headers, auth=auth)).raise_for_status()
    sandbox.clock.advance(SETTLE_SECONDS)
    sandbox.workspace.settle()
    sandbox.requests.clear()
    sandbox.faults.extend(parse_fault(fault) for fault in task.faults)


@asynccontextmanager
async def connect(
    task: Task, settings: Settings, sandbox: Sandbox, folder: Path
) -> AsyncIterator[tuple[Client, CioServer]]:
    """A client with the person of the task in front of it."""
    person = {"form": Person(APPROVE), "rejects": Person(REJECT), "terminal": None}[task.person]
    server = build_server(adapted(settings, task, folder), sandbox=sandbox)
    server.runtime.clock = ServerClock(sandbox.clock)
    if task.webhooks:
        sandbox.report_to(receiver_of(server))
    async with Client(server, elicitation_callback=person) as client:
        yield client, server


def adapted(settings: Settings, task: Task, folder: Path) -> Settings:
    """The settings of a task, with a new folder for files if it needs one."""
    if not task.files:
        return settings.model_copy(update=dict(task.settings))
    folder.mkdir()
    return settings.model_copy(update={**task.settings, "files_dirs": (folder,)})


def advancer(sandbox: Sandbox) -> Callable[[float], Awaitable[None]]:
    """Lets time pass, until all that is due has happened and is reported."""

    async def advance(seconds: float) -> None:
        sandbox.clock.advance(seconds)
        sandbox.workspace.settle()
        await sandbox.worker.wait_until_idle()

    return advance


def decider(server: CioServer) -> Decide:
    """A person outside the client who approves all that waits, as in the terminal."""

    async def decide() -> None:
        gate = (await server.runtime.workspace_for_caller()).gate
        waiting = await gate.journal.recent(state="planned", now=gate.clock.now())
        for summary in waiting.rows:
            row = await gate.journal.get(summary.id)
            assert row
            change = Change.of(row)
            await gate.approvals.approve(
                change, by="local:reviewer", how="on a terminal", confirmation=change.plan.confirmation
            )

    return decide


def problems(task: Task, run: Run, sandbox: Sandbox, before: Counter[str], folder: Path) -> list[str]:
    """Everything that is not as the task wants it; `before` was sent for the start state."""
    found = [run.problem, *(check.problem(End(sandbox, run.taken, run.answers, folder)) for check in task.end)]
    if run.calls > task.calls:
        found.append(f"{run.calls} calls instead of {task.calls} at most")
    if run.tokens > task.tokens:
        found.append(f"{run.tokens} tokens instead of {task.tokens} at most")
    sends = sorted((Counter(sent(sandbox)) - before).elements())
    if sends != sorted(task.sends):
        found.append(f"sent {sends} instead of {sorted(task.sends)}")
    if (writes := written(sandbox)) != {*task.writes}:
        found.append(f"wrote by {sorted(writes)} instead of {sorted(task.writes)}")
    return [each for each in found if each]
