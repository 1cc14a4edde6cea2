"""The way back for several people: those whose values still stand, and in words who is left out."""

import pytest
from pydantic import JsonValue

from cio_mcp.errors import Refused
from cio_mcp.gate.receipt import EditReceipt
from cio_mcp.sandbox import Sandbox
from cio_mcp.settings import Settings
from cio_mcp.tools.core.undo.undo_change import undo_change
from cio_mcp.workspace import CallContext, open_workspace
from tests.callers import caller_named
from tests.tools.test_undo_change import apply_change, approve_and_apply, values

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

BOTH: list[JsonValue] = ["ada", "bob"]


async def test_each_person_gets_back_what_was_there_and_the_undo_can_be_undone(ws: CallContext) -> None:
    change = await apply_change(
        ws, "update_customer", customers=BOTH, attributes={"plan": "gold", "unsubscribed": True}
    )
    undo = await apply_change(ws, "undo_change", change=change)
    assert await values(ws, "plan", "unsubscribed") == ["vip", "false"]
    bob = await ws.people.resolve("bob")
    assert (bob.attributes["plan"], bob.unsubscribed) == ("free", True)
    await apply_change(ws, "undo_change", change=undo)
    assert await values(ws, "plan") == ["gold"]
    assert (await ws.people.resolve("bob")).attributes["plan"] == "gold"


async def test_customers_who_changed_since_or_are_gone_are_left_out_and_named(
    ws: CallContext, sandbox: Sandbox
) -> None:
    people: list[JsonValue] = [*BOTH, "cio_a3000003"]
    change = await apply_change(ws, "update_customer", customers=people, attributes={"plan": "gold", "colour": "teal"})
    await apply_change(ws, "update_customer", customer="bob", attributes={"colour": "red"})
    gone = sandbox.workspace.people.get("cio_id", "cio_a3000003")
    assert gone
    sandbox.workspace.people.remove(gone)
    plan = await undo_change(ws, change)
    assert plan.summary == f"Undo change {change} for 1 of 3 customers."
    assert [person.name for person in plan.changed] == ["ada"]
    warnings = " ".join(plan.warnings)
    assert "Not undone: “bob” (cio_a3000002) (“colour” changed since)." in warnings
    assert "(no customer has the identifier anymore)" in warnings
    assert "history" in warnings
    receipt = await approve_and_apply(ws, "undo_change", change=change)
    assert isinstance(receipt, EditReceipt)
    assert any("“bob”" in warning for warning in receipt.warnings or ())
    assert await values(ws, "plan", "colour") == ["vip", None]
    assert (await ws.people.resolve("bob")).attributes["plan"] == "gold"


async def test_an_undo_that_can_restore_nobody_is_refused_with_each_reason(ws: CallContext) -> None:
    change = await apply_change(ws, "update_customer", customers=BOTH, attributes={"plan": "gold"})
    await apply_change(ws, "update_customer", customers=BOTH, attributes={"plan": "silver"})
    with pytest.raises(Refused, match=r"“ada” .*, “bob” .*“plan” changed since"):
        await undo_change(ws, change)


async def test_a_customer_whose_values_are_back_already_needs_no_change(ws: CallContext) -> None:
    change = await apply_change(ws, "update_customer", customers=BOTH, attributes={"plan": "gold"})
    await apply_change(ws, "update_customer", customer="ada", attributes={"plan": "vip"})
    plan = await undo_change(ws, change)
    assert [person.name for person in plan.changed] == ["bob"]
    assert "Left out because no change is needed: “ada”" in plan.notes[0]
    await apply_change(ws, "undo_change", change=change)
    assert (await approve_and_apply(ws, "undo_change", change=change)).status == "already_done"


async def test_merged_or_unknown_values_have_no_undo(ws: CallContext, settings: Settings, sandbox: Sandbox) -> None:
    preferences: dict[str, JsonValue] = {"cio_subscription_preferences": {"topics": {"topic_1": False}}}
    merged = await approve_and_apply(ws, "update_customer", customers=BOTH, attributes=preferences)
    assert merged.change
    with pytest.raises(Refused, match="merges"):
        await undo_change(ws, merged.change)
    async with open_workspace(settings.model_copy(update={"app_api_key": None}), sandbox=sandbox) as opened:
        blind = opened.acting(caller_named("local:tester"))
        unseen = await apply_change(blind, "update_customer", customers=BOTH, attributes={"plan": "silver"})
        with pytest.raises(Refused, match="without an App API key"):
            await undo_change(blind, unseen)
    with pytest.raises(Refused, match="the previous values were unknown"):
        await undo_change(ws, unseen)
