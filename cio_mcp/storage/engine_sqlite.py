"""The specifics of SQLite: one file, one writer at a time, a write-ahead log beside it."""

import sqlite3
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from cio_mcp.storage.sqlite import create_private_file, enable_wal

MIGRATION_SECONDS = 30.0
"""How long a process waits for another that migrates the same file. Chosen: a journal of a gigabyte takes less."""

CAUSES = {
    "full": "is full: free some disk space",
    "disk i/o error": "cannot be written: its disk is full or failing",
    "readonly": "is read-only: give this user write access to it",
    "permission denied": "is not accessible: give this user access to it",
    "locked": "is locked by another program: close it, then try again",
    "malformed": "is damaged: restore it from a backup, or move it away to start with an empty one",
    "not a database": "is not a database: set CIO_DATA_DIR or CIO_DATABASE_URL to another place",
}
"""What a failure means, by a part of SQLite's or the system's message."""


class SqliteBackend:
    """A file for its owner alone (0600, in a directory of 0700), in WAL mode; `synchronous=FULL` makes commits durable.

    `busy` is how many seconds a statement waits for another process's lock.
    """

    driver_errors: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, url: URL, busy: float) -> None:
        self._url = url
        self._busy = busy

    def create_engine(self) -> Engine:
        """Create the file if it is missing, and the engine.

        Raises:
            OSError: the file cannot be created.
        """
        # With parameters, its errors would show addresses and bodies in a log.
        engine = create_engine(self._url, hide_parameters=True)
        create_private_file(self._url.database)
        event.listen(engine, "connect", self._configure)
        return engine

    def begin_read(self, connection: Connection) -> None:
        """Begin a transaction that takes no lock until it writes."""
        connection.exec_driver_sql("BEGIN")

    def begin_write(self, connection: Connection) -> None:
        """Begin a transaction with the write lock: one that read first would fail where another wrote in between."""
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def begin_erase(self, connection: Connection) -> None:
        """Begin a write in which SQLite overwrites what it frees."""
        connection.exec_driver_sql("PRAGMA secure_delete=ON")
        self.begin_write(connection)

    def begin_migration(self, connection: Connection) -> None:
        """Begin a write that waits up to `MIGRATION_SECONDS` for the lock."""
        connection.exec_driver_sql(_busy_timeout(max(self._busy, MIGRATION_SECONDS)))
        try:
            self.begin_write(connection)
        finally:
            connection.exec_driver_sql(_busy_timeout(self._busy))

    def truncate_wal(self, connection: Connection) -> None:
        """Checkpoint the log and cut it to nothing, outside of any transaction."""
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def explain(self, error: Exception) -> str:
        """Name a failure's cause and remedy, as the end of a sentence."""
        message = str(error).lower()
        return next((text for sign, text in CAUSES.items() if sign in message), "cannot be used: see CIO_DATA_DIR")

    def _configure(self, connection: Any, _record: object) -> None:
        # None: the driver begins no transaction by itself, so that DDL is part of ours.
        connection.isolation_level = None
        connection.execute(_busy_timeout(self._busy))
        enable_wal(connection)
        connection.execute("PRAGMA synchronous=FULL")


def _busy_timeout(seconds: float) -> str:
    return f"PRAGMA busy_timeout={int(seconds * 1000)}"
