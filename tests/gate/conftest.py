"""A gate on the sandbox whose clock a test moves."""

from dataclasses import replace

import pytest

from cio_mcp.gate.gate import Gate
from cio_mcp.workspace import OpenWorkspace
from tests.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(skips=True)


@pytest.fixture
def gate(opened: OpenWorkspace, clock: ManualClock) -> Gate:
    return replace(opened.gate, clock=clock.for_gate)
