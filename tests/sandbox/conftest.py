"""A sandbox in process whose clock stands still; and one over a socket."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from cio_mcp.sandbox import Sandbox, StillClock
from cio_mcp.sandbox.server import Address, serve_in_background
from tests.sandbox.receiver import Receiver, WebhookClient, webhook_client_for
from tests.sandbox.sandbox_client import SandboxClient


@pytest.fixture(autouse=True)
def limits() -> None:
    """The published limits."""


@pytest.fixture
async def client() -> AsyncIterator[SandboxClient]:
    async with Sandbox(seed=7, people=60, clock=StillClock()) as sandbox:
        transport = httpx.ASGITransport(app=sandbox.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as http:
            yield SandboxClient(sandbox, http)


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def webhook_client(receiver: Receiver) -> AsyncIterator[WebhookClient]:
    async with webhook_client_for(receiver) as client:
        yield client


@pytest.fixture
def live() -> Iterator[Address]:
    with serve_in_background(Sandbox(people=5)) as where:
        yield where
