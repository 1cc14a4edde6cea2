"""Tasks about whole customers and objects: deletions, merges, devices, and companies."""

from cio_mcp.sandbox import Sandbox
from tests.agents.checks import Attribute, Holds, Says, person_of
from tests.agents.task import Step, Take, Task


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
        writes=("delete_customer",),
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
        writes=("merge_customers",),
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
        writes=("apply_entity",),
        calls=4,
    ),
    Task(
        name="the people of a company",
        words="Who works for Acme?",
        steps=(
            Step(
                "get_object",
                {"type": "company", "id": "acme", "customers": True},
                (Take("ids", r"^- “([^”]+)”, “", "customers.*.id", every=True),),
            ),
        ),
        end=(Says("ids", lambda _: "ada,bob"),),
        calls=1,
        tokens=250,
    ),
    Task(
        name="edit a company and undo it",
        words="Globex is on the enterprise plan. No, undo that.",
        steps=(
            Step(
                "update_object",
                {"type": "company", "id": "globex", "action": "set", "attributes": {"plan": "enterprise"}},
                (Take("change", r"^Change ([0-9a-f]{8})$", "change"),),
            ),
            Step("undo_change", {"change": "{change}"}),
        ),
        end=(
            Holds("globex is on its plan", lambda sandbox: sandbox.workspace.objects["1", "globex"]["plan"] == "team"),
        ),
        writes=("apply_entity",),
        calls=2,
        tokens=350,
    ),
    Task(
        name="add a device",
        words="Bob has a new phone: token tok-1, iOS.",
        steps=(Step("manage_device", {"customer": "bob", "action": "add", "device": "tok-1", "platform": "ios"}),),
        end=(Holds("bob has it", lambda sandbox: [d["id"] for d in person_of(sandbox, "bob").devices] == ["tok-1"]),),
        writes=("add_device",),
        calls=1,
        tokens=150,
    ),
)
