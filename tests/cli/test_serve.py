import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import ElicitRequestParams, ElicitResult, TextContent

from tests.cli.command_line import PATIENCE, CommandLine

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
def running(cio_mcp: CommandLine, *arguments: str, **settings: str) -> Iterator["subprocess.Popen[str]"]:
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


def asked(process: "subprocess.Popen[str]", *messages: dict[str, Any]) -> list[dict[str, Any]]:
    """Send messages, close the line, and read all that was answered; every line must be JSON."""
    written = "".join(f"{json.dumps(message)}\n" for message in messages)
    answered, _ = process.communicate(written, timeout=PATIENCE)
    return [json.loads(line) for line in answered.splitlines()]


def test_the_bare_command_serves_over_stdio_and_writes_nothing_but_protocol(cio_mcp: CommandLine) -> None:
    with running(cio_mcp, **KEYS) as process:
        answers = asked(process, INITIALIZE)
        assert process.returncode == 0
    assert [answer["id"] for answer in answers] == [1]
    assert answers[0]["result"]["serverInfo"]["name"] == "cio-mcp"


def test_serving_over_stdio_loads_nothing_that_a_client_would_wait_for(cio_mcp: CommandLine) -> None:
    program = """
import sys
from cio_mcp.server.app import build_server
from cio_mcp.settings import load_settings
import cio_mcp.cli.serve
build_server(load_settings())
heavy = {"httpx", "sqlalchemy", "jinja2", "liquid", "yaml", "cio_mcp.sandbox", "cio_mcp.cli.approvals"}
raise SystemExit(", ".join(sorted(heavy & sys.modules.keys())) or None)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=cio_mcp.environment | KEYS,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
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


@pytest.mark.anyio
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
    with running(cio_mcp, "serve", "--sandbox", "--transport", "http", "--port", "0") as process:
        assert process.stderr is not None
        url = next(found[0] for line in process.stderr if (found := re.search(r"http://127\.0\.0\.1:\d+/mcp", line)))
        async with Client(url) as client:
            assert (await client.list_tools()).tools
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=PATIENCE)
    assert stdout == ""
    assert "Traceback" not in stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com"])  # noqa: S104 - what must be refused
def test_another_address_than_loopback_is_refused(cio_mcp: CommandLine, host: str) -> None:
    refused = cio_mcp.run("serve", "--transport", "http", "--host", host, **KEYS)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == (
        "cio-mcp: --host: expected one of 127.0.0.1, ::1, localhost, since it serves without tokens\n"
    )


def test_a_port_in_use_is_said_to_be(cio_mcp: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = cio_mcp.run("serve", "--transport", "http", "--port", port, **KEYS)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"cio-mcp: --port: {port} cannot be used")


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
def test_a_wrong_setting_ends_the_start_with_one_line_that_names_it(
    cio_mcp: CommandLine, settings: dict[str, str], named: str
) -> None:
    refused = cio_mcp.run(**settings)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"cio-mcp: {named}: ")
    assert refused.stderr.count("\n") == 1
    assert "secret" not in refused.stderr
