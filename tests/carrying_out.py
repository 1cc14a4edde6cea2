"""Carries out a write as a person would approve it, without a client."""

from collections.abc import Awaitable, Callable
from typing import Any

from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import Plan, arguments_digest
from cio_mcp.gate.receipt import Receipt
from cio_mcp.gate.service import Gate
from cio_mcp.workspace import CallContext
from tests.callers import work_of

Function = Callable[..., Awaitable[Any]]


async def propose(ws: CallContext, function: Function, **arguments: Any) -> tuple[Change | Receipt, Any]:
    """Propose a write; return its change, or why there is none, and the function that plans it."""

    async def plan() -> Plan:
        planned: Plan = await function(ws, **arguments)
        return planned

    return await ws.gate.propose(ws.caller.id, function.__name__, arguments_digest(arguments), plan), plan


async def approve(gate: Gate, change: Change) -> None:
    """Approve a change at a terminal, and type what must be typed."""
    approvals, confirmation = gate.approvals, change.plan.confirmation
    assert await approvals.approve(change, by="person", how="on a terminal", confirmation=confirmation)


async def carry_out(ws: CallContext, function: Function, **arguments: Any) -> Receipt:
    """Propose a write, approve it, and make it."""
    change, plan = await propose(ws, function, **arguments)
    if isinstance(change, Receipt):
        return change
    await approve(ws.gate, change)
    return await ws.gate.make(change, plan, work_of(ws.caller))


async def change_of(ws: CallContext, function: Function, **arguments: Any) -> str:
    """Carry out a write that succeeds, and return the ID of its change."""
    receipt = await carry_out(ws, function, **arguments)
    assert receipt.status == "done", receipt
    assert receipt.change
    return receipt.change
