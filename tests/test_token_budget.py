"""What the tools cost in a context window, counted exactly (o200k)."""

import json
from typing import Any

import pytest
from mcp import Client
from mcp_types import Tool

from cio_mcp.server.app import build_server
from cio_mcp.server.definitions import load
from cio_mcp.settings import Settings
from tests.tokens import count_tokens

pytestmark = pytest.mark.anyio

FIRST = {
    "find_customers", "get_customer", "update_customer", "send_event", "list_campaigns", "get_campaign", "get_metrics",
    "list_messages", "get_message", "send_transactional", "list_segments", "get_segment", "get_workspace",
    "list_changes",
}  # fmt: skip
"""What there was first: what comes later must not hide that these grew."""
SEEN_OF_THE_FIRST = 2500
SEEN_TOGETHER = 3500
SEEN_EACH = 300
WHOLE_LIST = 9000
SEEN_OF_ALL_TOOLSETS = 8000
WHOLE_LIST_OF_ALL_TOOLSETS = 20000


def tokens(value: object) -> int:
    return count_tokens(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def count_tokens_of(tool: Tool) -> int:
    return tokens({"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema})


def whole(tools: list[Tool]) -> list[dict[str, Any]]:
    """The list as it is sent."""
    return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]


@pytest.fixture
async def tools(settings: Settings) -> list[Tool]:
    async with Client(build_server(settings.model_copy(update={"toolsets": ("core",)}))) as client:
        return (await client.list_tools()).tools


async def test_the_default_tools_together_stay_within_what_a_model_should_have_to_read(tools: list[Tool]) -> None:
    spent = {tool.name: count_tokens_of(tool) for tool in tools}
    assert sum(spent.values()) <= SEEN_TOGETHER, spent
    assert spent.keys() >= FIRST
    assert sum(spent[name] for name in FIRST) <= SEEN_OF_THE_FIRST, spent
    assert {name: count for name, count in spent.items() if count > SEEN_EACH} == {}


async def test_the_whole_list_of_tools_stays_small(tools: list[Tool]) -> None:
    assert tokens(whole(tools)) <= WHOLE_LIST


async def test_all_toolsets_together_stay_small(settings: Settings) -> None:
    everything = settings.model_copy(update={"toolsets": tuple({each.toolset for each in load()})})
    async with Client(build_server(everything)) as client:
        tools = (await client.list_tools()).tools
    spent = {tool.name: count_tokens_of(tool) for tool in tools}
    assert len(tools) == len(load())
    assert sum(spent.values()) <= SEEN_OF_ALL_TOOLSETS, spent
    assert {name: count for name, count in spent.items() if count > SEEN_EACH} == {}
    assert tokens(whole(tools)) <= WHOLE_LIST_OF_ALL_TOOLSETS
