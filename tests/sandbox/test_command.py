import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

COMMANDS = ([sys.executable, "-m", "cio_mcp.sandbox"], [sys.executable, "-m", "cio_mcp", "sandbox"])


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.sampled(1)
def test_the_command_prints_where_it_listens_ends_quietly_and_leaves_no_files(
    command: list[str], ending: signal.Signals, tmp_path: Path
) -> None:
    options = ["--port", "0", "--people", "3", "--tls"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stderr is not None
        message = "".join(process.stderr.readline() for _ in range(6))
        address = re.search(r"CIO_APP_URL=(\S+)", message)
        authority = re.search(r"SSL_CERT_FILE=(\S+)", message)
        assert address
        assert authority
        assert list(tmp_path.iterdir())
        trust = ssl.create_default_context(cafile=authority[1])
        state = httpx.get(f"{address[1]}/_sandbox/state", verify=trust).json()
        process.send_signal(ending)
        out, err = process.communicate(timeout=100)
    assert state["people"] == 9
    assert (out, err, process.returncode) == ("", "", 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["--port", "99999"], "--port"),
        (["--port", "-1"], "--port"),
        (["--port", "USED"], "--port"),
        (["--host", "no-such-host.invalid"], "--host"),
        (["--webhook-url", "nowhere"], "--webhook-url"),
    ],
)
@pytest.mark.sampled(2)
def test_an_option_that_cannot_be_used_ends_the_start_with_one_line(
    command: list[str], options: list[str], name: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        used = str(listener.getsockname()[1])
        options = [used if option == "USED" else option for option in options]
        free = [] if name == "--port" else ["--port", "0"]
        ended = subprocess.run(
            [*command, "--people", "0", *free, *options], capture_output=True, text=True, timeout=60, check=False
        )
    [line] = ended.stderr.splitlines()
    assert name in line
    assert (ended.stdout, ended.returncode) == ("", 2)
