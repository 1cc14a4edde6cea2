"""The state of a sandbox: its clock and workspace, the faults it injects, and what it counted."""

from collections import Counter, deque
from typing import Any

from cio_mcp.sandbox.faults import Fault
from cio_mcp.sandbox.limits import Windows
from cio_mcp.sandbox.world.clock import Clock
from cio_mcp.sandbox.world.lifecycle import resume_journeys
from cio_mcp.sandbox.world.workspace import Workspace

MAX_REQUESTS = 100_000


class State:
    """Everything that a reset restores; `people` are generated in addition to the fixtures."""

    workspace: Workspace
    windows: Windows
    requests: deque[dict[str, Any]]
    routes: Counter[str]
    statuses: Counter[str]
    in_flight: int
    max_concurrency: int

    def __init__(self, *, seed: int, people: int, clock: Clock, webhook_url: str) -> None:
        self.clock = clock
        self.faults: list[Fault] = []
        self._seed, self._people, self._webhook_url = seed, people, webhook_url
        self.reset()

    def reset(self) -> None:
        """Restore the initial workspace, at the clock's time, and clear faults and counters."""
        self.workspace = Workspace(self._seed, self._people, self.clock, self._webhook_url)
        resume_journeys(self.workspace)
        self.windows = Windows()
        self.faults.clear()
        self.requests = deque(maxlen=MAX_REQUESTS)
        self.routes = Counter()
        self.statuses = Counter()
        self.in_flight = self.max_concurrency = 0
