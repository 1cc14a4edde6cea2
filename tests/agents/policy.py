"""The fixed policy: take each step, and follow what the answers say.

It takes the value that an error suggests, leaves out the items that an error asks to omit, reads on by the cursor, and
calls again after a decision elsewhere. It has no judgment, and tries nothing that no answer named.
"""

import re
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Protocol

from mcp_types import CallToolResult, ListToolsResult

from tests.agents.reading import READINGS, Channel, Reading
from tests.agents.task import Step, Task
from tests.tokens import count_tokens

ATTEMPTS = 3
"""Calls that one page of a step may take: as planned, corrected, and after a decision elsewhere."""
NAME = re.compile("{(\\w+)}")

Decide = Callable[[], Awaitable[None]]
"""Lets a person outside the client decide about what waits."""


class Tools(Protocol):
    """A client, as far as an agent uses one."""

    async def list_tools(self) -> ListToolsResult:
        """The tools that are offered."""
        ...

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        """Call a tool."""
        ...


@dataclass
class Run:
    """What an agent did: calls, tokens of all answers in its channel, what it took, all answers, and why it stopped."""

    calls: int = 0
    tokens: int = 0
    taken: dict[str, str] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    problem: str = ""


async def perform(
    task: Task, client: Tools, channel: Channel, decide: Decide, advance: Callable[[float], Awaitable[None]]
) -> Run:
    """Do a task by reading one channel."""
    run = Run()
    offered = {tool.name for tool in (await client.list_tools()).tools}
    for step in task.steps:
        if step.advance:
            await advance(step.advance)
        run.problem = await _take(step, client, channel, decide, run, offered)
        if run.problem:
            break
    return run


async def _take(step: Step, client: Tools, channel: Channel, decide: Decide, run: Run, offered: Collection[str]) -> str:
    if (step.tool in offered) == step.unlisted:
        return f"{step.tool} is {'offered' if step.unlisted else 'not offered'}"
    if step.unlisted:
        return ""
    arguments = _fill(dict(step.arguments), run.taken)
    for page in range(step.pages):
        reading, problem = await _call(step, arguments, client, channel, decide, run)
        if reading is None or problem:
            return problem
        if problem := _remember(step, reading, run, is_first=page == 0):
            return problem
        if reading.cursor is None:
            break
        arguments["cursor"] = reading.cursor
    return ""


async def _call(
    step: Step, arguments: dict[str, Any], client: Tools, channel: Channel, decide: Decide, run: Run
) -> tuple[Reading | None, str]:
    """Call until it succeeds, and follow what errors suggest; no answer if it was refused, as the step expects."""
    for _ in range(ATTEMPTS):
        reading = READINGS[channel](await client.call_tool(step.tool, arguments))
        run.calls += 1
        run.tokens += count_tokens(reading.seen)
        run.answers.append(reading.seen)
        if step.refused and step.refused in reading.seen:
            return None, ""
        if reading.is_waiting:
            await decide()
        elif items := reading.unknown_items():
            _omit(arguments, items, run)
        elif correction := reading.correction():
            _correct(arguments, *correction)
        elif reading.failed:
            return None, f"{step.tool}: {reading.error}"
        else:
            return reading, f"{step.tool} was not refused" if step.refused else ""
    return None, f"{step.tool} took more than {ATTEMPTS} calls: {run.answers[-1]}"


def _correct(arguments: dict[str, Any], name: str, value: str | None) -> None:
    """Put the suggested value in place, or omit the argument; a dot leads into an argument that is an object."""
    *outer, last = name.split(".")
    for part in outer:
        arguments = arguments[part]
    if value is None:
        arguments.pop(last, None)
    else:
        arguments[last] = value


def _omit(arguments: dict[str, Any], items: dict[int, str], run: Run) -> None:
    run.taken["omitted"] = ",".join(items.values())
    for name, value in arguments.items():
        if isinstance(value, list):
            arguments[name] = [each for number, each in enumerate(value, 1) if number not in items]


def _remember(step: Step, reading: Reading, run: Run, *, is_first: bool) -> str:
    for take in step.takes:
        values = reading.values(take)
        if not values and is_first:
            return f"{step.tool}: no {take.name} in: {reading.seen}"
        if take.every:
            before = [] if is_first else run.taken[take.name].split(",")
            run.taken[take.name] = ",".join([*before, *values])
        elif is_first:
            run.taken[take.name] = values[0]
    return ""


def _fill(value: Any, taken: dict[str, str]) -> Any:
    """Arguments with what was taken before in place of `{name}`; as the only item of a list, all of it."""
    match value:
        case dict():
            return {name: _fill(each, taken) for name, each in value.items()}
        case [str(only)] if only[1:-1] in taken:
            return taken[only[1:-1]].split(",")
        case list():
            return [_fill(each, taken) for each in value]
        case str():
            return NAME.sub(lambda match: taken.get(match[1], match[0]), value)
    return value
