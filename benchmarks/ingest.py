"""Reporting webhooks: the rate of durable storage, the time to answer, and that reads stay fast as the log grows."""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import anyio
from anyio.streams.buffered import BufferedByteReceiveStream

from cio_mcp.clock import SYSTEM_CLOCK, Clock
from cio_mcp.events.log import EventLog
from cio_mcp.events.models import Envelope, EventQuery
from cio_mcp.events.signature import sign
from cio_mcp.storage.engine import Database

KEY = "benchmark"
CONNECTIONS = 64
RATE = 500
HALF, SOON, FLAT, STEADY = 0.5, 0.25, 1.5, 1.1
"""Promised: share of the bare rate, seconds of the 99th percentile, times as long at 100 times the rows, growth."""
METRICS = ("sent", "delivered", "opened", "clicked")
FEW = 10_000
BATCH = 500
LOOKS = 200
OURS = ("-m", "cio_mcp", "webhooks", "serve", "--port", "0")
BARE = ("-m", "benchmarks.bare_receiver")


@dataclass(frozen=True, slots=True)
class Grown:
    """Seconds of each question at few events and at many, MiB of memory, and events appended a second."""

    before: list[float]
    after: list[float]
    memory: float
    memory_after: float
    rate: float


def measure(*, short: bool) -> bool:
    """Print rate, answer times, reading times and memory; whether all promises are kept."""
    seconds, rounds, many = (3.0, 1, 100_000) if short else (10.0, 3, 1_000_000)
    kept = _rate(seconds, rounds)
    kept &= _answers(seconds)
    return _log(many) and kept


def _rate(seconds: float, rounds: int) -> bool:
    ratios = []
    print(f"\nIngest: {CONNECTIONS} connections for {seconds:g} s, durable beside only reading the body")
    for _ in range(rounds):
        bare, ours = (_sent(program, seconds, 0.0)["rate"] for program in (BARE, OURS))
        ratios.append(ours / bare)
        print(f"  bare {bare:7.0f}/s   durable {ours:7.0f}/s   share {ours / bare:4.0%}")
    return _promise(f"share at least {HALF:.0%}", f"{statistics.median(ratios):.0%}", statistics.median(ratios) >= HALF)


def _answers(seconds: float) -> bool:
    latencies = _sent(OURS, seconds, RATE)
    print(
        f"\nAnswers at {RATE} events/s for {seconds:g} s: "
        + ", ".join(f"{k} {v * 1e3:.1f} ms" for k, v in _ms(latencies))
    )
    return _promise(
        f"99th percentile under {SOON * 1e3:g} ms", f"{latencies['p99'] * 1e3:.1f} ms", latencies["p99"] < SOON
    )


def _ms(latencies: dict[str, float]) -> list[tuple[str, float]]:
    return [(name, latencies[name]) for name in ("p50", "p99", "max")]


def _log(many: int) -> bool:
    print(f"\nReading, and memory, while the log grows to {many:,} events")
    with tempfile.TemporaryDirectory() as folder:
        result = anyio.run(_grow, Path(folder), many)
    for name, before, after in zip(_questions(), result.before, result.after, strict=True):
        print(f"  recent, {name:<22} {before * 1e3:6.2f} ms at {FEW:,}  {after * 1e3:6.2f} ms at {many:,}")
    print(f"  appended at {result.rate:,.0f}/s; memory {result.memory:.0f} to {result.memory_after:.0f} MiB")
    slower = max(after / before for before, after in zip(result.before, result.after, strict=True))
    growth = result.memory_after / result.memory
    flat = _promise(f"reading at most {FLAT:g} times as long", f"{slower:.2f} times", slower <= FLAT)
    return _promise(f"memory at most {STEADY:g} times", f"{growth:.2f} times", growth <= STEADY) and flat


def _promise(promised: str, measured: str, kept: bool) -> bool:
    print(f"Promised: {promised}; measured {measured}: {'kept' if kept else 'NOT KEPT'}.")
    return kept


def _questions() -> dict[str, EventQuery]:
    return {
        "all": EventQuery(),
        "by metric": EventQuery(metric="opened"),
        "by type and metric": EventQuery(object_type="email", metric="clicked"),
        "of a person": EventQuery(person="p7@example.com"),
        "of a delivery": EventQuery(delivery="delivery-7"),
        "of a campaign": EventQuery(kind="campaign", id="7"),
        "of a minute": EventQuery(
            since=datetime.fromtimestamp(1.7e9, UTC), until=datetime.fromtimestamp(1.7e9 + 60, UTC)
        ),
    }


