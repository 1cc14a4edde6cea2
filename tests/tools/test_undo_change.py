import json
import time
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from pydantic import JsonValue

from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.batches import batch
from cio_mcp.customerio.writer import Writer
from cio_mcp.errors import CioError, NotFound, Refused
from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import Plan, ValueEdit, arguments_digest
from cio_mcp.gate.receipt import Receipt
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.settings import Settings
from cio_mcp.storage.engine import Database
from cio_mcp.storage.erasure import reduce_old_changes
from cio_mcp.tools.core.send_event import send_event
from cio_mcp.tools.core.undo.undo_change import IMPORTS, OF_JOBS, undo_change
from cio_mcp.tools.core.update_customer import update_customer
from cio_mcp.workspace import CallContext, Workspace, job_functions, open_workspace
from tests.callers import caller_named, work_of
from tests.carrying_out import approve

pytestmark = pytest.mark.anyio

FUNCTIONS: dict[str, Any] = {each.__name__: each for each in (send_event, update_customer, undo_change)}


async def approve_and_apply(ws: CallContext, tool: str, **arguments: JsonValue) -> Receipt:
    """Propose a write, approve it as a person would, and carry it out."""

    async def plan() -> Plan:
        planned: Plan = await FUNCTIONS[tool](ws, **arguments)
        return planned

    row = await ws.gate.propose(ws.caller.id, tool, arguments_digest(arguments), plan)
    if isinstance(row, Receipt):
        return row
    await approve(ws.gate, row)
    return await ws.gate.make(row, plan, work_of(ws.caller))


async def values(ws: CallContext, *names: str) -> list[JsonValue]:
    person = await ws.people.resolve("ada")
    return [person.attributes.get(name) for name in names]


async def apply_change(ws: CallContext, tool: str, **arguments: JsonValue) -> str:
    receipt = await approve_and_apply(ws, tool, **arguments)
    assert receipt.status == "done", receipt
    assert receipt.change
    return receipt.change


async def test_an_undo_reaches_the_customer_that_the_request_named_with_its_kind(
    ws: CallContext, sandbox: Sandbox
) -> None:
    bob = sandbox.workspace.people.get("id", "bob")
    assert bob
    sandbox.workspace.people.rename(bob, id="ada@example.com")

    async def plan() -> Plan:
        await anyio.lowlevel.checkpoint()
        call = tracking.identify(
            Reference("ada@example.com", "id"), {"plan": "gold"}, at=int(time.time()), create=False
        )
        edited = ValueEdit(name="plan", before=str(bob.attributes["plan"]), after="gold")
        return Plan(risk="data", summary="Set.", edits=(edited,), calls=(call,), rests_on={"before": {"plan": "free"}})

    row = await ws.gate.propose(ws.caller.id, "a tool", arguments_digest({}), plan)
    assert not isinstance(row, Receipt)
    await approve(ws.gate, row)
    assert (await ws.gate.make(row, plan, work_of(ws.caller))).status == "done"
    sandbox.workspace.schedule.run_until(sandbox.clock.now() + 2)
    undone = await undo_change(ws, row.id)
    assert undone.calls[0].path == {"identifier": f"cio_{bob.cio_id}"}


async def test_changed_values_are_restored_and_added_ones_removed(ws: CallContext) -> None:
    before = await values(ws, "plan", "shoe_size")
    assert before[0]
    assert before[1] is None
    change = await apply_change(ws, "update_customer", customer="ada", attributes={"plan": "gold", "shoe_size": 38})
    assert await values(ws, "plan", "shoe_size") == ["gold", "38"]
    receipt = await approve_and_apply(ws, "undo_change", change=change)
    assert (receipt.status, receipt.verified) == ("done", True)
    assert await values(ws, "plan", "shoe_size") == before


async def test_an_undo_says_what_it_cannot_bring_back(ws: CallContext) -> None:
    change = await apply_change(ws, "update_customer", customer="ada", attributes={"plan": "gold"})
    plan = await undo_change(ws, change)
    assert change in plan.summary
    assert "“plan”" in plan.summary
    warnings = " ".join(plan.warnings)
    assert "text" in warnings
    assert "history" in warnings


