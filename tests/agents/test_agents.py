"""Forty tasks of marketers, support agents, and developers, each done once by each channel of the answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from mcp import Client

from cio_mcp.gate.change import Change
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import parse_fault
from cio_mcp.server.app import CioServer, build_server
from cio_mcp.settings import Settings
from tests.agents import TASKS
from tests.agents.checks import sent
from tests.agents.policy import Decide, Run, perform
from tests.agents.reading import READINGS, Channel
from tests.agents.task import End, Task
from tests.clients import APPROVE, REJECT, Person
from tests.sandbox.sandbox_client import APP, TRACK

pytestmark = pytest.mark.anyio

RUNS = [(channel, name) for name in TASKS for channel in READINGS]


@pytest.mark.sampled(10)
@pytest.mark.parametrize(("channel", "name"), RUNS)
async def test_an_agent_that_reads_one_channel_does_the_task(channel: Channel, name: str, settings: Settings) -> None:
    task = TASKS[name]
    async with Sandbox(seed=7, people=60) as sandbox:
        await prepare(sandbox, task)
        async with connect(task, settings, sandbox) as (client, server):
            run = await perform(task, client, channel, decider(server), sandbox.clock.advance)
        sandbox.clock.advance(5.0)
        sandbox.workspace.settle()
    assert problems(task, run, sandbox) == [], (task.words, run.answers)


async def prepare(sandbox: Sandbox, task: Task) -> None:
    """Bring the sandbox to the task's start state."""
    transport = httpx.ASGITransport(sandbox.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as http:
        for method, path, body in task.changes:
            headers, auth = (APP, None) if path.startswith("/v1/") else (None, TRACK)
            (await http.request(method, path, json=body, headers=headers, auth=auth)).raise_for_status()
    sandbox.clock.advance(5.0)
    sandbox.workspace.settle()
    sandbox.workspace.sends.clear()
    sandbox.workspace.events.clear()
    sandbox.faults.extend(parse_fault(fault) for fault in task.faults)


@asynccontextmanager
async def connect(task: Task, settings: Settings, sandbox: Sandbox) -> AsyncIterator[tuple[Client, CioServer]]:
    """A client with the person of the task in front of it."""
    person = {"form": Person(APPROVE), "rejects": Person(REJECT), "terminal": None}[task.person]
    server = build_server(settings.model_copy(update=dict(task.settings)), sandbox=sandbox)
    async with Client(server, elicitation_callback=person) as client:
        yield client, server


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
                change, by="local:reviewer", how="on a terminal", confirmation=change.plan.typed
            )

    return decide


def problems(task: Task, run: Run, sandbox: Sandbox) -> list[str]:
    """Everything that is not as the task wants it."""
    found = [run.problem, *(check.problem(End(sandbox, run.taken)) for check in task.end)]
    if run.calls > task.calls:
        found.append(f"{run.calls} calls instead of {task.calls} at most")
    if run.tokens > task.tokens:
        found.append(f"{run.tokens} tokens instead of {task.tokens} at most")
    if sorted(sent(sandbox)) != sorted(task.sends):
        found.append(f"sent {sorted(sent(sandbox))} instead of {sorted(task.sends)}")
    return [each for each in found if each]
