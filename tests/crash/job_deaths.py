"""Deaths and freezes of a job's worker, and what must be true after them."""

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from tests.crash.deaths import Stage
from tests.crash.job_arena import BATCHES, JOB_POINTS, NEWER, PATH, PEOPLE, WAYS, JobCase, JobPoint, Way

ONCE: set[JobPoint] = {"before the claim", "after the claim", "before the end", "after the end"}
"""The points to which a worker comes once."""
CASES: list[tuple[JobPoint, int, Way]] = [
    (point, turn, way) for point in JOB_POINTS for turn in range(1, 2 if point in ONCE else BATCHES + 1) for way in WAYS
]
"""Each point, each time that a worker comes there, and each way to end."""


@dataclass(frozen=True)
class Workers:
    """Workers that the arena forks."""

    stage: Stage
    arena: subprocess.Popen[str]

    def death(self, point: JobPoint, turn: int, way: Way) -> dict[str, Any]:
        """Let a worker meet its fate, let others finish its job, and check what arrived."""
        folder = self.stage.clear()
        if point == "under way":
            self.stage.hold_back_requests("POST", PATH, turn)
        answered = {"at": (point, turn, way)} | self._ask(JobCase(point, turn, way, self.stage.url, str(folder)))
        self.stage.settle()
        effects = check(self.stage, answered, point)
        return {"killed": answered["met"], "effects": effects, "states": [answered["state"]]}

    def _ask(self, case: JobCase) -> dict[str, Any]:
        assert self.arena.stdin
        assert self.arena.stdout
        self.arena.stdin.write(json.dumps(asdict(case)) + "\n")
        self.arena.stdin.flush()
        line = self.arena.stdout.readline()
        assert line, "the arena is gone"
        return dict(json.loads(line))


def check(stage: Stage, answered: dict[str, Any], point: JobPoint) -> int:
    """The job is complete, each row took effect once, and a thawed worker has changed nothing.

    Returns the effects of the row that has most of them.
    """
    assert answered["met"], answered
    assert (answered["state"], answered["cursor"], answered["failed"]) == ("completed", 2 * PEOPLE, 0), answered
    # It asks for its lease right before a request leaves; frozen in the middle of one, it sends the rest of that.
    assert answered["late"] <= (point == "under way"), answered
    workspace = stage.sandbox.workspace
    people = [workspace.people.get("id", f"p-{number}") for number in range(PEOPLE)]
    values = [person.attributes.get("n") if person else None for person in people]
    assert values == [NEWER, *range(1, PEOPLE)], (values, answered)
    events = [event["data"].get("n") for event in workspace.events if event["name"] == "imported"]
    assert sorted(events) == [*range(PEOPLE)], (events, answered)
    return max(Counter(events).values())


def draw(chance: random.Random, number: int) -> tuple[JobPoint, int, Way]:
    """A case: each one once, in any order, and then any."""
    return CASES[number * STRIDE % len(CASES)] if number < len(CASES) else chance.choice(CASES)


STRIDE = 7
"""Between two cases of a run; prime to their number, so that a short run has some of each kind."""


@contextmanager
def workers(on_stage: Stage) -> Iterator[Workers]:
    """Start the arena."""
    command = [sys.executable, "-m", "tests.crash.job_arena"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as arena:
        try:
            yield Workers(on_stage, arena)
        finally:
            arena.kill()
