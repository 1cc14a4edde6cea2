"""The same values for several customers: one approval, one request, and a result for each of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client.context import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from cio_mcp.sandbox import Sandbox, StillClock
from cio_mcp.sandbox.faults import Fault
from cio_mcp.sandbox.world.people import Person
from cio_mcp.server.app import build_server
from cio_mcp.settings import Settings
from tests.approver import Approver
from tests.clients import structured, text
from tests.eras import Era

pytestmark = pytest.mark.anyio

BATCH = "/api/v2/batch"
TOOL = "update_customer"


@pytest.fixture
def approver() -> Approver:
    return Approver()


@asynccontextmanager
async def connect(settings: Settings, sandbox: Sandbox, approver: Approver, era: Era = "auto") -> AsyncIterator[Client]:
    async with Client(build_server(settings, sandbox=sandbox), mode=era, elicitation_callback=approver) as client:
        yield client


def person(sandbox: Sandbox, id_: str) -> Person:
    found = sandbox.workspace.people.get("id", id_)
    assert found
    return found


def value(sandbox: Sandbox, id_: str, name: str) -> Any:
    sandbox.workspace.schedule.run_until(sandbox.clock.now() + 5)
    return person(sandbox, id_).attributes.get(name)


def batches(sandbox: Sandbox) -> int:
    return sum(request["path"] == BATCH for request in sandbox.requests)


def results(receipt: dict[str, Any]) -> dict[str, str]:
    return {one.get("name") or one["customer"]: one["result"] for one in receipt["people"]}


async def test_one_approval_updates_all_of_them_in_one_request(
    era: Era, settings: Settings, sandbox: Sandbox, approver: Approver
) -> None:
    arguments = {"customers": ["ada", "bob@example.com"], "attributes": {"plan": "gold", "colour": "teal"}}
    async with connect(settings, sandbox, approver, era) as client:
        result = await client.call_tool(TOOL, arguments)
        again = await client.call_tool(TOOL, arguments)
    receipt = structured(result)
    assert (receipt["status"], receipt["verified"]) == ("done", True)
    assert "2 updated." in receipt["message"]
    assert results(receipt) == {"ada": "updated", "bob": "updated"}
    assert "- “ada” (cio_a3000001): updated; “plan”: “vip” → “gold”; “colour”: (not set) → “teal”" in text(result)
    assert {
        "customer": "cio_a3000002",
        "name": "plan",
        "before": {"untrusted": "free"},
        "after": {"untrusted": "gold"},
    } in (receipt["edits"])
    assert [value(sandbox, each, "plan") for each in ("ada", "bob")] == ["gold", "gold"]
    assert structured(again)["status"] == "already_done"
    assert set(results(structured(again)).values()) == {"no change needed"}
    assert (batches(sandbox), len(approver.questions)) == (1, 1)


async def test_the_question_has_each_person_and_each_value_once_with_whose_it_is(
    settings: Settings, sandbox: Sandbox, approver: Approver
) -> None:
    person(sandbox, "bob").attributes["colour"] = "teal"
    arguments = {"customers": ["ada", "bob"], "attributes": {"plan": "gold", "colour": "teal", "unsubscribed": True}}
    async with connect(settings, sandbox, approver) as client:
        await client.call_tool(TOOL, arguments)
    [question] = approver.questions
    for line in (
        "- 1. cio_id “cio_a3000001”: “ada”, “ada@example.com”, “+447700900001”, subscribed.",
        "- 2. cio_id “cio_a3000002”: “bob”, “bob@example.com”, unsubscribed.",
        "- unsubscribed: (not set) → true (1).",
        "Recipients: 2 people.",
        "- plan: “vip” → “gold” (1).",
        "- plan: “free” → “gold” (2).",
        "- colour: (not set) → “teal” (1).",
        "- campaign 4 “VIP welcome”.",
    ):
        assert line in question.splitlines()
    assert question.index("2. cio_id") < question.index("unsubscribed: (not set)") < question.index("Values:")


async def test_customers_who_already_have_the_values_are_left_out_and_named(
    settings: Settings, sandbox: Sandbox, approver: Approver
) -> None:
    async with connect(settings, sandbox, approver) as client:
        receipt = structured(
            await client.call_tool(TOOL, {"customers": ["ada", "bob"], "attributes": {"plan": "free"}})
        )
    assert "- Left out because no change is needed: “bob” (cio_a3000002)." in approver.questions[0]
    assert "Recipients: 1 person." in approver.questions[0]
    assert results(receipt) == {"ada": "updated", "bob": "no change needed"}
    assert "1 updated, 1 no change needed." in receipt["message"]


async def test_a_person_named_in_several_ways_is_updated_once(
    settings: Settings, sandbox: Sandbox, approver: Approver
) -> None:
    named = ["ada", "ADA@example.com", "“bob”", "cio_a3000001", "ada"]
    async with connect(settings, sandbox, approver) as client:
        receipt = structured(await client.call_tool(TOOL, {"customers": named, "attributes": {"plan": "gold"}}))
    assert "3 entries name customers who are already in the list" in approver.questions[0]
    assert results(receipt) == {"ada": "updated", "bob": "updated"}


async def test_all_faults_of_a_list_are_named_at_once_and_nothing_is_sent(
    settings: Settings, sandbox: Sandbox, approver: Approver
) -> None:
    named = ["ada", "nobody", "two@example.com", "x/../y", "nobody@example.com", "cio_ffffffff", "+15550000000"]
    async with connect(settings, sandbox, approver) as client:
        result = await client.call_tool(TOOL, {"customers": named, "attributes": {"plan": "gold"}})
    assert result.is_error
    for part in (
        "6 of 7 cannot be updated",
        "no. 2 “nobody”, no. 5 “nobody@example.com”, no. 6 “cio_ffffffff”: no customer has it",
        "no. 3 “two@example.com”: 2 customers share it (cio_a3000003, cio_a3000004)",
        "no. 4 “x/../y”: must not",
        "no. 7 “+15550000000”: this workspace does not identify customers by phone",
        "Correct or omit them, or pass create=true for new customers.",
    ):
        assert part in text(result)
    assert not approver.questions
    assert batches(sandbox) == 0


async def test_many_faults_are_counted_where_they_cannot_all_be_named(
    settings: Settings, sandbox: Sandbox, approver: Approver
) -> None:
    named = [f"nobody-{number}" for number in range(50)]
    async with connect(settings, sandbox, approver) as client:
        result = await client.call_tool(TOOL, {"customers": named, "attributes": {"plan": "gold"}})
    assert "50 of 50 cannot be updated" in text(result)
    assert "and 34 more. Correct or omit them, or pass create=true for new customers." in text(result)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"customer": "ada", "customers": ["bob"]}, "customer: omit it when passing customers, or add it to them"),
        ({}, "customer: pass one customer, or up to 50 in customers"),
        ({"customers": []}, "customers: must not be empty"),
        ({"customers": [f"p{number}" for number in range(63)]}, "customers: has 63 entries; at most 50 per call"),
        (
            {"customers": ["ada", "bob"], "attributes": {"email": "x@example.com"}},
            "attributes.email: identifies a single",
        ),
        ({"customers": ["ada", "bob"], "attributes": {" ID": "x"}}, "identifies a single customer"),
        ({"customers": ["ada", "bob"], "attributes": {"cio_relationships": {}}}, "cannot be set for several"),
        ({"customers": ["ada", "bob"], "attributes": {"_update": False}}, "cannot be set; omit it"),
    ],
)
async def test_impossible_arguments_are_refused_with_the_reason(
    arguments: dict[str, Any], expected: str, settings: Settings, sandbox: Sandbox, approver: Approver
) -> None:
    async with connect(settings, sandbox, approver) as client:
        result = await client.call_tool(TOOL, {"attributes": {"plan": "gold"}} | arguments)
    assert result.is_error
    assert expected in text(result)
    assert not approver.questions


@pytest.mark.parametrize("customers", ["bob", ["bob"], '["bob"]', "“bob”"])
async def test_a_list_of_one_is_one_customer(
    customers: object, settings: Settings, sandbox: Sandbox, approver: Approver
) -> None:
    async with connect(settings, sandbox, approver) as client:
        receipt = structured(await client.call_tool(TOOL, {"customers": customers, "attributes": {"plan": "gold"}}))
    assert "Set “plan” of “bob”." in receipt["message"]
    assert batches(sandbox) == 0
    assert value(sandbox, "bob", "plan") == "gold"


async def test_fifty_people_are_read_in_a_few_requests(
    settings: Settings, sandbox: Sandbox, approver: Approver
) -> None:
    people = [each for each in sandbox.workspace.people if each.email and each.id and "two@" not in each.email][:40]
    named = [each.email if number % 2 else each.id for number, each in enumerate(people)]
    async with connect(settings, sandbox, approver) as client:
        receipt = structured(await client.call_tool(TOOL, {"customers": named, "attributes": {"colour": "teal"}}))
    assert receipt["status"] in ("done", "approval_required")
    reads = [request for request in sandbox.requests if "customers" in request["path"]]
    assert len(reads) <= 8
    assert "/v1/customers/attributes" in {request["path"] for request in reads}


async def test_customers_refused_in_a_batch_are_named_and_the_others_are_updated(
    settings: Settings, sandbox: Sandbox, approver: Approver
) -> None:
    async with connect(settings, sandbox, approver) as client:
        sandbox.faults.append(Fault("POST", BATCH, "refuse:1"))
        sandbox.faults.append(Fault("POST", BATCH, "refuse:0"))
        result = await client.call_tool(TOOL, {"customers": ["ada", "bob"], "attributes": {"plan": "gold"}})
        listed = await client.call_tool("list_changes", {})
        undone = structured(await client.call_tool("undo_change", {"change": structured(result)["change"]}))
    receipt = structured(result)
    assert (receipt["status"], result.is_error) == ("partly_done", False)
    assert results(receipt) == {"ada": "updated", "bob": "failed"}
    assert "Customer.io refused it because of attributes" in text(result)
    assert "Customer.io refused 1 of 2 customers" in text(listed)
    assert results(undone) == {"ada": "updated"}
    assert [value(sandbox, each, "plan") for each in ("ada", "bob")] == ["vip", "free"]
    assert batches(sandbox) == 3


async def test_where_all_are_refused_nothing_is_done(settings: Settings, sandbox: Sandbox, approver: Approver) -> None:
    async with connect(settings, sandbox, approver) as client:
        sandbox.faults.append(Fault("POST", BATCH, "refuse:0,1", times=2))
        result = await client.call_tool(TOOL, {"customers": ["ada", "bob"], "attributes": {"plan": "gold"}})
    assert (structured(result)["status"], result.is_error) == ("failed", True)
    assert results(structured(result)) == {"ada": "failed", "bob": "failed"}
    assert value(sandbox, "ada", "plan") == "vip"


@pytest.mark.parametrize(("fault", "status"), [("status:400", "failed"), ("accept_then_503", "unknown")])
async def test_a_request_that_fails_says_so_for_each_person(
    fault: str, status: str, settings: Settings, sandbox: Sandbox, approver: Approver
) -> None:
    async with connect(settings, sandbox, approver) as client:
        sandbox.faults.append(Fault("POST", BATCH, fault, times=-1))
        result = await client.call_tool(TOOL, {"customers": ["ada", "bob"], "attributes": {"plan": "gold"}})
    receipt = structured(result)
    assert (receipt["status"], result.is_error) == (status, True)
    assert results(receipt) == {"ada": status, "bob": status}


async def test_new_customers_are_created_only_on_request(settings: Settings, approver: Approver) -> None:
    arguments = {"customers": ["ada", "new-1", "new@example.com"], "attributes": {"plan": "gold"}, "create": True}
    async with Sandbox(seed=7, people=40, clock=StillClock()) as sandbox:
        async with connect(settings, sandbox, approver) as client:
            receipt = structured(await client.call_tool(TOOL, arguments))
            too_early = await client.call_tool("undo_change", {"change": receipt["change"]})
            sandbox.clock.advance(1.0)
            refused = await client.call_tool("undo_change", {"change": receipt["change"]})
        assert "its effect is not visible yet" in text(too_early)
        assert "Creates 2 of them" in approver.questions[0]
        assert "- 2. id “new-1” (created if new): a new customer." in approver.questions[0]
        assert "1. id" not in approver.questions[0]
        assert results(receipt) == {"ada": "updated", "new-1": "created", "new@example.com": "created"}
        assert value(sandbox, "new-1", "plan") == "gold"
        assert sandbox.workspace.people.get("email", "new@example.com")
        assert not refused.is_error
        assert "Not undone: “new-1”, “new@example.com” (the change created the customer" in text(refused)
        assert value(sandbox, "ada", "plan") == "vip"
        assert value(sandbox, "new-1", "plan") == "gold"


async def test_nobody_is_created_by_an_identifier_that_is_somebodys_in_another_way(
    settings: Settings, sandbox: Sandbox, approver: Approver
) -> None:
    arguments = {"customers": ["bob", "ada@example.com"], "id_type": "id", "attributes": {"x": 1}, "create": True}
    async with connect(settings, sandbox, approver) as client:
        other = await client.call_tool(TOOL, arguments)
        kind = await client.call_tool(TOOL, arguments | {"customers": ["bob", "cio_ffffffff"], "id_type": None})
    assert "no. 2 “ada@example.com”: it is the email address of cio_a3000001, so pass that one instead" in text(other)
    assert "no. 2 “cio_ffffffff”: customers can only be created by ID or email address" in text(kind)
    assert not approver.questions


async def test_a_customer_who_is_deleted_before_the_update_is_not_created_again(
    settings: Settings, sandbox: Sandbox
) -> None:
    async def delete(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:  # noqa: ARG001
        await anyio.lowlevel.checkpoint()
        sandbox.workspace.people.remove(person(sandbox, "bob"))
        return ElicitResult(action="accept", content={"decision": "approve"})

    async with Client(build_server(settings, sandbox=sandbox), elicitation_callback=delete) as client:
        arguments = {"customers": ["ada", "bob"], "attributes": {"plan": "gold"}, "create": True}
        result = await client.call_tool(TOOL, arguments)
    assert structured(result)["status"] == "approval_required"
    assert batches(sandbox) == 0


@pytest.mark.parametrize("drift", [{"plan": "silver"}, {"unsubscribed": True}], ids=["value", "subscription"])
async def test_a_change_of_one_of_them_meanwhile_is_shown_again(
    drift: dict[str, Any], settings: Settings, sandbox: Sandbox
) -> None:
    async def change_ada(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:  # noqa: ARG001
        await anyio.lowlevel.checkpoint()
        person(sandbox, "ada").attributes.update(drift)
        return ElicitResult(action="accept", content={"decision": "approve"})

    async with Client(build_server(settings, sandbox=sandbox), elicitation_callback=change_ada) as client:
        arguments = {"customers": ["ada", "bob"], "attributes": {"plan": "gold"}}
        first = structured(await client.call_tool(TOOL, arguments))
        assert (first["status"], batches(sandbox)) == ("approval_required", 0)
        second = structured(await client.call_tool(TOOL, arguments))
    assert second["status"] == "done"
    assert batches(sandbox) == 1


async def test_without_an_app_key_they_are_updated_and_the_values_before_are_unknown(
    settings: Settings, sandbox: Sandbox, approver: Approver
) -> None:
    blind = settings.model_copy(update={"app_api_key": None})
    arguments = {"customers": ["ada", "bob@example.com", "Bob@example.com"], "attributes": {"plan": "gold"}}
    async with connect(blind, sandbox, approver) as client:
        result = await client.call_tool(TOOL, arguments)
        created = await client.call_tool(TOOL, arguments | {"create": True})
        unusable = await client.call_tool(TOOL, {**arguments, "customers": ["ada", "+15550000000"], "create": True})
    first, second = approver.questions
    assert "- plan: (unknown) → “gold” (all)." in first
    assert "current values are unknown" in first
    assert "May trigger: unknown." in first
    assert "created if new" not in first
    assert "- 2. email “bob@example.com” (created if new): profile unknown." in second
    assert "Customers who don't exist are created." in second
    assert "“plan”: (unknown) → “gold”" in text(result)
    assert "verified" not in structured(result)
    assert structured(created)["status"] == "done"
    assert "no. 2 “+15550000000”: customers can only be created by ID or email address" in text(unusable)
    assert [value(sandbox, each, "plan") for each in ("ada", "bob")] == ["gold", "gold"]


async def test_too_much_for_a_question_is_decided_outside(
    settings: Settings, sandbox: Sandbox, approver: Approver
) -> None:
    people = [each.id for each in sandbox.workspace.people if each.id][:40]
    attributes = {f"note_{number}": "x" * 300 for number in range(12)}
    hasty = settings.model_copy(update={"max_wait": 5.0})
    async with connect(hasty, sandbox, approver) as client:
        receipt = structured(await client.call_tool(TOOL, {"customers": people, "attributes": attributes}))
    assert receipt["status"] == "approval_required"
    assert not approver.questions
    assert len(receipt["people"]) == len(people)
    assert len(receipt["edits"]) == 50
    assert f"The first 50 of {12 * len(people)} values are listed" in receipt["message"]


async def test_a_request_that_is_too_large_is_refused_with_what_to_do(
    settings: Settings, sandbox: Sandbox, approver: Approver
) -> None:
    people = [each.id for each in sandbox.workspace.people if each.id][:30]
    async with connect(settings, sandbox, approver) as client:
        large = {f"note_{number}": "x" * 1000 for number in range(20)}
        batch = await client.call_tool(TOOL, {"customers": people, "attributes": large})
        larger = {f"note_{number}": "x" * 1000 for number in range(40)}
        one = await client.call_tool(TOOL, {"customers": people, "attributes": larger})
    assert "Customer.io accepts at most 512,000. Pass fewer customers per call" in text(batch)
    assert "Customer.io accepts at most 32,768 for each of several customers" in text(one)
