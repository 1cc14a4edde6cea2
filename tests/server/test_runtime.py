"""The runtime, before the workspace is open and after it could not be opened."""

import anyio
import pytest

from cio_mcp.errors import Unavailable
from cio_mcp.gate.policy import Policy
from cio_mcp.server.runtime import Runtime
from cio_mcp.settings import Settings
from tests.clock import ManualClock

pytestmark = pytest.mark.anyio


async def test_a_call_does_not_wait_for_a_workspace_longer_than_it_may(settings: Settings) -> None:
    clock = ManualClock()
    runtime = Runtime(settings, [], Policy(), None, clock)
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            with pytest.raises(Unavailable, match="still opening its database"):
                await runtime.toolbox()
            with pytest.raises(Unavailable, match="still opening its database"):
                await runtime.workspace_for_caller()

        group.start_soon(wait)
        for _ in range(2):
            await clock.advance(settings.max_wait + 1)
