"""The database: one engine behind one URL, every statement in a worker thread."""

import sqlite3
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import anyio.to_thread
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError

from cio_mcp.errors import StorageFailed
from cio_mcp.storage.schema import metadata
from cio_mcp.storage.sqlite import own, share

T = TypeVar("T")

BUSY_SECONDS = 2.5
"""How long a statement waits for another process's lock before the database counts as locked; no source, so that the
receiver of webhooks answers within the four seconds that Customer.io waits."""


class Database:
    """Opens lazily, creates what is missing, and turns driver errors into `StorageFailed`.

    A SQLite file is created for its owner alone (0600 in a directory of 0700); WAL and `synchronous=FULL`
    make a commit survive a crash of the process and of the machine.
    """

    def __init__(self, url: str, *, busy: float = BUSY_SECONDS) -> None:
        self._busy = busy
        self._url = make_url(url)
        self._engine: Engine | None = None
        self._opening = threading.Lock()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, which only reads, in one transaction.

        Raises:
            StorageFailed: the database cannot be read.
        """
        return await anyio.to_thread.run_sync(self._run, work, "BEGIN")

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction that nobody else writes beside, committed when it returns.

        Raises:
            StorageFailed: the database is full, locked, read-only or damaged; nothing was committed.
        """
        return await anyio.to_thread.run_sync(self._run, work, "BEGIN IMMEDIATE")

    async def write_at_once(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, which is one statement and a transaction by itself.

        The driver lets other threads run while it carries out a statement, but before and after each one it waits for
        the interpreter, while the event loop is busy: one statement a transaction is one such wait.

        Raises:
            StorageFailed: as `write`.
        """
        return await anyio.to_thread.run_sync(self._run, work, None)

    async def wash(self) -> None:
        """Let nothing of what was erased stay in a SQLite file's log, as far as nobody is reading it now.

        Raises:
            StorageFailed: the database cannot be used.
        """
        await anyio.to_thread.run_sync(self._wash)

    async def close(self) -> None:
        """Give the connections back."""
        if self._engine is not None:
            await anyio.to_thread.run_sync(self._engine.dispose)

    def _run(self, work: Callable[[Connection], T], begin: str | None) -> T:
        try:
            with self._open().connect() as plain:
                connection = plain.execution_options(begin=begin)
                with connection.begin():
                    return work(connection)
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise StorageFailed(_sentence(error)) from error

    def _wash(self) -> None:
        try:
            with self._open().connect() as connection:
                if connection.dialect.name == "sqlite":
                    # Not through the connection, which would begin a transaction.
                    connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise StorageFailed(_sentence(error)) from error

    def _open(self) -> Engine:
        with self._opening:
            if self._engine is None:
                # Their errors would show addresses and bodies in a log.
                engine = create_engine(self._url, hide_parameters=True)
                if engine.dialect.name == "sqlite":
                    own(self._url.database)
                    event.listen(engine, "connect", self._prepare)
                    event.listen(engine, "begin", _begin)
                with engine.begin() as connection:
                    metadata.create_all(connection)
                self._engine = engine
            return self._engine

    def _prepare(self, connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={int(self._busy * 1000)}")
        share(connection)
        connection.execute("PRAGMA synchronous=FULL")


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later would fail where another wrote in between.
    if begin := connection.get_execution_options().get("begin", "BEGIN IMMEDIATE"):
        connection.exec_driver_sql(begin)


def _sentence(error: Exception) -> str:
    said = str(error).lower()
    causes = {
        "full": "is full: free some disk space",
        "disk i/o error": "cannot be written: its disk is full or failing",
        "readonly": "is read-only: give this user write access to it",
        "permission denied": "is not accessible: give this user access to it",
        "locked": "is locked by another program: close it, then try again",
        "malformed": "is damaged: restore it from a backup, or move it away to start afresh",
        "not a database": "is not a database: set CIO_DATA_DIR or CIO_DATABASE_URL to another place",
    }
    cause = next((text for sign, text in causes.items() if sign in said), "cannot be used: see CIO_DATA_DIR")
    return f"The server's database {cause}. Nothing was sent."
