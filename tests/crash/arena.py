"""A process that forks others which die: one line of JSON in per case, one out.

It loads gate, storage and client once, so that a death takes milliseconds; a case is
`{"point", "write", "url", "folder", "number"}`, an answer `{"killed", "states"}`.
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
from typing import Any

import anyio

from cio_mcp.cli.serve import sandbox_settings
from cio_mcp.customerio.caller import Work
from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import Plan, arguments_digest
from cio_mcp.settings import Settings
from cio_mcp.storage.engine import Database
from cio_mcp.tools.core.send_event import send_event
from cio_mcp.tools.core.send_transactional import send_transactional
from cio_mcp.tools.core.update_customer import update_customer
from cio_mcp.workspace import CallContext, open_workspace, preload
from tests.callers import caller_named
from tests.clock import FunctionClock
from tests.crash.dying import Point, doomed

PATIENCE = 30.0
LATER = 60.0
"""Seconds by which the clock is ahead when the process is started again: whatever was claimed counts as abandoned."""
ROUNDS = 3

WRITES: dict[str, Callable[[CallContext, int], Callable[[], Awaitable[Plan]]]] = {
    "event": lambda ws, number: partial(send_event, ws, "ada", "order_placed", data={"order": number}),
    "profile": lambda ws, number: partial(update_customer, ws, "ada", attributes={"lucky_number": str(number)}),
    "send": lambda ws, number: partial(send_transactional, ws, "2", "ada", data={"order_id": str(number)}),
}


@dataclass(frozen=True)
class Case:
    """One death: where, in which write, against which sandbox, with which database."""

    point: Point
    write: str
    url: str
    folder: str
    number: int

    @property
    def settings(self) -> Settings:
        """The settings of the process."""
        return sandbox_settings(Path(self.folder), url=self.url)


async def live_and_die(case: Case) -> None:
    """Propose, approve and make the write; die on the way."""
    async with open_workspace(case.settings) as opened:
        ws = opened.acting(caller_named("local:tester"))
        database = Database(case.settings.storage_url)
        gate = doomed(ws.gate, database, case.point)
        plan = WRITES[case.write](ws, case.number)
        row = await gate.propose("local:tester", case.write, arguments_digest({}), plan)
        if isinstance(row, Change):
            await gate.approvals.approve(row, by="person", how="approved outside", confirmation=row.plan.typed)
            await gate.make(row, plan, Work(caller_named("local:tester"), anyio.current_time() + 5))


async def start_again(settings: Settings) -> list[str]:
    """Settle what is open; the states of all changes."""
    async with open_workspace(settings) as opened:
        clock = FunctionClock(now=lambda: time.time() + LATER)
        reconciler = replace(opened.reconciler, clock=clock)
        for _ in range(ROUNDS):
            if not await reconciler.round():
                break
        return [change.state for change in (await opened.gate.recent()).changes]


def in_a_child(work: Callable[[], Awaitable[Any]]) -> tuple[bool, Any]:
    """Run `work` in a fork; whether it was killed, and what it returned."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            signal.alarm(int(PATIENCE))
            with os.fdopen(writing, "w") as answer:
                json.dump(anyio.run(work), answer)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    _, ended = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(ended) and os.WTERMSIG(ended) == signal.SIGKILL
    if not killed and ended:
        raise RuntimeError(f"a process that should live ended with {ended}")
    return killed, json.loads(said) if said else None


def warm_up() -> None:
    """Open a workspace once, so that what is loaded and prepared at the first use is there in every fork."""
    preload()
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
