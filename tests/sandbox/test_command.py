import re
import signal
import ssl
import subprocess
import sys

import httpx
import pytest

COMMANDS = ([sys.executable, "-m", "cio_mcp.sandbox"], [sys.executable, "-m", "cio_mcp", "sandbox"])


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_says_where_it_listens_and_ends_quietly_when_interrupted(command: list[str]) -> None:
    with subprocess.Popen(
        [*command, "--port", "0", "--people", "3", "--tls"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        told = "".join(running.stderr.readline() for _ in range(5))
        address = re.search(r"CIO_APP_URL=(\S+)", told)
        authority = re.search(r"SSL_CERT_FILE=(\S+)", told)
        assert address
        assert authority
        trusting = ssl.create_default_context(cafile=authority[1])
        state = httpx.get(f"{address[1]}/_sandbox/state", verify=trusting).json()
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=100)
    assert state["people"] == 9
    assert (out, err, running.returncode) == ("", "", 0)
