"""Some clients show a model only the text of an answer, others only its structured content: each is complete and safe.

A resource that is not in the table below fails the first test.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft202012Validator
from mcp import Client
from mcp_types import CallToolResult, TextResourceContents

from cio_mcp.sandbox import Sandbox
from cio_mcp.server.app import build_server
from cio_mcp.server.resources import RESOURCES
from cio_mcp.server.result import CONTENT
from cio_mcp.settings import Settings
from cio_mcp.text.sanitize import FREE_TEXT_CHARACTERS, quoted
from cio_mcp.text.timestamps import moment
from cio_mcp.tools.catalog import TOOLS
from tests.clients import approve, structured, text
from tests.examples import EXAMPLES, Example
from tests.hostile import PLANTED_TEXT, QUOTED, plant

pytestmark = pytest.mark.anyio

URIS = (
    "cio://segments", "cio://segments/5", "cio://newsletters", "cio://newsletters/31", "cio://campaigns",
    "cio://campaigns/1", "cio://events/recent", "cio://events/recent?metric=bounced", "cio://limits", "cio://changes",
)  # fmt: skip
"""One of each resource."""
RESOURCES_WITH_FREE_TEXT = {*URIS} - {"cio://newsletters", "cio://campaigns", "cio://limits", "cio://changes"}

NOT_IN_TEXT = {
    r"\.(section|kind)$": "named in the words of a sentence",
    r"^\.status$": "the message says it in a sentence",
    r"^\.at$": "the time of the change, which list_changes gives in both",
    r"\.series\.starts\[\d+\]$": "regular: the first and the last stand in the text",
    r"\.rates\..*\.of$": "beside the rate in the text, or the rate of a metric that is 0",
    r"\.events?(\[\d+\])?\.id$|\.seen\[\d+\]\.id$": "no tool takes the id of an event",
    r"\.limits\[\d+\]\.source$": "where a limit is documented; the same for every workspace",
    r"\.length$": "the text ends in “…”",
}
"""Leaves of structured content that are not in the text word for word, and why."""


class Leaf(NamedTuple):
    """A value of structured content, where it stands, and whether it is marked as untrusted."""

    path: str
    value: Any
    untrusted: bool = False


def leaves(value: Any, path: str = "", *, untrusted: bool = False) -> Iterator[Leaf]:
    match value:
        case dict():
            for key, each in value.items():
                yield from leaves(each, f"{path}.{key}", untrusted=key == "untrusted")
        case list():
            for number, each in enumerate(value):
                yield from leaves(each, f"{path}[{number}]")
        case _:
            yield Leaf(path, value, untrusted)


def keys(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for key, each in value.items():
                yield key
                yield from keys(each)
        case list():
            for each in value:
                yield from keys(each)


def spellings(leaf: Leaf) -> Iterator[str]:
    """How a value may stand in the text."""
    match leaf.value:
        case bool():
            yield ""  # in words
        case int() | float() as number:
            yield from (
                str(number),
                f"{number:,}",
                f"{number:g}",
                f"{number:.1%}",
                json.dumps(number),
            )
        case str() as words:
            yield from (words, words.replace("_", " "), quoted(words, FREE_TEXT_CHARACTERS))
            if re.fullmatch(r"\d{4}-\d\d-\d\dT.*", words):
                yield moment(datetime.fromisoformat(words))
                yield words.removesuffix(f"T00:00:00{words[19:]}")


def is_in_text(leaf: Leaf, answer_text: str) -> bool:
    if leaf.untrusted and "\n" in str(leaf.value):
        return all(f"> {line}" in answer_text for line in leaf.value.split("\n"))
    whole = r"(?<![\d.]){}(?![\d])" if isinstance(leaf.value, int | float) else "{}"
    return any(re.search(whole.format(re.escape(spelling)), answer_text) for spelling in spellings(leaf))


def missing_from_text(content: Any, answer_text: str) -> list[Leaf]:
    """The leaves of structured content that the text lacks."""
    every = [leaf for leaf in leaves(content) if not any(re.search(each, leaf.path) for each in NOT_IN_TEXT)]
    return [leaf for leaf in every if not is_in_text(leaf, answer_text)]


def missing_from_structure(content: Any, answer_text: str) -> list[str]:
    """The quotations and numbers of a text that structured content lacks; a list's length is in both."""
    words = [*keys(content), *(str(leaf.value) for leaf in leaves(content))]
    known = "\n".join([*words, *(quoted(each, FREE_TEXT_CHARACTERS) for each in words)])
    prose = "\n".join(line for line in answer_text.split("\n") if not line.startswith("> "))
    foreign = [each for each in QUOTED.findall(prose) if each not in known]
    values = {spelling for leaf in leaves(content) for spelling in spellings(leaf)} | {
        str(length) for length in lengths(content)
    }
    bare = re.findall(r"(?<![\w.:-])\d+(?:,\d{3})*(?:\.\d+)?%?(?![\w:-])", QUOTED.sub("", prose))
    numbers = [each for each in bare if each not in values and not re.search(rf"(?<!\d){re.escape(each)}(?!\d)", known)]
    return foreign + numbers


