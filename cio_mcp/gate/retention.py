"""Retention: bodies of changes and rows of jobs are kept as long as someone may need them, at most 30 days."""

import logging
from dataclasses import dataclass

from cio_mcp.clock import Clock
from cio_mcp.errors import StorageFailed
from cio_mcp.gate.approvals import APPROVAL_SECONDS
from cio_mcp.gate.proposals import OPEN_SECONDS
from cio_mcp.storage.engine import Database
from cio_mcp.storage.erasure import REDUCED_AT_ONCE, reduce_old_changes
from cio_mcp.storage.job_erasure import cancel_unapproved_jobs, delete_useless_reports, delete_useless_rows

KEPT_DAYS = 30
"""How long the plan and the question of a settled change are kept, and the rows of a job that were not applied."""
UNAPPROVED_SECONDS = OPEN_SECONDS + APPROVAL_SECONDS + 300.0
"""How long a job may wait: until a decision, while an approval is valid, and five minutes to spare."""
DAY_SECONDS = 86_400.0
FIRST_ROUND_SECONDS, ROUND_SECONDS = 60.0, 600.0
"""Seconds until the first round, and between rounds."""
PAUSE_SECONDS = 0.05
"""Seconds between steps, so that a change that is being made never waits long."""
MAX_ROUND_STEPS = 1_000
"""Steps in one round; what is left is for the next."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Retention:
    """Lets go of old bodies in a database; any number of processes may run one."""

    database: Database
    clock: Clock

    async def run(self) -> None:
        """Let go of what is old, soon and then every ten minutes, until canceled."""
        await self.clock.sleep(FIRST_ROUND_SECONDS)
        while True:
            try:
                await self.round()
            except StorageFailed as failure:
                log.warning("old changes cannot be reduced: %s", failure)
            await self.clock.sleep(ROUND_SECONDS)

    async def round(self, steps: int = MAX_ROUND_STEPS) -> int:
        """Let go of what is old, at most so many steps of changes and of jobs; how many changes it was."""
        reduced = await self._reduce_changes(steps)
        await self._clear_jobs(steps)
        return reduced

    async def _reduce_changes(self, steps: int) -> int:
        total = 0
        for _ in range(steps):
            now = self.clock.now()
            total += (reduced := await reduce_old_changes(self.database, before=now - KEPT_DAYS * DAY_SECONDS, now=now))
            if reduced < REDUCED_AT_ONCE:
                break
            await self.clock.sleep(PAUSE_SECONDS)
        return total

    async def _clear_jobs(self, steps: int) -> None:
        now = self.clock.now()
        await cancel_unapproved_jobs(self.database, before=now - UNAPPROVED_SECONDS, now=now)
        await delete_useless_reports(self.database, before=now - KEPT_DAYS * DAY_SECONDS)
        for _ in range(steps):
            if not await delete_useless_rows(self.database, before=now - KEPT_DAYS * DAY_SECONDS):
                break
            await self.clock.sleep(PAUSE_SECONDS)
