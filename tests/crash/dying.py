"""Parts of a process that kills itself (SIGKILL) at one point of a write: before or after a step of its journal."""

import os
import signal
from dataclasses import replace
from typing import Any, Literal

import anyio

from cio_mcp.customerio.call import Call
from cio_mcp.customerio.caller import Work
from cio_mcp.customerio.writer import Result, Writer
from cio_mcp.gate.service import Gate
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.engine import Database
from cio_mcp.storage.rows import AddResult, ChangeRow, ClaimResult, ClaimTerms, OpenLimits

Point = Literal[
    "before planned", "after planned", "before approved", "after approved", "before sending", "after sending",
    "under way", "after the answer", "before the outcome", "after the outcome", "after it was read back",
]  # fmt: skip
POINTS: tuple[Point, ...] = Point.__args__  # type: ignore[attr-defined]  # typing has no other way to list them
UNDER_WAY = 0.05
"""Seconds into a request that the sandbox holds back for longer."""


class Fate:
    """Where a process dies."""

    def __init__(self, point: Point) -> None:
        self._point = point

    def at(self, point: Point) -> None:
        """Die here, if this is the point."""
        if point == self._point:
            os.kill(os.getpid(), signal.SIGKILL)

    async def under_way(self) -> None:
        """Die while a request is under way, if that is the point."""
        await anyio.sleep(UNDER_WAY)
        self.at("under way")


class DyingJournal(Journal):
    """A journal in whose transitions the process may die."""

    def __init__(self, database: Database, workspace: str, fate: Fate) -> None:
        super().__init__(database, workspace)
        self._fate = fate

    async def add(self, row: ChangeRow, limits: OpenLimits | None = None) -> AddResult:
        self._fate.at("before planned")
        added = await super().add(row, limits)
        self._fate.at("after planned")
        return added

    async def approve(self, *given: Any, **more: Any) -> bool:
        self._fate.at("before approved")
        approved = await super().approve(*given, **more)
        self._fate.at("after approved")
        return approved

    async def claim(self, change: str, terms: ClaimTerms) -> ClaimResult:
        self._fate.at("before sending")
        claim = await super().claim(change, terms)
        self._fate.at("after sending")
        return claim

    async def finish(self, *given: Any, **more: Any) -> bool:
        self._fate.at("before the outcome")
        finished = await super().finish(*given, **more)
        self._fate.at("after the outcome")
        return finished

    async def verify(self, change: str) -> bool:
        verified = await super().verify(change)
        self._fate.at("after it was read back")
        return verified


class DyingExecutor(Writer):
    """An executor in whose requests the process may die."""

    fate: Fate

    async def send(self, call: Call, work: Work) -> Result:
        async with anyio.create_task_group() as group:
            group.start_soon(self.fate.under_way)
            result = await super().send(call, work)
            group.cancel_scope.cancel()
        self.fate.at("after the answer")
        return result


def doom(gate: Gate, database: Database, point: Point) -> Gate:
    """The same gate in a process that dies at a point."""
    fate = Fate(point)
    writer = DyingExecutor(gate.executor.client)
    writer.fate = fate
    journal = DyingJournal(database, gate.journal.workspace, fate)
    return replace(gate, journal=journal, executor=replace(gate.executor, writer=writer))
