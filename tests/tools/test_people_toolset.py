"""Removals, merges, and devices through a real client: what is shown, what must be typed, and who is reached."""

from collections.abc import Callable
from typing import Any

import pytest
from mcp.client.context import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.world.people import Person as Customer
from cio_mcp.settings import Settings
from tests.clients import APPROVE, Person, connect, effects, structured, text
from tests.eras import Era

pytestmark = pytest.mark.anyio

MERGE = {"primary": "ada", "secondary": "bob"}


def customer(sandbox: Sandbox, id_: str) -> Customer:
    found = sandbox.workspace.people.get("id", id_)
    assert found
    return found


def settle(sandbox: Sandbox) -> None:
    sandbox.workspace.schedule.run_until(sandbox.clock.now() + 2)


def approve_with(confirmation: str | None) -> Person:
    typed = {} if confirmation is None else {"confirmation": confirmation}
    return Person(ElicitResult(action="accept", content={"decision": "approve", **typed}))


class Changing(Person):
    """A person who approves after something changed."""

    def __init__(self, change: Callable[[], None]) -> None:
        super().__init__(APPROVE)
        self.change = change

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        self.change()
        return await super().__call__(context, params)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("tool", "arguments", "wanted"),
    [
        ("remove_customer", {"customer": "eve", "action": "delete"}, "eve"),
        ("remove_customer", {"customer": "eve@example.com", "action": "suppress"}, "eve"),
        ("merge_customers", MERGE, "bob"),
        ("manage_device", {"customer": "ada", "action": "remove", "device": "device-ada-1"}, "ada"),
    ],
)
@pytest.mark.parametrize("typed", ["", "Eve ", "EVE", "Bob", "ADA", "cio_a3000001", "yes"])
async def test_nothing_is_destroyed_before_the_identifier_is_typed(
    tool: str, arguments: dict[str, Any], wanted: str, typed: str, settings: Settings, sandbox: Sandbox
) -> None:
    person = approve_with(typed)
    async with connect(settings, sandbox, "auto", person) as client:
        declined = structured(await client.call_tool(tool, arguments))
        assert effects(sandbox) == 0
        assert declined["status"] == "declined"
        assert "the confirmation text did not match" in declined["message"]
        person.answer = approve_with(f" {wanted} ").answer
        done = structured(await client.call_tool(tool, arguments))
    assert f"type “{wanted}”, in the same case" in person.prompts[0].message
    assert person.prompts[0].requested_schema["required"] == ["decision"]
    assert done["status"] == "done"
    assert done["verified"] is True


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("id_", "spellings"),
    [
        ("auth0|5", ["auth0|5", "auth0\u00a65"]),
        ("[x]<b>*", ["[x]<b>*", "\uff3bx\uff3d\u2039b\u203a\u2217"]),
        ("a\u200bb", ["a\u200bb", "a\\u200bb"]),
        ("\u05d0\u05d1-1", ["\u05d0\u05d1-1", "\u2068\u05d0\u05d1-1\u2069"]),
    ],
)
async def test_an_id_can_be_typed_as_it_is_or_as_the_question_spells_it(
    id_: str, spellings: list[str], settings: Settings, sandbox: Sandbox
) -> None:
    sandbox.workspace.people.rename(customer(sandbox, "eve"), id=id_)
    for number, spelling in enumerate(spellings):
        person = approve_with(spelling)
        device = {"customer": "cio_a3000006", "device": f"d{number}"}
        async with connect(settings, sandbox, "auto", person) as client:
            await client.call_tool("manage_device", {**device, "action": "add", "platform": "ios"})
            removed = structured(await client.call_tool("manage_device", {**device, "action": "remove"}))
        assert removed["status"] == "done", person.prompts[-1].message


