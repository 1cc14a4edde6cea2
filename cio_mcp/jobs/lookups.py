"""Whom the entries of long lists name: found in the background, and kept until the call is made again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import anyio

from cio_mcp.clock import Clock
from cio_mcp.customerio.api.base import Reference
from cio_mcp.errors import CioError
from cio_mcp.jobs.segment_list import Lookup

MAX_KEPT = 500_000
"""References that are kept or looked up at once. Chosen: some 200 MB at most."""
KEPT_SECONDS = 1_800.0
"""Seconds that a result is kept after its last use: longer than an approval takes. Chosen."""


@dataclass(slots=True)
class Lookups:
    """The lookups of a workspace in this process."""

    clock: Clock
    found: dict[Reference, Lookup] = field(default_factory=dict)
    pending: set[Reference] = field(default_factory=set)
    failure: CioError | None = None
    used_at: float = 0.0
    expires: bool = False
    """Whether `expire` runs."""
    moved: anyio.Event = field(default_factory=anyio.Event)

    def claim(self, references: Iterable[Reference]) -> list[Reference]:
        """Return those that are neither found nor being looked up: the caller must look them up."""
        self._forget_unused()
        self.used_at = self.clock.steady()
        missing = [one for one in references if one not in self.found and one not in self.pending]
        if len(self.found) + len(self.pending) + len(missing) > MAX_KEPT:
            self.found.clear()
            missing = [one for one in references if one not in self.pending]
        self.pending.update(missing)
        self.failure = None
        return missing

    def keep(self, results: Mapping[Reference, Lookup]) -> None:
        """Keep results."""
        self.found.update(results)
        self.pending.difference_update(results)
        self._notify()

    def give_up(self, references: Iterable[Reference], failure: CioError | None) -> None:
        """Release what was claimed and could not be looked up."""
        self.pending.difference_update(references)
        self.failure = failure
        self._notify()

    async def wait(self, references: Iterable[Reference]) -> None:
        """Wait until none is looked up any more."""
        while not self.pending.isdisjoint(references):
            await self.moved.wait()

    async def expire(self) -> None:
        """Forget what is no longer used, until there is nothing left."""
        if self.expires:
            return
        self.expires = True
        try:
            while self.found or self.pending:
                await self.clock.sleep(KEPT_SECONDS)
                self._forget_unused()
        finally:
            self.expires = False

    def _forget_unused(self) -> None:
        if self.clock.steady() - self.used_at >= KEPT_SECONDS:
            self.found.clear()

    def _notify(self) -> None:
        self.moved.set()
        self.moved = anyio.Event()
