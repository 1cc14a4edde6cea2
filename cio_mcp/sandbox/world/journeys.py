"""Journeys: what one person goes through in a campaign."""

from dataclasses import dataclass, field
from typing import Any, Literal

from cio_mcp.sandbox.world.deliveries import Delivery
from cio_mcp.sandbox.world.people import Person
from cio_mcp.sandbox.world.sources import Source


@dataclass(slots=True, eq=False)
class Journey:
    """One person in one campaign; it goes on until it has an outcome, which is known at `ended` (Unix seconds)."""

    source: Source
    person: Person
    started: int
    data: dict[str, Any] = field(default_factory=dict)
    event_id: str | None = None
    deliveries: list[Delivery] = field(default_factory=list)
    outcome: Literal["finished", "exited"] | None = None
    ended: int = 0

    def end(self, outcome: Literal["finished", "exited"], at: int) -> None:
        """End it."""
        self.outcome, self.ended = outcome, at

    def has(self, metric: str, at: float) -> bool:
        """Whether one of its deliveries has a metric by a time."""
        return any(delivery.metrics.get(metric, at + 1) <= at for delivery in self.deliveries)

    def has_reached_goal(self, at: float) -> bool:
        """Whether a conversion ends it by a time."""
        return self.source.ends_on_conversion and self.has("converted", at)
