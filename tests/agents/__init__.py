"""Scripted agents: tasks in plain words, done by a fixed policy that reads one channel of each answer.

They measure the server, not a model's judgment: whether its answers hold what the next step needs, in each channel,
within a number of calls and tokens, and that nothing is sent that the task does not allow.
"""

from tests.agents import (
    campaigns,
    content,
    customers,
    exports,
    imports,
    messages,
    profiles,
    segments,
    sends,
    setup,
    writes,
)
from tests.agents.task import Task

MODULES = (customers, profiles, campaigns, messages, segments, writes, sends, content, exports, imports, setup)
TASKS: dict[str, Task] = {task.name: task for module in MODULES for task in module.TASKS}
