"""The limiter's state: one small row per (workspace, lane), changed in short transactions that all processes share.

A row is opaque text here: the limiter's pure decision, which is passed in, reads and writes it.
It uses the driver directly: a decision costs about 0.1 ms of SQL, a fifth of its cost through a toolkit.
"""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar

from cio_mcp.errors import StorageFailed
from cio_mcp.storage.sqlite import create_private_file, enable_wal

T = TypeVar("T")
Decide = Callable[[str | None, float], tuple[str, T]]
"""`(row or None, now) -> (row to store, result)`; called while the row is locked."""
Now = Callable[[], float]

BUSY_SECONDS = 2.0
"""How long to wait for other processes, each of which holds the lock for well under 1 ms."""


class LimiterStore(Protocol):
    """Where the limiter's rows are stored.

    PostgreSQL's will be a class beside `SqliteLimiterStore`, chosen in `open_limiter_store`: `INSERT … ON CONFLICT
    DO NOTHING`, `SELECT … FOR UPDATE`, then the server's own clock in a second statement (so that it is read
    after the lock is held, and is one clock for all hosts), then `UPDATE`.
    """

    def change(self, workspace: str, lane: str, decide: Decide[T], now: Now) -> T:
        """Change a row in one transaction, reading the clock once it is locked.

        Raises:
            StorageFailed: the row could not be read or written; it is as it was.
        """

    def close(self) -> None:
        """Close what is open; the store opens itself again when it is used."""


class SqliteLimiterStore:
    """The limiter's rows in an SQLite file (WAL), for the processes of one host."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def change(self, workspace: str, lane: str, decide: Decide[T], now: Now) -> T:
        """Change a row in one transaction, reading the clock once it is locked; see `LimiterStore`."""
        with self._lock:
            try:
                connection = self._connection = self._connection or self._open()
                connection.execute("BEGIN IMMEDIATE")
                row = connection.execute(SELECT, (workspace, lane)).fetchone()
                state, result = decide(row and row[0], now())
                connection.execute(REPLACE, (workspace, lane, state))
                connection.execute("COMMIT")
            except (sqlite3.Error, OSError) as failure:
                self._drop()
                raise StorageFailed(
                    "The limiter's store cannot be used: the disk is full, or the file is locked, read-only or damaged."
                ) from failure
            except BaseException:
                self._drop()
                raise
            return result

    def close(self) -> None:
        """Close the file; it is opened again when it is used."""
        with self._lock:
            self._drop()

    def _open(self) -> sqlite3.Connection:
        create_private_file(str(self._path))
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            enable_wal(connection)
            for statement in SET_UP:
                connection.execute(statement)
        except BaseException:
            connection.close()
            raise
        return connection

    def _drop(self) -> None:
        # Closing rolls back what is open; after a failure the next use starts from a fresh connection.
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


SET_UP = (
    "PRAGMA synchronous=NORMAL",
    "CREATE TABLE IF NOT EXISTS claims (workspace TEXT, lane TEXT, state TEXT, PRIMARY KEY (workspace, lane))",
)
SELECT = "SELECT state FROM claims WHERE workspace = ? AND lane = ?"
REPLACE = "INSERT OR REPLACE INTO claims VALUES (?, ?, ?)"


class MemoryLimiterStore:
    """The limiter's rows of this process alone, as the fallback when the shared store fails."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[tuple[str, str], str] = {}

    def change(self, workspace: str, lane: str, decide: Decide[T], now: Now) -> T:
        """Change a row under a lock; see `LimiterStore`."""
        with self._lock:
            state, result = decide(self._rows.get((workspace, lane)), now())
            self._rows[workspace, lane] = state
            return result

    def close(self) -> None:
        """Keep the rows: there is nothing to close."""


def open_limiter_store(storage_url: str) -> LimiterStore:
    """Choose the store for a database URL; for `sqlite://` it is in memory.

    An SQLite database gets a second file beside it, so that no long commit of the journal or the event log
    delays a request. Processes of older releases share that file, so its name and table keep theirs.

    Raises:
        StorageFailed: no other database is supported yet.
    """
    if storage_url in ("sqlite://", "sqlite:///:memory:"):
        return MemoryLimiterStore()
    if storage_url.startswith("sqlite:///"):
        path = Path(storage_url.removeprefix("sqlite:///"))
        return SqliteLimiterStore(path.with_name(f"{path.stem}-claims{path.suffix}"))
    raise StorageFailed("CIO_DATABASE_URL: expected sqlite:///<file>; no other database is supported yet.")