async def _grow(folder: Path, many: int) -> Grown:
    few_log, log = (Database(f"sqlite:///{folder / name}") for name in ("few.db", "many.db"))
    few_feed, feed = (EventLog(each, "benchmark", SYSTEM_CLOCK) for each in (few_log, log))
    await _fill(few_feed, FEW)
    begin, memory = time.perf_counter(), _resident()
    await _fill(feed, many)
    rate, memory_after = many / (time.perf_counter() - begin), _resident()
    times = [await _timed(few_feed, feed, query) for query in _questions().values()]
    await few_log.close()
    await log.close()
    return Grown([before for before, _ in times], [after for _, after in times], memory, memory_after, rate)


async def _fill(feed: EventLog, events: int) -> None:
    for first in range(0, events, BATCH):
        await feed.append(_event(number) for number in range(first, first + BATCH))


async def _timed(few: EventLog, many: EventLog, query: EventQuery) -> tuple[float, float]:
    """Medians of both, measured in turns, so that other load affects both alike."""
    taken: list[list[float]] = [[], []]
    for _ in range(LOOKS):
        for feed, times in zip((few, many), taken, strict=True):
            begin = time.perf_counter()
            assert (await feed.recent(query)).events
            times.append(time.perf_counter() - begin)
    return statistics.median(taken[0]), statistics.median(taken[1])


def _event(number: int) -> Envelope:
    # Received when it happened: an event from long after it was received would count as undated.
    return Envelope.read(_body(number), received_at=float(_happened_at(number)))


def _happened_at(number: int) -> int:
    return 1_700_000_000 + number // 10


def _body(number: int) -> bytes:
    person = number // 40
    data = {
        "delivery_id": f"delivery-{number // 4}",
        "campaign_id": number % 50,
        "action_id": 42,
        "journey_id": "01GW20GXAAXBKZD8J96M8FNV3R",
        "identifiers": {"id": str(person), "email": f"p{person}@example.com", "cio_id": f"{person:012x}"},
        "recipient": f"p{person}@example.com",
        "subject": "What is new this week",
    }
    name = {"event_id": f"01E4C4CT6YDC{number:014d}", "object_type": "email", "metric": METRICS[number % 4]}
    return json.dumps(name | {"timestamp": _happened_at(number), "data": data}).encode()


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _sent(program: tuple[str, ...], seconds: float, rate: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, _receiver(program, folder) as url:
        sender = [sys.executable, "-m", "benchmarks.ingest", url, str(seconds), str(rate)]
        latencies: dict[str, float] = json.loads(subprocess.run(sender, check=True, capture_output=True).stdout)
        return latencies


@contextmanager
def _receiver(program: tuple[str, ...], folder: str) -> Iterator[str]:
    settings = {"CIO_DATA_DIR": folder, "CIO_WORKSPACE": "benchmark", "CIO_WEBHOOK_SIGNING_KEYS": KEY}
    command, environment = [sys.executable, *program], os.environ | settings
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            yield next(found[0] for line in process.stderr if (found := re.search(r"http://\S+", line)))
        finally:
            process.terminate()


async def _send(url: str, seconds: float, rate: float) -> None:
    """Send as fast as answers arrive, or at a fixed rate; print the measurements."""
    taken: list[float] = []
    begin = time.perf_counter()
    numbers = iter(range(10**9))

    async def connection() -> None:
        to = urlsplit(url)
        assert to.hostname is not None
        assert to.port is not None
        async with await anyio.connect_tcp(to.hostname, to.port) as stream:
            answers = BufferedByteReceiveStream(stream)
            for number in numbers:
                due = begin + number / rate if rate else time.perf_counter()
                if due > begin + seconds:
                    return
                if (early := due - time.perf_counter()) > 0:
                    await anyio.sleep(early)
                await stream.send(_request(to.path, _body(number)))
                assert (await answers.receive_until(b"\r\n\r\n", 4096)).startswith(b"HTTP/1.1 200")
                taken.append(time.perf_counter() - due)

    async with anyio.create_task_group() as group:
        for _ in range(CONNECTIONS):
            group.start_soon(connection)
    elapsed = time.perf_counter() - begin
    spread = statistics.quantiles(taken, n=100, method="inclusive")
    figures = {"rate": len(taken) / elapsed, "p50": spread[49], "p99": spread[98], "max": max(taken)}
    print(json.dumps(figures), flush=True)


def _request(path: str, body: bytes) -> bytes:
    stamp = str(int(Clock().now()))
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"X-CIO-Timestamp: {stamp}\r\nX-CIO-Signature: {sign(KEY.encode(), stamp, body)}\r\n\r\n"
    )
    return head.encode() + body


def main() -> None:
    """Be the sender."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("seconds", type=float)
    parser.add_argument("rate", type=float)
    given = parser.parse_args()
    anyio.run(partial(_send, given.url, given.seconds, given.rate))


if __name__ == "__main__":
    main()