def lengths(content: Any) -> Iterator[int]:
    match content:
        case dict():
            for each in content.values():
                yield from lengths(each)
        case list():
            yield len(content)
            for each in content:
                yield from lengths(each)


def find_unmarked(content: Any) -> list[str]:
    """The texts, and keys, in which the planted sentence stands neither marked nor in quotes."""
    texts = [*keys(content), *(str(leaf.value) for leaf in leaves(content) if not leaf.untrusted)]
    return [each for each in texts if "SYSTEM" in QUOTED.sub("", each)]


@asynccontextmanager
async def planted_client(settings: Settings, sandbox: Sandbox) -> AsyncIterator[Client]:
    """A client of a workspace with the planted sentence in every free text."""
    reports = list(plant(sandbox))
    server = build_server(settings, sandbox=sandbox)
    async with Client(server, elicitation_callback=approve) as client:
        await (await server.runtime.events()).append(reports)
        yield client


async def answers(client: Client, example: Example) -> AsyncIterator[CallToolResult]:
    """What a tool answers to each of its calls."""
    for tool, arguments in example.before:
        await client.call_tool(tool, arguments)
    for given in example.full:
        arguments = await example.complete(client, given, "mallory")
        result = await client.call_tool(example.name, arguments)
        assert not result.is_error, (arguments, result.content)
        yield result


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(seed=7, people=40) as running:
        yield running


def test_every_resource_is_in_the_table() -> None:
    assert len(RESOURCES) == len(URIS)


@pytest.mark.sampled(8)
@pytest.mark.parametrize("tool", EXAMPLES)
async def test_text_and_structured_content_say_the_same_and_mark_free_text(
    tool: str, settings: Settings, sandbox: Sandbox
) -> None:
    example = EXAMPLES[tool]
    async with planted_client(settings, sandbox) as client:
        schemas = {each.name: each.output_schema for each in (await client.list_tools()).tools}
        results = [result async for result in answers(client, example)]
    whole = next(spec.answers_with() for spec in TOOLS if spec.name == tool).model_json_schema(mode="serialization")
    contents = set()
    for result in results:
        content, answer_text = structured(result), text(result)
        Draft202012Validator(schemas[tool] or False).validate(content)
        Draft202012Validator(whole).validate(content)
        assert not [line for line in answer_text.split("\n") if not line.startswith("> ") and find_unmarked(line)]
        assert not find_unmarked(content)
        assert missing_from_text(content, answer_text) == [], answer_text
        assert missing_from_structure(content, answer_text) == [], answer_text
        assert result.meta
        marks = result.meta[CONTENT]
        assert marks["untrusted"] == any(leaf.untrusted for leaf in leaves(content))
        contents |= {name for name, holds in marks.items() if holds}
    assert ("untrusted" in contents) == example.free_text
    assert ("personal" in contents) == example.personal


async def test_a_file_that_was_saved_is_described_the_same_in_both(
    settings: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    saving = settings.model_copy(update={"files_dirs": (tmp_path,)})
    example = EXAMPLES["get_export"]
    async with planted_client(saving, sandbox) as client:
        results = [result async for result in answers(client, example)]
    for result in results:
        content, answer_text = structured(result), text(result)
        assert missing_from_text(content, answer_text) == [], answer_text
        assert missing_from_structure(content, answer_text) == [], answer_text
        assert not find_unmarked(content)
    assert structured(results[-1])["file"] == "customers-1.csv"
    assert PLANTED_TEXT in (tmp_path / "customers-1.csv").read_text(encoding="utf-8")


async def test_resources_mark_free_text(settings: Settings, sandbox: Sandbox) -> None:
    async with planted_client(settings, sandbox) as client:
        await client.call_tool("update_customer", EXAMPLES["update_customer"].full[0])
        read = {uri: (await client.read_resource(uri)).contents for uri in URIS}
    for uri, (content,) in read.items():
        assert isinstance(content, TextResourceContents)
        assert find_unmarked(json.loads(content.text)) == [], uri
        assert ("untrusted" in content.text) == (uri in RESOURCES_WITH_FREE_TEXT)
