"""Lines over stdio, and those that can't be read as a message."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCNotification, JSONRPCRequest

from cio_mcp.server.stdio import MAX_LINE_BYTES, LineBuffer, read_line

DEEP = '{"jsonrpc":"2.0","id":"deep","method":"tools/call","params":' + '{"a":' * 300 + "1" + "}" * 301


@pytest.mark.parametrize(
    ("line", "id_", "code", "words"),
    [
        ('{"jsonrpc":"2.0","id":8,"method":"tools/call","params":', None, -32700, "valid JSON"),
        ('{"jsonrpc":"2.0","id":7,"method":"x","params":{"s":"\\ud83d"}}', 7, -32600, "surrogate"),
        (DEEP, "deep", -32600, "nested too deeply"),
        ("[" * 100_000, None, -32600, "nested too deeply"),
        ('[{"jsonrpc":"2.0","id":1,"method":"ping"}]', None, -32600, "batches"),
        ('{"jsonrpc":"2.0","id":"\\ud83d","method":"ping"}', None, -32600, "surrogate"),
        ('{"id":true,"x":1}', None, -32600, "a string or an integer"),
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


@pytest.mark.parametrize("id_", ["null", "true", "false", "1.5", "1e400", "{}", "[1]", "9" * 5000])
@pytest.mark.parametrize("params", ["", ',"params":{}', ',"params":[]'])
def test_a_request_with_an_id_of_a_wrong_type_is_answered(id_: str, params: str) -> None:
    answer = read_line(f'{{"jsonrpc":"2.0","id":{id_},"method":"ping"{params}}}')
    assert isinstance(answer, JSONRPCError)
    assert (answer.id, answer.error.code) == (None, -32600)
    assert "the id must be a string or an integer" in answer.error.message


@pytest.mark.parametrize(
    "line", ['{"jsonrpc":"2.0","method":"x"}', '{"jsonrpc":"2.0","method":"x","params":{"id":null}}']
)
def test_a_notification_has_no_id(line: str) -> None:
    message = read_line(line)
    assert isinstance(message, SessionMessage)
    assert isinstance(message.message, JSONRPCNotification)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_line_ends_with_a_line_feed_only(size: int) -> None:
    ping = b'{"jsonrpc":"2.0","id":%b,"method":"ping"}'
    separators = "\u2028\u2029\x85".encode()
    data = ping % b"\r1\r" + b"\r\n\r\n" + ping % b'"a\rb"' + b"\n" + ping % (b'"%b"' % separators)
    read = [read_line(line.decode()) for line in lines_of(data, size) if line]
    assert [_id_of(each) for each in read if each] == [1, None, separators.decode()]


@pytest.mark.parametrize("size", [1_000, 65_536, MAX_LINE_BYTES + 1])
def test_a_line_that_is_too_long_is_skipped_and_the_next_one_is_read(size: int) -> None:
    longest = b"x" * MAX_LINE_BYTES
    data = b"\n".join([longest, longest + b"x", b"next", 2 * longest + b"x"])
    assert lines_of(data, size) == [longest, None, b"next", None]


@given(st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b""))), st.integers(1, 50))
def test_lines_are_the_same_in_pieces_of_any_size(lines: list[bytes], size: int) -> None:
    assert lines_of(b"".join(line + b"\n" for line in lines), size) == lines


def lines_of(data: bytes, size: int) -> list[bytes | None]:
    buffer = LineBuffer()
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    return [line for piece in pieces for line in buffer.feed(piece)] + buffer.end()


def _id_of(message: SessionMessage | JSONRPCError) -> str | int | None:
    read = message.message if isinstance(message, SessionMessage) else message
    assert isinstance(read, JSONRPCRequest | JSONRPCError)
    return read.id


def test_a_byte_order_mark_before_a_message_is_ignored() -> None:
    message = read_line('\ufeff{"jsonrpc":"2.0","id":7,"method":"ping"}')
    assert isinstance(message, SessionMessage)


@pytest.mark.parametrize("line", ["", "  \r\n", '{"jsonrpc":"2.0","id":7,"result":{"s":"\\ud83d"}}'])
def test_an_empty_line_and_an_unreadable_response_are_not_answered(line: str) -> None:
    assert read_line(line) is None


@given(st.text(max_size=200) | st.recursive(st.none() | st.text(), st.lists, max_leaves=5).map(json.dumps))
def test_no_line_raises(line: str) -> None:
    read_line(line)
