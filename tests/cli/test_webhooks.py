import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

import httpx
import pytest

from cio_mcp.events.signature import sign
from tests.cli.command_line import TIMEOUT_SECONDS, CommandLine

NAMED = {"CIO_WORKSPACE": "acme"}
KEYED = NAMED | {"CIO_WEBHOOK_SIGNING_KEYS": "old-secret, new-secret"}


@contextmanager
def run_receiver(
    cio_mcp: CommandLine, files: str | None = None, **settings: str
) -> Iterator[tuple[str, "subprocess.Popen[str]", list[str]]]:
    """A receiver with a limit of open files: its address, its process, and its output until it was ready."""
    command = [sys.executable, "-m", "cio_mcp", "webhooks", "serve", "--port", "0"]
    if files is not None:
        command = ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", *command]
    with subprocess.Popen(
        command, env=cio_mcp.environment | settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            lines = []
            for line in process.stderr:
                lines.append(line)
                if found := re.search(r"http://\S+", line):
                    yield found[0], process, lines
                    break
        finally:
            process.kill()


def post(url: str, body: bytes, key: str | None = None) -> int:
    stamp = str(int(time.time()))
    headers = {"X-CIO-Timestamp": stamp, "X-CIO-Signature": sign(key.encode(), stamp, body)} if key else {}
    return httpx.post(url, content=body, headers=headers).status_code


def event(name: str) -> bytes:
    body = {"event_id": name, "object_type": "email", "metric": "delivered", "timestamp": int(time.time()), "data": {}}
    return json.dumps(body).encode()


def test_status_shows_what_a_receiver_accepted_and_refused(cio_mcp: CommandLine) -> None:
    with run_receiver(cio_mcp, **KEYED) as (url, process, _):
        assert [post(url, event(key), key) for key in ("old-secret", "new-secret")] == [200, 200]
        assert [post(url, event("x"), key) for key in (None, "other-secret")] == [401, 401]
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
    assert (stdout, "Traceback" in stderr) == ("", False)
    shown = cio_mcp.run("webhooks", "status", **KEYED)
    assert shown.returncode == 0
    assert "\nLast event: email delivered, received " in shown.stdout
    assert "Stored: 2 events, 2 in the last 24 hours, 0 of them over a minute late" in shown.stdout
    assert "Refused: 1 (unsigned)" in shown.stdout
    assert "Refused: 1 (wrong signature)" in shown.stdout
    stats = json.loads(cio_mcp.run("webhooks", "status", "--json", **NAMED).stdout)
    assert (stats["stored"], stats["last"]["event_id"], stats["gaps"]) == (2, "new-secret", [])
    assert {each["reason"]: each["count"] for each in stats["refused"]} == {"unsigned": 1, "wrong signature": 1}


@pytest.mark.slow
def test_a_receiver_outlasts_more_connections_than_it_may_open_files(cio_mcp: CommandLine) -> None:
    with run_receiver(cio_mcp, files="200", **KEYED) as (url, process, _), ExitStack() as opened:
        at = urlsplit(url)
        assert at.hostname
        for _ in range(220):
            stranger = opened.enter_context(socket.create_connection((at.hostname, at.port), TIMEOUT_SECONDS))
            with suppress(ConnectionError):
                stranger.sendall(b"POST / HTTP/1.1\r\nHost: a")
        # The last came when there was no more room.
        with suppress(ConnectionError):
            assert stranger.recv(1) == b""
        opened.close()
        assert post(url, event("a"), "old-secret") == 200
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
    assert "Too many open files" not in stderr


@pytest.mark.slow
def test_an_unreadable_request_leaves_nothing_in_the_log_of_a_receiver(cio_mcp: CommandLine) -> None:
    with run_receiver(cio_mcp, **KEYED) as (url, process, _):
        assert httpx.get(url, headers={"Connection": "upgrade", "Upgrade": "websocket"}).status_code == 405
        at = urlsplit(url)
        with socket.create_connection((at.hostname or "", at.port), TIMEOUT_SECONDS) as stranger:
            stranger.sendall(b"nonsense\r\n\r\n")
            assert stranger.recv(12) == b"HTTP/1.1 400"
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
    assert stderr == ""


def test_a_wrong_signing_key_leaves_a_line_that_says_what_to_do(cio_mcp: CommandLine) -> None:
    with run_receiver(cio_mcp, **KEYED) as (url, process, _):
        assert [post(url, event("x"), "other-secret") for _ in range(3)] == [401, 401, 401]
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
    assert stderr.count("Copy the signing key of this webhook again from Customer.io") == len(stderr.splitlines()) == 1
    assert "secret" not in stderr


@pytest.mark.parametrize(
    ("file", "cause"),
    [("cio-mcp.db", "is not a database: set CIO_DATA_DIR"), (".", "cannot be used: see CIO_DATA_DIR")],
)
def test_a_receiver_whose_database_cannot_be_opened_says_so_and_ends(
    cio_mcp: CommandLine, file: str, cause: str
) -> None:
    wrong = cio_mcp.data_dir / file
    wrong.parent.mkdir(exist_ok=True)
    wrong.write_text("something else altogether, and rather long. " * 100)
    refused = cio_mcp.run("webhooks", "serve", "--port", "0", **KEYED)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"cio-mcp: The server's database {cause}")
    assert len(refused.stderr.splitlines()) == 1


