"""Tasks about customers: whom to find, and what to say of them."""

from tests.agents.checks import Says
from tests.agents.task import Step, Take, Task

TASKS = (
    Task(
        name="plan of a customer",
        words="Which plan is ada@example.com on?",
        steps=(
            Step(
                "get_customer",
                {"customer": "ada@example.com"},
                (Take("plan", r"plan[”:]* *“?(\w+)”?", "attributes.plan"),),
            ),
        ),
        end=(
            Says("plan", lambda sandbox: next(p for p in sandbox.workspace.people if p.id == "ada").attributes["plan"]),
        ),
        calls=1,
        tokens=600,
    ),
    Task(
        name="size of a group",
        words="How many customers are on the vip plan?",
        steps=(
            Step(
                "find_customers",
                {"filter": {"and": [{"attribute": {"field": "plan", "operator": "eq", "value": "vip"}}]}},
                (Take("count", r"^([\d,]+) (?:person|people)", "total"),),
            ),
        ),
        end=(Says("count", lambda sandbox: sum(p.attributes.get("plan") == "vip" for p in sandbox.workspace.people)),),
        calls=1,
    ),
)
