"""Tasks about campaigns and their numbers."""

from tests.agents.checks import Says
from tests.agents.task import Step, Take, Task

TASKS = (
    Task(
        name="state of a campaign by a misspelled name",
        words="Is the Onbording campaign running?",
        steps=(
            Step("get_campaign", {"id": "Onbording"}, (Take("state", r"^campaign 1 “Onboarding”, (\w+)", "state"),)),
        ),
        end=(Says("state", lambda sandbox: sandbox.workspace.sources["campaign", 1].state),),
        calls=2,
        tokens=700,
    ),
)
