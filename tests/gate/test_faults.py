"""Each write tool against each fault: at most one effect, and a true receipt once what was open is settled."""

import time

import anyio
import pytest

from cio_mcp.customerio.caller import Work
from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import arguments_digest
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.workspace import Workspace
from tests.callers import caller_named
from tests.carrying_out import approve
from tests.clock import FunctionClock
from tests.examples import EXAMPLES, WRITES
from tests.reconcilers import reconciler_of

pytestmark = pytest.mark.anyio

WORK_SECONDS = 1.5
"""Seconds a call may take here; what hangs, hangs longer."""

KINDS = ("accept_then_503", "empty", "html", "status:408", "accept_then_drop", "drop", "hang:3", "429", "429_bare")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tool", WRITES)
@pytest.mark.sampled(5)
async def test_a_fault_leaves_one_effect_at_most_and_a_true_receipt(
    tool: str, kind: str, opened: Workspace, sandbox: Sandbox
) -> None:
    write = WRITES[tool]
    ws = opened.acting(caller_named("local:tester"))
    plan = EXAMPLES[tool].plan(ws, 1)
    row = await ws.gate.propose(ws.caller.id, tool, arguments_digest({}), plan)
    assert isinstance(row, Change)
    await approve(ws.gate, row)
    sandbox.faults.append(Fault(write.method, write.path, kind))
    receipt = await ws.gate.make(row, plan, Work(ws.caller, anyio.current_time() + WORK_SECONDS))
    assert receipt.status in {"done", "failed", "unknown"}
    sandbox.clock.advance(5)
    await reconciler_of(opened, FunctionClock(now=lambda: time.time() + 60)).round()
    sandbox.clock.advance(5)
    state = (await ws.gate.recent(change=row.id)).changes[0].state
    sandbox.workspace.settle()
    made = write.effects(sandbox, 1)
    assert made <= 1
    assert made == 1 or state in {"failed", "unknown"}, receipt
    assert made == 0 or state in {"sent", "verified"}, receipt
