"""A host that answers as scripted, and a client of it whose clock needs no waiting."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from cio_mcp.customerio.client import Client, Work
from cio_mcp.customerio.ratelimit.limiter import Limiter
from cio_mcp.customerio.ratelimit.rates import LANES
from cio_mcp.settings import Settings
from cio_mcp.storage.limiter_state import SqliteLimiterStore
from tests.callers import caller_named
from tests.clock import ManualClock
from tests.customerio.peer import Peer, listen, nobody

Opening = Callable[[str], Client]


@pytest.fixture(autouse=True)
def limits() -> None:
    """The published limits."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(skips=True)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async with listen() as peer:
        yield peer


@pytest.fixture
def opening(clock: ManualClock, tmp_path: Path) -> Opening:
    """Makes a client of the API at a URL."""

    def of(url: str) -> Client:
        settings = Settings(
            site_id="a-site", track_api_key="track-secret", app_api_key="app-secret", track_url=url, app_url=url
        )
        limiter = Limiter(
            SqliteLimiterStore(tmp_path / "claims.db"), LANES, workspace="a-site", clock=clock, threads=clock.threads
        )
        return Client(settings, limiter, clock=clock, chance=lambda: 1.0)

    return of


@pytest.fixture
async def client(opening: Opening, peer: Peer) -> AsyncIterator[Client]:
    async with opening(peer.url) as client:
        yield client


@pytest.fixture
async def unheard(opening: Opening) -> AsyncIterator[Client]:
    """A client of a host that refuses connections."""
    with nobody() as url:
        async with opening(url) as client:
            yield client


@pytest.fixture
def work(clock: ManualClock) -> Work:
    return Work(caller_named("local:ada"), clock.steady() + 20)
