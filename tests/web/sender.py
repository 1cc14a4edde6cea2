"""A sender of webhooks that keeps Customer.io's promise: each event until it is answered 200, and some twice."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import anyio
import httpx

from tests.web.posting import signed

AGAIN = 0.05
"""Seconds before the next try; Customer.io waits longer."""
TIMEOUT_SECONDS = 60.0
"""Seconds until a request is made again; Customer.io waits four, which a busy machine may need."""
LANES = 16
"""Events on their way at the same time: Customer.io sends one after another, a storm does not."""
TWICE = 10
"""One of so many events is delivered twice, though it was answered."""


@dataclass
class Sender:
    """Sends numbered events; `answered` are those that were answered 200."""

    url: str
    events: int
    answered: set[str] = field(default_factory=set)
    statuses: set[int] = field(default_factory=set)
    finished: anyio.Event = field(default_factory=anyio.Event)
    _wanted: int = 0
    _reached: anyio.Event = field(default_factory=anyio.Event)

    async def run(self) -> None:
        """Send all; returns when each was answered 200."""
        numbers = iter(range(self.events))
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client, anyio.create_task_group() as lanes:
            for _ in range(LANES):
                lanes.start_soon(self._lane, client, numbers)
        self.finished.set()

    async def reaches(self, number: int) -> None:
        """Wait until so many were answered."""
        self._wanted, self._reached = number, anyio.Event()
        if len(self.answered) < number:
            await self._reached.wait()

    async def _lane(self, client: httpx.AsyncClient, numbers: Iterator[int]) -> None:
        for number in numbers:
            body = event(number)
            await self._until_answered(client, body)
            self.answered.add(name(number))
            if len(self.answered) >= self._wanted:
                self._reached.set()
            if number % TWICE == 0:
                await self._until_answered(client, body)

    async def _until_answered(self, client: httpx.AsyncClient, body: bytes) -> None:
        headers = signed(body)
        while True:
            try:
                answer = await client.post(self.url, content=body, headers=headers)
            except httpx.TransportError:
                await anyio.sleep(AGAIN)
                continue
            self.statuses.add(answer.status_code)
            if answer.status_code == httpx.codes.OK:
                return
            await anyio.sleep(AGAIN)


def name(number: int) -> str:
    """The id of an event."""
    return f"STORM{number:08d}"


def event(number: int) -> bytes:
    """The body of an event."""
    data = {"delivery_id": f"delivery-{number // 3}", "campaign_id": 7, "identifiers": {"id": str(number // 30)}}
    report = {"event_id": name(number), "object_type": "email", "metric": "delivered", "timestamp": int(time.time())}
    return json.dumps(report | {"data": data}).encode()
