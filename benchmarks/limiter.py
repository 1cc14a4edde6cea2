"""The `app` lane under more demand than it holds: 1, 4 and 16 processes against the sandbox's sliding window."""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread
import httpx

from cio_mcp.clock import SYSTEM_CLOCK
from cio_mcp.customerio.ratelimit.guard import GUARD_MIN
from cio_mcp.customerio.ratelimit.limiter import Limiter, Permit
from cio_mcp.customerio.ratelimit.rates import LANES
from cio_mcp.errors import RateLimited
from cio_mcp.storage.limiter_state import SqliteLimiterStore

LANE = LANES["app"]
KEY = "sandbox-app-key"
JITTER = 0.02
PROCESSES = (1, 4, 16)
PROMISED = 0.98
CALLERS = 24  # callers at a time over all processes: more than twice what the lane holds in a second
START_UP = 60.0


@dataclass(frozen=True, slots=True)
class Run:
    processes: int
    jitter: float
    seconds: float

    @property
    def guard(self) -> float:
        return GUARD_MIN + self.jitter

    @property
    def allowance(self) -> float:
        return LANE.requests * self.seconds / LANE.window


def measure(*, short: bool) -> bool:
    """Print a row for each number of processes, without jitter and with; whether all promises are kept."""
    seconds = 6.0 if short else 30.0
    print(f"\nLimiter: lane app, {LANE.requests} per {LANE.window:g} s, demand above it for {seconds:g} s")
    print(f"{'processes':>9} {'jitter':>8} {'guard':>8} {'answered':>9} {'allowed':>8} {'share':>7} {'429s':>5}")
    kept = True
    for jitter in (0.0, JITTER):
        for processes in PROCESSES:
            run = Run(processes, jitter, seconds)
            answers = _drive(run)
            share, refused = answers[200] / run.allowance, answers[429]
            kept &= refused == 0 and answers.total() == answers[200] + refused and (jitter > 0 or share >= PROMISED)
            print(
                f"{processes:>9} {jitter * 1e3:>5g} ms {run.guard * 1e3:>5g} ms {answers[200]:>9}"
                f" {run.allowance:>8g} {share:>7.1%} {refused:>5}"
            )
    print(f"Promised: {PROMISED:.0%} without jitter, no 429 in any row: {'kept' if kept else 'NOT KEPT'}.")
    return kept


def _drive(run: Run) -> Counter[int]:
    with ExitStack() as stack:
        url = _sandbox(stack, run.jitter)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        workers = [
            stack.enter_context(_process("-m", "benchmarks.limiter", url, str(folder / "claims.db"), *_of(run)))
            for _ in range(run.processes)
        ]
        for worker in workers:
            assert _line(worker) == "ready"
        begin = time.monotonic() + 0.2
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write(f"{begin}\n")
            worker.stdin.flush()
        answers: Counter[int] = Counter()
        for worker in workers:
            answers.update({int(status): count for status, count in json.loads(_line(worker)).items()})
        return answers


def _of(run: Run) -> tuple[str, str, str]:
    return str(run.seconds), str(run.guard), str(max(2, CALLERS // run.processes))


def _sandbox(stack: ExitStack, jitter: float) -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ("-m", "cio_mcp", "sandbox", "--port", str(port), "--people", "100", "--jitter", str(jitter))
    sandbox = stack.enter_context(_process(*arguments))
    stack.callback(sandbox.terminate)
    url = f"http://127.0.0.1:{port}"
    end = time.monotonic() + START_UP
    while True:
        try:
            httpx.get(f"{url}/_sandbox/state")
        except httpx.TransportError:
            assert sandbox.poll() is None, "the sandbox did not start"
            assert time.monotonic() < end, "the sandbox does not answer"
            time.sleep(0.05)
        else:
            return url


def _process(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


async def _work(url: str, claims: Path, seconds: float, guard: float, callers: int) -> None:
    answers: Counter[int] = Counter()
    store = SqliteLimiterStore(claims)
    async with (
        httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {KEY}"}) as client,
        Limiter(store, {"app": LANE}, workspace="benchmark", guard=guard, clock=SYSTEM_CLOCK) as limiter,
    ):
        # Connections are opened before it counts, on a path that no limit applies to.
        async with anyio.create_task_group() as warm:
            for _ in range(callers):
                warm.start_soon(client.get, "/_sandbox/state")
        print("ready", flush=True)
        begin = float(await anyio.to_thread.run_sync(sys.stdin.readline))
        await anyio.sleep(begin - time.monotonic())

        async def caller() -> None:
            while True:
                try:
                    permit = await limiter.acquire("app", max_wait=seconds)
                except RateLimited:
                    return

                async def departs(event: str, _: object, permit: Permit = permit) -> None:
                    if event == "http11.send_request_headers.complete":
                        await limiter.settle(permit)

                answer = await client.get("/v1/segments", extensions={"trace": departs})
                answers[answer.status_code] += 1
                if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
                    await limiter.penalize(permit, float(answer.headers.get("Retry-After", 1)))

        with anyio.CancelScope(deadline=begin + seconds):
            async with anyio.create_task_group() as demand:
                for _ in range(callers):
                    demand.start_soon(caller)
    store.close()
    print(json.dumps(answers), flush=True)


def main() -> None:
    """Be one of the processes: say `ready`, begin at the moment read from stdin, print the answers by status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("claims", type=Path)
    parser.add_argument("seconds", type=float)
    parser.add_argument("guard", type=float)
    parser.add_argument("callers", type=int)
    given = parser.parse_args()
    anyio.run(_work, given.url, given.claims, given.seconds, given.guard, given.callers)


if __name__ == "__main__":
    main()
