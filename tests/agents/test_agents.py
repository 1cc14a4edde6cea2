"""Tasks of marketers, support agents, and developers, each done once by each channel of the answers."""

import pytest

from cio_mcp.settings import Settings
from cio_mcp.tools.catalog import TOOLS
from tests.agents import TASKS
from tests.agents.reading import READINGS, Channel
from tests.agents.session import score

pytestmark = pytest.mark.anyio

RUNS = [(channel, name) for name in TASKS for channel in READINGS]


@pytest.mark.sampled(10)
@pytest.mark.parametrize(("channel", "name"), RUNS)
async def test_an_agent_that_reads_one_channel_does_the_task(channel: Channel, name: str, settings: Settings) -> None:
    done = await score(TASKS[name], channel, settings)
    assert done.problems == [], (TASKS[name].words, done.run.answers)


def test_at_least_forty_tasks_use_every_tool() -> None:
    assert len(TASKS) >= 40
    used = {step.tool for task in TASKS.values() for step in task.steps if not step.unlisted}
    assert {tool.name for tool in TOOLS} - used == set()
