"""What must be so in the end: of people, segments, and sends in the sandbox, and of what the agent can say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cio_mcp.sandbox import Sandbox
from tests.agents.task import Check, End


@dataclass(frozen=True)
class Attribute(Check):
    """A customer's attribute has a value."""

    customer: str
    name: str
    value: Any

    def problem(self, end: End) -> str:
        (person,) = (each for each in end.sandbox.workspace.people if each.id == self.customer)
        now = person.attributes.get(self.name)
        return "" if now == self.value else f"{self.name} of {self.customer} is {now!r}, not {self.value!r}"


@dataclass(frozen=True)
class Says(Check):
    """What the agent took is what is so in the sandbox."""

    name: str
    truth: Callable[[Sandbox], Any]

    def problem(self, end: End) -> str:
        wanted, answer = str(self.truth(end.sandbox)), end.taken.get(self.name, "").replace(",", "")
        return (
            ""
            if answer == wanted.replace(",", "")
            else f"the agent says that {self.name} is {answer!r}, not {wanted!r}"
        )


@dataclass(frozen=True)
class InSegment(Check):
    """A customer is in a segment, or is not."""

    customer: str
    segment: int
    is_in: bool = True

    def problem(self, end: End) -> str:
        segment = end.sandbox.workspace.segments.get(self.segment)
        (person,) = (each for each in end.sandbox.workspace.people if each.id == self.customer)
        is_in = segment is not None and segment.has(person)
        return "" if is_in == self.is_in else f"{self.customer} is {'in' if is_in else 'not in'} segment {self.segment}"


def sent(sandbox: Sandbox) -> list[str]:
    """Everything that was sent since the start, as a task names it."""
    workspace = sandbox.workspace
    sends = [
        f"transactional {each['transactional_message_id']} {_who(each['identifiers'])}" for each in workspace.sends
    ]
    events = [f"event {each['name']} {_by_id(sandbox, each['customer'])}" for each in workspace.events]
    triggers = [
        f"broadcast {each['broadcast_id']}"
        for each in workspace.triggers.values()
        if each["created_at"] >= workspace.started_at
    ]
    return [*sends, *events, *triggers]


def _who(identifiers: Mapping[str, Any]) -> str:
    return str(next(iter(identifiers.values())))


def _by_id(sandbox: Sandbox, identifier: str | None) -> str:
    people = sandbox.workspace.people
    names = {name: each.id for each in people for name in (each.id, each.email, f"cio_{each.cio_id}", each.cio_id)}
    return str(names.get(identifier, identifier))