async def test_an_undo_is_of_the_class_of_what_it_writes(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.workspace.stop_campaign(4)  # while it runs, any edit may start it
    harmless = await apply_change(ws, "update_customer", customer="ada", attributes={"favourite_colour": "teal"})
    reaching = await apply_change(ws, "update_customer", customer="ada", attributes={"unsubscribed": True})
    assert (await undo_change(ws, harmless)).risk == "data"
    back = await undo_change(ws, reaching)
    assert back.risk == "send"
    body = back.calls[0].body
    assert isinstance(body, dict)
    assert body["unsubscribed"] is False


async def test_an_undo_refuses_when_a_value_changed_since_and_names_it(ws: CallContext, sandbox: Sandbox) -> None:
    change = await apply_change(ws, "update_customer", customer="ada", attributes={"plan": "gold", "colour": "teal"})
    await apply_change(ws, "update_customer", customer="ada", attributes={"plan": "silver"})
    sent = len(sandbox.requests)
    with pytest.raises(Refused, match="“plan” changed since") as refused:
        await undo_change(ws, change)
    assert "colour" not in str(refused.value)
    assert all(request["method"] == "GET" for request in list(sandbox.requests)[sent:])


async def test_an_approved_undo_sends_nothing_if_the_value_changes_before_it_is_made(ws: CallContext) -> None:
    change = await apply_change(ws, "update_customer", customer="ada", attributes={"plan": "gold"})

    async def plan() -> Plan:
        return await undo_change(ws, change)

    row = await ws.gate.propose(ws.caller.id, "undo_change", "digest", plan)
    assert not isinstance(row, Receipt)
    await approve(ws.gate, row)
    await apply_change(ws, "update_customer", customer="ada", attributes={"plan": "silver"})
    with pytest.raises(CioError):
        await ws.gate.make(row, plan, work_of(ws.caller))
    assert await values(ws, "plan") == ["silver"]


async def test_an_undo_can_be_undone(ws: CallContext) -> None:
    before = await values(ws, "plan")
    change = await apply_change(ws, "update_customer", customer="ada", attributes={"plan": "gold"})
    undo = await apply_change(ws, "undo_change", change=change)
    assert await values(ws, "plan") == before
    await apply_change(ws, "undo_change", change=undo)
    assert await values(ws, "plan") == ["gold"]


async def test_values_that_are_back_already_are_not_sent_again(ws: CallContext) -> None:
    change = await apply_change(ws, "update_customer", customer="ada", attributes={"plan": "gold"})
    await apply_change(ws, "undo_change", change=change)
    assert (await approve_and_apply(ws, "undo_change", change=change)).status == "already_done"


@pytest.mark.parametrize(
    ("tool", "arguments", "reason"),
    [
        ("send_event", {"customer": "ada", "name": "signed_up"}, "events can't be undone"),
        ("update_customer", {"customer": "new-one", "attributes": {"x": 1}, "create": True}, "created a customer"),
        (
            "update_customer",
            {"customer": "ada", "attributes": {"cio_subscription_preferences": {"topics": {"topic_1": False}}}},
            "merges",
        ),
        (
            "update_customer",
            {"customer": "ada", "attributes": {"cio_subscription_preferences.topics.topic_1": False}},
            "merges",
        ),
    ],
)
async def test_a_change_without_an_undo_is_refused_with_the_reason(
    tool: str, arguments: dict[str, Any], reason: str, ws: CallContext
) -> None:
    receipt = await approve_and_apply(ws, tool, **arguments)
    assert receipt.change
    with pytest.raises(Refused, match=reason):
        await undo_change(ws, receipt.change)


async def test_only_what_was_done_can_be_undone(ws: CallContext) -> None:
    async def plan() -> Plan:
        return await update_customer(ws, "ada", attributes={"plan": "gold"})

    row = await ws.gate.propose(ws.caller.id, "update_customer", "digest", plan)
    assert not isinstance(row, Receipt)
    with pytest.raises(Refused, match="it is planned"):
        await undo_change(ws, row.id)
    with pytest.raises(NotFound, match="no change"):
        await undo_change(ws, "nowhere")


async def test_a_change_whose_details_are_gone_has_no_undo(ws: CallContext, settings: Settings) -> None:
    change = await apply_change(ws, "update_customer", customer="ada", attributes={"plan": "gold"})
    far = ws.gate.clock.now() + 1
    assert await reduce_old_changes(Database(settings.storage_url), before=far, now=far) == 1
    with pytest.raises(Refused, match="no longer stored"):
        await undo_change(ws, change)
    row = await ws.gate.journal.get(change)
    assert row
    assert json.loads(row.plan)["summary"] == row.summary


async def test_a_change_whose_outcome_is_not_known_cannot_be_undone(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("PUT", "/api/v1/customers/{identifier}", "accept_then_503", times=-1))
    receipt = await approve_and_apply(ws, "update_customer", customer="ada", attributes={"plan": "gold"})
    assert receipt.status == "unknown"
    assert receipt.change
    with pytest.raises(Refused, match="it is unknown"):
        await undo_change(ws, receipt.change)


BOB: dict[str, JsonValue] = {"type": "person", "identifiers": {"id": "bob"}}
ACME: dict[str, JsonValue] = {"type": "object", "identifiers": {"object_type_id": "1", "object_id": "acme"}}


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ({**BOB, "action": "delete"}, "deletions can't be undone"),
        ({**BOB, "action": "unsuppress"}, "this kind of change has no undo"),
        ({**ACME, "action": "identify", "attributes": {"plan": "gold"}}, "the previous values were unknown"),
        ({**BOB, "action": "event", "name": "x", "id": "01A"}, "events can't be undone"),
    ],
)
async def test_a_kind_of_change_that_undo_does_not_cover_is_refused(
    ws: CallContext, action: dict[str, JsonValue], reason: str
) -> None:
    async def plan() -> Plan:
        await anyio.lowlevel.checkpoint()
        return Plan(risk="destroy", summary="Change somebody.", calls=(batch([action]),))

    row = await ws.gate.propose(ws.caller.id, "a tool", "digest", plan)
    assert isinstance(row, Change)
    await approve(ws.gate, row)
    assert (await ws.gate.make(row, plan, work_of(ws.caller))).status == "done"
    with pytest.raises(Refused, match=reason):
        await undo_change(ws, row.id)


