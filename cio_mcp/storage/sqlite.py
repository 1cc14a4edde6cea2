"""What it takes for processes to share an SQLite file."""

import sqlite3
from contextlib import suppress

SWITCHES = 20
"""Tries to switch a new file to WAL while other processes do the same."""


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
