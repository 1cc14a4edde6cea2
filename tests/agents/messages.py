"""Tasks about messages: what was sent, and why something was not."""

from tests.agents.task import Task

TASKS: tuple[Task, ...] = ()
