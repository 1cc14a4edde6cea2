"""What it takes for processes of one owner to share an SQLite file."""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

SWITCHES = 20
"""Tries to switch a new file to WAL while other processes do the same."""


def own(name: str | None) -> None:
    """Create a file that is its owner's alone (0600, in a directory of 0700), unless it is there already.

    Raises:
        OSError: it cannot be created.
    """
    if not name or name == ":memory:":
        return
    path = Path(name)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Only a new one: closing a file lets go of every lock that this process holds on it through other connections.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def share(connection: sqlite3.Connection) -> None:
    """Switch the file to WAL, so that it can be read while somebody writes; the connection commits by itself.

    Raises:
        sqlite3.Error: the file cannot be used.
    """
    for _ in range(SWITCHES):
        with suppress(sqlite3.OperationalError):
            connection.execute(WAL)
            return
        # Somebody else is about to switch, which SQLite does not wait for; it does wait for a lock.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("COMMIT")
    connection.execute(WAL)


WAL = "PRAGMA journal_mode=WAL"
