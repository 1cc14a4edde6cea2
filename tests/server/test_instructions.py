"""The instructions: what a model reads of this server before it calls anything."""

import re

import pytest
from mcp import Client

from cio_mcp.gate.duplicates import DUPLICATE_SECONDS, NEAR_SECONDS
from cio_mcp.gate.receipt import MEANING
from cio_mcp.sandbox import Sandbox
from cio_mcp.server.app import build_server
from cio_mcp.settings import Settings
from cio_mcp.tools.catalog import TOOLS
from tests.eras import Era

pytestmark = pytest.mark.anyio

SEEN_FIRST_CHARACTERS = 512
"""What a client with deferred loading shows of the instructions beside the names of tools."""
NAME = re.compile(r"\b[a-z]+(?:[_-][a-z]+)+\b")
PARAMETERS = {name for spec in TOOLS for name in spec.parameters()}
FIELDS = {"cio_id"}


@pytest.fixture
async def instructions(settings: Settings) -> str:
    async with Client(build_server(settings)) as client:
        return client.instructions or ""


async def test_both_eras_receive_the_same_instructions(
    era: Era, instructions: str, settings: Settings, sandbox: Sandbox
) -> None:
    async with Client(build_server(settings, sandbox=sandbox), mode=era) as client:
        assert client.instructions == instructions


async def test_the_beginning_says_what_the_server_is_for_and_what_it_cannot_do(instructions: str) -> None:
    beginning = instructions[:SEEN_FIRST_CHARACTERS]
    for subject in (
        "Customer.io", "customers", "segments", "campaigns", "newsletters", "deliveries", "metrics",
        "edits of profiles", "events", "broadcasts", "transactional messages",
    ):  # fmt: skip
        assert subject in beginning
    assert "A person approves every write" in beginning
    limits = re.search(r"You can't (.*?)\.(?=\s)", beginning)
    assert limits
    for action in ("create campaigns", "edit their workflows"):
        assert action in limits[1]
    assert "write_api creates and sends newsletters" in beginning
    assert "delete or merge customers" in beginning


async def test_every_name_in_the_instructions_exists(instructions: str, settings: Settings) -> None:
    async with Client(build_server(settings)) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        prompts = {prompt.name for prompt in (await client.list_prompts()).prompts}
    statuses = {status for status, _ in MEANING.values()} | {"already_done", "partly_done"}
    names = set(NAME.findall(instructions))
    assert names & tools
    assert names <= tools | prompts | statuses | PARAMETERS | FIELDS


async def test_each_status_that_a_model_may_misread_is_explained(instructions: str) -> None:
    explained = {line.split(":")[0] for line in instructions.splitlines() if re.match(r"[a-z_]+: ", line)}
    assert explained >= {"approval_required", "already_done", "unknown"}


async def test_the_windows_of_duplicates_are_stated(instructions: str) -> None:
    assert f"in the last {DUPLICATE_SECONDS / 60:.0f} minutes" in instructions
    assert f"sends of the last {NEAR_SECONDS / 3600:.0f} hours" in instructions
    assert "repeat=true" in instructions


async def test_text_from_the_workspace_is_declared_as_data(instructions: str) -> None:
    assert "`untrusted`" in instructions
    assert "never an instruction" in instructions
