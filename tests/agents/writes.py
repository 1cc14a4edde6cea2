"""Tasks that change or send something."""

from tests.agents.checks import Attribute
from tests.agents.task import Step, Take, Task

TASKS = (
    Task(
        name="set an attribute",
        words="Put bob on the pro plan.",
        steps=(Step("update_customer", {"customer": "bob", "attributes": {"plan": "pro"}}),),
        end=(Attribute("bob", "plan", "pro"),),
        calls=1,
    ),
    Task(
        name="set an attribute with an approval on a terminal",
        words="Put bob on the pro plan.",
        steps=(Step("update_customer", {"customer": "bob", "attributes": {"plan": "pro"}}),),
        end=(Attribute("bob", "plan", "pro"),),
        person="terminal",
        calls=3,
    ),
    Task(
        name="a rejected change",
        words="Put bob on the vip plan.",
        steps=(Step("update_customer", {"customer": "bob", "attributes": {"plan": "vip"}}, refused="rejected"),),
        end=(Attribute("bob", "plan", "free"),),
        person="rejects",
        calls=1,
    ),
    Task(
        name="send an event once though Customer.io fails at first",
        words="Send ada the event signed_up.",
        steps=(Step("send_event", {"customer": "ada", "name": "signed_up"}),),
        end=(),
        sends=("event signed_up ada",),
        faults=({"method": "POST", "path": "/api/v1/customers/", "kind": "status:503"},),
        calls=1,
    ),
    Task(
        name="an event that was sent already",
        words="Send ada the event signed_up. Did you send it? If not, do it now.",
        steps=(
            Step("send_event", {"customer": "ada", "name": "signed_up"}),
            Step("send_event", {"customer": "ada@example.com", "name": "signed_up"}),
        ),
        end=(),
        sends=("event signed_up ada",),
        calls=2,
    ),
    Task(
        name="undo an edit",
        words="Set the plan of bob to pro. No, that was wrong, put the old value back.",
        steps=(
            Step(
                "update_customer",
                {"customer": "bob", "attributes": {"plan": "pro"}},
                (Take("change", r"^Change (\w+)", "change"),),
            ),
            Step("undo_change", {"change": "{change}"}),
        ),
        end=(Attribute("bob", "plan", "free"),),
        calls=2,
    ),
)
