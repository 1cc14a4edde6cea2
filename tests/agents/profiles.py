"""Tasks about whole customers and objects: deletions, merges, devices, and companies."""

from collections.abc import Callable
from dataclasses import dataclass

from cio_mcp.sandbox import Sandbox
from tests.agents.checks import Attribute
from tests.agents.task import Check, End, Step, Take, Task


@dataclass(frozen=True)
class Holds(Check):
    """Something is so in the sandbox."""

    what: str
    truth: Callable[[Sandbox], bool]

    def problem(self, end: End) -> str:
        return "" if self.truth(end.sandbox) else f"not so: {self.what}"


def exists(sandbox: Sandbox, id_: str) -> bool:
    return any(person.id == id_ for person in sandbox.workspace.people)


def is_related(sandbox: Sandbox, id_: str, object_id: str) -> bool:
    (person,) = (each for each in sandbox.workspace.people if each.id == id_)
    return any(each["identifiers"]["object_id"] == object_id for each in person.relationships)


TASKS = (
    Task(
        name="delete a customer",
        words="Eve asked us to delete all her data: eve@example.com.",
        steps=(Step("remove_customer", {"customer": "eve@example.com", "action": "delete"}),),
        end=(Holds("eve is gone", lambda sandbox: not exists(sandbox, "eve")),),
        calls=1,
    ),
    Task(
        name="a rejected deletion",
        words="Delete ada.",
        steps=(Step("remove_customer", {"customer": "ada", "action": "delete"}, refused="rejected"),),
        end=(Holds("ada is there", lambda sandbox: exists(sandbox, "ada")),),
        person="rejects",
        calls=1,
    ),
    Task(
        name="merge duplicates",
        words="We have two customers with two@example.com. Merge the newer one into the older one.",
        steps=(
            Step(
                "get_customer",
                {"customer": "two@example.com"},
                (
                    Take("older", r"“two-1”.*?(cio_\w+)", "several.id=two-1.cio_id"),
                    Take("newer", r"“two-2”.*?(cio_\w+)", "several.id=two-2.cio_id"),
                ),
            ),
            Step("merge_customers", {"primary": "{older}", "secondary": "{newer}"}),
        ),
        end=(
            Attribute("two-1", "plan", "pro"),
            Holds("two-2 is gone", lambda sandbox: not exists(sandbox, "two-2")),
        ),
        calls=2,
    ),
    Task(
        name="relate a customer to a company with an approval on a terminal",
        words="Eve works for Acme now.",
        steps=(
            Step(
                "find_objects",
                {"type": "company", "filter": {"attribute": {"field": "name", "operator": "eq", "value": "Acme"}}},
                (Take("company", r"^“([^”]+)”", "objects.0.object_id"),),
            ),
            Step("update_object", {"type": "company", "id": "{company}", "action": "relate", "customers": ["eve"]}),
        ),
        end=(Holds("eve is related to acme", lambda sandbox: is_related(sandbox, "eve", "acme")),),
        person="terminal",
        calls=4,
    ),
)