def test_status_says_when_nothing_has_come_in(cio_mcp: CommandLine) -> None:
    assert cio_mcp.run("webhooks", "status", **NAMED).stdout.endswith("\nNo events have been received yet.\n")


def test_status_names_the_workspace_and_the_directory_that_it_reads(cio_mcp: CommandLine) -> None:
    shown = cio_mcp.run("webhooks", "status", CIO_WORKSPACE="sandbox").stdout
    assert shown.startswith(f"Workspace sandbox in {cio_mcp.data_dir}\n")
    read = json.loads(cio_mcp.run("webhooks", "status", "--json", CIO_WORKSPACE="sandbox").stdout)
    assert (read["workspace"], read["storage"]) == ("sandbox", str(cio_mcp.data_dir))


@pytest.mark.slow
def test_without_a_key_a_receiver_warns_loudly_which_requests_it_accepts(cio_mcp: CommandLine) -> None:
    with run_receiver(cio_mcp, **NAMED) as (url, _, lines):
        assert post(url, event("a")) == 200
        assert httpx.post(url, content=event("b"), headers={"Host": "evil.example"}).status_code == 403
    assert "ANY program on this machine" in "".join(lines)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])  # noqa: S104 - what must be refused
def test_beyond_loopback_a_receiver_needs_a_signing_key(cio_mcp: CommandLine, host: str) -> None:
    refused = cio_mcp.run("webhooks", "serve", "--host", host, **NAMED)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("cio-mcp: CIO_WEBHOOK_SIGNING_KEYS: is missing")


@pytest.mark.parametrize("command", ["serve", "status"])
def test_a_receiver_must_know_whose_events_it_takes(cio_mcp: CommandLine, command: str) -> None:
    refused = cio_mcp.run("webhooks", command)
    assert refused.returncode == 2
    assert refused.stderr.startswith("cio-mcp: CIO_WORKSPACE: is missing")
    assert refused.stderr.endswith("`serve --sandbox` uses CIO_WORKSPACE=sandbox.\n")


@pytest.mark.parametrize("keys", ["a,b,c", ",", " , "])
def test_one_or_two_signing_keys_are_taken(cio_mcp: CommandLine, keys: str) -> None:
    refused = cio_mcp.run("webhooks", "serve", **NAMED, CIO_WEBHOOK_SIGNING_KEYS=keys)
    assert refused.returncode == 2
    assert refused.stderr.startswith("cio-mcp: CIO_WEBHOOK_SIGNING_KEYS: ")


def test_the_server_over_http_receives_webhooks_too(cio_mcp: CommandLine) -> None:
    command = [sys.executable, "-m", "cio_mcp", "serve", "--sandbox", "--transport", "http", "--port", "0"]
    with subprocess.Popen(
        command, env=cio_mcp.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            line = next(line for line in process.stderr if "Serving" in line)
            assert line.endswith("/mcp, and receiving webhooks at /webhooks/customerio\n")
            (at,) = re.findall(r"(http://\S+)/mcp", line)
            url = f"{at}/webhooks/customerio"
            assert post(url, event("a"), "sandbox-signing-key") == 200
            assert post(url, event("a"), "another") == 401
            health = httpx.get(f"{at}/healthz")
            assert health.text == "ok"
            assert "server" not in health.headers, "it runs in the server that limits connections"
        finally:
            process.kill()
