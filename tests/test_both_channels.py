"""Some clients show a model only the text of an answer, others only its structured content: each is complete and safe.

A tool or resource that is not in the tables below fails the first test.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
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
from tests.hostile import PLANTED_TEXT, QUOTED, plant

pytestmark = pytest.mark.anyio

EVERYTHING = ["segments", "messages", "activities", "subscriptions", "relationships"]
KINDS = (("campaign", "1"), ("broadcast", "10"), ("newsletter", "31"), ("transactional", "1"))
CALLS: dict[str, list[dict[str, Any]]] = {
    "find_customers": [{"email": "mallory@example.com"}, {"email": "two@example.com"}, {"segment": "5", "limit": 2}],
    "get_customer": [{"customer": "mallory", "include": EVERYTHING}, {"customer": "two@example.com"}],
    "update_customer": [
        {"customer": "mallory", "attributes": {"note": f"new {PLANTED_TEXT}"}},
        {"customers": ["mallory", "bob"], "attributes": {"note": f"newer {PLANTED_TEXT}", "plan": "gold"}},
    ],
    "undo_change": [{"change": "(a change)"}],
    "send_event": [{"customer": "mallory", "name": "signed_up", "data": {"note": PLANTED_TEXT}}],
    "list_campaigns": [{"kind": kind} for kind, _ in KINDS] + [{"limit": 1}],
    "get_campaign": [{"kind": kind, "id": id_} for kind, id_ in KINDS],
    "get_metrics": [{"kind": kind, "id": id_, "links": True} for kind, id_ in KINDS],
    "list_messages": [{"customer": "mallory"}, {"limit": 2}, {"customer": "mallory", "channel": "email", "limit": 1}],
    "get_message": [{"id": "(a delivery)", "content": True}],
    "send_transactional": [{"message": "1", "customer": "mallory", "data": {"note": PLANTED_TEXT}}],
    "list_segments": [{}, {"limit": 1}],
    "get_segment": [{"segment": "5", "members": True, "limit": 2}],
    "recent_events": [{}, {"limit": 1}, {"since": "2026-01-01T00:00:00Z"}, {"since": "2100-01-01T00:00:00Z"}],
    "wait_for_event": [
        {"customer": "mallory", "since": "2026-01-01T00:00:00Z", "timeout": 0},
        {"customer": "mallory", "metric": "clicked", "since": "2026-01-01T00:00:00Z", "timeout": 0},
    ],
    "get_workspace": [
        {"section": section} for section in ("overview", "senders", "subscription_topics", "object_types", "limits")
    ],
    "list_changes": [{}, {"limit": 1}],
}
"""Arguments that between them bring every field of an answer."""
TOOLS_WITH_FREE_TEXT = {
    "find_customers", "get_customer", "get_campaign", "get_metrics", "list_messages", "get_message", "list_segments",
    "get_segment", "recent_events", "wait_for_event", "get_workspace", "update_customer", "undo_change",
}  # fmt: skip
"""The tools that answer with free text of others; the rest name it in quotes at most."""
TOOLS_WITHOUT_PEOPLE = {"list_campaigns", "get_campaign", "get_metrics", "list_segments", "get_workspace"}
"""The tools that answer with nothing about a person."""
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


async def answers(client: Client, tool: str) -> AsyncIterator[CallToolResult]:
    """What a tool answers to each of its calls."""
    if tool in {"undo_change", "list_changes"}:
        changes = [await client.call_tool("update_customer", CALLS["update_customer"][0])]
        if tool == "list_changes":
            await client.call_tool("send_event", CALLS["send_event"][0])
    for call in CALLS[tool]:
        arguments = call
        if tool == "get_message":
            listed = structured(await client.call_tool("list_messages", {"customer": "mallory", "limit": 1}))
            arguments = call | {"id": listed["messages"][0]["id"]}
        if tool == "undo_change":
            arguments = {"change": structured(changes[0])["change"]}
        result = await client.call_tool(tool, arguments)
        assert not result.is_error, (arguments, result.content)
        yield result


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(seed=7, people=40) as running:
        yield running


def test_every_tool_and_resource_is_in_these_tables() -> None:
    assert {spec.name for spec in TOOLS} == CALLS.keys()
    assert len(RESOURCES) == len(URIS)


@pytest.mark.parametrize("tool", CALLS)
async def test_text_and_structured_content_say_the_same_and_mark_free_text(
    tool: str, settings: Settings, sandbox: Sandbox
) -> None:
    async with planted_client(settings, sandbox) as client:
        schemas = {each.name: each.output_schema for each in (await client.list_tools()).tools}
        results = [result async for result in answers(client, tool)]
    contents = set()
    for result in results:
        content, answer_text = structured(result), text(result)
        Draft202012Validator(schemas[tool] or False).validate(content)
        assert not [line for line in answer_text.split("\n") if not line.startswith("> ") and find_unmarked(line)]
        assert not find_unmarked(content)
        assert missing_from_text(content, answer_text) == [], answer_text
        assert missing_from_structure(content, answer_text) == [], answer_text
        assert result.meta
        marks = result.meta[CONTENT]
        assert marks["untrusted"] == any(leaf.untrusted for leaf in leaves(content))
        contents |= {name for name, holds in marks.items() if holds}
    assert ("untrusted" in contents) == (tool in TOOLS_WITH_FREE_TEXT)
    assert ("personal" in contents) == (tool not in TOOLS_WITHOUT_PEOPLE)


async def test_resources_mark_free_text(settings: Settings, sandbox: Sandbox) -> None:
    async with planted_client(settings, sandbox) as client:
        await client.call_tool("update_customer", CALLS["update_customer"][0])
        read = {uri: (await client.read_resource(uri)).contents for uri in URIS}
    for uri, (content,) in read.items():
        assert isinstance(content, TextResourceContents)
        assert find_unmarked(json.loads(content.text)) == [], uri
        assert ("untrusted" in content.text) == (uri in RESOURCES_WITH_FREE_TEXT)
