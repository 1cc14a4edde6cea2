import errno
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import ElicitRequestParams, ElicitResult, TextContent

from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.server import serve_in_background
from cio_mcp.server.unanswered import MAX_UNANSWERED, TOO_MANY
from tests.cli.command_line import TIMEOUT_SECONDS, CommandLine

KEYS = {"CIO_SITE_ID": "site", "CIO_TRACK_API_KEY": "track-secret", "CIO_APP_API_KEY": "app-secret"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


@contextmanager
def run_server(cio_mcp: CommandLine, *arguments: str, **settings: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "cio_mcp", *arguments]
    with subprocess.Popen(
        command,
        env=cio_mcp.environment | settings,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def exchange(process: "subprocess.Popen[str]", *messages: dict[str, Any]) -> list[dict[str, Any]]:
    """Send messages, close the line, and read all that was answered; every line must be JSON."""
    written = "".join(f"{json.dumps(message)}\n" for message in messages)
    answered, _ = process.communicate(written, timeout=TIMEOUT_SECONDS)
    return [json.loads(line) for line in answered.splitlines()]


def test_a_line_that_cannot_be_read_is_answered_and_the_server_goes_on(cio_mcp: CommandLine) -> None:
    lines = [
        '{"jsonrpc":"2.0","id":8,"method":"tools/call","params":',
        '{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"x","arguments":{"s":"\\ud83d"}}}',
        '{"jsonrpc":"2.0","id":null,"method":"ping"}',
        '{"jsonrpc":"2.0","id":"a\rb","method":"ping"}',
        '{"jsonrpc":"2.0","id":10,\r"method":"ping"}\r',
    ]
    with run_server(cio_mcp, **KEYS) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{json.dumps(INITIALIZE)}\n" + "".join(f"{line}\n" for line in lines))
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(6)]
    # Requests are answered concurrently, errors in order.
    assert sorted((str(each["id"]), each.get("error", {}).get("code", 0)) for each in answers) == [
        ("1", 0), ("10", 0), ("9", -32600), ("None", -32700), ("None", -32700), ("None", -32600),
    ]  # fmt: skip


@pytest.mark.slow
def test_too_many_requests_at_once_are_refused_until_one_is_answered_or_canceled(cio_mcp: CommandLine) -> None:
    wait = {"name": "wait_for_event", "arguments": {"customer": "ada"}}
    waits = [{"jsonrpc": "2.0", "id": n, "method": "tools/call", "params": wait} for n in range(2, MAX_UNANSWERED + 2)]
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}}
    ping = {"jsonrpc": "2.0", "id": "ping", "method": "ping"}
    with run_server(cio_mcp, "serve", "--sandbox", CIO_MAX_WAIT="600") as process:
        assert process.stdin
        assert process.stdout

        def send(*messages: dict[str, Any]) -> dict[str, Any]:
            assert process.stdin
            assert process.stdout
            process.stdin.write("".join(f"{json.dumps(message)}\n" for message in messages))
            process.stdin.flush()
            answer: dict[str, Any] = json.loads(process.stdout.readline())
            return answer

        assert "result" in send(INITIALIZE)
        refused = send(*waits, ping)
        assert (refused["id"], refused["error"]["message"]) == ("ping", TOO_MANY)
        answers = [send(cancel, ping)]
        while "error" in answers[-1] and len(answers) < 1_000:  # until the canceled request has ended
            answers.append(send(ping))
        assert answers[-1] == {"jsonrpc": "2.0", "id": "ping", "result": {}}


