"""Deaths, staged: a sandbox, a data directory for each, and what must be true after them; deaths of forks."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.server import serve_in_background
from tests.crash.arena import By
from tests.crash.dying import Point
from tests.examples import WRITES

HELD = 0.3
MADE = {"sent", "verified"}
NOT_MADE = {"planned", "approved", "declined", "expired", "failed"}


@dataclass
class Stage:
    """Where processes die, one after another, each with a database of its own; `people` live on in the sandbox."""

    sandbox: Sandbox
    url: str
    folder: Path
    number: int = field(default=0)

    def clear(self) -> Path:
        """Make room for the next death; the folder of its database."""
        self.number += 1
        self._control("reset", {})
        folder = self.folder / str(self.number)
        folder.mkdir()
        return folder

    def hold_back(self, write: str) -> None:
        """Let the answer to the next such write wait; the write itself happens at once."""
        self.hold_back_requests(WRITES[write].method, WRITES[write].path)

    def hold_back_requests(self, method: str, path: str, times: int = 1) -> None:
        """Let the answers to the next requests wait; what they ask for happens at once."""
        self._control("faults", {"method": method, "path": path, "kind": f"hang:{HELD}", "times": times})

    def settle(self) -> None:
        """Let what was accepted take effect."""
        self._control("advance", {"seconds": 5})

    def effects(self, write: str) -> int:
        """How often the write happened."""
        self.settle()
        return WRITES[write].effects(self.sandbox, self.number)

    def _control(self, name: str, body: dict[str, Any]) -> None:
        request = urllib.request.Request(  # noqa: S310 - our own sandbox
            f"{self.url}/_sandbox/{name}", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        urllib.request.urlopen(request, timeout=100).close()  # noqa: S310 - our own sandbox


@dataclass(frozen=True)
class Forks:
    """Processes that the arena forks, and that die at a point of their own choice."""

    stage: Stage
    arena: subprocess.Popen[str]

    def death(self, point: Point, write: str, by: By) -> dict[str, Any]:
        """Let a process die at a point of a write, start it again, and check what is left."""
        folder = self.stage.clear()
        if point == "under way":
            self.stage.hold_back(write)
        case = {"point": point, "write": write, "by": by, "url": self.stage.url, "folder": str(folder)}
        answered = self._ask(case | {"number": self.stage.number})
        answered["effects"] = self.stage.effects(write)
        check(answered, changes={0 if point == "before planned" else 1})
        return answered

    def _ask(self, case: dict[str, Any]) -> dict[str, Any]:
        assert self.arena.stdin
        assert self.arena.stdout
        self.arena.stdin.write(json.dumps(case) + "\n")
        self.arena.stdin.flush()
        line = self.arena.stdout.readline()
        assert line, "the arena is gone"
        return dict(json.loads(line))


def check(answered: dict[str, Any], *, changes: set[int]) -> None:
    """Never two effects, never a lost record (there are so many `changes` in the journal), a truthful state."""
    effects, states = answered["effects"], answered["states"]
    assert effects <= 1, answered
    assert len(states) in changes, answered
    assert effects <= len(states), answered
    for state in states:
        assert state not in MADE or effects == 1, answered
        assert state not in NOT_MADE or effects == 0, answered
        assert state != "sending", answered


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Set the stage, for any number of deaths."""
    sandbox = Sandbox(people=0)
    with serve_in_background(sandbox) as where:
        yield Stage(sandbox, where.url, folder)


@contextmanager
def forks(on_stage: Stage) -> Iterator[Forks]:
    """Start the arena."""
    command = [sys.executable, "-m", "tests.crash.arena"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as arena:
        try:
            yield Forks(on_stage, arena)
        finally:
            arena.kill()
