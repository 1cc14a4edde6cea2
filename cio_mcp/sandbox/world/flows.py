"""Workflows of campaigns: messages, delays, time windows, conditions and random splits."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from cio_mcp.sandbox.world.templates import Template

SATURDAY = 5
HAS_DEVICE = "has_device"
"""In a condition: whether the person has a device, instead of an attribute."""


@dataclass(frozen=True, slots=True)
class Message:
    """Sends a message."""

    template: Template


@dataclass(frozen=True, slots=True)
class Delay:
    """Waits for some time."""

    seconds: int

    def end(self, at: float) -> float:
        """When a person who arrives at a time goes on."""
        return at + self.seconds


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Waits for working hours (UTC, Monday to Friday)."""

    first_hour: int
    last_hour: int

    def end(self, at: float) -> float:
        """When a person who arrives at a time goes on."""
        moment = datetime.fromtimestamp(at, UTC)
        if moment.hour >= self.last_hour:
            moment = self._opening(moment + timedelta(days=1))
        elif moment.hour < self.first_hour:
            moment = self._opening(moment)
        while moment.weekday() >= SATURDAY:
            moment = self._opening(moment + timedelta(days=1))
        return moment.timestamp()

    def _opening(self, moment: datetime) -> datetime:
        return moment.replace(hour=self.first_hour, minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class Condition:
    """Branches by the value of an attribute."""

    attribute: str
    value: Any
    yes: "Flow" = ()
    no: "Flow" = ()


@dataclass(frozen=True, slots=True)
class Split:
    """Branches at random: `share` of the people take the first branch."""

    id: int
    share: float
    first: "Flow" = ()
    second: "Flow" = ()


Step = Message | Delay | TimeWindow | Condition | Split
Flow = tuple[Step, ...]
Draw = Callable[[int], float]
"""The random number of a person at a split, from 0 to 1; it takes the ID of the split."""


def draw_of(person: str) -> Draw:
    """The random numbers of a person: the same each time, so that a journey can be repeated."""
    return lambda split: int.from_bytes(sha256(f"{person}:{split}".encode()).digest()[:4]) / 2**32


def next_step(flow: Flow, value: Callable[[str], Any], draw: Draw) -> tuple[Message | Delay | TimeWindow | None, Flow]:
    """The step that a person takes next, after the branches before it, and the rest; None at the end."""
    while flow:
        step, rest = flow[0], flow[1:]
        if isinstance(step, Condition):
            flow = (step.yes if value(step.attribute) == step.value else step.no) + rest
        elif isinstance(step, Split):
            flow = (step.first if draw(step.id) < step.share else step.second) + rest
        else:
            return step, rest
    return None, ()
