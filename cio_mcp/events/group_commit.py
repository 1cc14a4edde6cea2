"""Group commit: rows that arrive together share one commit."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel

from cio_mcp.errors import Unavailable
from cio_mcp.storage.rows import EventRow

MAX_BATCH_ROWS = 500
"""Rows in one commit."""
MAX_QUEUED_ROWS = 2_000
"""Rows that may wait to be committed: half a second's worth; more are turned away, and Customer.io tries again."""
GATHER_TURNS = 4
"""Turns of the event loop before a commit, in which what comes in joins it. Afterwards the loop has nothing to do but
to wait; a thread that commits while it is busy makes both wait for the interpreter (`benchmarks/ingest.py`)."""


@dataclass(eq=False, slots=True)
class _Group:
    """Rows that are committed together. The first caller commits them; the others wait until it is `done`."""

    rows: list[EventRow] = field(default_factory=list)
    done: anyio.Event = field(default_factory=anyio.Event)
    failed: Exception | None = field(default_factory=lambda: Unavailable("The server is stopping. Try again later."))


class Intake:
    """Hands rows on to `commit`, which stores them all or raises."""

    def __init__(self, commit: Callable[[Sequence[EventRow]], Awaitable[None]]) -> None:
        self._commit = commit
        self._gathering: _Group | None = None
        self._committing = anyio.Lock()
        self.waiting = 0
        """Rows that are not committed yet."""

    async def store(self, rows: Sequence[EventRow]) -> None:
        """Commit rows, together with those of others. After a cancellation, they may have been stored.

        Raises:
            StorageFailed: they could not be stored.
            Unavailable: too many wait already.
        """
        if self.waiting + len(rows) > MAX_QUEUED_ROWS:
            raise Unavailable("Events arrive faster than they can be stored. Try again later.")
        group, begins = self._gathering, False
        if group is None or len(group.rows) + len(rows) > MAX_BATCH_ROWS:
            group = self._gathering = _Group()
            begins = True
        group.rows += rows
        self.waiting += len(rows)
        if begins:
            # Others wait for this commit: the end of the one who began it must not take theirs along.
            with anyio.CancelScope(shield=True):
                await self._finish(group)
        else:
            await group.done.wait()
        if group.failed is not None:
            raise group.failed

    async def _finish(self, group: _Group) -> None:
        try:
            async with self._committing:
                for _ in range(GATHER_TURNS):
                    await anyio.lowlevel.checkpoint()
                self._close(group)
                await self._commit(group.rows)
            group.failed = None
        except Exception as failure:  # noqa: BLE001 - every waiting caller must be notified
            group.failed = failure
        finally:
            self._close(group)
            self.waiting -= len(group.rows)
            group.done.set()

    def _close(self, group: _Group) -> None:
        """Let nobody else join."""
        if self._gathering is group:
            self._gathering = None