async def test_a_deletion_names_what_is_lost_and_reaches_only_that_customer(
    era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    others = {each.cio_id for each in sandbox.workspace.people} - {customer(sandbox, "ada").cio_id}
    person = Person(APPROVE)
    async with connect(settings, sandbox, era, person) as client:
        await client.call_tool("remove_customer", {"customer": "ada@example.com", "action": "delete"})
    [prompt] = person.prompts
    for part in ("“ada” (cio_a3000001)", "1 device", "manual segment (“Beta testers”)", "cannot be undone", "creates"):
        assert part in prompt.message
    settle(sandbox)
    assert {each.cio_id for each in sandbox.workspace.people} == others


async def test_a_customer_whose_id_is_the_address_of_another_is_the_one_who_is_deleted(
    settings: Settings, sandbox: Sandbox
) -> None:
    sandbox.workspace.people.rename(customer(sandbox, "bob"), id="ada@example.com")
    arguments = {"customer": "ada@example.com", "id_type": "id", "action": "suppress"}
    async with connect(settings, sandbox, "auto", Person(APPROVE)) as client:
        await client.call_tool("remove_customer", arguments)
    settle(sandbox)
    assert sandbox.workspace.people.get("cio_id", "a3000001")
    assert sandbox.workspace.people.get("cio_id", "a3000002") is None


async def test_a_suppression_blocks_both_identifiers_and_warns_of_others_with_the_address(
    settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(APPROVE)
    async with connect(settings, sandbox, "auto", person) as client:
        await client.call_tool("remove_customer", {"customer": "two-1", "action": "suppress"})
        assert "1 other customer has the same email address" in person.prompts[0].message
        assert "Customer identifier: “two-1”." in person.prompts[0].message
        settle(sandbox)
        assert {"two-1", "two@example.com"} <= sandbox.workspace.people.suppressed.keys()
        freed = structured(await client.call_tool("remove_customer", {"customer": "two-1", "action": "unsuppress"}))
    assert freed["status"] == "done"
    settle(sandbox)
    assert "two-1" not in sandbox.workspace.people.suppressed
    assert sandbox.workspace.people.get("id", "two-1") is None


async def test_a_merge_shows_both_people_side_by_side(era: Era, settings: Settings, sandbox: Sandbox) -> None:
    customer(sandbox, "bob").attributes["coupon"] = "B7"
    person = Person(APPROVE)
    async with connect(settings, sandbox, era, person) as client:
        done = structured(await client.call_tool("merge_customers", MERGE))
    [prompt] = person.prompts
    for part in (
        "Merge the customer “bob” into “ada”, and delete “bob”.",
        "This cannot be undone.",
        "Kept: “ada” has",
        "Deleted: “bob” has",
        "plan “vip” (not “free”)",
        "coupon “B7”",
        "Lost: the identifiers “bob”, “bob@example.com”",
        "events older than 30 days",
        "kept: “ada” (cio_a3000001)",
        "deleted: “bob” (cio_a3000002)",
        "becomes unsubscribed",
        "different email addresses",
    ):
        assert part in prompt.message, part
    assert done["status"] == "done"
    settle(sandbox)
    ada = customer(sandbox, "ada")
    assert (ada.attributes["plan"], ada.attributes["coupon"]) == ("vip", "B7")
    assert sandbox.workspace.people.get("id", "bob") is None


async def test_a_kept_customer_who_stays_subscribed_is_warned_of(settings: Settings, sandbox: Sandbox) -> None:
    customer(sandbox, "ada").attributes["unsubscribed"] = False
    person = Person(APPROVE)
    async with connect(settings, sandbox, "auto", person) as client:
        await client.call_tool("merge_customers", MERGE)
    assert "the kept one stays subscribed" in person.prompts[0].message


@pytest.mark.parametrize("id_", ["ada", "bob"])
async def test_a_merge_is_shown_again_if_either_customer_changed(
    id_: str, settings: Settings, sandbox: Sandbox
) -> None:
    changing = Changing(lambda: customer(sandbox, id_).attributes.update(plan="new"))
    async with connect(settings, sandbox, "auto", changing) as client:
        first = structured(await client.call_tool("merge_customers", MERGE))
        assert first["status"] == "approval_required"
        assert effects(sandbox) == 0
        again = structured(await client.call_tool("merge_customers", MERGE))
    assert again["status"] == "done"
    assert "“new”" in changing.prompts[1].message


@pytest.mark.parametrize(
    ("arguments", "faults"),
    [
        ({"primary": "nobody", "secondary": "bob"}, ["primary: no customer has the ID “nobody”"]),
        ({"primary": "ada", "secondary": "nobody"}, ["secondary: no customer has the ID “nobody”"]),
        (
            {"primary": "nobody", "secondary": "two@example.com"},
            ["primary: no customer", "secondary: 2 customers share"],
        ),
        ({"primary": "ada", "secondary": "ada@example.com"}, ["secondary: is the same customer as primary"]),
        ({"primary": "..", "secondary": "cio_"}, ["primary: ", "secondary: "]),
    ],
)
async def test_a_merge_that_would_do_nothing_is_refused_before_any_question(
    arguments: dict[str, str], faults: list[str], settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(APPROVE)
    async with connect(settings, sandbox, "auto", person) as client:
        refused = await client.call_tool("merge_customers", arguments)
    assert refused.is_error
    for fault in faults:
        assert fault in text(refused)
    assert not person.prompts
    assert effects(sandbox) == 0


async def test_a_repeated_removal_is_answered_by_the_first(settings: Settings, sandbox: Sandbox) -> None:
    arguments = {"customer": "eve", "action": "delete"}
    async with connect(settings, sandbox, "auto", Person(APPROVE)) as client:
        first = structured(await client.call_tool("remove_customer", arguments))
        settle(sandbox)
        again = structured(await client.call_tool("remove_customer", arguments))
        other = await client.call_tool("remove_customer", {"customer": "eve", "action": "suppress"})
    assert (again["status"], again["change"]) == ("already_done", first["change"])
    assert other.is_error
    assert effects(sandbox) == 1


async def test_a_device_is_added_replaced_left_alone_and_removed(settings: Settings, sandbox: Sandbox) -> None:
    token = "t" * 300
    add = {"customer": "bob", "action": "add", "device": token, "platform": "ios"}
    person = Person(APPROVE)
    async with connect(settings, sandbox, "auto", person) as client:
        assert structured(await client.call_tool("manage_device", add))["verified"] is True
        assert "will also go to this device" in person.prompts[0].message
        same = structured(await client.call_tool("manage_device", add))
        assert (same["status"], len(person.prompts)) == ("already_done", 1)
        replaced = structured(await client.call_tool("manage_device", {**add, "platform": "android"}))
        assert replaced["verified"] is True
        assert "Replace the android device" in person.prompts[1].message
        remove = {"customer": "bob", "action": "remove", "device": token}
        assert structured(await client.call_tool("manage_device", remove))["verified"] is True
    settle(sandbox)
    assert customer(sandbox, "bob").devices == []


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"action": "add", "device": "x"}, "platform: expected ios or android"),
        ({"action": "remove", "device": "x", "platform": "ios"}, "platform: omit it to remove"),
        ({"action": "remove", "device": "device-ada-2"}, "did you mean “device-ada-1”?"),
        ({"action": "remove", "device": "x" * 1001}, "device: is 1,001 bytes long"),
    ],
)
async def test_a_device_that_cannot_be_meant_is_refused(
    arguments: dict[str, str], fault: str, settings: Settings, sandbox: Sandbox
) -> None:
    async with connect(settings, sandbox, "auto", Person(APPROVE)) as client:
        refused = await client.call_tool("manage_device", {"customer": "ada", **arguments})
    assert refused.is_error
    assert fault in text(refused)
    assert effects(sandbox) == 0


@pytest.mark.parametrize("action", ["delete", "suppress", "unsuppress"])
@pytest.mark.parametrize("id_", ["bob", "ada@example.com", "cio_a3000001"])
@pytest.mark.sampled(4)
async def test_with_the_track_keys_alone_an_id_of_any_shape_reaches_that_id(
    action: str, id_: str, settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(APPROVE)
    blind = settings.model_copy(update={"app_api_key": None})
    async with connect(blind, sandbox, "auto", person) as client:
        done = structured(
            await client.call_tool("remove_customer", {"customer": id_, "id_type": "id", "action": action})
        )
    settle(sandbox)
    assert done["status"] == "done"
    assert id_ in person.prompts[0].message
    assert sandbox.workspace.people.get("cio_id", "a3000001")
    assert (sandbox.workspace.people.get("id", "bob") is None) == (id_ == "bob" and action != "unsuppress")
