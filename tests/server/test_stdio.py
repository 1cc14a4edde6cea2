"""Lines over stdio that can't be read as a message."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError

from cio_mcp.server.stdio import read_line

DEEP = '{"jsonrpc":"2.0","id":"deep","method":"tools/call","params":' + '{"a":' * 300 + "1" + "}" * 301


@pytest.mark.parametrize(
    ("line", "id_", "code", "words"),
    [
        ('{"jsonrpc":"2.0","id":8,"method":"tools/call","params":', None, -32700, "valid JSON"),
        ('{"jsonrpc":"2.0","id":7,"method":"x","params":{"s":"\\ud83d"}}', 7, -32600, "surrogate"),
        (DEEP, "deep", -32600, "nested too deeply"),
        ("[" * 100_000, None, -32600, "nested too deeply"),
        ('[{"jsonrpc":"2.0","id":1,"method":"ping"}]', None, -32600, "batches"),
        ('{"id":true,"x":1}', None, -32600, "surrogate"),
        ("3", None, -32600, "JSON-RPC"),
        ('{"jsonrpc":"2.0","id":' + "9" * 5000 + ',"method":"ping"}', None, -32600, "Invalid request"),
    ],
)
def test_an_unreadable_line_is_answered_with_its_id_where_it_has_one(
    line: str, id_: str | int | None, code: int, words: str
) -> None:
    answer = read_line(line)
    assert isinstance(answer, JSONRPCError)
    assert (answer.id, answer.error.code) == (id_, code)
    assert words in answer.error.message


def test_a_byte_order_mark_before_a_message_is_ignored() -> None:
    message = read_line('\ufeff{"jsonrpc":"2.0","id":7,"method":"ping"}')
    assert isinstance(message, SessionMessage)


@pytest.mark.parametrize("line", ["", "  \r\n", '{"jsonrpc":"2.0","id":7,"result":{"s":"\\ud83d"}}'])
def test_an_empty_line_and_an_unreadable_response_are_not_answered(line: str) -> None:
    assert read_line(line) is None


@given(st.text(max_size=200) | st.recursive(st.none() | st.text(), st.lists, max_leaves=5).map(json.dumps))
def test_no_line_raises(line: str) -> None:
    read_line(line)
