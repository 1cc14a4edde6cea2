"""How processes of one owner share an SQLite file; loads only the driver."""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

MAX_WAL_ATTEMPTS = 20
"""Attempts to switch a new file to WAL while other processes do the same."""


def create_private_file(name: str | None) -> None:
    """Create a file that only its owner can read (0600, in a directory of 0700), unless it exists.

    Raises:
        OSError: it cannot be created.
    """
    if not name or name == ":memory:":
        return
    path = Path(name)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Only a new one: closing a file drops every lock that this process holds on it through other connections.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def enable_wal(connection: sqlite3.Connection) -> None:
    """Switches the file to WAL, so that it can be read during a write; the connection must be in autocommit mode.

    Raises:
        sqlite3.Error: the file cannot be used.
    """
    for _ in range(MAX_WAL_ATTEMPTS):
        with suppress(sqlite3.OperationalError):
            connection.execute(WAL)
            return
        # Another process is about to switch, which SQLite does not wait for; it does wait for a lock.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("COMMIT")
    connection.execute(WAL)


WAL = "PRAGMA journal_mode=WAL"