async def test_without_an_app_key_there_is_no_undo_and_the_reason_names_what_is_missing(
    ws: CallContext, settings: Settings, sandbox: Sandbox
) -> None:
    seen = await apply_change(ws, "update_customer", customer="ada", attributes={"plan": "gold"})
    async with open_workspace(settings.model_copy(update={"app_api_key": None}), sandbox=sandbox) as opened:
        blind = opened.acting(caller_named("local:tester"))
        unseen = await apply_change(blind, "update_customer", customer="ada", attributes={"plan": "silver"})
        with pytest.raises(Refused, match="without an App API key"):
            await undo_change(blind, seen)
    with pytest.raises(Refused, match="the previous values were unknown"):
        await undo_change(ws, unseen)


@pytest.mark.parametrize("name", ["email", "Email", " email"])
async def test_a_first_email_address_cannot_be_taken_away(name: str, ws: CallContext, sandbox: Sandbox) -> None:
    await apply_change(ws, "update_customer", customer="no-address", attributes={"x": 1}, create=True)
    sandbox.workspace.clock.advance(5)
    change = await apply_change(ws, "update_customer", customer="no-address", attributes={name: "new@example.com"})
    with pytest.raises(Refused, match=r"Customer\.io doesn't remove"):
        await undo_change(ws, change)


async def test_an_undo_writes_only_what_is_not_back_already(ws: CallContext) -> None:
    [plan_before] = await values(ws, "plan")
    change = await apply_change(ws, "update_customer", customer="ada", attributes={"plan": "gold", "shoe_size": 38})
    await apply_change(ws, "update_customer", customer="ada", attributes={"plan": plan_before})
    plan = await undo_change(ws, change)
    assert [one.name for one in plan.edits] == ["shoe_size"]
    warnings = " ".join(plan.warnings)
    assert "history" in warnings
    assert "as text" not in warnings


async def test_a_list_that_was_written_can_be_undone(ws: CallContext) -> None:
    change = await apply_change(ws, "update_customer", customer="ada", attributes={"tags": ["a", "é"]})
    assert (await approve_and_apply(ws, "undo_change", change=change)).status == "done"
    assert await values(ws, "tags") == [None]


async def test_an_undo_of_many_values_names_the_first_and_counts_the_rest(ws: CallContext) -> None:
    attributes: dict[str, JsonValue] = {f"x{number}": number for number in range(7)}
    change = await apply_change(ws, "update_customer", customer="ada", attributes=attributes)
    assert "“x4”, and 2 more of" in (await undo_change(ws, change)).summary


async def test_an_address_that_replaced_another_is_restored(ws: CallContext) -> None:
    change = await apply_change(ws, "update_customer", customer="ada", attributes={"email": "new@example.com"})
    assert (await ws.people.resolve("ada")).email == "new@example.com"
    await apply_change(ws, "undo_change", change=change)
    assert (await ws.people.resolve("ada")).email == "ada@example.com"


async def test_every_kind_of_job_can_be_undone_or_says_why_not(opened: Workspace) -> None:
    kinds = job_functions(Writer(opened.client), opened.sync_rows, opened.settings)
    assert {*kinds} == {*OF_JOBS, *IMPORTS}
