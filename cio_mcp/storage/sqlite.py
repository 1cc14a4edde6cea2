"""How processes of one owner share an SQLite file; loads only the driver."""

import logging
import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from stat import S_IMODE, S_IRWXG, S_IRWXO, S_IWGRP, S_IWOTH

log = logging.getLogger(__name__)

OTHERS = S_IRWXG | S_IRWXO
"""Permissions of a file's group and of all other users."""
_warned: set[Path] = set()
"""Directories of which a warning was logged; a process has one or two."""
MAX_WAL_ATTEMPTS = 20
"""Attempts to switch a new file to WAL while other processes do the same."""


def create_private_file(name: str | None) -> None:
    """Create a file that only its owner can read (0600, in a directory of 0700); make one that exists private.

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
    if os.name == "posix":
        for file in (path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))):
            _make_private(file)
        _warn_of_open_directory(path.parent)


def _make_private(path: Path) -> None:
    """Restrict a file to its owner, through a link too; without opening it, which could drop locks."""
    with suppress(FileNotFoundError):
        if not (mode := path.stat().st_mode) & OTHERS:
            return
        try:
            path.chmod(S_IMODE(mode) & ~OTHERS)
        except PermissionError:
            log.warning("%s can be read by other users. Its owner can change that: chmod 600", path)


def _warn_of_open_directory(path: Path) -> None:
    if path.stat().st_mode & (S_IWGRP | S_IWOTH) and path not in _warned:
        _warned.add(path)
        log.warning("Other users can replace the files in %s. To prevent that, run: chmod 700 %s", path, path)


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
