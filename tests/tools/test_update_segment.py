"""Changing manual segments: what a plan says, what it sends, and what it refuses."""

from dataclasses import replace

import pytest
from pydantic import JsonValue

from cio_mcp.errors import InvalidArgument, NotFound, Refused
from cio_mcp.gate.guardrails import check_plan
from cio_mcp.gate.plan import has_drifted
from cio_mcp.gate.policy import Entry, Policy, Recipients
from cio_mcp.gate.question import question_about
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.world.segments import Segment
from cio_mcp.settings import Settings
from cio_mcp.tools.common.segment_plans import MAX_USERS
from cio_mcp.tools.core.undo.undo_change import undo_change
from cio_mcp.tools.core.update_segment import update_segment
from cio_mcp.workspace import CallContext, open_workspace
from tests.callers import caller_named
from tests.tools.test_undo_change import FUNCTIONS, apply_change, approve_and_apply

pytestmark = pytest.mark.anyio

FUNCTIONS["update_segment"] = update_segment
BETA = 3


def members(sandbox: Sandbox, number: int = BETA) -> set[str | None]:
    sandbox.workspace.schedule.run_until(sandbox.clock.now() + 2)
    return {person.id for person in sandbox.workspace.people if number in person.manual_segments}


def start_from(sandbox: Sandbox, number: int) -> None:
    """Let the running campaign 4 start from a segment."""
    sources = sandbox.workspace.sources
    sources["campaign", 4] = replace(sources["campaign", 4], trigger_segments=(number,))


async def test_customers_are_added_by_id_and_those_who_are_in_already_are_named(
    ws: CallContext, sandbox: Sandbox
) -> None:
    before = members(sandbox)
    plan = await update_segment(ws, "add", "Beta testers", ["ada", "eve@example.com", "cio_a3000002", "eve"])
    assert plan.summary == "Add 2 customers to segment 3 “Beta testers”."
    assert plan.notes == ("Already in it: “ada”.",)
    assert [call.body for call in plan.calls] == [{"ids": ["eve", "bob"]}]
    assert [(call.path, call.query) for call in plan.calls] == [({"segment_id": "3"}, {})]
    assert (plan.risk, plan.affected) == ("send", 2)
    check_plan(plan)
    receipt = await approve_and_apply(ws, "update_segment", action="add", segment="3", customers=["eve", "bob"])
    assert (receipt.status, receipt.verified) == ("done", True)
    back = await approve_and_apply(ws, "update_segment", action="remove", segment="3", customers=["eve"])
    assert (back.status, back.verified) == ("done", True)
    assert members(sandbox) == before | {"bob"}


async def test_a_plan_rests_on_the_addresses_that_it_shows(ws: CallContext, sandbox: Sandbox) -> None:
    shown = await update_segment(ws, "add", "3", ["eve"])
    eve = sandbox.workspace.people.get("id", "eve")
    assert eve
    sandbox.workspace.people.rename(eve, email="other@example.com")
    assert has_drifted(shown, await update_segment(ws, "add", "3", ["eve"]))


async def test_a_customer_without_an_id_is_added_by_cio_id_in_a_request_of_its_own(
    ws: CallContext, sandbox: Sandbox
) -> None:
    eve = sandbox.workspace.people.get("id", "eve")
    assert eve
    sandbox.workspace.people.rename(eve, id=None)
    plan = await update_segment(ws, "add", "3", ["bob", "eve@example.com"])
    assert [(call.query, call.body) for call in plan.calls] == [
        ({}, {"ids": ["bob"]}),
        ({"id_type": "cio_id"}, {"ids": [eve.cio_id]}),
    ]
    await approve_and_apply(ws, "update_segment", action="add", segment="3", customers=["bob", "eve@example.com"])
    assert {"bob", None} <= members(sandbox)
    removal = await update_segment(ws, "remove", "3", ["eve@example.com"])
    assert "It may ignore the customers without an ID: “eve@example.com”." in removal.warnings[0]


async def test_unknown_and_ambiguous_customers_are_refused_by_name_before_anything_is_sent(ws: CallContext) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await update_segment(ws, "add", "3", ["ada", "nobody", "two@example.com", "x@example.com"])
    text = str(refused.value)
    assert "3 of 4 cannot be updated" in text
    assert "no. 2 “nobody”" in text
    assert "no. 3 “two@example.com”" in text
    assert "2 customers share it" in text
    assert "no. 4 “x@example.com”" in text


