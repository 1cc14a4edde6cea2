"""Segments and their members."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cio_mcp.sandbox.world.clock import DAY_SECONDS
from cio_mcp.sandbox.world.people import Person


@dataclass(slots=True)
class Segment:
    """A segment; `condition` selects the members of a dynamic one and is None for a manual one.

    `state` and `progress` (percent) tell how far it is built, since `updated`.
    """

    id: int
    name: str
    description: str
    created: int
    condition: Callable[[Person], bool] | None = None
    state: str = "finished"
    progress: int | None = None
    updated: int = 0

    def has(self, person: Person) -> bool:
        """Whether a person is a member."""
        return self.condition(person) if self.condition else self.id in person.manual_segments

    @property
    def as_json(self) -> dict[str, Any]:
        """As the App API lists it."""
        return {
            "id": self.id,
            "deduplicate_id": f"{self.id}:{self.created}",
            "name": self.name,
            "description": self.description,
            "state": self.state,
            "progress": self.progress,
            "type": "dynamic" if self.condition else "manual",
            "tags": None,
            "created_at": self.created,
            "updated_at": self.updated or self.created,
        }


def initial_segments(now: int) -> dict[int, Segment]:
    """The segments of a new workspace."""
    created = now - 600 * DAY_SECONDS
    segments = (
        Segment(1, "Everyone", "All people", created, lambda _: True),
        Segment(2, "VIP", "People on the vip plan", created, lambda person: person.attributes.get("plan") == "vip"),
        Segment(3, "Beta testers", "Picked by hand", created),
        Segment(4, "Subscribers", "People who have not unsubscribed", created, lambda person: not person.unsubscribed),
    )
    return {segment.id: segment for segment in segments}
