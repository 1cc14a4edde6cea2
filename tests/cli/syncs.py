"""Runs of `cio-mcp sync` on a sandbox that serves in this process."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cio_mcp.cli.approvals_live import pending
from cio_mcp.clock import SYSTEM_CLOCK
from cio_mcp.gate.approvals import Approvals
from cio_mcp.gate.change import Change
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.server import serve_in_background
from cio_mcp.sandbox.world.people import Person
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.engine import Database
from cio_mcp.storage.rows import ChangeSummary
from tests.cli.command_line import TIMEOUT_SECONDS, CommandLine


@dataclass(frozen=True)
class Syncs:
    """Runs the syncs of the file `sync.toml` in a folder."""

    cio_mcp: CommandLine
    sandbox: Sandbox
    url: str
    folder: Path

    def write(self, text: str) -> None:
        (self.folder / "sync.toml").write_text(text)

    @property
    def settings(self) -> dict[str, str]:
        return {
            "CIO_APP_API_KEY": "sandbox-app-key", "CIO_APP_URL": self.url, "CIO_TRACK_URL": self.url,
            "CIO_SITE_ID": "sandbox-site", "CIO_TRACK_API_KEY": "sandbox-track-key",
            "CIO_SYNC_FILE": str(self.folder / "sync.toml"),
        }  # fmt: skip

    def run(self, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        return self.cio_mcp.run("sync", *arguments, **(self.settings | settings))

    def expect(self, code: int, *arguments: str, **settings: str) -> str:
        """Run a sync that ends with an exit code; what it prints, on whichever stream."""
        ended = self.run(*arguments, **settings)
        assert ended.returncode == code, ended.stdout + ended.stderr
        return (ended.stdout + ended.stderr).strip()

    @contextmanager
    def started(self, *arguments: str, **settings: str) -> Iterator["subprocess.Popen[str]"]:
        """A run in a process of its own, which is killed at the end of the block if it still runs."""
        environment = self.cio_mcp.environment | self.settings | settings
        command = [sys.executable, "-m", "cio_mcp", "sync", *arguments]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def kill(self, *arguments: str, when: Callable[[], bool], **settings: str) -> None:
        """Start a sync, and kill it as soon as something is so."""
        with self.started(*arguments, **settings) as process:
            while process.poll() is None and not when():
                time.sleep(0.002)

    def decide(self, output: str, *, approve: bool = True) -> None:
        """Decide about the change that a run waits for, as a person at a terminal would."""
        found = re.search(r"change ([0-9a-f]{8})", output)
        assert found, output
        change = Change.of(self.cio_mcp.change(found[1]))

        async def work(database: Database) -> None:
            approvals = Approvals(Journal(database, "sandbox-site"), SYSTEM_CLOCK)
            if approve:
                confirmation = change.plan.confirmation
                assert await approvals.approve(change, by="person", how="on a terminal", confirmation=confirmation)
            else:
                await approvals.withdraw(change, by="person", how="denied in a terminal")

        self.cio_mcp.journal(work)

    def waiting(self) -> list[ChangeSummary]:
        """The changes that wait for a decision, if there is a database yet."""
        if not (self.cio_mcp.data_dir / "cio-mcp.db").exists():
            return []
        return [*self.cio_mcp.journal(pending).rows]

    def policy(self, text: str) -> dict[str, str]:
        """The setting of a policy file with a text."""
        (self.folder / "policy.toml").write_text(text)
        return {"CIO_POLICY_FILE": str(self.folder / "policy.toml")}

    def person(self, email: str) -> Person:
        return next(each for each in self.sandbox.workspace.people if each.email == email)

    def attribute(self, email: str, name: str, value: object) -> None:
        """Expect a customer to have a value, as soon as Customer.io has applied it."""
        until = time.monotonic() + TIMEOUT_SECONDS
        while (found := self._value(email, name)) != value:
            assert time.monotonic() < until, found
            time.sleep(0.01)

    def _value(self, email: str, name: str) -> object:
        self.sandbox.workspace.settle()
        there = [each for each in self.sandbox.workspace.people if each.email == email]
        return there[0].attributes.get(name) if there else None

    def requests(self, method: str, path: str) -> list[dict[str, Any]]:
        """The requests that the sandbox got, by method and the beginning of their path."""
        return [each for each in self.sandbox.requests if each["method"] == method and each["path"].startswith(path)]


@contextmanager
def syncs_in(folder: Path, cio_mcp: CommandLine, *, people: int = 40) -> Iterator[Syncs]:
    sandbox = Sandbox(seed=7, people=people)
    with serve_in_background(sandbox) as address:
        yield Syncs(cio_mcp, sandbox, address.url, folder)
