"""Bodies of requests: read within their bounds, and decompressed within them."""

import gzip
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.web.app import CompleteBody
from cio_mcp.web.bodies import TooLarge, decode_body

MAX_BYTES = 1000
ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "identity": bytes,
}


@given(st.binary(max_size=MAX_BYTES), st.lists(st.sampled_from(sorted(ENCODERS)), max_size=2))
def test_a_compressed_body_is_decompressed(body: bytes, names: list[str]) -> None:
    sent = body
    for name in names:
        sent = ENCODERS[name](sent)
    assert decode_body(sent, ", ".join(names), max_bytes=2 * MAX_BYTES) == body


@given(
    st.binary(max_size=200) | st.binary(max_size=10_000).map(gzip.compress),
    st.lists(st.sampled_from([*sorted(ENCODERS), "br", "", "GZIP"]), max_size=4).map(",".join) | st.text(max_size=20),
)
def test_any_body_is_decompressed_within_the_bound_or_unchanged(sent: bytes, encodings: str) -> None:
    try:
        decoded = decode_body(sent, encodings, max_bytes=MAX_BYTES)
    except TooLarge:
        return
    assert decoded == sent or len(decoded) <= MAX_BYTES


@pytest.mark.anyio
async def test_a_request_whose_client_leaves_before_its_body_is_complete_is_not_passed_on() -> None:
    passed_on: list[str] = []
    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
    answers: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        passed_on.append(scope["path"])

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        answers.append(message)

    scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": []}
    await CompleteBody(app, max_bytes=MAX_BYTES, seconds=100.0)(scope, receive, send)
    assert not passed_on
    assert answers[0]["status"] == 400
