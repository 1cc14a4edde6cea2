"""Run all tasks, or those whose names contain a word, and print what they took: `python -m tests.agents [WORD ...]`."""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import anyio

from tests.agents import TASKS
from tests.agents.reading import READINGS, Channel
from tests.agents.session import Score, score
from tests.agents.task import Task
from tests.settings import sandbox_settings

MEANING = (
    "A fixed policy did these tasks, reading one channel of each answer. The figures measure the server: whether its "
    "answers hold what the next step needs, and at what cost. They say nothing about a model's judgment."
)
Result = tuple[Task, Channel, Score]


def main() -> int:
    """Run and print; the exit status is 1 if a task failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.agents")
    parser.add_argument("words", nargs="*", metavar="WORD", help="run the tasks whose names contain one")
    words = parser.parse_args().words
    tasks = [task for task in TASKS.values() if not words or any(word in task.name for word in words)]
    if not tasks:
        parser.error("no task has such a name")
    return report(anyio.run(run_all, tasks))


async def run_all(tasks: Sequence[Task]) -> list[Result]:
    """Each task, once by each channel."""
    results: list[Result] = []
    for task in tasks:
        for channel in READINGS:
            with tempfile.TemporaryDirectory() as directory:
                results.append((task, channel, await score(task, channel, sandbox_settings(Path(directory)))))
    return results


def report(results: Sequence[Result]) -> int:
    """Print a line for each run, and the medians of each channel."""
    width = max(len(task.name) for task, _, _ in results)
    print(f"{'Task':{width}}  {'Channel':10}  Calls  Tokens  Result")
    for task, channel, done in results:
        outcome = "; ".join(done.problems) or "done"
        print(f"{task.name:{width}}  {channel:10}  {done.run.calls:5}  {done.run.tokens:6}  {outcome}")
    print()
    for channel in READINGS:
        runs = [done for _, each, done in results if each == channel]
        succeeded = sum(not done.problems for done in runs)
        calls = statistics.median(done.run.calls for done in runs)
        tokens = statistics.median(done.run.tokens for done in runs)
        print(f"{channel}: {succeeded} of {len(runs)} done; medians: {calls:g} calls, {tokens:g} tokens")
    print(MEANING)
    return 1 if any(done.problems for _, _, done in results) else 0


if __name__ == "__main__":
    sys.exit(main())