@pytest.mark.slow
def test_a_version_that_is_not_served_is_repeated_in_part(cio_mcp: CommandLine) -> None:
    version = "io.modelcontextprotocol/protocolVersion"
    envelope = {version: "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    with run_server(cio_mcp, **KEYS) as process:
        for params in ({"_meta": envelope}, {"_meta": envelope | {version: "Q" * 100_000}}):
            request = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params}
            assert process.stdin
            assert process.stdout
            process.stdin.write(f"{json.dumps(request)}\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
    assert answer["error"]["code"] == -32022
    assert len(answer["error"]["data"]["requested"]) == 200


def test_the_bare_command_serves_over_stdio_and_writes_nothing_but_protocol(cio_mcp: CommandLine) -> None:
    with run_server(cio_mcp, **KEYS) as process:
        answers = exchange(process, INITIALIZE)
        assert process.returncode == 0
    assert [answer["id"] for answer in answers] == [1]
    assert answers[0]["result"]["serverInfo"]["name"] == "cio-mcp"


@pytest.mark.parametrize(
    ("variable", "value"), [("HTTPS_PROXY", "ftp://proxy.example:21"), ("SSL_CERT_FILE", "/nowhere/ca.pem")]
)
def test_a_network_variable_that_cannot_be_used_ends_the_start_and_is_named(
    cio_mcp: CommandLine, variable: str, value: str
) -> None:
    done = cio_mcp.run(**KEYS, **{variable: value})
    assert done.returncode != 0
    assert variable in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_heavy_is_loaded_before_a_client_has_the_list_of_tools(cio_mcp: CommandLine) -> None:
    program = """
import sys
import anyio
import cio_mcp.cli.serve
import cio_mcp.cli.start
from cio_mcp.server.app import build_server
from cio_mcp.settings import load_settings
from mcp import Client

HEAVY = {"alembic", "httpx", "jinja2", "liquid", "sqlalchemy", "typer", "yaml", "cio_mcp.sandbox",
    "cio_mcp.tools", "cio_mcp.workspace", "cio_mcp.gate.plan", "cio_mcp.cli.approvals"}

async def loaded_when_it_warms_up():
    server, loaded = build_server(load_settings()), []
    server.runtime.warm = lambda: loaded.append(HEAVY & sys.modules.keys())
    async with Client(server) as client:
        await client.list_tools()
    return loaded

loaded = anyio.run(loaded_when_it_warms_up)
raise SystemExit(None if loaded == [set()] else str(loaded))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=cio_mcp.environment | KEYS,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.anyio
async def test_a_sandbox_is_served_with_no_key_at_all(cio_mcp: CommandLine) -> None:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "cio_mcp", "serve", "--sandbox"], env=cio_mcp.environment
    )
    async with Client(server) as client:
        found = await client.call_tool("find_customers", {"email": "ada@example.com"})
    assert not found.is_error
    assert isinstance(found.content[0], TextContent)
    assert "ada@example.com" in found.content[0].text


@pytest.mark.slow
def test_a_served_sandbox_checks_its_keys_as_a_server_does(cio_mcp: CommandLine) -> None:
    with run_server(cio_mcp, "serve", "--sandbox") as process:
        assert process.stdin is not None
        assert process.stderr is not None
        for message in (INITIALIZE, {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}):
            process.stdin.write(f"{json.dumps(message)}\n")
            process.stdin.flush()
        lines = [process.stderr.readline() for _ in range(3)]
    assert "Track API keys: accepted" in lines[1]
    assert "App API key: accepted" in lines[2]


@pytest.mark.anyio
@pytest.mark.slow
async def test_a_served_sandbox_reports_what_became_of_what_was_sent(cio_mcp: CommandLine) -> None:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "cio_mcp", "serve", "--sandbox"], env=cio_mcp.environment
    )
    email = {
        "message": "Order shipped",
        "customer": "ada",
        "data": {"order_id": "7", "tracking_url": "https://a.example"},
    }

    async def approves(context: object, params: ElicitRequestParams) -> ElicitResult:
        assert context is not None
        assert "Order shipped" in params.message
        await anyio.lowlevel.checkpoint()
        return ElicitResult(action="accept", content={"decision": "approve"})

    async with Client(server, elicitation_callback=approves) as client:
        sent = (await client.call_tool("send_transactional", email)).structured_content or {}
        waited = await client.call_tool("wait_for_event", {"delivery": sent["delivery_id"], "metric": "delivered"})
    event = (waited.structured_content or {})["event"]
    assert (event["metric"], event["cause"]["change"]) == ("delivered", sent["change"])


@pytest.mark.slow
@pytest.mark.anyio
async def test_read_only_offers_no_tool_that_writes(cio_mcp: CommandLine) -> None:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "cio_mcp", "serve", "--read-only"], env=cio_mcp.environment | KEYS
    )
    async with Client(server) as client:
        tools = (await client.list_tools()).tools
    assert tools
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)


@pytest.mark.anyio
async def test_http_serves_this_machine_until_it_is_interrupted(cio_mcp: CommandLine) -> None:
    with run_server(cio_mcp, "serve", "--sandbox", "--transport", "http", "--port", "0") as process:
        assert process.stderr is not None
        url = next(found[0] for line in process.stderr if (found := re.search(r"http://127\.0\.0\.1:\d+/mcp", line)))
        async with Client(url) as client:
            assert (await client.list_tools()).tools
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
    assert stdout == ""
    assert "Traceback" not in stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com"])  # noqa: S104 - what must be refused
def test_another_address_than_loopback_is_refused(cio_mcp: CommandLine, host: str) -> None:
    refused = cio_mcp.run("serve", "--transport", "http", "--host", host, **KEYS)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == (
        "cio-mcp: --host: expected one of 127.0.0.1, ::1, localhost, because it serves without authentication.\n"
    )


def test_a_port_in_use_is_reported(cio_mcp: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = cio_mcp.run("serve", "--transport", "http", "--port", port, **KEYS)
    assert refused.returncode == 2
    reason = os.strerror(errno.EADDRINUSE)
    assert refused.stderr == f"cio-mcp: --port: {port} cannot be used ({reason}). Choose another port.\n"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "CIO_APP_API_KEY"),
        ({"CIO_SITE_ID": "site"}, "CIO_TRACK_API_KEY"),
        ({"CIO_TRACK_API_KEY": "track-secret"}, "CIO_SITE_ID"),
        (KEYS | {"CIO_REGION": "mars"}, "CIO_REGION"),
        (KEYS | {"CIO_MAX_WAIT": "soon"}, "CIO_MAX_WAIT"),
        (KEYS | {"CIO_TOOLSETS": "core,tea"}, "CIO_TOOLSETS"),
        (KEYS | {"CIO_APP_URL": "app.example"}, "CIO_APP_URL"),
    ],
)
@pytest.mark.sampled(2)
def test_a_wrong_setting_ends_the_start_with_one_line_that_names_it(
    cio_mcp: CommandLine, settings: dict[str, str], named: str
) -> None:
    refused = cio_mcp.run(**settings)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"cio-mcp: {named}: ")
    assert refused.stderr.count("\n") == 1
    assert "secret" not in refused.stderr


def test_a_wrong_setting_ends_the_start_of_a_sandbox_too(cio_mcp: CommandLine) -> None:
    refused = cio_mcp.run("serve", "--sandbox", CIO_REGION="asia")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("cio-mcp: CIO_REGION: ")


@pytest.mark.parametrize("command", [("serve",), ("webhooks", "serve", "--port", "0"), ("changes",)])
def test_a_signing_key_that_the_client_did_not_fill_in_ends_every_command(
    command: tuple[str, ...], cio_mcp: CommandLine
) -> None:
    refused = cio_mcp.run(*command, **KEYS, CIO_WEBHOOK_SIGNING_KEYS="${CIO_WEBHOOK_SIGNING_KEYS}")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("cio-mcp: CIO_WEBHOOK_SIGNING_KEYS: still contains a variable")
    assert refused.stderr.count("\n") == 1


def test_a_typo_in_the_name_of_a_setting_ends_the_start(cio_mcp: CommandLine) -> None:
    refused = cio_mcp.run(**KEYS, CIO_READONLY="true")
    assert refused.returncode == 2
    assert refused.stderr == "cio-mcp: CIO_READONLY: is not a setting. Did you mean CIO_READ_ONLY?\n"


def test_another_unknown_setting_is_a_warning(cio_mcp: CommandLine) -> None:
    served = cio_mcp.run(**KEYS, CIO_COMPANY_MOTTO="secret")
    assert served.returncode == 0
    assert served.stderr.count("CIO_COMPANY_MOTTO is not a setting of cio-mcp. It is ignored.") == 1
    assert "secret" not in served.stderr


@pytest.mark.parametrize("arguments", [(), ("serve", "--sandbox")])
def test_a_data_directory_that_cannot_be_written_ends_the_start(
    arguments: tuple[str, ...], cio_mcp: CommandLine
) -> None:
    file = cio_mcp.data_dir.parent / "file"
    file.touch()
    for folder in (file, file / "below", "/proc/x"):
        refused = cio_mcp.run(*arguments, **KEYS, CIO_DATA_DIR=str(folder))
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr.startswith(f"cio-mcp: CIO_DATA_DIR: {folder} cannot be created (")
        assert refused.stderr.endswith(". Expected a directory that this user can create and write to.\n")


def test_a_terminal_shows_how_to_connect_a_client_and_ctrl_c_ends_it(cio_mcp: CommandLine) -> None:
    with cio_mcp.on_a_terminal(**KEYS) as session:
        session.wait_for("waiting for an MCP client on standard input")
        session.wait_for("claude mcp add customerio -e CIO_APP_API_KEY=... -- cio-mcp\r?\n")
        session.wait_for("To approve changes, run cio-mcp approvals")
        session.wait_for("Press Ctrl-C to stop")
        session.press("\x03")
        session.ends_with(0)
    assert "Traceback" not in session.seen


def test_a_sandbox_on_a_terminal_shows_how_to_connect_a_client_to_a_sandbox(cio_mcp: CommandLine) -> None:
    with cio_mcp.on_a_terminal("serve", "--sandbox") as session:
        session.wait_for("claude mcp add customerio -- cio-mcp serve --sandbox")
        session.wait_for("To approve changes, run the command that the log names")
        session.wait_for("Press Ctrl-C to stop")
        session.press("\x03")
        session.ends_with(0)


def test_without_keys_the_bare_command_names_the_command_that_approves(cio_mcp: CommandLine) -> None:
    refused = cio_mcp.run()
    assert refused.returncode == 2
    assert refused.stderr.endswith("`cio-mcp serve --sandbox` and `cio-mcp approvals` need no key.\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("transport", ["stdio", "http"])
@pytest.mark.sampled(1)
def test_the_first_signal_ends_a_sandbox_and_removes_its_directory(
    number: signal.Signals, transport: str, cio_mcp: CommandLine, tmp_path: Path
) -> None:
    options = ("--port", "0") if transport == "http" else ()
    with run_server(
        cio_mcp, "serve", "--sandbox", "--transport", transport, *options, TMPDIR=str(tmp_path), CIO_DATA_DIR=""
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        if transport == "stdio":
            # The line stays open afterwards, and a read of it is under way.
            process.stdin.write(f"{json.dumps(INITIALIZE)}\n")
            process.stdin.flush()
            assert "serverInfo" in process.stdout.readline()
        else:
            assert any("/mcp" in line for line in iter(process.stderr.readline, ""))
        assert list(tmp_path.glob("cio-mcp-*"))
        process.send_signal(number)
        assert process.wait(TIMEOUT_SECONDS) == 0
        assert "Traceback" not in process.stderr.read()
    assert not list(tmp_path.glob("cio-mcp-*"))


@pytest.mark.slow
def test_a_server_in_the_background_of_a_script_can_be_ended(cio_mcp: CommandLine, tmp_path: Path) -> None:
    command = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", sys.executable, "-m", "cio_mcp", "serve", "--sandbox"]
    environment = cio_mcp.environment | {"TMPDIR": str(tmp_path), "CIO_DATA_DIR": ""}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT_SECONDS) == 0
    assert not list(tmp_path.glob("cio-mcp-*"))


@pytest.mark.slow
def test_a_signal_that_is_ignored_stays_ignored(cio_mcp: CommandLine) -> None:
    command = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", sys.executable, "-m", "cio_mcp"]
    with subprocess.Popen(
        command, env=cio_mcp.environment | KEYS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{json.dumps(INITIALIZE)}\n")
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        process.stdin.write(f"{json.dumps(INITIALIZE | {'id': 2, 'method': 'ping', 'params': {}})}\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == 2
        process.stdin.close()
        assert process.wait(TIMEOUT_SECONDS) == 0


@pytest.mark.anyio
@pytest.mark.slow
async def test_the_changes_of_a_sandbox_are_found_in_the_data_directory(cio_mcp: CommandLine) -> None:
    environment = cio_mcp.environment | {"CIO_MAX_WAIT": "5", "CIO_APP_API_KEY": "real-key", "CIO_WORKSPACE": "real"}
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "cio_mcp", "serve", "--sandbox"], env=environment
    )
    async with Client(server) as client:
        waiting = await client.call_tool("send_event", {"customer": "ada", "name": "order_placed"})
    change = (waiting.structured_content or {})["change"]
    listed = (await anyio.to_thread.run_sync(cio_mcp.run, "approvals", "list")).stdout
    assert f"{change}  Send event “order_placed”" in listed
    assert "in sandbox" in listed


@pytest.mark.slow
def test_wrong_keys_are_reported_once_a_client_has_connected(cio_mcp: CommandLine) -> None:
    sandbox = Sandbox(people=5)
    swapped = {"CIO_SITE_ID": "sandbox-track-key", "CIO_TRACK_API_KEY": "sandbox-site", "CIO_APP_API_KEY": "secret"}
    with serve_in_background(sandbox) as where:
        settings = swapped | {"CIO_TRACK_URL": where.url, "CIO_APP_URL": where.url}
        with run_server(cio_mcp, **settings) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            for message in (
                INITIALIZE,
                {"jsonrpc": "2.0", "method": "notifications/initialized"},
                {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
            ):
                assert not sandbox.requests
                process.stdin.write(f"{json.dumps(message)}\n")
                process.stdin.flush()
                if "id" in message:
                    assert process.stdout.readline()
            lines = [process.stderr.readline(), process.stderr.readline()]
            assert "Track API keys: refused. Customer.io refused the Track keys (401)." in lines[0]
            assert "App API key: refused. Customer.io refused the App API key (401)." in lines[1]
            assert "secret" not in "".join(lines)
            # It serves on.
            process.stdin.write(f"{json.dumps({'jsonrpc': '2.0', 'id': 3, 'method': 'ping'})}\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == 3
    assert len(sandbox.requests) == 2


@pytest.mark.parametrize(("closing", "name"), [("<&-", "input"), (">&-", "output")])
def test_a_closed_standard_stream_ends_the_start_and_is_named(closing: str, name: str, cio_mcp: CommandLine) -> None:
    command = ["sh", "-c", f'exec "$@" {closing}', "sh", sys.executable, "-m", "cio_mcp", "serve", "--sandbox"]
    done = subprocess.run(
        command, env=cio_mcp.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == f"cio-mcp: standard {name}: is closed. An MCP client must start cio-mcp and keep it open.\n"


@pytest.mark.slow
def test_a_client_that_reads_no_answers_does_not_keep_the_server_from_stopping(cio_mcp: CommandLine) -> None:
    with run_server(cio_mcp, **KEYS) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{json.dumps(INITIALIZE)}\n")
        process.stdin.flush()
        process.stdout.readline()
        for number in range(2, 20):
            process.stdin.write(f"{json.dumps({'jsonrpc': '2.0', 'id': number, 'method': 'tools/list'})}\n")
        process.stdin.flush()
        select.select([process.stdout], [], [], TIMEOUT_SECONDS)
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_SECONDS) == 0
