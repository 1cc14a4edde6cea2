"""Changes that a person approved outside a call: the running server carries them out, without a further call."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import anyio

from cio_mcp.errors import CioError, StorageFailed
from cio_mcp.gate.change import Change
from cio_mcp.identity.scopes import WRITE
from cio_mcp.server.callers import Callers
from cio_mcp.server.errors import where
from cio_mcp.server.toolbox import Toolbox
from cio_mcp.storage.rows import ChangeSummary
from cio_mcp.workspace import Workspace

POLL_SECONDS = 1.0
"""How often approved changes are looked for. Chosen: a person who approves may wait that long."""
ATTEMPT_SECONDS = 60.0
"""How long one attempt keeps other servers away from a change, and until the next attempt if it fails."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ApprovedChanges:
    """Carries out what was approved of a workspace; any number of servers may run one, and each change is made once.

    Only changes of its own tools and callers are its business: those that it could plan again as their call did.
    `heard` is called after each, since what is listed has changed.
    """

    workspace: Workspace
    toolbox: Toolbox
    callers: Callers
    heard: Callable[[], None]

    async def run(self) -> None:
        """Carry out what is due, now and every second, until canceled."""
        while self.toolbox.writes:
            try:
                await self.round()
            except StorageFailed as failure:
                log.warning("Approved changes cannot be read: %s", failure)
            await self.workspace.gate.clock.sleep(POLL_SECONDS)

    async def round(self) -> int:
        """Carry out what is due at once; how many changes were tried."""
        gate = self.workspace.gate
        due = [row for row in await gate.approvals.due(self.toolbox.writes) if row.id not in gate.in_calls]
        if not due or await gate.pauses.in_force():
            return 0
        tried = 0
        async with anyio.create_task_group() as group:
            for row in due:
                if self._is_ours(row) and await gate.approvals.take(row.id, ATTEMPT_SECONDS):
                    group.start_soon(self._make_safely, row)
                    tried += 1
        return tried

    def _is_ours(self, row: ChangeSummary) -> bool:
        caller = self.callers.find(row.principal)
        return caller is not None and WRITE in caller.scopes

    async def _make_safely(self, row: ChangeSummary) -> None:
        """Carry out a change; one that fails stays approved for the next attempt, and does not end the others."""
        try:
            await self._make(row.id)
        except CioError as failure:
            log.warning("Approved change %s was not carried out yet: %s", row.id, type(failure).__name__)
        except Exception as unforeseen:  # noqa: BLE001 - for instance arguments that another version stored
            log.error("Approved change %s cannot be carried out: %s", row.id, where(unforeseen))  # noqa: TRY400 - a trace shows data
        self.heard()

    async def _make(self, change: str) -> None:
        gate = self.workspace.gate
        row = await gate.journal.get(change)
        caller = self.callers.find(row.principal) if row else None
        if row is None or row.arguments_json is None or caller is None:
            return
        call = self.toolbox.call_again(self.workspace.acting(caller), row.tool, row.arguments_json)
        if call.digest != row.arguments_digest:
            log.warning("Approved change %s waits for its call: this version reads its arguments differently.", change)
            return
        await gate.make(Change.of(row), call.plan, call.work(), unread=True)