async def test_when_everybody_is_in_already_nothing_is_sent(ws: CallContext, sandbox: Sandbox) -> None:
    receipt = await approve_and_apply(ws, "update_segment", action="add", segment="3", customers=["ada"])
    assert receipt.status == "already_done"
    assert not [request for request in sandbox.requests if "add_customers" in request["path"]]


async def test_a_removal_names_those_who_are_not_in(ws: CallContext, sandbox: Sandbox) -> None:
    plan = await update_segment(ws, "remove", "3", ["ada", "bob"])
    assert plan.notes == ("Not in it: “bob”.",)
    assert plan.calls[0].body == {"ids": ["ada"]}
    await approve_and_apply(ws, "update_segment", action="remove", segment="3", customers=["ada", "bob"])
    assert "ada" not in members(sandbox)


async def test_campaigns_of_other_segments_are_named_with_their_condition(ws: CallContext) -> None:
    plan = await update_segment(ws, "add", "3", ["bob"])
    assert plan.starts == ("campaign 4 “VIP welcome”, if its segment depends on this one",)


async def test_adding_to_a_segment_that_starts_a_campaign_says_so_and_removing_does_not(
    ws: CallContext, sandbox: Sandbox
) -> None:
    start_from(sandbox, BETA)
    assert (await update_segment(ws, "add", "3", ["bob"])).starts == ("campaign 4 “VIP welcome”",)
    assert (await update_segment(ws, "remove", "3", ["ada"])).starts == (
        "campaign 4 “VIP welcome”, if its segment depends on this one",
    )


async def test_a_large_segment_is_not_read_as_a_whole(ws: CallContext, sandbox: Sandbox) -> None:
    ada = sandbox.workspace.people.get("id", "ada")
    assert ada
    for number in range(1_001):
        copy = replace(ada, cio_id=f"{number:08x}", id=f"n{number}", email=f"n{number}@example.com")
        sandbox.workspace.people.add(copy)
    customers: list[str] = [f"n{number}" for number in range(150)]
    plan = await update_segment(ws, "add", "3", [*customers, "bob"])
    assert plan.calls[0].body == {"ids": ["bob"]}
    assert "“n0”" in plan.notes[0]
    assert "and 140 more" in plan.notes[0]


