"""The receiver, killed in the midst of a storm, again and again: every event is stored, once.

`make load` sends 50,000 events (STORM in the environment says how many).
"""

import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from tests.web.posting import KEY
from tests.web.sender import Sender

pytestmark = pytest.mark.anyio

EVENTS = int(os.environ.get("STORM", "500"))
DEATHS = 3 if EVENTS < 2000 else 5


@pytest.mark.slow
async def test_every_event_of_a_storm_is_stored_once_though_the_receiver_is_killed(tmp_path: Path) -> None:
    port = _free_port()
    sender = Sender(f"http://127.0.0.1:{port}/webhooks/customerio", EVENTS)
    async with anyio.create_task_group() as group:
        group.start_soon(sender.run)
        for death in range(1, DEATHS + 1):
            with _receiver(tmp_path, port) as process:
                await anyio.to_thread.run_sync(_listening, process)
                await sender.reaches(EVENTS * death // (DEATHS + 1))
                process.kill()
                await anyio.to_thread.run_sync(process.wait)
            # What was answered before the kill is there now; what is answered meanwhile is nothing.
            assert sender.answered <= set(_stored(tmp_path))
        with _receiver(tmp_path, port) as process:
            await anyio.to_thread.run_sync(_listening, process)
            await sender.finished.wait()
    stored = _stored(tmp_path)
    assert len(stored) == len(set(stored)) == EVENTS
    assert set(stored) == sender.answered
    assert sender.statuses <= {200, 503}


def _stored(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "cio-mcp.db")) as database:
        return [row[0] for row in database.execute("SELECT event_id FROM events")]


@contextmanager
def _receiver(folder: Path, port: int) -> Iterator["subprocess.Popen[str]"]:
    settings = {"CIO_DATA_DIR": str(folder), "CIO_WORKSPACE": "acme", "CIO_WEBHOOK_SIGNING_KEYS": KEY.decode()}
    command = [sys.executable, "-m", "cio_mcp", "webhooks", "serve", "--port", str(port)]
    with subprocess.Popen(command, env=os.environ | settings, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _listening(process: "subprocess.Popen[str]") -> None:
    assert process.stderr is not None
    line = process.stderr.readline()
    assert re.search("Receiving webhooks", line), line


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
