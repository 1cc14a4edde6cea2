"""An export within Customer.io's published limits, beside an assistant."""

from pathlib import Path

import anyio
import pytest
from starlette.requests import Request
from starlette.responses import Response

from cio_mcp.customerio.api.campaigns import Campaigns
from cio_mcp.exports.metrics import WORKERS
from cio_mcp.sandbox import Sandbox
from cio_mcp.settings import Settings
from cio_mcp.workspace import open_workspace
from tests.callers import caller_named
from tests.exports.exporting import export

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

BEFORE = 15
"""Requests of the export before the call: more than a second's share, so that the lane is full."""
GRANTED = 2
"""Requests that have their turn already when the call comes."""


@pytest.fixture(autouse=True)
def limits() -> None:
    """The published limits."""


class WatchedSandbox(Sandbox):
    """A sandbox that notes when it has had some requests."""

    is_busy: anyio.Event

    async def _count(self, request: Request, raw_path: str) -> Response:
        if len(self.requests) == BEFORE:
            self.is_busy.set()
        return await super()._count(request, raw_path)


async def test_an_export_lets_a_call_go_first_and_causes_no_429(settings: Settings, tmp_path: Path) -> None:
    async with (
        WatchedSandbox(seed=7, people=40) as sandbox,
        open_workspace(settings, sandbox=sandbox) as opened,
        anyio.create_task_group() as tasks,
    ):
        sandbox.is_busy = anyio.Event()
        tasks.start_soon(export, opened, sandbox, tmp_path / "metrics.csv")
        await sandbox.is_busy.wait()
        before = len(sandbox.requests)
        await Campaigns(opened.acting(caller_named("local:assistant")).reader).get("1")
        place = next(place for place, entry in enumerate(sandbox.requests) if entry["path"] == "/v1/campaigns/1")
    assert place - before <= WORKERS + GRANTED
    assert set(sandbox.statuses) == {"200"}
    assert (tmp_path / "metrics.csv").exists()
