"""Where the limiter goes when the shared store fails: this process's memory, with a quarter of every lane."""

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from cio_mcp.customerio.call import LaneName
from cio_mcp.customerio.clock import Clock
from cio_mcp.customerio.ratelimit.state import WindowState
from cio_mcp.errors import StorageFailed
from cio_mcp.storage.limiter_state import LimiterStore, MemoryLimiterStore

T = TypeVar("T")
SHARE = 0.25
RETRY = 10.0  # seconds until a store that failed is tried again

_log = logging.getLogger(__name__)


class FallbackStore:
    """The shared store while it works, memory while it does not; what was granted there is carried over."""

    def __init__(self, store: LimiterStore, workspace: str, clock: Clock) -> None:
        self._store, self._workspace, self._clock = store, workspace, clock
        self._memory = MemoryLimiterStore()
        self._known: dict[LaneName, WindowState] = {}
        self._owed: dict[LaneName, WindowState] = {}
        self._lock = threading.Lock()
        self._retry_at: float | None = None

    @property
    def open(self) -> bool:
        """Whether the store fails and budgets are this process's own."""
        return self._retry_at is not None

    def change(
        self, lane: LaneName, decide: Callable[[WindowState, float], T], now: Callable[[], float]
    ) -> tuple[WindowState, T]:
        """Let `decide(ledger, share of the lane)` change a lane's ledger; returns the ledger as it is then."""
        if self._retry_at is None or self._clock.steady() >= self._retry_at:
            try:
                ledger, result = self._in_store(lane, decide, now)
            except StorageFailed:
                self._enter()
            else:
                self._leave()
                self._known[lane] = ledger
                return ledger, result
        return self._in_memory(lane, decide, now)

    def _in_store(
        self, lane: LaneName, decide: Callable[[WindowState, float], T], now: Callable[[], float]
    ) -> tuple[WindowState, T]:
        def locked(text: str | None, at: float) -> tuple[str, tuple[WindowState, T]]:
            ledger = WindowState.load(text, at)
            if owed := self._owed.get(lane):
                ledger.take_over(owed)
            result = decide(ledger, 1.0)
            return ledger.dump(), (ledger, result)

        ledger, result = self._store.change(self._workspace, lane, locked, now)
        self._owed.pop(lane, None)
        return ledger, result

    def _in_memory(
        self, lane: LaneName, decide: Callable[[WindowState, float], T], now: Callable[[], float]
    ) -> tuple[WindowState, T]:
        def locked(text: str | None, at: float) -> tuple[str, tuple[WindowState, T]]:
            ledger = WindowState.load(text, at)
            if known := self._known.pop(lane, None):
                ledger.take_over(known)
            result = decide(ledger, SHARE)
            return ledger.dump(), (ledger, result)

        ledger, result = self._memory.change(self._workspace, lane, locked, now)
        self._owed[lane] = ledger
        return ledger, result

    def _enter(self) -> None:
        with self._lock:
            if self._retry_at is None:
                _log.warning(
                    "The limiter's shared store cannot be used (disk full, file locked, read-only or damaged): "
                    "this process keeps to a quarter of each rate limit by itself, and writes are refused."
                )
            self._retry_at = self._clock.steady() + RETRY

    def _leave(self) -> None:
        with self._lock:
            if self._retry_at is not None:
                _log.warning("The limiter's shared store can be used again.")
            self._retry_at = None
