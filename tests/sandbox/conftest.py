"""A sandbox whose clock stands still, asked in process; and one over a socket."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from cio_mcp.sandbox import Sandbox, StillClock
from cio_mcp.sandbox.server import Address, serve_in_background
from tests.sandbox.asking import Asking
from tests.sandbox.receiver import Listening, Receiver, listening_to


@pytest.fixture
async def asking() -> AsyncIterator[Asking]:
    async with Sandbox(seed=7, people=60, clock=StillClock()) as sandbox:
        transport = httpx.ASGITransport(app=sandbox.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as http:
            yield Asking(sandbox, http)


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def listening(receiver: Receiver) -> AsyncIterator[Listening]:
    async with listening_to(receiver) as asking:
        yield asking


@pytest.fixture
def live() -> Iterator[Address]:
    with serve_in_background(Sandbox(people=5)) as where:
        yield where
