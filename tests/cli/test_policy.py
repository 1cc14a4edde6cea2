"""`cio-mcp policy`, and what a policy file does to a server that starts."""

import json
from pathlib import Path

import pytest
from mcp import Client
from mcp_types import TextContent

from cio_mcp.sandbox import Sandbox
from cio_mcp.server.app import build_server
from cio_mcp.settings import Settings
from tests.cli.command_line import CommandLine

FILE = """\
sends_an_hour = 20

[class.data]
rule = "allow"

[tool.send_event]
rule = "hide"

[tool.get_message]
rule = "hide"

[tool.send_transactional]
approval = "outside"

[recipients]
domains = ["test.example.com"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "policy.toml"
    file.write_text(FILE)
    return file


def rows(output: str) -> list[list[str]]:
    """The cells of the table: two spaces or more stand between them."""
    return [[cell for cell in line.split("  ") if cell] for line in output.split("\n\n", 1)[0].splitlines()[1:]]


def rules_in(output: str) -> dict[tuple[str, str], list[str]]:
    return {(tool.strip(), risk.strip()): [cell.strip() for cell in rest] for tool, risk, *rest in rows(output)}


def test_without_a_file_every_write_is_confirmed_by_default(cio_mcp: CommandLine) -> None:
    shown = cio_mcp.run("policy", CIO_TOOLSETS="all")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert rules_in(shown.stdout)["update_customer", "data"] == ["confirm", "default", "ask", "default"]
    assert {cells[0] for cells in rules_in(shown.stdout).values()} == {"confirm"}
    assert "every write needs approval" in shown.stdout


def test_rules_in_force_are_shown_tool_by_tool_with_the_reason(cio_mcp: CommandLine, file: Path) -> None:
    shown = cio_mcp.run("policy", CIO_POLICY_FILE=str(file))
    table = rules_in(shown.stdout)
    assert table["update_customer", "data"] == ["allow", "class.data.rule", "ask", "default"]
    assert table["update_customer", "send"] == ["confirm", "default", "ask", "default"]
    assert table["send_event", "send"] == ["hide", "tool.send_event.rule"]
    assert table["get_message", "(reads)"] == ["hide", "tool.get_message.rule"]
    assert table["send_transactional", "send"] == ["confirm", "default", "outside", "tool.send_transactional.approval"]
    assert "sends_an_hour   20 (policy file)" in shown.stdout
    assert "recipients      @test.example.com (policy file)" in shown.stdout


def test_the_environment_and_read_only_win_where_they_are_stricter(cio_mcp: CommandLine, file: Path) -> None:
    outside = rules_in(cio_mcp.run("policy", CIO_POLICY_FILE=str(file), CIO_APPROVAL="outside").stdout)
    assert outside["update_customer", "data"][2:] == ["outside", "environment"]
    masked = rules_in(cio_mcp.run("policy", CIO_POLICY_FILE=str(file), CIO_MASK_PII="1", CIO_APPROVAL="ask").stdout)
    assert masked["update_customer", "data"][2:] == ["outside", "MASK_PII"]
    over_http = rules_in(cio_mcp.run("policy", "--transport", "http").stdout)
    assert over_http["send_event", "send"] == ["confirm", "default", "outside", "default"]
    read_only = rules_in(cio_mcp.run("policy", CIO_POLICY_FILE=str(file), CIO_READ_ONLY="1").stdout)
    assert read_only["update_customer", "data"] == ["hide", "read-only"]


def test_programs_get_the_same_as_json(cio_mcp: CommandLine, file: Path) -> None:
    policy = json.loads(cio_mcp.run("policy", "--json", CIO_POLICY_FILE=str(file)).stdout)
    assert {
        "tool": "send_event",
        "class": "send",
        "rule": "hide",
        "why": "tool.send_event.rule",
        "approval": None,
        "approval_why": None,
    } in (policy["tools"])
    assert policy["sends_an_hour"] == {"value": 20, "why": "policy file"}
    assert policy["large_audience"] == {"value": 1000, "why": "default"}
    assert policy["recipients"]["value"]["domains"] == ["test.example.com"]


@pytest.mark.parametrize("command", [("policy",), ("serve",), ("serve", "--sandbox")])
@pytest.mark.sampled(1)
def test_a_wrong_file_ends_the_start_with_one_line(cio_mcp: CommandLine, file: Path, command: tuple[str, ...]) -> None:
    file.write_text('[class.send]\nrule = "perhaps"\n')
    ended = cio_mcp.run(*command, CIO_POLICY_FILE=str(file), CIO_APP_API_KEY="a", CIO_REGION="us")
    assert (ended.returncode, ended.stdout) == (2, "")
    message = ended.stderr.strip().splitlines()[-1]
    assert message.startswith(f"cio-mcp: CIO_POLICY_FILE: {file}: class.send.rule: expected 'allow'")


@pytest.mark.anyio
async def test_hidden_tools_are_neither_listed_nor_run(settings: Settings, sandbox: Sandbox, file: Path) -> None:
    settings = settings.model_copy(update={"policy_file": file})
    async with Client(build_server(settings, sandbox=sandbox)) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        refused = await client.call_tool("send_event", {"customer": "ada", "name": "signed_up"})
    assert {"update_customer", "get_customer"} <= names
    assert not {"send_event", "get_message"} & names
    assert refused.is_error
    assert isinstance(refused.content[0], TextContent)
    assert "Unknown tool" in refused.content[0].text
    assert all(request["method"] == "GET" for request in sandbox.requests)


@pytest.mark.anyio
async def test_a_class_that_is_allowed_is_made_without_a_question(
    settings: Settings, sandbox: Sandbox, file: Path
) -> None:
    sandbox.workspace.stop_campaign(4)  # while it runs, any edit may start it
    settings = settings.model_copy(update={"policy_file": file})
    async with Client(build_server(settings, sandbox=sandbox)) as client:
        made = await client.call_tool("update_customer", {"customer": "ada", "attributes": {"shoe_size": 38}})
        changes = await client.call_tool("list_changes", {})
    assert made.structured_content is not None
    assert made.structured_content["status"] == "done"
    assert changes.structured_content is not None
    assert changes.structured_content["changes"][0]["decided_by"] == "policy"


def test_rules_of_syncs_are_shown(cio_mcp: CommandLine, file: Path) -> None:
    rule = '[sync.crm]\nrule = "allow"\nmax_changed = 500\nmax_share = 0.1\nstarts = true\n[sync.b]\nrule = "hide"\n'
    file.write_text(FILE + rule)
    shown = cio_mcp.run("policy", CIO_POLICY_FILE=str(file)).stdout
    assert "sync b: hide\nsync crm: allow up to 500 changed rows and 10% of all, starts\n" in shown
    as_json = json.loads(cio_mcp.run("policy", "--json", CIO_POLICY_FILE=str(file)).stdout)
    assert as_json["syncs"]["crm"]["max_share"] == 0.1
