"""The limiter's store with a fallback: memory while the shared store fails, which is tried again every second."""

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from cio_mcp.clock import Clock
from cio_mcp.errors import StorageFailed
from cio_mcp.storage.limiter_state import LimiterStore, MemoryLimiterStore

T = TypeVar("T")
Decide = Callable[[str | None, float, bool], tuple[str, T]]
"""`(row or None, now, alone) -> (row to store, result)`; `alone` while the row is this process's own."""

RETRY_SECONDS = 1.0
"""Time until a store that failed is tried again."""

log = logging.getLogger(__name__)


class FallbackStore:
    """A store of limiter rows that never fails."""

    def __init__(self, primary: LimiterStore, clock: Clock) -> None:
        self._primary, self._memory, self._clock = primary, MemoryLimiterStore(), clock
        self._lock = threading.Lock()
        self._retry_at: float | None = None

    @property
    def alone(self) -> bool:
        """Whether the shared store fails, so that rows are this process's own."""
        return self._retry_at is not None

    def change(self, workspace: str, lane: str, decide: Decide[T], now: Callable[[], float]) -> T:
        """Change a row in one transaction, in the shared store if it works."""
        if self._retry_at is None or self._clock.steady() >= self._retry_at:
            try:
                result = self._primary.change(workspace, lane, lambda text, at: decide(text, at, False), now)
            except StorageFailed:
                self._enter()
            else:
                self._leave()
                return result
        return self._memory.change(workspace, lane, lambda text, at: decide(text, at, True), now)

    def _enter(self) -> None:
        with self._lock:
            if self._retry_at is None:
                log.warning(
                    "The limiter's shared store is unavailable (disk full, file locked, read-only or damaged). "
                    "This process keeps to a small share of each rate limit, and writes are refused."
                )
            self._retry_at = self._clock.steady() + RETRY_SECONDS

    def _leave(self) -> None:
        with self._lock:
            if self._retry_at is not None:
                log.warning("The limiter's shared store is available again.")
            self._retry_at = None
