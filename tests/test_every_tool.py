"""Every tool of the catalog: what it answers, how it fails, and what its hints say; what asks, in both eras.

A tool without an example in tests/examples fails the first test, and so does an example without a tool.
"""

import pytest
from jsonschema import Draft202012Validator
from mcp import Client

from cio_mcp.sandbox import Sandbox
from cio_mcp.server.app import build_server
from cio_mcp.settings import Settings
from cio_mcp.tools.catalog import TOOLS
from tests.clients import approve, text
from tests.eras import ERAS, Era
from tests.examples import EXAMPLES, WRITES

pytestmark = pytest.mark.anyio


ASKS = {spec.name for spec in TOOLS if spec.is_write}
READS = {"find", "get", "list", "recent", "wait", "compare", "explain", "search", "read"}
"""How the names of tools begin that only read."""
ROUNDS = [(era, tool) for tool in EXAMPLES for era in ERAS if era == "auto" or tool in ASKS]
"""Eras differ in how a question is put; a read is answered by the same code."""
WHOLE_SCHEMAS = {spec.name: spec.answers_with().model_json_schema(mode="serialization") for spec in TOOLS}
"""What an answer is in full, of which clients see an outline."""


def test_every_tool_has_one_example_under_its_name() -> None:
    assert EXAMPLES.keys() == {spec.name for spec in TOOLS}
    assert all(EXAMPLES[spec.name].tool is spec.function for spec in TOOLS)


async def test_every_output_schema_accepts_what_a_failed_call_returns(settings: Settings) -> None:
    async with Client(build_server(settings)) as client:
        for tool in (await client.list_tools()).tools:
            assert tool.output_schema
            Draft202012Validator(tool.output_schema).validate({"error": "cursor: expected the cursor."})


def test_every_write_that_needs_no_earlier_change_can_be_disturbed() -> None:
    assert WRITES.keys() == {tool for tool in ASKS if not (EXAMPLES[tool].sources or EXAMPLES[tool].starts_job)}


@pytest.mark.sampled(14)
@pytest.mark.parametrize(("era", "tool"), ROUNDS)
async def test_it_answers_in_text_and_in_what_its_output_schema_promises(
    tool: str, era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    async with Client(build_server(settings, sandbox=sandbox), mode=era, elicitation_callback=approve) as client:
        schemas = {each.name: each.output_schema for each in (await client.list_tools()).tools}
        arguments = await EXAMPLES[tool].complete(client, EXAMPLES[tool].arguments)
        result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert len(result.content) == 1
    assert text(result).strip()
    schema = schemas[tool]
    assert schema
    Draft202012Validator(schema).validate(result.structured_content)
    Draft202012Validator(WHOLE_SCHEMAS[tool]).validate(result.structured_content)


@pytest.mark.sampled(14)
@pytest.mark.parametrize(("era", "tool"), ROUNDS)
async def test_it_fails_in_one_sentence_that_names_the_field(
    tool: str, era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    example = EXAMPLES[tool]
    async with Client(build_server(settings, sandbox=sandbox), mode=era, elicitation_callback=approve) as client:
        result = await client.call_tool(tool, example.failure)
    assert result.is_error
    assert len(result.content) == 1
    assert example.failed_argument in text(result)
    assert "\n" not in text(result)
    assert "pydantic" not in text(result)
    assert not any(request["method"] in {"PUT", "DELETE"} for request in sandbox.requests)


async def test_the_hints_of_every_tool_say_what_it_does(settings: Settings) -> None:
    async with Client(build_server(settings)) as client:
        listed = {tool.name: tool.annotations for tool in (await client.list_tools()).tools}
    assert listed.keys() == EXAMPLES.keys()
    for name, hints in listed.items():
        assert hints
        assert None not in (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint)
        assert hints.read_only_hint == (name.split("_")[0] in READS)
        assert hints.destructive_hint == EXAMPLES[name].destructive
