"""What an unexpected failure tells: a model next to nothing, the operator where it was, nobody whom it was about."""

import logging

import pytest

from cio_mcp.server.errors import sentence

ADDRESS = "ada@example.com"


def failing(address: str) -> None:
    known: dict[str, int] = {}
    try:
        known[address] += 1
    except KeyError as missing:
        raise RuntimeError(f"no such thing: {address}") from missing


def test_an_unexpected_failure_is_logged_by_its_place_and_kind_without_the_values_it_holds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(RuntimeError) as failure, caplog.at_level(logging.ERROR):
        failing(ADDRESS)
    said = sentence("send_event", failure.value)
    assert ADDRESS not in said + caplog.text
    assert "KeyError" in caplog.text
    assert "RuntimeError" in caplog.text
    assert "in failing" in caplog.text
