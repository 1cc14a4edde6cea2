"""Calls with very many values are refused before anything is done with them."""

import json
from typing import Any

import pytest
from mcp import Client

from cio_mcp.sandbox import Sandbox
from cio_mcp.server.app import build_server
from cio_mcp.server.sizes import MAX_VALUES
from cio_mcp.settings import Settings
from cio_mcp.text.values import count_values
from tests.calls import counted
from tests.clients import text

pytestmark = pytest.mark.anyio

VIP = {"attribute": {"field": "plan", "operator": "eq", "value": "vip"}}
MANY = {f"k{number}": 1 for number in range(MAX_VALUES)}
IN_ALL = "contains too many values; a call can have at most 10,000 in total."
TOO_LARGE: dict[str, tuple[str, dict[str, Any], str]] = {
    "data": ("send_transactional", {"message": "2", "customer": "ada", "data": MANY}, f"data: {IN_ALL}"),
    "event": ("send_event", {"customer": "ada", "name": "x", "data": {"a": [[1]] * 6_000}}, f"data: {IN_ALL}"),
    "attributes": ("update_customer", {"customer": "ada", "attributes": MANY}, f"attributes: {IN_ALL}"),
    "customers": ("update_customer", {"customers": ["a"] * 10_000, "attributes": {"a": 1}}, f"customers: {IN_ALL}"),
    "many customers": (
        "update_customer",
        {"customers": [f"c{n}" for n in range(50)], "attributes": {f"a{n}": 1 for n in range(101)}},
        "attributes: are 101 values for 50 customers; at most 5,000 values can be set per call. Pass fewer customers",
    ),
    "filter": ("find_customers", {"filter": {"and": [VIP] * 6_000}}, f"filter: {IN_ALL}"),
    "filter as text": ("find_customers", {"filter": json.dumps({"and": [VIP] * 6_000})}, f"filter: {IN_ALL}"),
    "long text": (
        "find_customers",
        {"filter": "[" * 2_000_000},
        "filter: is JSON text of 2,000,000 characters; at most 1,000,000 are accepted.",
    ),
    "conditions": (
        "find_customers",
        {"filter": {"and": [{"or": [VIP] * 90}] * 6}},
        "filter: has 546 conditions; at most 500 are allowed.",
    ),
    "unknown": (
        "get_customer",
        MANY | {"customer": "ada"},
        "arguments: have 10,001 values in total; a call can have at most 10,000",
    ),
}


@pytest.mark.parametrize(("tool", "arguments", "expected"), TOO_LARGE.values(), ids=TOO_LARGE)
async def test_a_call_that_is_too_large_is_refused_with_its_limit_and_without_a_request(
    settings: Settings, sandbox: Sandbox, tool: str, arguments: dict[str, Any], expected: str
) -> None:
    async with Client(build_server(settings, sandbox=sandbox)) as client:
        refused = await client.call_tool(tool, arguments)
    assert refused.is_error
    assert text(refused).startswith(expected)
    assert not sandbox.requests


async def test_counting_ends_at_the_limit() -> None:
    assert count_values({"a": [1, 2, {"b": 3}], "c": "text"}) == 6
    with counted() as calls:
        assert count_values([[[1]] * 100] * 100_000, 10_000) == 100_000
    assert calls.total() < 10


async def test_unknown_segments_are_named_as_far_as_there_is_room(settings: Settings, sandbox: Sandbox) -> None:
    named = [{"or": [{"segment": f"no such {row} {number}"} for number in range(90)]} for row in range(5)]
    async with Client(build_server(settings, sandbox=sandbox)) as client:
        refused = await client.call_tool("find_customers", {"filter": {"and": named}})
    assert text(refused).count("no segment has") <= 8
    assert ".." not in text(refused)
