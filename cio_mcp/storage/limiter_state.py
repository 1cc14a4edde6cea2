"""Claims: one small row per (workspace, lane), changed in short transactions that all processes share.

The row is opaque text here; what it means is `http/limiter.py`'s, whose pure decision is handed in.
Spoken at driver level: a claim costs about 0.1 ms of SQL, a fifth of what an ORM or toolkit makes of it.
"""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar

from cio_mcp.errors import StorageFailed
from cio_mcp.storage.sqlite import own, share

T = TypeVar("T")
Decide = Callable[[str | None, float], tuple[str, T]]
"""`(row or None, now) -> (row to store, result)`; called while the row is locked."""
Now = Callable[[], float]

BUSY = 2.0  # seconds to wait for other processes; each of them holds the lock for well under 1 ms


class Claims(Protocol):
    """Where rows live.

    PostgreSQL's will be a class beside `SqliteClaims`, chosen in `open_claims`: `INSERT … ON CONFLICT
    DO NOTHING`, `SELECT … FOR UPDATE`, then the server's own clock in a second statement (so that it is read
    after the lock is held, and is one clock for all hosts), then `UPDATE`.
    """

    def change(self, workspace: str, lane: str, decide: Decide[T], now: Now) -> T:
        """Change a row in one transaction, reading the clock once it is locked.

        Raises:
            StorageFailed: the row could not be read or written; it is as it was.
        """

    def close(self) -> None:
        """Let go of everything; the store opens itself again when it is used."""


class SqliteClaims:
    """Claims in an SQLite file (WAL), for the processes of one host."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def change(self, workspace: str, lane: str, decide: Decide[T], now: Now) -> T:
        """Change a row in one transaction, reading the clock once it is locked; see `Claims`."""
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
        own(str(self._path))
        connection = sqlite3.connect(self._path, timeout=BUSY, isolation_level=None, check_same_thread=False)
        try:
            share(connection)
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


class MemoryClaims:
    """Claims of this process alone: what is fallen back on when the shared store fails."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[tuple[str, str], str] = {}

    def change(self, workspace: str, lane: str, decide: Decide[T], now: Now) -> T:
        """Change a row under a lock; see `Claims`."""
        with self._lock:
            state, result = decide(self._rows.get((workspace, lane)), now())
            self._rows[workspace, lane] = state
            return result

    def close(self) -> None:
        """Keep the rows: there is nothing to let go of."""


def open_claims(storage_url: str) -> Claims:
    """Choose the claims for a database URL; for `sqlite://` they live in memory.

    An SQLite database gets a second file beside it, so that no long commit of the journal or the event log
    holds up a request.

    Raises:
        StorageFailed: no other database can hold claims yet.
    """
    if storage_url in ("sqlite://", "sqlite:///:memory:"):
        return MemoryClaims()
    if storage_url.startswith("sqlite:///"):
        path = Path(storage_url.removeprefix("sqlite:///"))
        return SqliteClaims(path.with_name(f"{path.stem}-claims{path.suffix}"))
    raise StorageFailed("CIO_DATABASE_URL: expected sqlite:///<file>; no other database is supported yet.")
