"""A gate on the sandbox whose clock a test moves."""

from dataclasses import replace

import pytest

from cio_mcp.gate.clock import Clock
from cio_mcp.gate.gate import Gate
from cio_mcp.workspace import OpenWorkspace
from tests.gate.hands import Hands


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def gate(opened: OpenWorkspace, hands: Hands) -> Gate:
    return replace(opened.gate, clock=Clock(hands.now, hands.sleep))
