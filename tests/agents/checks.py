"""What must be so in the end: of people, segments, and sends in the sandbox, and of what the agent can say."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cio_mcp.customerio.operations import by_route
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.api.router import ROUTER
from cio_mcp.sandbox.world.people import Person
from cio_mcp.sandbox.world.sources import Kind
from tests.agents.task import Check, End

QUOTATION = re.compile('“[^“”]*”|\\{"untrusted":"(?:[^"\\\\]|\\\\.)*"')
"""A quotation in a text, and a free text in structured content."""


@dataclass(frozen=True)
class Attribute(Check):
    """A customer's attribute has a value."""

    customer: str
    name: str
    value: Any

    def problem(self, end: End) -> str:
        person = person_of(end.sandbox, self.customer)
        now = person.attributes.get(self.name)
        return "" if now == self.value else f"{self.name} of {self.customer} is {now!r}, not {self.value!r}"


@dataclass(frozen=True)
class Says(Check):
    """What the agent took is what is so in the sandbox; several values in any order."""

    name: str
    truth: Callable[[Sandbox], Any]

    def problem(self, end: End) -> str:
        wanted, answer = self.truth(end.sandbox), end.taken.get(self.name, "")
        if isinstance(wanted, list):
            is_so = sorted(answer.split(",")) == sorted(wanted)
        else:
            is_so = answer == (f"{wanted:,}" if isinstance(wanted, int) and "," in answer else str(wanted))
        return "" if is_so else f"the agent says that {self.name} is {answer!r}, not {wanted!r}"


@dataclass(frozen=True)
class Holds(Check):
    """Something is so in the sandbox."""

    what: str
    truth: Callable[[Sandbox], bool]

    def problem(self, end: End) -> str:
        return "" if self.truth(end.sandbox) else f"not so: {self.what}"


@dataclass(frozen=True)
class InSegment(Check):
    """A customer is in a segment, or is not."""

    customer: str
    segment: int
    is_in: bool = True

    def problem(self, end: End) -> str:
        segment = end.sandbox.workspace.segments.get(self.segment)
        person = person_of(end.sandbox, self.customer)
        is_in = segment is not None and segment.has(person)
        return "" if is_in == self.is_in else f"{self.customer} is {'in' if is_in else 'not in'} segment {self.segment}"


@dataclass(frozen=True)
class Hidden(Check):
    """A text is in none of the answers."""

    text: str

    def problem(self, end: End) -> str:
        return f"an answer shows {self.text}" if any(self.text in answer for answer in end.answers) else ""


@dataclass(frozen=True)
class Quoted(Check):
    """What others wrote is in the answers, and only as a quotation."""

    text: str

    def problem(self, end: End) -> str:
        answers = [answer for answer in end.answers if self.text in answer]
        bare = [answer for answer in answers if self.text in QUOTATION.sub("", answer)]
        if bare:
            return f"{self.text} is not quoted in: {bare[0]}"
        return "" if answers else f"no answer shows {self.text}"


@dataclass(frozen=True)
class Subject(Check):
    """A message of a source has a subject."""

    kind: Kind
    source: int
    message: int
    subject: str

    def problem(self, end: End) -> str:
        key = (self.kind, self.source, self.message)
        (template,) = (
            each for each in end.sandbox.workspace.sources[self.kind, self.source].templates if each.id == self.message
        )
        now = end.sandbox.workspace.texts.edited(key).get("subject", template.subject)
        return "" if now == self.subject else f"the subject of message {self.message} is {now!r}, not {self.subject!r}"


@dataclass(frozen=True)
class Rows(Check):
    """A value of the rows of the collection “offers”, in their order."""

    field: str
    values: tuple[str, ...]

    def problem(self, end: End) -> str:
        rows = end.sandbox.workspace.library.collections[1].rows
        now = tuple(str(row.get(self.field)) for row in rows)
        return "" if now == self.values else f"{self.field} of the rows is {now}, not {self.values}"


def person_of(sandbox: Sandbox, id_: str) -> Person:
    (person,) = (each for each in sandbox.workspace.people if each.id == id_)
    return person


def sent(sandbox: Sandbox) -> list[str]:
    """Everything that was sent since the start, as a task names it."""
    workspace = sandbox.workspace
    sends = [
        f"transactional {each['transactional_message_id']} {_by_id(sandbox, next(iter(each['identifiers'].values())))}"
        for each in workspace.sends
    ]
    events = [f"event {each['name']} {_by_id(sandbox, each['customer'])}" for each in workspace.events]
    triggers = [
        f"broadcast {each['broadcast_id']}"
        for each in workspace.triggers.values()
        if each["created_at"] >= workspace.started_at
    ]
    return [*sends, *events, *triggers, *_joined(sandbox)]


def written(sandbox: Sandbox) -> set[str]:
    """The operations of all requests since the start that change something, by their IDs."""
    return {
        operation
        for request in sandbox.requests
        if (operation := _written(str(request["method"]), str(request["path"])))
    }


def _written(method: str, path: str) -> str:
    route = ROUTER.find(method, path).template
    rows = [by_route(api, method, route) for api in ("app", "track", "pipelines")]
    row = next(filter(None, rows), None)
    if row is None:
        return "" if method == "GET" else f"{method} {path}"
    return "" if row.risk == "read" else row.id


def _joined(sandbox: Sandbox) -> list[str]:
    """The campaigns that people entered by joining a segment."""
    workspace = sandbox.workspace
    return [
        f"campaign {campaign.id} {journey.person.id}"
        for campaign in workspace.segment_campaigns()
        for journey in workspace.journeys_of(campaign.id)
        if journey.started >= workspace.started_at
    ]


def _by_id(sandbox: Sandbox, identifier: str | None) -> str:
    people = sandbox.workspace.people
    names = {name: each.id for each in people for name in (each.id, each.email, f"cio_{each.cio_id}", each.cio_id)}
    return str(names.get(identifier, identifier))
