"""A gate on the sandbox whose clock a test moves."""

from dataclasses import replace

import pytest

from cio_mcp.gate.clock import Clock
from cio_mcp.gate.service import Gate
from cio_mcp.workspace import Workspace
from tests.gate.hands import Hands


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def gate(opened: Workspace, hands: Hands) -> Gate:
    return replace(opened.gate, clock=Clock(hands.now, hands.sleep))
