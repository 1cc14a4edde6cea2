"""Retention: bodies are kept 30 days, then digest and summary."""

import logging
from dataclasses import dataclass

from cio_mcp.clock import Clock
from cio_mcp.errors import StorageFailed
from cio_mcp.storage.engine import Database
from cio_mcp.storage.erasure import REDUCED_AT_ONCE, reduce_old_changes

KEPT_DAYS = 30
"""How long the plan and the question of a settled change are kept."""
DAY_SECONDS = 86_400.0
FIRST_ROUND_SECONDS, ROUND_SECONDS = 60.0, 3_600.0
"""Seconds until the first round, and between rounds."""
PAUSE_SECONDS = 0.05
"""Seconds between steps, so that a change that is being made never waits long."""
MAX_ROUND_STEPS = 100
"""Steps in one round; what is left is for the next."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Retention:
    """Lets go of old bodies in a database; any number of processes may run one."""

    database: Database
    clock: Clock

    async def run(self) -> None:
        """Let go of what is old, soon and then every hour, until canceled."""
        await self.clock.sleep(FIRST_ROUND_SECONDS)
        while True:
            try:
                await self.round()
            except StorageFailed as failure:
                log.warning("old changes cannot be reduced: %s", failure)
            await self.clock.sleep(ROUND_SECONDS)

    async def round(self, steps: int = MAX_ROUND_STEPS) -> int:
        """Let go of what is old, at most so many steps; how many changes it was."""
        total = 0
        for _ in range(steps):
            now = self.clock.now()
            total += (reduced := await reduce_old_changes(self.database, before=now - KEPT_DAYS * DAY_SECONDS, now=now))
            if reduced < REDUCED_AT_ONCE:
                break
            await self.clock.sleep(PAUSE_SECONDS)
        return total
