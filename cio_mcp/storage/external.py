"""Databases of the operator that a sync reads from or writes to, by SQLAlchemy URL. Everything here blocks."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from cio_mcp.errors import SettingError
from cio_mcp.text.sanitize import quoted

CONNECT_SECONDS = 10
STATEMENT_SECONDS = 600
"""Of one statement, on PostgreSQL. Chosen: a view of a warehouse may take minutes."""
READ_AT_ONCE = 500
"""Rows that the driver holds at once."""
POSTGRES_DRIVER = "postgresql+psycopg"
WRITABLE = frozenset({"postgresql", "sqlite"})
"""Kinds of databases in which a row can be inserted or updated by one statement."""
NO_DRIVER = "needs a driver that isn't installed"
UNUSABLE = "the database can't be used"

STATES = {
    "28000": "the database refused the user name or the password",
    "28P01": "the database refused the user name or the password",
    "3D000": "there is no database of this name",
    "42P01": "there is no such table",
    "42703": "there is no such column",
    "42601": "the query isn't valid SQL, or isn't one SELECT",
    "42501": "the database's user lacks a permission for it",
    "25006": "the query would write; only reads are allowed",
    "57014": f"a statement took more than {STATEMENT_SECONDS // 60} minutes",
    "42P10": "the key needs a unique index or a primary key in the table",
    "23502": "another column of the table must not be empty",
    "23505": "another column of the table must be unique",
    "22P02": "a value doesn't fit the type of its column",
    "22001": "a value is too long for its column",
    "53100": "the database's disk is full",
}
"""What SQLSTATE codes mean to the operator: https://www.postgresql.org/docs/current/errcodes-appendix.html"""
SIGNS = {
    "no such table": STATES["42P01"],
    "undefined table": STATES["42P01"],
    "no such column": STATES["42703"],
    "syntax error": STATES["42601"],
    "one statement at a time": STATES["42601"],
    "readonly": STATES["25006"],
    "on conflict clause does not match": STATES["42P10"],
    "not null constraint": STATES["23502"],
    "unique constraint": STATES["23505"],
    "disk is full": STATES["53100"],
    "locked": "the database is locked by another program",
    "not a database": "the file isn't a SQLite database",
    "unable to open": "the database's file can't be opened",
    "password": STATES["28P01"],
    "authentication": STATES["28P01"],
    "does not exist": STATES["3D000"],
    "refused": "the database can't be reached: check its host and port",
    "resolve": "the database can't be reached: its host isn't known",
    "timeout": "the database doesn't answer",
    "timed out": "the database doesn't answer",
    "closed": "the database ended the connection",
    "terminat": "the database ended the connection",
}
"""Parts of messages without a code, in lower case: of SQLite, and of PostgreSQL before there is a connection."""


def open_engine(key: str, url: str, *, to_write: bool = False) -> Engine:
    """Prepare connections to a database; `key` names the setting with its URL in errors, which never show it.

    Raises:
        SettingError: the URL is wrong, a file is missing, or the driver is.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the second for a port that is no number
        raise SettingError(key, "expected a URL such as postgresql://user:password@host/database") from None
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername=POSTGRES_DRIVER)
    if to_write and parsed.get_backend_name() not in WRITABLE:
        raise SettingError(key, "only tables of PostgreSQL and SQLite can be written")
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
        raise SettingError(key, "there is no such SQLite file")
    try:
        # With parameters, its errors would show addresses and values in a log.
        return create_engine(parsed, hide_parameters=True, pool_size=1, max_overflow=1, connect_args=_arguments(parsed))
    except NoSuchModuleError:
        raise SettingError(key, f"{NO_DRIVER}, for the kind of database that its URL begins with") from None
    except ImportError:
        extra = ": pip install 'cio-mcp[postgres]'" if parsed.get_backend_name() == "postgresql" else ""
        raise SettingError(key, f"{NO_DRIVER}{extra}") from None
    except (SQLAlchemyError, TypeError):
        raise SettingError(key, "has a parameter that its database doesn't know") from None


@contextmanager
def failures_of(key: str) -> Iterator[None]:
    """Turn failures of a database into `SettingError` with one sentence, without SQL, values, or addresses."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as failure:
        raise SettingError(key, _explain(failure)) from None


@contextmanager
def open_query(key: str, url: str, query: str) -> Iterator[Iterator[dict[str, Any]]]:
    """Read the rows of a query in one transaction that only reads, a few at a time, with the driver's values.

    Raises:
        SettingError: the database can't be reached, or the query fails, at once or while it is read.
    """
    engine = open_engine(key, url)
    try:
        with failures_of(key), engine.connect() as connection:
            _begin_read(connection)
            options = {"no_parameters": True, "stream_results": True, "yield_per": READ_AT_ONCE}
            with connection.execution_options(**options).exec_driver_sql(query.strip().rstrip(";")) as result:
                if not result.returns_rows:
                    raise SettingError(key, STATES["42601"])
                columns = [*result.keys()]
                if repeated := next((name for name in columns if columns.count(name) > 1), None):
                    raise SettingError(
                        key, f"the query returns the column {quoted(repeated)} twice; rename one with AS"
                    )
                yield (dict(zip(columns, row, strict=True)) for row in result)
    finally:
        engine.dispose()


def _arguments(url: URL) -> dict[str, Any]:
    match url.get_backend_name():
        case "postgresql":
            return {"connect_timeout": CONNECT_SECONDS}
        case "sqlite":
            return {"timeout": CONNECT_SECONDS}
        case _:
            return {}


def _begin_read(connection: Connection) -> None:
    match connection.dialect.name:
        case "postgresql":
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {STATEMENT_SECONDS * 1000}")
        case "sqlite":
            connection.exec_driver_sql("PRAGMA query_only = ON")


def _explain(failure: BaseException) -> str:
    original = getattr(failure, "orig", None) or failure
    if problem := STATES.get(str(getattr(original, "sqlstate", None))):
        return problem
    message = str(original).lower()
    return next((problem for sign, problem in SIGNS.items() if sign in message), UNUSABLE)
