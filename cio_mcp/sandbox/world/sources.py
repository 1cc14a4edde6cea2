"""Sources of deliveries: campaigns, broadcasts, newsletters and transactional messages."""

from dataclasses import dataclass
from typing import Literal

from cio_mcp.sandbox.world.flows import Delay, Flow, Message
from cio_mcp.sandbox.world.templates import Template

Kind = Literal["campaign", "broadcast", "newsletter", "transactional"]


@dataclass(frozen=True, slots=True)
class Source:
    """A source of deliveries: a campaign, broadcast, newsletter or transactional message."""

    kind: Kind
    id: int
    name: str
    created: int
    templates: tuple[Template, ...]
    state: str = "running"
    event_name: str = ""
    tags: tuple[str, ...] = ()
    trigger_segments: tuple[int, ...] = ()
    description: str = ""
    sent_at: int = 0
    stopped_at: int = 0
    flow: Flow = ()
    subscription_topic: int = 2
    ends_on_conversion: bool = False

    @property
    def deduplicate_id(self) -> str:
        """The ID with the time of the last change."""
        return f"{self.id}:{self.created}"

    @property
    def steps(self) -> Flow:
        """The workflow of a campaign; without one of its own, its messages at their times."""
        if self.flow:
            return self.flow
        steps: list[Delay | Message] = []
        before = 0
        for template in self.templates:
            steps += [Delay(template.wait - before), Message(template)]
            before = template.wait
        return tuple(steps)
