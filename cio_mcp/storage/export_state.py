"""What an export knows about its own file: an SQLite file beside it, which one process at a time can open.

It proves that the file is the export's own (by its SHA-256), and survives a kill at any moment: whatever is kept here
is committed. Every method blocks: call it in a worker thread.
"""

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import ClassVar, Concatenate, ParamSpec, Self, TypeVar

from pydantic import JsonValue

from cio_mcp.errors import OperatorError, Refused
from cio_mcp.text.sanitize import quoted_name

APPLICATION_ID = 0x63696F65
"""Marks the file as ours in its header: "cioe"."""
VERSION = 1
SUFFIX = ".state"
FACTS = "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
P = ParamSpec("P")
T = TypeVar("T")
AnyState = TypeVar("AnyState", bound="ExportState")


def state_path(output: Path) -> Path:
    """Where the state of an export's file lies."""
    return output.with_name(f"{output.name}{SUFFIX}")


def guarded(
    method: Callable[Concatenate[AnyState, P], T],
) -> Callable[Concatenate[AnyState, P], T]:
    """Make a method one transaction, whose failure is a sentence for the operator."""

    @wraps(method)
    def call(self: AnyState, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self.transaction():
            return method(self, *args, **kwargs)

    return call


class ExportState:
    """The facts about an export's file; open it with `open`, and close it at the end."""

    tables: ClassVar[tuple[str, ...]] = ()
    """Statements that create further tables."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._db = connection
        self._name = name
        self._lock = threading.Lock()

    @classmethod
    def open(cls, output: Path, **identity: str) -> Self:
        """Open the state beside a file; `identity` says whose export it is, such as `table` and `workspace`.

        Raises:
            Refused: another process uses it, or it belongs to another export.
            OperatorError: it cannot be read or written.
        """
        path = state_path(output)
        state = cls(_connect(path), path.name)
        try:
            with state.transaction():
                state._prepare()
                state._identify(output.name, identity)
        except BaseException:
            state.close()
            raise
        return state

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction of this thread.

        Raises:
            OperatorError: nothing of it was kept.
        """
        with self._lock, _explained(self._name):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise

    @guarded
    def fact(self, name: str) -> JsonValue:
        """What was kept under a name; None if nothing was."""
        return self._fact(name)

    @guarded
    def keep(self, facts: Mapping[str, JsonValue], /) -> None:
        """Keep facts by their names, all or none."""
        for name, value in facts.items():
            self._keep(name, value)

    def close(self) -> None:
        """Close the file, so that another process can open it."""
        self._db.close()

    def _prepare(self) -> None:
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        (tables,) = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if not tables:
            self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version = {VERSION}")
            for statement in (FACTS, *self.tables):
                self._db.execute(statement)
        elif application != APPLICATION_ID:
            raise Refused(f"{quoted_name(self._name)} wasn't written by this command. Choose another place.")
        elif version != VERSION:
            raise Refused(f"{quoted_name(self._name)} was written by another version of cio-mcp. Choose another file.")

    def _identify(self, output: str, identity: Mapping[str, str]) -> None:
        for name, value in identity.items():
            known = self._fact(name)
            if known not in (None, value):
                raise Refused(
                    f"{quoted_name(output)} is an export of another {name} ({quoted_name(str(known))}). "
                    "Choose another file."
                )
            self._keep(name, value)

    def _fact(self, name: str) -> JsonValue:
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        value: JsonValue = json.loads(row[0]) if row else None
        return value

    def _keep(self, name: str, value: JsonValue) -> None:
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value)))


def _connect(path: Path) -> sqlite3.Connection:
    try:
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError:
        raise OperatorError(f"{quoted_name(path.name)} can't be created: no permission, or the disk is full.") from None
    if path.is_symlink() or not path.is_file():
        raise Refused(f"{quoted_name(path.name)} isn't a regular file. Choose another place for the export.")
    if hasattr(os, "getuid") and path.stat().st_uid != os.getuid():
        raise Refused(f"{quoted_name(path.name)} belongs to another user. Run the export as that user, or move it.")
    with _explained(path.name):
        connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        # The lock is held until the process closes the file or dies.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA synchronous = FULL")
        return connection


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        match getattr(error, "sqlite_errorcode", 0) & 0xFF:
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                raise Refused("Another export into this file is running. Wait until it ends.") from None
            case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
                raise OperatorError(
                    f"{quoted_name(name)} is damaged, or isn't the state of an export. Move it and the export away, "
                    "and run the command again."
                ) from None
            case sqlite3.SQLITE_FULL:
                raise OperatorError(
                    f"{quoted_name(name)} can't be written: the disk is full. Nothing is lost."
                ) from None
            case _:
                raise OperatorError(f"{quoted_name(name)} can't be written or read.") from None
