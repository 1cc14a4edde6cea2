"""Deaths, staged: a sandbox, an arena, and what must be true after each."""

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
from cio_mcp.sandbox.server import served
from tests.crash.dying import Point

HELD = 0.3
ROUTES = {"event": "/api/v1/customers/", "profile": "/api/v1/customers/", "send": "/v1/send/email"}
MADE = {"sent", "verified"}
NOT_MADE = {"planned", "approved", "declined", "expired", "failed"}


@dataclass
class Stage:
    """Where processes die: `people` live on in the sandbox, `arena` forks."""

    sandbox: Sandbox
    url: str
    arena: subprocess.Popen[str]
    folder: Path
    number: int = field(default=0)

    def death(self, point: Point, write: str) -> dict[str, Any]:
        """Let a process die at a point of a write, start it again, and check what is left."""
        self.number += 1
        self._control("reset", {})
        if point == "under way":
            fault = {"method": "*", "path": ROUTES[write], "kind": f"hang:{HELD}", "times": 1}
            if write == "send":
                self._control("faults", fault)
            else:
                self._control("faults", fault | {"method": "POST" if write == "event" else "PUT"})
        case = {"point": point, "write": write, "url": self.url, "folder": str(self.folder / str(self.number))}
        answered = self._ask(case | {"number": self.number})
        self._control("advance", {"seconds": 5})
        answered["effects"] = self._effects(write)
        check(point, answered)
        return answered

    def _ask(self, case: dict[str, Any]) -> dict[str, Any]:
        assert self.arena.stdin
        assert self.arena.stdout
        self.arena.stdin.write(json.dumps(case) + "\n")
        self.arena.stdin.flush()
        line = self.arena.stdout.readline()
        assert line, "the arena is gone"
        return dict(json.loads(line))

    def _effects(self, write: str) -> int:
        if write == "send":
            return len(self._look("sends"))
        if write == "event":
            return len([event for event in self._look("events") if event.get("name") == "order_placed"])
        ada = self.sandbox.workspace.people.get("id", "ada")
        assert ada
        return int(ada.attributes.get("lucky_number") == str(self.number))

    def _control(self, name: str, told: dict[str, Any]) -> None:
        request = urllib.request.Request(  # noqa: S310 - our own sandbox
            f"{self.url}/_sandbox/{name}", json.dumps(told).encode(), {"content-type": "application/json"}
        )
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - our own sandbox

    def _look(self, name: str) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/_sandbox/{name}", timeout=10) as answer:  # noqa: S310 - our own sandbox
            return list(json.load(answer))


def check(point: Point, answered: dict[str, Any]) -> None:
    """Never two effects, never a lost record, a truthful state."""
    effects, states = answered["effects"], answered["states"]
    assert effects <= 1, answered
    assert len(states) == (0 if point == "before planned" else 1), answered
    for state in states:
        assert state not in MADE or effects == 1, answered
        assert state not in NOT_MADE or effects == 0, answered
        assert state != "sending", answered


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Set the stage, for any number of deaths."""
    sandbox = Sandbox(people=0)
    command = [sys.executable, "-m", "tests.crash.arena"]
    with (
        served(sandbox) as where,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as arena,
    ):
        try:
            yield Stage(sandbox, where.url, arena, folder)
        finally:
            arena.kill()
