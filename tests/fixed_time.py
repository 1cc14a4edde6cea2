"""A fixed time for a sandbox and a workspace on it, and messages that a test puts into the past."""

import anyio

from cio_mcp.sandbox import Sandbox, StillClock
from cio_mcp.sandbox.world.deliveries import Delivery
from cio_mcp.sandbox.world.sources import Kind
from tests.clock import ManualClock

NOW = 1_790_000_000
"""Monday 2026-09-21, 14:13 UTC."""


TURN_SECONDS = 2.0
"""The longest wait for a turn."""


def days_ago(days: float) -> int:
    return int(NOW - days * 86_400)


class QuickClock(ManualClock):
    """Starts at `NOW`. Waits for a turn in a rate limit pass at once, and longer ones don't end by themselves."""

    def __init__(self) -> None:
        super().__init__(skips=True, calendar=float(NOW))

    async def wait(self, event: anyio.Event, seconds: float | None) -> None:
        await super().wait(event, None if seconds is None or seconds > TURN_SECONDS else seconds)


class SameTime(StillClock):
    """The sandbox's time is that of a workspace's clock, so that both see the same rate limits."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._shared = clock

    def now(self) -> float:
        return self._shared.now()


def send(sandbox: Sandbox, kind: Kind, number: int, at: float, counts: dict[str, int], failure: str = "") -> None:
    """Put messages into the past of a source: so many of each metric, at one time; `sent` or another is the most."""
    world = sandbox.workspace
    source = world.sources[kind, number]
    world.deliveries.of(kind, number)
    people = list(world.people)
    for place in range(max(counts.values())):
        metrics = {"created": int(at)} | {name: int(at) for name, count in counts.items() if place < count}
        person = people[place % len(people)]
        name = f"{kind}{number}-{at}-{failure}-{place}"
        recipient = person.email or ""
        world.deliveries.add(
            Delivery(name, person, source, source.templates[0], int(at), recipient, metrics, failure or None)
        )


def clear(sandbox: Sandbox, kind: Kind, *numbers: int) -> None:
    """Remove what sources ever sent."""
    for number in numbers:
        deliveries = sandbox.workspace.deliveries.of(kind, number)
        for delivery in deliveries:
            delivery.created = 0  # It stays in the list of all messages, which has those of six months.
        deliveries.clear()
