"""A gate on the sandbox whose clock a test moves."""

from dataclasses import replace

import pytest

from cio_mcp.gate.service import Gate
from cio_mcp.workspace import Workspace
from tests.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(skips=True)


@pytest.fixture
def gate(opened: Workspace, clock: ManualClock) -> Gate:
    return replace(opened.gate, clock=clock)
