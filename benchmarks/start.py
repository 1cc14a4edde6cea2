"""From the start of the process to `tools/list` answered over stdio, beside a bare SDK server with one tool.

A client of three lines (era 2025-11-25: the handshake, then the list), so that its own cost does not count.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks.beside import OURS, ROOT, Pair, table

BARE = ("-m", "benchmarks.bare_start")
ERA = "2025-11-25"
MAX_RATIO = 1.10
WARM_UP = 1
ENDING = 10.0
KEYS = {"CIO_SITE_ID": "site", "CIO_TRACK_API_KEY": "track-key", "CIO_APP_API_KEY": "app-key", "CIO_REGION": "us"}
HELLO = {"protocolVersion": ERA, "capabilities": {}, "clientInfo": {"name": "benchmark", "version": "1"}}


def measure(*, short: bool) -> bool:
    """Print one row; whether the promise is kept."""
    pair = Pair("start", [], [], MAX_RATIO)
    sides = (OURS, pair.ours), (BARE, pair.bare)
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **KEYS, "CIO_DATA_DIR": folder}
        for turn in range(WARM_UP + (3 if short else 10)):
            for server, taken in sides:
                seconds = _start(server, environment)
                if turn >= WARM_UP:
                    taken.append(seconds)
    return table(f"Start to tools/list answered over stdio (era {ERA})", [pair])


def _start(server: tuple[str, ...], environment: dict[str, str]) -> float:
    since = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *server],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        _ask(process, 1, "initialize", HELLO)
        _say(process, {"method": "notifications/initialized"})
        listed = _ask(process, 2, "tools/list", {})
        taken = time.perf_counter() - since
        assert listed["tools"]
        assert process.stdin is not None
        process.stdin.close()
        process.wait(ENDING)
    return taken


def _ask(process: "subprocess.Popen[bytes]", number: int, method: str, params: dict[str, Any]) -> dict[str, Any]:
    _say(process, {"id": number, "method": method, "params": params})
    assert process.stdout is not None
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    assert answer["id"] == number
    result: dict[str, Any] = answer["result"]
    return result


def _say(process: "subprocess.Popen[bytes]", message: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
    process.stdin.flush()
