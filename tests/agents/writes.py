"""Tasks that change customers."""

from tests.agents.checks import Attribute, Says
from tests.agents.task import Step, Take, Task

TO_PRO = Step("update_customer", {"customer": "bob", "attributes": {"plan": "pro"}})
CHANGE = Take("change", r"^Change ([0-9a-f]{8})$", "change")

TASKS = (
    Task(
        name="set an attribute",
        words="Put bob on the pro plan.",
        steps=(TO_PRO,),
        end=(Attribute("bob", "plan", "pro"),),
        writes=("identify_customer",),
        calls=1,
        tokens=150,
    ),
    Task(
        name="set an attribute with an approval on a terminal",
        words="Put bob on the pro plan.",
        steps=(TO_PRO,),
        end=(Attribute("bob", "plan", "pro"),),
        writes=("identify_customer",),
        person="terminal",
        calls=3,
        tokens=350,
    ),
    Task(
        name="a rejected change",
        words="Put bob on the vip plan.",
        steps=(Step("update_customer", {"customer": "bob", "attributes": {"plan": "vip"}}, refused="rejected"),),
        end=(Attribute("bob", "plan", "free"),),
        person="rejects",
        calls=1,
        tokens=100,
    ),
    Task(
        name="a change that starts a campaign",
        words="Put bob on the vip plan.",
        steps=(Step("update_customer", {"customer": "bob", "attributes": {"plan": "vip"}}),),
        end=(Attribute("bob", "plan", "vip"),),
        writes=("identify_customer",),
        sends=("campaign 4 bob",),
        calls=1,
        tokens=150,
    ),
    Task(
        name="a change though Customer.io fails at first",
        words="Put bob on the pro plan.",
        steps=(TO_PRO,),
        end=(Attribute("bob", "plan", "pro"),),
        writes=("identify_customer",),
        faults=(
            {"method": "PUT", "path": "/api/v1/customers/", "kind": "status:503"},
            {"method": "PUT", "path": "/api/v1/customers/", "kind": "accept_then_drop"},
        ),
        calls=1,
        tokens=150,
    ),
    Task(
        name="undo an edit",
        words="Set the plan of bob to pro. No, that was wrong, put the old value back.",
        steps=(
            Step("update_customer", {"customer": "bob", "attributes": {"plan": "pro"}}, (CHANGE,)),
            Step("undo_change", {"change": "{change}"}),
        ),
        end=(Attribute("bob", "plan", "free"),),
        writes=("identify_customer",),
        calls=2,
        tokens=300,
    ),
    Task(
        name="undo the latest change, found in the list",
        words="Put bob on the pro plan. What did you change last? Undo it.",
        steps=(
            TO_PRO,
            Step("list_changes", {"limit": 1}, (Take("change", r"^([0-9a-f]{8})  ", "changes.0.id"),)),
            Step("undo_change", {"change": "{change}"}),
        ),
        end=(Attribute("bob", "plan", "free"),),
        writes=("identify_customer",),
        calls=3,
        tokens=600,
    ),
    Task(
        name="undo a send",
        words="Send ada the event signed_up. Undo that.",
        steps=(
            Step("send_event", {"customer": "ada", "name": "signed_up"}, (CHANGE,)),
            Step("undo_change", {"change": "{change}"}, refused="can't be undone"),
        ),
        writes=("track_event",),
        sends=("event signed_up ada",),
        calls=2,
        tokens=250,
    ),
    Task(
        name="several customers of whom one is unknown",
        words="Put bob, nobody@example.com and two-2 on the pro plan. Leave out whom you don't find, and tell me.",
        steps=(
            Step(
                "update_customer",
                {"customers": ["bob", "nobody@example.com", "two-2"], "attributes": {"plan": "pro"}},
            ),
        ),
        end=(
            Attribute("bob", "plan", "pro"),
            Attribute("two-2", "plan", "pro"),
            Says("omitted", lambda _: "nobody@example.com"),
        ),
        writes=("apply_batch",),
        calls=2,
        tokens=350,
    ),
    Task(
        name="one of two customers with the same address",
        words="Put two@example.com, the one in Sweden, on the pro plan.",
        steps=(
            Step(
                "get_customer",
                {"customer": "two@example.com"},
                (Take("id", r"(cio_\w+),.*Stockholm", "several.id=two-2.cio_id"),),
            ),
            Step("update_customer", {"customer": "{id}", "attributes": {"plan": "pro"}}),
        ),
        end=(Attribute("two-2", "plan", "pro"), Attribute("two-1", "plan", "pro")),
        writes=("identify_customer",),
        calls=2,
        tokens=450,
    ),
    Task(
        name="a change by a server that only reads",
        words="Put bob on the pro plan.",
        steps=(
            Step("update_customer", {}, unlisted=True),
            Step("write_api", {}, unlisted=True),
            Step("get_workspace", {}, (Take("mode", r"(read-only|read only)", "overview.read_only"),)),
        ),
        end=(Attribute("bob", "plan", "free"),),
        settings={"read_only": True},
        calls=1,
        tokens=200,
    ),
    Task(
        name="a change without the keys for it",
        words="Put bob on the pro plan. If you can't, tell me what is missing.",
        steps=(
            Step("update_customer", {}, unlisted=True),
            Step("get_workspace", {}, (Take("keys", r"^keys: (\w+)[;,]", "overview.keys.0"),)),
        ),
        end=(Attribute("bob", "plan", "free"), Says("keys", lambda _: "App")),
        settings={"site_id": None, "track_api_key": None, "cdp_api_key": None},
        calls=1,
        tokens=200,
    ),
    Task(
        name="a change with the Track keys only",
        words="Put bob on the pro plan. If you can't read him, say so.",
        steps=(
            Step("get_customer", {}, unlisted=True),
            Step("update_customer", {"customer": "bob", "attributes": {"plan": "pro"}}),
        ),
        end=(Attribute("bob", "plan", "pro"),),
        writes=("identify_customer",),
        settings={"app_api_key": None, "cdp_api_key": None},
        calls=1,
        tokens=250,
    ),
)
