"""The database: one engine behind one URL, every statement in a worker thread."""

import threading
from collections.abc import Callable
from typing import Protocol, TypeVar

import anyio.to_thread
from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from cio_mcp.errors import StorageFailed
from cio_mcp.storage.engine_sqlite import SqliteBackend
from cio_mcp.storage.schema import changes, create_schema, schema_version
from cio_mcp.storage.schema_version import needs_migration

T = TypeVar("T")

BUSY_SECONDS = 2.5
"""How long a statement waits for another process's lock before the database counts as locked. Chosen so that the
webhook receiver answers within the four seconds that Customer.io waits."""


class Backend(Protocol):
    """What differs between kinds of databases; each kind is one module `engine_<kind>.py`."""

    @property
    def driver_errors(self) -> tuple[type[Exception], ...]:
        """Exceptions of the driver that SQLAlchemy does not wrap."""

    def create_engine(self) -> Engine:
        """Create the engine and whatever it needs before the first connection.

        Raises:
            OSError: the database's file cannot be created.
        """

    def begin_read(self, connection: Connection) -> None:
        """Begin a transaction that only reads."""

    def begin_write(self, connection: Connection) -> None:
        """Begin a transaction that holds the database's one write lock before it reads anything."""

    def begin_erase(self, connection: Connection) -> None:
        """Begin a write in which erased text is also overwritten where it was stored."""

    def begin_migration(self, connection: Connection) -> None:
        """Begin a write that waits as long as another process may need to migrate."""

    def truncate_wal(self, connection: Connection) -> None:
        """Empty the write-ahead log, as far as no reader needs it."""

    def explain(self, error: Exception) -> str:
        """Name a failure's cause and remedy, as the end of the sentence "The server's database …"."""


class Database:
    """Opens lazily, brings the schema up to date, and turns driver errors into `StorageFailed`.

    A commit survives a crash of the process and of the machine.
    """

    def __init__(self, url: str, *, busy: float = BUSY_SECONDS) -> None:
        self._backend = _backend(url, busy)
        self._errors: tuple[type[Exception], ...] = (SQLAlchemyError, OSError, *self._backend.driver_errors)
        self._engine: Engine | None = None
        self._opening = threading.Lock()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, which only reads, in one transaction.

        Raises:
            StorageFailed: the database cannot be read.
        """
        return await anyio.to_thread.run_sync(self._run, work, self._backend.begin_read)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction that holds the write lock from its start and is committed when it returns.

        Raises:
            StorageFailed: the database is full, locked, read-only or damaged; nothing was committed.
        """
        return await anyio.to_thread.run_sync(self._run, work, self._backend.begin_write)

    async def erase(self, work: Callable[[Connection], T]) -> T:
        """Run `work` as `write` does; the text that it removes is overwritten in the database's file as well.

        Raises:
            StorageFailed: as `write`.
        """
        return await anyio.to_thread.run_sync(self._run, work, self._backend.begin_erase)

    async def write_at_once(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, which is one statement and a transaction by itself.

        The driver lets other threads run while it carries out a statement, but before and after each one it waits for
        the interpreter, while the event loop is busy: one statement a transaction is one such wait.

        Raises:
            StorageFailed: as `write`.
        """
        return await anyio.to_thread.run_sync(self._run, work, None)

    async def truncate_wal(self) -> None:
        """Empty the write-ahead log after an erasure, as far as no reader needs it.

        Raises:
            StorageFailed: the database cannot be used.
        """
        await anyio.to_thread.run_sync(self._run, self._backend.truncate_wal, None)

    async def close(self) -> None:
        """Give the connections back."""
        if self._engine is not None:
            await anyio.to_thread.run_sync(self._engine.dispose)

    def _run(self, work: Callable[[Connection], T], begin: Callable[[Connection], None] | None) -> T:
        try:
            return _in_transaction(self._open(), work, begin)
        except self._errors as error:
            raise StorageFailed(f"The server's database {self._backend.explain(error)}.") from error

    def _open(self) -> Engine:
        with self._opening:
            if self._engine is None:
                engine = self._backend.create_engine()
                event.listen(engine, "begin", _begin)
                try:
                    self._prepare(engine)
                except BaseException:
                    engine.dispose()
                    raise
                self._engine = engine
            return self._engine

    def _prepare(self, engine: Engine) -> None:
        """Bring the schema up to date; where it is, this takes no lock and does not load alembic."""
        if needs_migration(_in_transaction(engine, schema_version, self._backend.begin_read)):
            _in_transaction(engine, _migrate, self._backend.begin_migration)


def _migrate(connection: Connection) -> None:
    # Another process may have done it while this one waited for the lock.
    version = schema_version(connection)
    if not needs_migration(version):
        return
    if version is None and not connection.dialect.has_table(connection, changes.name):
        create_schema(connection)
        return
    from cio_mcp.storage.migrations import upgrade  # noqa: PLC0415 - loads alembic: half a second, once per upgrade

    upgrade(connection, version)


def _in_transaction(engine: Engine, work: Callable[[Connection], T], begin: Callable[[Connection], None] | None) -> T:
    with engine.connect() as plain:
        connection = plain.execution_options(begin=begin)
        with connection.begin():
            return work(connection)


def _begin(connection: Connection) -> None:
    begin: Callable[[Connection], None] | None = connection.get_execution_options().get("begin")
    if begin is not None:
        begin(connection)


def _backend(url: str, busy: float) -> Backend:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() != "sqlite":
        raise StorageFailed("CIO_DATABASE_URL: expected sqlite:///<file>; no other database is supported yet.")
    return SqliteBackend(parsed, busy)
