"""Run every benchmark, or those named: `python -m benchmarks [--short] [NAME ...]`."""

import argparse
import importlib
import sys

from benchmarks import BENCHMARKS


def main() -> int:
    """Run and print; the exit status is 1 when a promise is not kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--short", action="store_true", help="fewer and shorter runs: a look, not a measurement")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(BENCHMARKS)} (default: all)")
    given = parser.parse_args()
    if unknown := set(given.names) - set(BENCHMARKS):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    kept = [
        importlib.import_module(f"benchmarks.{name}").measure(short=given.short) for name in given.names or BENCHMARKS
    ]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
