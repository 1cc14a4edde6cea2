"""Kill by the thousand: `python -m tests.crash [DEATHS] [SERVERS] [WORKERS]`, and what came of it."""

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from tests.crash import job_deaths, whole_server
from tests.crash.arena import BY
from tests.crash.deaths import Forks, Stage, forks, stage
from tests.crash.dying import POINTS
from tests.crash.job_deaths import Workers
from tests.examples import WRITES

ROW = "{:14} {:>6} {:>7} {:>9} {:>10} {:>13} {:>8}  {}\n"
HEAD = ("what died", "cases", "killed", "no effect", "one effect", "more than one", "seconds", "states at the end")


@dataclass
class Figures:
    """What came of one kind of deaths; a case that breaks a promise ends the run with its particulars."""

    cases: int = 0
    killed: int = 0
    effects: Counter[int] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def take(self, deaths: int, die: Callable[[int], dict[str, Any]]) -> "Figures":
        """Let so many die, and count."""
        began = time.monotonic()
        for number in range(deaths):
            answered = die(number)
            self.cases += 1
            self.killed += answered["killed"]
            self.effects[answered["effects"]] += 1
            self.states.update(answered["states"] or ["none"])
        self.seconds = time.monotonic() - began
        return self

    def row(self, name: str) -> str:
        """A line of the table."""
        more = sum(count for effects, count in self.effects.items() if effects > 1)
        states = ", ".join(f"{state} {count}" for state, count in self.states.most_common())
        effects = self.effects
        return ROW.format(name, self.cases, self.killed, effects[0], effects[1], more, round(self.seconds), states)


def fork(arena: Forks, chance: random.Random, number: int) -> dict[str, Any]:
    """Each point of each write once, then any."""
    cases = [(point, write, by) for point in POINTS for write in WRITES for by in BY]
    return arena.death(*(cases[number] if number < len(cases) else chance.choice(cases)))


def server(on_stage: Stage, chance: random.Random, number: int) -> dict[str, Any]:
    """The next server."""
    return anyio.run(whole_server.death, on_stage, *whole_server.draw(chance, number))


def worker(at_work: Workers, chance: random.Random, number: int) -> dict[str, Any]:
    """The next worker of a job; half of them are frozen instead."""
    return at_work.death(*job_deaths.draw(chance, number))


def main() -> int:
    """Print how many died, and in which states their changes and jobs ended."""
    deaths, servers, jobs = (int(given) for given in (sys.argv[1:] + ["2000", "50", "200"][len(sys.argv) - 1 :])[:3])
    chance = random.Random(7)
    with tempfile.TemporaryDirectory(prefix="deaths-") as folder, stage(Path(folder)) as on_stage:
        with forks(on_stage) as arena:
            forked = Figures().take(deaths, partial(fork, arena, chance))
        whole = Figures().take(servers, partial(server, on_stage, chance))
        with job_deaths.workers(on_stage) as at_work:
            workers = Figures().take(jobs, partial(worker, at_work, chance))
    sys.stdout.write(ROW.format(*HEAD) + forked.row("a fork") + whole.row("a whole server"))
    sys.stdout.write(workers.row("a job's worker"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
