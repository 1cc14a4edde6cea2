"""Ours beside a bare SDK server: what both benchmarks of that kind run and print."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

OURS = ("-m", "cio_mcp")
ROOT = Path(__file__).parent.parent
"""Where servers are started, so that both find their packages."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One figure, measured in turns: seconds of ours and of the bare server, and the ratio that is requested."""

    figure: str
    ours: list[float]
    bare: list[float]
    limit: float

    @property
    def ratio(self) -> float:
        return median(self.ours) / median(self.bare)

    @property
    def kept(self) -> bool:
        return self.ratio <= self.limit


def table(title: str, pairs: Sequence[Pair]) -> bool:
    """Print a row for each figure (medians); whether all are within their targets."""
    print(f"\n{title}, in turns, medians of {len(pairs[0].ours)}")
    print(f"{'figure':<24} {'ours':>10} {'bare':>10} {'ratio':>7} {'target':>8}")
    for pair in pairs:
        print(
            f"{pair.figure:<24} {median(pair.ours) * 1e3:>7.2f} ms {median(pair.bare) * 1e3:>7.2f} ms"
            f" {pair.ratio:>7.2f} {f'<= {pair.limit:.2f}':>8}"
        )
    kept = all(pair.kept for pair in pairs)
    print(f"Promised: {'kept' if kept else 'NOT KEPT'}.")
    return kept


@contextmanager
def sandbox(people: int = 100) -> Iterator[dict[str, str]]:
    """A sandbox in a process of its own; gives the settings it prints, as environment variables."""
    command = [sys.executable, "-m", "cio_mcp", "sandbox", "--port", "0", "--people", str(people)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline(), "the sandbox did not start"
            lines = [process.stderr.readline().removeprefix("export ").split() for _ in range(2)]
            yield dict(setting.split("=", 1) for line in lines for setting in line)
        finally:
            process.terminate()
