"""The fixed policy: take each step, follow what an error suggests once, and let a person decide elsewhere."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from bpe_openai import get_encoding
from mcp import Client

from tests.agents.reading import READINGS, Channel, Reading
from tests.agents.task import Step, Task

ENCODING = get_encoding("o200k_base")
ATTEMPTS = 3
"""Calls that one step may take: as planned, corrected, and after a decision elsewhere."""

Decide = Callable[[], Awaitable[None]]
"""Lets a person outside the client decide about what waits."""


@dataclass
class Run:
    """What an agent did: calls, tokens of all answers in its channel, what it took, all answers, and why it stopped."""

    calls: int = 0
    tokens: int = 0
    taken: dict[str, str] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    problem: str = ""


async def perform(
    task: Task, client: Client, channel: Channel, decide: Decide, advance: Callable[[float], None]
) -> Run:
    """Do a task by reading one channel."""
    run = Run()
    for step in task.steps:
        if step.advance:
            advance(step.advance)
        run.problem = await _take(step, client, channel, decide, run)
        if run.problem:
            break
    return run


async def _take(step: Step, client: Client, channel: Channel, decide: Decide, run: Run) -> str:
    arguments = _fill(dict(step.arguments), run.taken)
    for _ in range(ATTEMPTS):
        reading = READINGS[channel](await client.call_tool(step.tool, arguments))
        run.calls += 1
        run.tokens += len(ENCODING.encode(reading.seen))
        run.answers.append(reading.seen)
        if step.refused and step.refused in reading.seen:
            return ""
        if reading.is_waiting:
            await decide()
        elif correction := reading.correction():
            arguments[correction[0]] = correction[1]
        elif reading.failed:
            return f"{step.tool}: {reading.error}"
        else:
            return f"{step.tool} was not refused" if step.refused else _remember(step, reading, run)
    return f"{step.tool} took more than {ATTEMPTS} calls: {reading.seen}"


def _remember(step: Step, reading: Reading, run: Run) -> str:
    for take in step.takes:
        value = reading.take(take)
        if value is None:
            return f"{step.tool}: no {take.name} in: {reading.seen}"
        run.taken[take.name] = value
    return ""


def _fill(arguments: dict[str, Any], taken: dict[str, str]) -> dict[str, Any]:
    """The arguments with what was taken before, as a string in place of `{name}`."""
    text = json.dumps(arguments)
    for name, value in taken.items():
        text = text.replace(f"{{{name}}}", json.dumps(value)[1:-1])
    filled: dict[str, Any] = json.loads(text)
    return filled
