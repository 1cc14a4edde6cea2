"""A process that forks others which die: one line of JSON in per case, one out.

It loads gate, storage and client once, so that a death takes milliseconds; a case is
`{"point", "write", "by", "url", "folder", "number"}`, an answer `{"killed", "states"}`.
"""

import gc
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import anyio
import anyio.lowlevel

from cio_mcp.cli.serve import sandbox_settings
from cio_mcp.gate.change import Change
from cio_mcp.server.approved_changes import ApprovedChanges
from cio_mcp.server.callers import Callers
from cio_mcp.server.toolbox import Toolbox
from cio_mcp.settings import Settings
from cio_mcp.storage.engine import Database
from cio_mcp.workspace import CallContext, Workspace, open_workspace
from tests.callers import caller_named
from tests.clock import FunctionClock
from tests.crash.dying import Point, doom
from tests.examples import WRITES
from tests.reconcilers import reconciler_of

TIMEOUT_SECONDS = 30.0
LATER = 60.0
"""Seconds by which the clock is ahead when the process is started again: whatever was claimed counts as abandoned."""
ROUNDS = 3

By = Literal["call", "server"]
"""Who makes an approved change: the call that waits for it, or the running server without one."""
BY: tuple[By, ...] = By.__args__  # type: ignore[attr-defined]  # typing has no other way to list them


@dataclass(frozen=True)
class Case:
    """One death: where, in which write, against which sandbox, with which database."""

    point: Point
    write: str
    by: By
    url: str
    folder: str
    number: int

    @property
    def settings(self) -> Settings:
        """The settings of the process."""
        return sandbox_settings(Path(self.folder), url=self.url)


async def live_and_die(case: Case) -> None:
    """Propose, approve and make the write; die on the way."""
    async with open_workspace(case.settings) as plain:
        gate = doom(plain.gate, Database(case.settings.storage_url), case.point)
        opened = replace(plain, gate=gate)
        server = running_server(opened)
        ws = opened.acting(caller_named(case.settings.local_principal))
        arguments = WRITES[case.write].arguments(case.number)
        call = server.toolbox.call_again(ws, case.write, json.dumps(arguments))
        change = (await call.propose()).proposed
        if isinstance(change, Change):
            await gate.approvals.approve(
                change, by="person", how="on a terminal", confirmation=change.plan.confirmation
            )
            await (gate.make(change, call.plan, call.work()) if case.by == "call" else server.round())


async def start_again(settings: Settings) -> list[str]:
    """Settle what is open and make what is approved, as a server does; the states of all changes."""
    async with open_workspace(settings) as opened:
        clock = FunctionClock(now=lambda: time.time() + LATER)
        await running_server(replace(opened, gate=replace(opened.gate, clock=clock))).round()
        reconciler = reconciler_of(opened, clock)
        for _ in range(ROUNDS):
            if not await reconciler.round():
                break
        return [change.state for change in (await opened.gate.recent()).changes]


def running_server(opened: Workspace) -> ApprovedChanges:
    """What a server on a workspace does without a call."""

    async def ws() -> CallContext:
        await anyio.lowlevel.checkpoint()
        return opened.acting(caller_named(opened.settings.local_principal))

    tools = Toolbox(list(WRITES), ws, opened.gate.clock)
    return ApprovedChanges(opened, tools, Callers(opened.settings.local_principal), lambda: None)


def in_a_child(work: Callable[[], Awaitable[Any]]) -> tuple[bool, Any]:
    """Run `work` in a fork; whether it was killed, and what it returned."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            signal.alarm(int(TIMEOUT_SECONDS))
            with os.fdopen(writing, "w") as answer:
                json.dump(anyio.run(work), answer)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as answer:
        body = answer.read()
    _, ended = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(ended) and os.WTERMSIG(ended) == signal.SIGKILL
    if not killed and ended:
        raise RuntimeError(f"a process that should live ended with {ended}")
    return killed, json.loads(body) if body else None


def warm_up() -> None:
    """Open a workspace once, so that what is loaded and prepared at the first use is there in every fork."""
    with tempfile.TemporaryDirectory() as folder:
        anyio.run(start_again, sandbox_settings(Path(folder)))
    # A fork that looks for garbage copies every page of what it got.
    gc.collect()
    gc.freeze()
    gc.disable()


def main() -> None:
    """Answer cases until standard input ends."""
    warm_up()
    for line in sys.stdin:
        case = Case(**json.loads(line))
        killed, _ = in_a_child(partial(live_and_die, case))
        _, states = in_a_child(partial(start_again, case.settings))
        sys.stdout.write(json.dumps({"case": asdict(case), "killed": killed, "states": states}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
