"""Each write tool against each fault: at most one effect, and a true receipt once what was open is settled."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import pytest

from cio_mcp.customerio.caller import Work
from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import Plan, arguments_digest
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.tools.core.send_event import send_event
from cio_mcp.tools.core.send_transactional import send_transactional
from cio_mcp.tools.core.update_customer import update_customer
from cio_mcp.workspace import CallContext, Workspace
from tests.callers import caller_named
from tests.clock import FunctionClock

pytestmark = pytest.mark.anyio

PATIENCE = 1.5
"""Seconds a call may take here; what hangs, hangs longer."""

TOOLS: dict[str, tuple[Callable[[CallContext], Callable[[], Awaitable[Plan]]], str, str]] = {
    "send_event": (lambda ws: partial(send_event, ws, "ada", "order_placed"), "POST", "/api/v1/customers/"),
    "update_customer": (
        lambda ws: partial(update_customer, ws, "ada", attributes={"shoe": "42"}),
        "PUT",
        "/api/v1/customers/",
    ),
    "send_transactional": (
        lambda ws: partial(send_transactional, ws, "2", "ada", data={"order_id": "7"}),
        "POST",
        "/v1/send/email",
    ),
}
KINDS = ("accept_then_503", "empty", "html", "status:408", "accept_then_drop", "drop", "hang:3", "429", "429_bare")


def effects(tool: str, sandbox: Sandbox) -> int:
    sandbox.workspace.settle()
    if tool == "send_event":
        return sum(event["name"] == "order_placed" for event in sandbox.workspace.events)
    if tool == "send_transactional":
        return len(sandbox.workspace.sends)
    ada = sandbox.workspace.people.get("id", "ada")
    assert ada
    return int(ada.attributes.get("shoe") == "42")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tool", TOOLS)
async def test_a_fault_leaves_one_effect_at_most_and_a_true_receipt(
    tool: str, kind: str, opened: Workspace, sandbox: Sandbox
) -> None:
    planner, method, path = TOOLS[tool]
    ws = opened.acting(caller_named("local:tester"))
    plan = planner(ws)
    row = await ws.gate.propose(ws.caller.id, tool, arguments_digest({}), plan)
    assert isinstance(row, Change)
    assert await ws.gate.approvals.approve(row, by="person", how="approved outside", confirmation=row.plan.typed)
    sandbox.faults.append(Fault(method, path, kind))
    receipt = await ws.gate.make(row, plan, Work(ws.caller, anyio.current_time() + PATIENCE))
    assert receipt.status in {"done", "failed", "unknown"}
    sandbox.clock.advance(5)
    later: dict[str, Any] = {"clock": FunctionClock(now=lambda: time.time() + 60)}
    await replace(opened.reconciler, **later).round()
    sandbox.clock.advance(5)
    state = (await ws.gate.recent(change=row.id)).changes[0].state
    made = effects(tool, sandbox)
    assert made <= 1
    assert made == 1 or state in {"failed", "unknown"}, receipt
    assert made == 0 or state in {"sent", "verified"}, receipt
