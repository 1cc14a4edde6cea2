"""A fixed time for a sandbox and a workspace on it, and messages that a test puts into the past."""

from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.world.clock import Clock
from cio_mcp.sandbox.world.deliveries import Delivery
from cio_mcp.sandbox.world.sources import Kind
from cio_mcp.workspace import Workspace
from tests.clock import ManualClock, with_clock

NOW = 1_790_000_000
"""Monday 2026-09-21, 14:13 UTC."""


def days_ago(days: float) -> int:
    return int(NOW - days * 86_400)


class TimeFromNow(Clock):
    """The sandbox's time: it starts at `NOW` and runs on, so that rate limits work."""

    def __init__(self) -> None:
        super().__init__()
        self._base += NOW - self.now()


def at_fixed_time(opened: Workspace) -> Workspace:
    """A workspace whose tools see `NOW` as the present."""
    return with_clock(opened, ManualClock(calendar=float(NOW)))


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
        sandbox.workspace.deliveries.of(kind, number).clear()
