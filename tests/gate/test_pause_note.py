"""What a refused write says about a pause."""

import pytest

from cio_mcp.gate.pause_note import pause_refusal
from cio_mcp.storage.pauses import Pause


@pytest.mark.parametrize(
    ("pause", "beginning"),
    [
        (Pause(at=1_800_000_000.0, by="ada", reason="a ”bad” import"), "at 2027-01-15T08:00:00Z: “a "),
        (Pause(at=1_800_000_000.0, by="ada"), "at 2027-01-15T08:00:00Z. Nothing was sent."),
    ],
)
def test_a_refusal_states_since_when_and_why_writes_are_paused(pause: Pause, beginning: str) -> None:
    assert pause_refusal(pause).startswith(f"An operator paused all writes {beginning}")
    assert pause_refusal(pause).endswith(". Nothing was sent. Only an operator can resume writes.")


def test_a_pause_that_ended_meanwhile_is_refused_once_more() -> None:
    assert pause_refusal(None) == "Writes were paused until just now. Nothing was sent. Try again."
