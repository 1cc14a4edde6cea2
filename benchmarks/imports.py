"""Imports of 100,000 customers from a CSV: their requests, their speed, and what they leave for interactive work.

Speed is measured against a receiver that only answers, after 50 ms, beside the official Python client, which sends
one request a customer, and a bare loop that sends the same batches.
"""

import csv
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from customerio import CustomerIO

from benchmarks.beside import ROOT

ROWS = 100_000
MANY_ROWS = 1_000_000
FEW_COLUMNS = 3
"""Of the million rows: what is kept of a file in memory are its identifiers."""
LATENCY_SECONDS = 0.05
ONE_BY_ONE = 200
"""Requests of the official client that are measured."""
MAX_REQUESTS, MIN_CLIENT, MIN_BARE, MAX_WAIT, MAX_MEMORY_MIB = 1.05, 100, 0.8, 1.2, 200
"""Promised: times the fewest requests, times the client's and the loop's rate, times the wait, MiB above idle."""


def measure(*, short: bool) -> bool:
    """Print requests, rates, waits, and memory; whether all promises are kept."""
    rows, many = (20_000, 200_000) if short else (ROWS, MANY_ROWS)
    print(f"\nImport of {rows:,} customers from a CSV")
    with tempfile.TemporaryDirectory() as folder:
        file, large = _csv(Path(folder), "people", rows), _csv(Path(folder), "large", many, FEW_COLUMNS)
        kept = _requests(file, rows)
        with _receiver(LATENCY_SECONDS) as url:
            kept &= _rates(file, url, rows)
            kept &= _waits(file, url)
        with _receiver(0.0) as url:
            return _memory(large, url, many) and kept


def _requests(file: Path, rows: int) -> bool:
    with _receiver(0.0, "look") as url:
        done = _import("once", url, file)
        with urllib.request.urlopen(f"{url}/state") as answer:  # noqa: S310 - our own receiver
            state = json.load(answer)
    requests, fewest, refused = sum(state["statuses"].values()), done["fewest"], state["statuses"].get("429", 0)
    print(f"  staged in {done['staging']:.1f} s, sent in {done['sending']:.1f} s")
    print(f"  {state['customers']:,} arrived in {requests} requests; {fewest} are needed; {refused} answered 429")
    return _promise(
        f"at most {MAX_REQUESTS:g} times the fewest requests, no 429",
        f"{requests / fewest:.2f} times",
        requests <= MAX_REQUESTS * fewest and not refused and state["customers"] == rows,
    )


def _rates(file: Path, url: str, rows: int) -> bool:
    taken = _import("speed", url, file)
    ours, bare = (rows / statistics.median(taken[name]) for name in ("ours", "bare"))
    client = _one_by_one(file, url)
    print(f"  {ours:,.0f} rows/s; bare loop {bare:,.0f} rows/s; official client {client:,.1f} rows/s")
    of_client, of_bare = ours / client, ours / bare
    kept = _promise(f"at least {MIN_CLIENT} times the client", f"{of_client:,.0f} times", of_client >= MIN_CLIENT)
    return _promise(f"at least {MIN_BARE:g} times the loop", f"{of_bare:.2f} times", of_bare >= MIN_BARE) and kept


def _one_by_one(file: Path, url: str) -> float:
    """Rows a second of the official client, which keeps its connection."""
    client = CustomerIO("sandbox-site", "sandbox-track-key")
    client.base_url = f"{url}/api/v1"
    with file.open(newline="", encoding="utf-8") as lines, client:
        rows = [row for row, _ in zip(csv.DictReader(lines), range(ONE_BY_ONE), strict=False)]
        since = time.perf_counter()
        for row in rows:
            client.identify(row.pop("id"), **row)
        return len(rows) / (time.perf_counter() - since)


def _waits(file: Path, url: str) -> bool:
    seconds = _import("waits", url, file)
    idle, meanwhile = (statistics.median(seconds[name]) for name in ("idle", "meanwhile"))
    print(f"  an interactive write takes {idle * 1e3:.1f} ms, and {meanwhile * 1e3:.1f} ms while rows are sent")
    return _promise(f"at most {MAX_WAIT:g} times", f"{meanwhile / idle:.2f} times", meanwhile <= MAX_WAIT * idle)


def _memory(file: Path, url: str, rows: int) -> bool:
    used = _import("memory", url, file)
    more = used["peak"] - used["idle"]
    print(f"  {rows:,} rows: {used['idle']:.0f} MiB of memory before, at most {used['peak']:.0f} MiB")
    return _promise(f"at most {MAX_MEMORY_MIB} MiB more", f"{more:.0f} MiB", more <= MAX_MEMORY_MIB)


def _promise(promised: str, measured: str, kept: bool) -> bool:
    print(f"Promised: {promised}; measured {measured}: {'kept' if kept else 'NOT KEPT'}.")
    return kept


def _import(mode: str, url: str, file: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.importing", mode, url, folder, str(file)]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
        measured: dict[str, Any] = json.loads(done.stdout)
        return measured


@contextmanager
def _receiver(seconds: float, *look: str) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.slow_receiver", str(seconds), *look]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def _csv(folder: Path, name: str, rows: int, columns: int = 8) -> Path:
    path = folder / f"{name}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        names = ("id", "email", "plan", "first_name", "last_name", "city", "score", "signed_up")
        writer.writerow(names[:columns])
        for number in range(rows):
            day = f"2026-{1 + number % 9:02}-{1 + number % 28:02}"
            person = ("Zoë", f"Larsson{number % 997}", "Malmö", number % 100, day)
            writer.writerow((f"crm-{number}", f"person{number}@example.com", "pro", *person)[:columns])
    return path
