"""Running the command line as a person or a program does."""

import codecs
import io
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryFile
from typing import TypeVar

import anyio

from cio_mcp.customerio.call import Call
from cio_mcp.gate.plan import Plan, ValueEdit
from cio_mcp.gate.question import question_about
from cio_mcp.storage import change_queries
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.engine import Database
from cio_mcp.storage.rows import ChangeRow
from tests.cli.fork_server import fork
from tests.rows import change_row

T = TypeVar("T")

TIMEOUT_SECONDS = 100.0
"""Seconds after which a process counts as hung, just before the test does."""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
SEND = Call(
    operation="send_email",
    body={"to": "ada@example.com", "message_data": {"note": "Hi\u202e"}, "send_to_unsubscribed": False},
)


@dataclass(frozen=True)
class CommandLine:
    """Runs `cio-mcp` as a process of its own, on a data directory of its own."""

    data_dir: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CIO_")}
        return kept | {"CIO_DATA_DIR": str(self.data_dir), "TERM": "dumb", "COLUMNS": "100", "LINES": "25"}

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run with standard input and output redirected, and no controlling terminal."""
        with Path(os.devnull).open() as nothing, TemporaryFile("w+") as output, TemporaryFile("w+") as error:
            streams = (nothing.fileno(), output.fileno(), error.fileno())
            process = fork(arguments, self.environment | settings, streams)
            status = _exit_status(process)
            for file in (output, error):
                file.seek(0)
            return subprocess.CompletedProcess(arguments, status, output.read(), error.read())

    def run_without_fork(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """The same with a real start, which takes half a second longer."""
        return subprocess.run(
            [sys.executable, "-m", "cio_mcp", *arguments],
            env=self.environment | settings,
            input="",
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
            start_new_session=True,
        )

    @contextmanager
    def on_a_terminal(self, *arguments: str, **settings: str) -> Iterator["Session"]:
        """Run on a pseudo-terminal that is the process's controlling terminal."""
        ours, theirs = pty.openpty()
        terminal = os.fdopen(theirs, "wb", buffering=0)
        process = fork(arguments, self.environment | settings, (theirs, theirs, theirs))
        try:
            yield Session(ours, terminal, process)
        finally:
            process.kill()
            process.join()
            terminal.close()
            os.close(ours)

    def journal(self, work: Callable[[Database], Awaitable[T]]) -> T:
        async def run() -> T:
            database = Database(f"sqlite:///{self.data_dir / 'cio-mcp.db'}")
            try:
                return await work(database)
            finally:
                await database.close()

        return anyio.run(run)

    def propose(
        self,
        change: str,
        *,
        confirmation: str | None = None,
        age: float = 60.0,
        edits: tuple[ValueEdit, ...] = (),
        by: str = "local:ada",
    ) -> None:
        """Write a change that waits for a decision."""
        plan = Plan(
            risk="send", summary="Send “Order shipped” by email.", calls=(SEND,), confirmation=confirmation, edits=edits
        )
        row = change_row(
            change,
            plan,
            principal=by,
            tool="send_transactional",
            question=question_about(plan, change).text,
            planned_at=time.time() - age,
        )
        self.journal(lambda database: Journal(database, "acme").add(row))

    def change(self, change: str) -> ChangeRow:
        row = self.journal(lambda database: change_queries.find_change(database, change))
        assert row is not None
        return row


@dataclass
class Session:
    """A process on a terminal, as the person there sees it."""

    handle: int
    terminal: io.RawIOBase
    process: BaseProcess
    raw: bytes = b""
    seen: str = field(default="")
    decoder: codecs.IncrementalDecoder = field(default_factory=codecs.getincrementaldecoder("utf-8"))

    def wait_for(self, pattern: str, *, after: int = 0) -> re.Match[str]:
        """Read what is shown until the pattern appears in it, `after` so many letters."""
        until = time.monotonic() + TIMEOUT_SECONDS
        while (found := re.compile(pattern).search(self.seen, after)) is None:
            assert self._read(until), f"{pattern!r} is not in:\n{self.seen}"
        return found

    def type(self, line: str) -> None:
        self.press(f"{line}\n")

    def press(self, keys: str) -> None:
        os.write(self.handle, keys.encode())

    def ends_with(self, status: int) -> None:
        assert _exit_status(self.process) == status, self.seen
        # With nobody left who could write, reading what is left comes to an end.
        self.terminal.close()
        while self._read(time.monotonic() + TIMEOUT_SECONDS):
            pass

    def _read(self, until: float) -> bool:
        ready, _, _ = select.select([self.handle], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            return False
        try:
            self.raw += os.read(self.handle, 65536)
        except OSError:
            return False
        # Decode all of it each time: a read may end within a character or an escape sequence.
        self.seen = ESCAPES.sub("", self.raw.decode(errors="replace")).replace("\r\n", "\n")
        return True


def _exit_status(process: BaseProcess) -> int:
    process.join(TIMEOUT_SECONDS)
    assert process.exitcode is not None, "the process did not end"
    return process.exitcode
