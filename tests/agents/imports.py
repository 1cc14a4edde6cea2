"""Tasks about imports."""

from tests.agents.checks import Attribute, Says
from tests.agents.task import Step, Take, Task

ROWS = [
    {"E-Mail": "ada@example.com", "Tier": 1, "Joined": "2026-03-04"},
    {"E-Mail": "bob@example.com", "Tier": 2, "Joined": "2026-03-05"},
    {"E-Mail": "", "Tier": 3, "Joined": ""},
]
COLUMNS = {"Tier": "tier", "Joined": "joined_at:time"}
JOB = Take("job", r"Job ([0-9a-f]{8})", "job")
REJECTED = Take("rejected", r"([0-9]+) of 3 rows is rejected", "warnings.0", part=r"^([0-9]+) of")

TASKS = (
    Task(
        name="import a list of customers",
        words="Import this list into Customer.io.",
        steps=(
            Step("import_customers", {"rows": ROWS, "columns": COLUMNS}, (JOB, REJECTED)),
            Step("get_job", {"job": "{job}"}),
        ),
        end=(
            Attribute("ada", "tier", 1),
            Attribute("bob", "joined_at", 1_772_668_800),
            Says("rejected", lambda _: 1),
        ),
        writes=("apply_batch",),
        calls=2,
        tokens=600,
    ),
    Task(
        name="import a list without saying who is meant",
        words="Import this list into Customer.io.",
        steps=(
            Step("import_customers", {"rows": [{"Mail": "bob@example.com", "tier": 2}]}, refused="names the customer"),
            Step("import_customers", {"rows": [{"Mail": "bob@example.com", "tier": 2}], "columns": {"Mail": "email"}}),
        ),
        end=(Attribute("bob", "tier", 2),),
        writes=("apply_batch",),
        calls=2,
        tokens=400,
    ),
    Task(
        name="stop an import that has ended",
        words="Import this list into Customer.io. No, stop it!",
        steps=(
            Step("import_customers", {"rows": ROWS, "columns": COLUMNS}, (JOB,)),
            Step("cancel_job", {"job": "{job}"}, (Take("state", r"import_customers  (\w+)", "jobs.0.state"),)),
        ),
        end=(Attribute("ada", "tier", 1), Says("state", lambda _: "completed")),
        writes=("apply_batch",),
        calls=2,
        tokens=600,
    ),
    Task(
        name="an import that is rejected",
        words="Import this list into Customer.io.",
        steps=(Step("import_customers", {"rows": ROWS, "columns": COLUMNS}, refused="rejected"),),
        end=(Attribute("ada", "tier", None),),
        person="rejects",
        calls=1,
        tokens=200,
    ),
    Task(
        name="import purchases as events",
        words="Record these purchases.",
        steps=(
            Step("import_events", {"rows": [{"id": "ada", "sku": "A"}, {"id": "bob", "sku": "B"}], "name": "bought"}),
        ),
        writes=("apply_batch",),
        sends=("event bought ada", "event bought bob"),
        person="terminal",
        calls=3,
        tokens=600,
    ),
    Task(
        name="import purchases of somebody who doesn't exist",
        words="Record this purchase.",
        steps=(Step("import_events", {"rows": [{"id": "nobody"}], "name": "bought"}, refused="no customer has"),),
        calls=1,
        tokens=150,
    ),
)
