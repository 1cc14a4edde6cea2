"""Deaths of the whole server: `cio-mcp serve` over stdio, killed between a client's call and its answer."""

import os
import random
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import anyio
from mcp import Client, MCPError, StdioServerParameters
from mcp_types import ElicitRequestParams, ElicitResult

from cio_mcp.cli.demo import KEYS
from cio_mcp.cli.serve import sandbox_settings
from tests.crash.arena import start_again
from tests.crash.deaths import Stage, check
from tests.examples import WRITES

Moment = Literal["called", "prompted", "approved", "under way"]
WITHIN: dict[Moment, float] = {"called": 0.7, "prompted": 0.1, "approved": 0.15, "under way": 0.3}
"""Seconds after a moment within which the server is killed: about as long as it takes to get to the next one."""
MAX_WAIT = 10
TIMEOUT_SECONDS = 30.0


@dataclass
class Death:
    """A server's death, `after` seconds from a moment on; what was noticed on the way."""

    moment: Moment
    after: float
    pid: int = 0
    noticed: set[Moment] = field(default_factory=set)
    killed: bool = False

    async def at(self, moment: Moment) -> None:
        """Kill the server, if this is the moment."""
        if not self.killed:
            self.noticed.add(moment)
        if moment == self.moment:
            # What the server does meanwhile must not show: it dies at any instruction, not at one we chose.
            await anyio.sleep(self.after)
            os.kill(self.pid, signal.SIGKILL)
            self.killed = True


def draw(chance: random.Random, number: int) -> tuple[str, Death]:
    """A write and a death; every pair of write and moment comes up in turn."""
    moments = list(WITHIN)
    moment = moments[number // len(WRITES) % len(moments)]
    return list(WRITES)[number % len(WRITES)], Death(moment, chance.uniform(0, WITHIN[moment]))


async def death(stage: Stage, write: str, death: Death) -> dict[str, Any]:
    """Let a server die during a write, settle what it leaves, and check that; `killed` is one that gave no answer."""
    folder = stage.clear()
    if death.moment == "under way":
        stage.hold_back(write)
    with anyio.fail_after(TIMEOUT_SECONDS):
        status = await _live_and_die(stage, folder, write, death)
        states = await start_again(sandbox_settings(folder, url=stage.url))
    answered = {"states": states, "effects": stage.effects(write), "killed": death.killed and status is None}
    check(answered, changes={1} if "prompted" in death.noticed else {0, 1})
    assert status != "done" or answered["effects"] == 1, answered
    assert death.killed, answered
    return answered


async def _live_and_die(stage: Stage, folder: Path, write: str, death: Death) -> str | None:
    """Serve one call until the end; the status of its answer, if one came."""
    noted = anyio.Path(folder / "pid")

    async def person(context: object, params: ElicitRequestParams) -> ElicitResult:  # noqa: ARG001 - the SDK gives them
        await death.at("prompted")
        group.start_soon(death.at, "approved")
        group.start_soon(death.at, "under way")
        return ElicitResult(action="accept", content={"decision": "approve"})

    status = None
    async with Client(_server(stage, folder, noted), elicitation_callback=person) as client:
        await client.list_tools()
        death.pid = int(await noted.read_text())
        # Within the client, whose end would end the server first where the call was quicker than its death.
        async with anyio.create_task_group() as group:
            group.start_soon(death.at, "called")
            try:
                result = await client.call_tool(write, WRITES[write].arguments(stage.number))
                status = (result.structured_content or {}).get("status")
            except MCPError:
                pass  # the line was cut
    return status


def _server(stage: Stage, folder: Path, noted: anyio.Path) -> StdioServerParameters:
    # The SDK starts the server and keeps its number to itself.
    script = 'echo $$ >"$0"; exec "$@"'
    return StdioServerParameters(
        command="sh",
        args=["-c", script, str(noted), sys.executable, "-m", "cio_mcp", "serve"],
        env=KEYS
        | {
            "CIO_TRACK_URL": stage.url,
            "CIO_APP_URL": stage.url,
            "CIO_WORKSPACE": "sandbox",
            "CIO_DATA_DIR": str(folder),
            "CIO_MAX_WAIT": str(MAX_WAIT),
        },
    )
