"""Fixtures that every part's tests share: a sandbox in process, settings for it, and a workspace on it."""

import gc
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import hypothesis
import pytest

from cio_mcp.sandbox import Sandbox
from cio_mcp.settings import Settings
from cio_mcp.workspace import CallContext, Workspace, open_workspace
from tests.eras import ERAS, Era

# A machine that is busy with something else makes examples slow, which says nothing about the code.
hypothesis.settings.register_profile(
    "cio-mcp", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("cio-mcp")

# Collecting garbage after every 700 objects took a tenth of the suite's time.
gc.set_threshold(50_000, 20, 100)

# Processes of a job in the background ignore Ctrl-C, and so would those that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

for name in [name for name in os.environ if name.startswith("CIO_")]:
    del os.environ[name]


@pytest.fixture(autouse=True)
def answer_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that nothing is asked about waits for a moment instead of 4.5 s."""
    monkeypatch.setattr("cio_mcp.server.elicitation.ANSWER_SECONDS", 0.3)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> Era:
    chosen: Era = request.param
    return chosen


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(seed=7, people=40) as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        site_id="sandbox-site",
        track_api_key="sandbox-track-key",
        app_api_key="sandbox-app-key",
        track_url="http://sandbox.test",
        app_url="http://sandbox.test",
        workspace="sandbox",
        data_dir=tmp_path / "data",
        max_wait=100.0,
    )


@pytest.fixture
async def opened(settings: Settings, sandbox: Sandbox) -> AsyncIterator[Workspace]:
    async with open_workspace(settings, sandbox=sandbox) as workspace:
        yield workspace


@pytest.fixture
async def ws(opened: Workspace) -> CallContext:
    return opened.acting("local:tester")