@pytest.mark.parametrize("action", ["add", "remove", "delete"])
async def test_a_dynamic_segment_is_explained(ws: CallContext, action: str) -> None:
    customers: dict[str, JsonValue] = {} if action == "delete" else {"customers": ["ada"]}
    with pytest.raises(InvalidArgument) as refused:
        await FUNCTIONS["update_segment"](ws, action, "VIP", **customers)
    text = str(refused.value)
    assert "segment: “VIP” (id 2) is dynamic" in text
    assert "the API doesn't show" in text
    assert "“People on the vip plan”" in text
    assert ("only be deleted in Customer.io" if action == "delete" else "update_customer") in text


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"action": "create"}, ["name: expected"]),
        ({"action": "create", "name": " "}, ["name: expected"]),
        ({"action": "create", "name": "x", "customers": ["ada"]}, ["customers: a new segment is empty"]),
        ({"action": "create", "segment": "3"}, ["name: expected", "segment: omit it"]),
        ({"action": "add", "segment": "3", "customers": ["ada"] * 1_001}, ["customers: lists 1,001; at most 1,000"]),
        ({"action": "add"}, ["segment: expected", "customers: expected the customers to add"]),
        ({"action": "remove", "segment": "3"}, ["customers: expected the customers to remove"]),
        ({"action": "delete", "segment": "3", "name": "x"}, ["name: is for action=create", "can't rename"]),
        ({"action": "delete", "segment": "3", "customers": ["ada"]}, ["customers: omit it"]),
        ({"action": "create", "name": "VIP"}, ["name: the dynamic segment 2 already has the name “VIP”"]),
        ({"action": "create", "name": "x\u200by"}, ["name: contains invisible characters"]),
    ],
)
async def test_all_arguments_that_an_action_lacks_or_does_not_take_are_named_together(
    ws: CallContext, arguments: dict[str, JsonValue], named: list[str]
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await FUNCTIONS["update_segment"](ws, **arguments)
    assert all(each in str(refused.value) for each in named)


async def test_an_unknown_segment_is_answered_with_close_names(ws: CallContext) -> None:
    with pytest.raises(NotFound, match="Beta testers"):
        await update_segment(ws, "add", "Beta tester", ["ada"])


async def test_a_created_segment_is_named_by_its_id(ws: CallContext, sandbox: Sandbox) -> None:
    receipt = await approve_and_apply(ws, "update_segment", action="create", name="Pilot")
    assert receipt.status == "done"
    assert "segment 5" in receipt.message
    assert "update_segment" in str(receipt.next_step)
    assert sandbox.workspace.segments[5].name == "Pilot"


async def test_a_manual_segment_of_the_name_is_not_created_again(ws: CallContext, sandbox: Sandbox) -> None:
    receipt = await approve_and_apply(ws, "update_segment", action="create", name="Beta testers")
    assert receipt.status == "already_done"
    assert receipt.message == "Segment 3 already has the name “Beta testers”. No change needed."
    assert len(sandbox.workspace.segments) == 4


async def test_a_deletion_shows_what_uses_the_segment_and_wants_its_name_typed(
    ws: CallContext, sandbox: Sandbox
) -> None:
    count = len(members(sandbox))
    plan = await update_segment(ws, "delete", "3")
    assert (plan.risk, plan.confirmation) == ("destroy", "Beta testers")
    assert plan.notes == (f"It has {count} members.", "Used by: no campaign, broadcast, or newsletter.")
    assert plan.warnings == ("Its ID can't be restored.",)
    start_from(sandbox, BETA)
    used = await update_segment(ws, "delete", "3")
    assert used.notes[1] == "Used by: campaign 4 “VIP welcome”."
    assert "Customer.io may refuse" in used.warnings[0]
    assert "To approve, also type Beta testers" in question_about(used, "1a2b3c4d").text.replace("“", "").replace(
        "”", ""
    )


@pytest.mark.parametrize(("count", "rest"), [(MAX_USERS, ""), (MAX_USERS + 1, ", 1 more")])
async def test_a_deletion_names_broadcasts_too_and_counts_the_uses_that_it_leaves_out(
    ws: CallContext, sandbox: Sandbox, count: int, rest: str
) -> None:
    sources = sandbox.workspace.sources
    sources["broadcast", 10] = replace(sources["broadcast", 10], trigger_segments=(BETA,))
    draft = replace(sources["newsletter", 31], trigger_segments=(BETA,), sent_at=0)
    sources |= {("newsletter", 100 + place): replace(draft, id=100 + place) for place in range(count - 1)}
    plan = await update_segment(ws, "delete", "3")
    names = plan.notes[1].removeprefix("Used by: ").removesuffix(".").removesuffix(rest)
    assert names.startswith("broadcast 10 “Product news”, ")
    assert names.count("“") == MAX_USERS
    assert plan.notes[1].endswith(f"”{rest}.")


async def test_a_policy_never_allows_a_change_of_a_segment_by_itself(settings: Settings, sandbox: Sandbox) -> None:
    entry = {risk: Entry(rule="allow") for risk in ("data", "send", "destroy")}
    policy = Policy(classes=entry, recipients=Recipients(domains=frozenset({"example.com"}), segment="Beta testers"))  # type: ignore[arg-type]
    async with open_workspace(settings, sandbox=sandbox, policy=policy) as opened:
        ws = opened.acting(caller_named("local:tester"))
        add = await update_segment(ws, "add", "3", ["bob"])
        for plan in (
            add,
            await update_segment(ws, "remove", "3", ["ada"]),
            await update_segment(ws, "create", name="Pilot"),
            await update_segment(ws, "delete", "3"),
        ):
            assert policy.rule_of("update_segment", plan) == "confirm"
        assert "The policy lets some messages to members of this segment go without approval." in add.why
        other = Segment(5, "Pilot", "", 0)
        sandbox.workspace.segments[5] = other
    async with open_workspace(settings, sandbox=sandbox, policy=policy) as opened:
        ws = opened.acting(caller_named("local:tester"))
        assert "policy" not in (await update_segment(ws, "add", "Pilot", ["bob"])).why


async def test_an_addition_is_undone_for_those_whom_it_added(ws: CallContext, sandbox: Sandbox) -> None:
    before = members(sandbox)
    change = await apply_change(
        ws, "update_segment", action="add", segment="3", customers=["ada", "bob", "eve", "mallory"]
    )
    members(sandbox)
    await apply_change(ws, "update_segment", action="remove", segment="3", customers=["eve"])
    mallory = sandbox.workspace.people.get("id", "mallory")
    assert mallory
    sandbox.workspace.people.remove(mallory)
    sandbox.workspace.schedule.run_until(sandbox.clock.now() + 2)
    plan = await undo_change(ws, change)
    assert plan.summary == f"Undo change {change}: remove 1 customer from segment 3 “Beta testers”."
    assert plan.notes == ("Not in it: “eve”.",)
    assert "1 of the customers no longer exist." in plan.warnings
    assert "can't be undone" in plan.warnings[-1]
    undo = await apply_change(ws, "undo_change", change=change)
    assert members(sandbox) == before
    await apply_change(ws, "undo_change", change=undo)
    assert members(sandbox) == before | {"bob"}


async def test_a_removal_is_undone_and_says_what_that_may_start(ws: CallContext, sandbox: Sandbox) -> None:
    before = members(sandbox)
    change = await apply_change(ws, "update_segment", action="remove", segment="3", customers=["ada"])
    assert members(sandbox) == before - {"ada"}
    start_from(sandbox, BETA)
    assert (await undo_change(ws, change)).summary.endswith("add 1 customer to segment 3 “Beta testers”.")
    await apply_change(ws, "undo_change", change=change)
    assert members(sandbox) == before


async def test_a_creation_is_undone_by_a_deletion_with_its_name_typed(ws: CallContext, sandbox: Sandbox) -> None:
    change = await apply_change(ws, "update_segment", action="create", name="Pilot")
    plan = await undo_change(ws, change)
    assert (plan.risk, plan.confirmation) == ("destroy", "Pilot")
    await apply_change(ws, "undo_change", change=change)
    assert 5 not in sandbox.workspace.segments


async def test_a_deletion_is_undone_in_two_steps_under_a_new_id(ws: CallContext, sandbox: Sandbox) -> None:
    before = members(sandbox)
    change = await apply_change(ws, "update_segment", action="delete", segment="3")
    assert 3 not in sandbox.workspace.segments
    first = await approve_and_apply(ws, "undo_change", change=change)
    assert "segment 5" in first.message
    assert str(first.next_step).endswith(f"change={change}.")
    assert sandbox.workspace.segments[5].description == "Picked by hand"
    second = await undo_change(ws, change)
    assert "The segment gets a new ID" in second.warnings[-1]
    assert not any("were recorded" in warning for warning in second.warnings)
    await apply_change(ws, "undo_change", change=change)
    assert members(sandbox, 5) == before


async def test_an_undo_of_a_deletion_says_how_many_members_were_not_recorded(
    ws: CallContext, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cio_mcp.tools.common.segment_plans.MAX_RECORDED", 1)
    monkeypatch.setattr("cio_mcp.tools.core.undo.segment.MAX_RECORDED", 1)
    count = len(members(sandbox))
    change = await apply_change(ws, "update_segment", action="delete", segment="3")
    await approve_and_apply(ws, "undo_change", change=change)
    assert f"Only 1 of its {count} members were recorded." in (await undo_change(ws, change)).warnings


async def test_an_undo_of_a_segment_that_is_gone_or_replaced_is_refused(ws: CallContext, sandbox: Sandbox) -> None:
    added = await apply_change(ws, "update_segment", action="add", segment="3", customers=["bob"])
    members(sandbox)
    sandbox.workspace.segments[6] = Segment(6, "Beta testers", "", 0, lambda _: True)
    deleted = await apply_change(ws, "update_segment", action="delete", segment="3")
    with pytest.raises(Refused, match="segment 3 no longer exists"):
        await undo_change(ws, added)
    with pytest.raises(Refused, match="another segment is named “Beta testers” now"):
        await undo_change(ws, deleted)
