"""Edits of several people in the gate: policy, caps, doubt, the question, and whom a change is about."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.api.base import IDENTIFIER_KINDS, Reference
from cio_mcp.customerio.api.tracking import ProfileWrite, profile_writes
from cio_mcp.customerio.call import Call, canonical
from cio_mcp.customerio.caller import Work
from cio_mcp.customerio.writer import Result, Sent, Unknown, Writer
from cio_mcp.errors import Refused
from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import PersonEdit, Plan, ValueEdit, arguments_digest
from cio_mcp.gate.policy import Entry, Policy, Recipients
from cio_mcp.gate.question import question_about
from cio_mcp.gate.receipt import EditReceipt, Receipt
from cio_mcp.gate.subject import Subject
from cio_mcp.gate.values import same
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.settings import Settings
from cio_mcp.storage.engine import Database
from cio_mcp.storage.erasure import PersonEraser
from cio_mcp.tools.core.send_event import send_event
from cio_mcp.tools.core.update_customer import update_customer
from cio_mcp.workspace import CallContext, Workspace
from tests.callers import work_of
from tests.calls import code_of, counted
from tests.carrying_out import approve
from tests.clock import ManualClock
from tests.gate.test_question import BODIES, TEXTS
from tests.gate.test_reconciliation import Scene

pytestmark = pytest.mark.anyio

Planner = Callable[[], Awaitable[Plan]]
BATCH = "/api/v2/batch"
TOOL = "update_customer"
ALLOWS = Policy(classes={"data": Entry("allow"), "send": Entry("allow")})


def edit_of(ws: CallContext, *customers: str, **more: Any) -> Planner:
    return partial(update_customer, ws, customers=list(customers), **({"attributes": {"plan": "gold"}} | more))


async def propose(ws: CallContext, plan: Planner, number: int = 0) -> Change:
    row = await ws.gate.propose(ws.caller.id, TOOL, arguments_digest({"n": number}), plan)
    assert isinstance(row, Change), row
    return row


async def propose_approved(ws: CallContext, plan: Planner, number: int = 0) -> Change:
    row = await propose(ws, plan, number)
    await approve(ws.gate, row)
    return row


async def make(ws: CallContext, plan: Planner, number: int = 0) -> Receipt:
    return await ws.gate.make(await propose_approved(ws, plan, number), plan, work_of(ws.caller))


def with_policy(ws: CallContext, policy: Policy, **more: Any) -> CallContext:
    return replace(ws, gate=replace(ws.gate, policy=policy, **more))


def results(receipt: Receipt) -> list[str]:
    assert isinstance(receipt, EditReceipt)
    return [person.result for person in receipt.people or ()]


@pytest.mark.parametrize(
    ("named", "customers", "attributes", "state"),
    [
        ({"ada@example.com", "bob@example.com"}, ("ada", "bob"), {"plan": "gold"}, "approved"),
        ({"ada@example.com"}, ("ada", "bob"), {"plan": "gold"}, "planned"),
        ({"ada@example.com", "bob@example.com"}, ("ada", "bob"), {"phone": "+15550001111"}, "planned"),
        ({"ada@example.com", "bob@example.com", "two@example.com"}, ("ada", "cio_a3000003"), {"plan": "x"}, "approved"),
        ({"ada@example.com"}, ("ada", "new@example.com"), {"plan": "gold"}, "planned"),
        ({"ada@example.com", "new@example.com"}, ("ada", "new@example.com"), {"plan": "gold"}, "approved"),
    ],
)
async def test_no_approval_is_needed_only_where_each_person_is_allowed(
    named: set[str], customers: tuple[str, ...], attributes: dict[str, JsonValue], state: str, ws: CallContext
) -> None:
    ws = with_policy(ws, replace(ALLOWS, recipients=Recipients(addresses=frozenset(named))))
    row = await propose(ws, edit_of(ws, *customers, attributes=attributes, create=True))
    assert (row.plan.risk, row.state) == ("send", state)


async def test_one_person_whose_reach_is_not_known_leaves_it_unknown_for_all(ws: CallContext, sandbox: Sandbox) -> None:
    ada = sandbox.workspace.people.get("id", "ada")
    assert ada
    ada.attributes["phone"] = "+15550001111"
    plan = await edit_of(ws, "ada", "bob", attributes={"phone": "+15550001111", "plan": "gold"})()
    assert plan.affected == 2
    assert plan.recipients == ()


async def test_members_of_the_segment_of_test_profiles_are_found_in_one_search(
    ws: CallContext, sandbox: Sandbox
) -> None:
    people = [sandbox.workspace.people.get("id", each) for each in ("ada", "bob")]
    ada, bob = (each for each in people if each)
    for each in (ada, bob):
        each.manual_segments.add(3)
    ws = with_policy(ws, replace(ALLOWS, recipients=Recipients(segment="Beta testers")))
    members = await propose(ws, edit_of(ws, "ada", "bob"))
    assert (set(members.plan.test_profiles), members.state) == ({"ada@example.com", "bob@example.com"}, "approved")
    bob.manual_segments.clear()
    others = await propose(ws, edit_of(ws, "ada", "bob", attributes={"plan": "x"}), 1)
    assert (others.plan.test_profiles, others.state) == (("ada@example.com",), "planned")
    reaching = await propose(ws, edit_of(ws, "ada", "bob", attributes={"unsubscribed": "false"}), 2)
    assert (reaching.plan.test_profiles, reaching.state) == ((), "planned")


async def test_each_value_of_each_person_is_compared_once(ws: CallContext, sandbox: Sandbox) -> None:
    names = [f"cio_{person.cio_id}" for person in sandbox.workspace.people][:20]
    attributes: dict[str, JsonValue] = {f"a{number}": number for number in range(50)}
    with counted() as calls:
        await update_customer(ws, customers=names, attributes=attributes)
    assert calls[code_of(same)] <= 20 * 50


async def test_the_cap_counts_people_and_not_requests(ws: CallContext) -> None:
    clock = ManualClock(skips=True)
    ws = with_policy(ws, Policy(sends_an_hour=3), clock=clock)
    assert (await make(ws, edit_of(ws, "ada", "bob"))).status == "done"
    with pytest.raises(Refused, match=r"limit of 3 sends an hour is reached"):
        await propose(ws, edit_of(ws, "ada", "bob", attributes={"plan": "x"}), 1)
    with pytest.raises(Refused, match=r"limit is 3 sends an hour, and this change is for 4 people.*Pass fewer"):
        await propose(ws, edit_of(ws, "ada", "bob", "cio_a3000003", "cio_a3000004", attributes={"plan": "x"}), 2)
    event = partial(send_event, ws, "ada", "order_placed")
    assert (await make(ws, event, 3)).status == "done"
    clock.time += 3601
    assert (await make(ws, edit_of(ws, "ada", "bob", attributes={"plan": "x"}), 4)).status == "done"


async def erase(ws: CallContext, settings: Settings, subject: Subject) -> int:
    """Forget a person; return how many changes name them."""
    database = Database(settings.storage_url)
    try:
        eraser = PersonEraser(database, ws.gate.journal.workspace, subject.is_in, subject.names)
        return (await eraser.erase(by="person", now=ws.gate.clock.now())).changes
    finally:
        await database.close()


async def test_the_cap_still_counts_everybody_after_one_of_them_was_erased(ws: CallContext, settings: Settings) -> None:
    ws = with_policy(ws, Policy(sends_an_hour=3))
    assert (await make(ws, edit_of(ws, "ada", "bob"))).status == "done"
    assert await erase(ws, settings, Subject(id="ada")) == 1
    with pytest.raises(Refused, match=r"limit of 3 sends an hour is reached"):
        await propose(ws, edit_of(ws, "ada", "bob", attributes={"plan": "x"}), 1)


async def test_the_cap_holds_where_it_was_free_when_the_change_was_approved(ws: CallContext) -> None:
    clock = ManualClock(skips=True)
    capped = with_policy(ws, Policy(sends_an_hour=3), clock=clock)
    first, second = edit_of(capped, "ada", "bob"), edit_of(capped, "cio_a3000003", "cio_a3000004")
    rows = [await propose_approved(capped, plan, number) for number, plan in enumerate((first, second))]
    work = work_of(ws.caller)
    assert (await capped.gate.make(rows[0], first, work)).status == "done"
    with pytest.raises(Refused, match="limit of 3 sends an hour is reached"):
        await capped.gate.make(rows[1], second, work)


class Scripted(Writer):
    """The first request is made, the second has the result that a test wants."""

    def __init__(self, writer: Writer, second: Result) -> None:
        super().__init__(writer._client)
        self._second: Result | None = second
        self._first = True

    async def send(self, call: Call, work: Work) -> Result:
        if self._first:
            self._first = False
            return await super().send(call, work)
        assert self._second
        await anyio.lowlevel.checkpoint()
        return self._second


async def test_a_second_try_without_an_answer_leaves_the_outcome_unknown_for_all(
    ws: CallContext, sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault("POST", BATCH, "refuse:1"))
    executor = replace(ws.gate.executor, writer=Scripted(ws.gate.executor.writer, Unknown("The line was lost.")))
    receipt = await make(replace(ws, gate=replace(ws.gate, executor=executor)), edit_of(ws, "ada", "bob"))
    assert receipt.status == "unknown"
    assert results(receipt) == ["unknown", "unknown"]


@pytest.mark.parametrize("errors", [[], [{"batch_index": 7}], [{"field": "x"}], "x"])
async def test_a_partial_answer_that_names_nobody_is_unknown(errors: JsonValue, ws: CallContext) -> None:
    sent: list[Call] = []

    class Partly(Writer):
        async def send(self, call: Call, work: Work) -> Result:  # noqa: ARG002 - the signature of what it stands for
            await anyio.lowlevel.checkpoint()
            sent.append(call)
            return Sent(207, {"errors": errors})

    executor = replace(ws.gate.executor, writer=Partly(ws.gate.executor.client))
    receipt = await make(replace(ws, gate=replace(ws.gate, executor=executor)), edit_of(ws, "ada", "bob"))
    assert receipt.status == "unknown"
    assert "without naming the others" in receipt.message
    assert len(sent) == 1


async def test_only_operations_refused_twice_have_failed(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.faults += [Fault("POST", BATCH, "refuse:1,2"), Fault("POST", BATCH, "refuse:0")]
    receipt = await make(ws, edit_of(ws, "ada", "bob", "cio_a3000003"))
    assert receipt.status == "partly_done"
    assert results(receipt) == ["updated", "failed", "updated"]
    assert receipt.verified is True


async def test_a_creation_is_a_send_that_must_not_come_twice_even_where_no_campaign_runs(
    ws: CallContext, sandbox: Sandbox
) -> None:
    sandbox.workspace.stop_campaign(4)
    new = await edit_of(ws, "ada", "new-1", create=True)()
    known = await edit_of(ws, "ada", "bob", create=True)()
    assert (new.risk, new.once, new.creates, new.expected()) == ("send", True, ("new-1",), {})
    assert (known.risk, known.once, known.creates, len(known.expected())) == ("data", False, (), 2)


async def test_an_abandoned_update_of_several_is_made_again_and_read_back(opened: Workspace, sandbox: Sandbox) -> None:
    scene = Scene(opened)
    row = await scene.abandoned(edit_of(scene.ws, "ada", "bob"))
    await scene.after(60)
    assert (await scene.state(row)).state == "verified"
    assert sum(request["path"] == BATCH for request in sandbox.requests) == 1


@pytest.mark.slow
async def test_an_old_unknown_update_counts_as_made_only_if_all_of_them_have_the_values(
    opened: Workspace, sandbox: Sandbox
) -> None:
    scene = Scene(opened)
    row = await scene.abandoned(edit_of(scene.ws, "ada", "bob"))
    people = [sandbox.workspace.people.get("id", each) for each in ("ada", "bob")]
    assert all(people)
    people[0].attributes["plan"] = "gold"  # type: ignore[union-attr]  # asserted above
    await scene.after(10_000)
    assert (await scene.state(row)).state == "unknown"
    people[1].attributes["plan"] = "gold"  # type: ignore[union-attr]  # asserted above
    await scene.after(10_000)
    assert (await scene.state(row)).state == "sent"
    assert sum(request["path"] == BATCH for request in sandbox.requests) == 0


@pytest.mark.parametrize(
    "subject",
    [Subject(id="ada"), Subject(id="bob"), Subject(email="ADA@example.com"), Subject(cio_id="a3000002")],
)
async def test_forgetting_one_of_them_finds_the_change_and_withdraws_it(
    subject: Subject, ws: CallContext, settings: Settings
) -> None:
    # Bob needs no change: he is in the plan all the same.
    row = await propose(ws, edit_of(ws, "ada", "bob", attributes={"plan": "free"}))
    assert subject.is_in(row.row)
    assert not Subject(id="carol", email="carol@example.com").is_in(row.row)
    assert await erase(ws, settings, subject) == 1
    after = await ws.gate.journal.get(row.id)
    assert after
    assert (after.state, after.summary) == ("declined", "(erased)")
    assert "example.com" not in after.plan + after.question


KINDS = st.sampled_from(IDENTIFIER_KINDS)
WRITES = st.lists(
    st.builds(ProfileWrite, st.builds(Reference, TEXTS.filter(bool), KINDS), BODIES, st.booleans()),
    min_size=1,
    max_size=4,
)


def plan_for(writes: list[ProfileWrite]) -> Plan:
    people = tuple(
        PersonEdit(
            person=write.person.value,
            kind=write.person.kind,
            name="somebody",
            details="“somebody”, subscribed",
            edits=tuple(
                ValueEdit(name=name, before="old", after=value)
                for name, value in write.attributes.items()
                if len(name) > 1
            ),
        )
        for write in writes
    )
    call = tracking.identify_many(writes, at=1_800_000_000)
    return Plan(risk="send", summary="Set.", people=people, affected=len(writes), calls=(call,))


@given(WRITES, WRITES)
def test_two_updates_of_several_with_different_requests_never_have_the_same_question(
    one: list[ProfileWrite], other: list[ProfileWrite]
) -> None:
    first, second = plan_for(one), plan_for(other)
    questions = [question_about(plan, "aaaa0001") for plan in (first, second)]
    if all(question.fits for question in questions):
        same = canonical(first.calls[0].body) == canonical(second.calls[0].body)
        assert (questions[0].text == questions[1].text) == same


PERSON: dict[str, JsonValue] = {
    "type": "person", "action": "identify", "identifiers": {"id": "ada"}, "timestamp": 1, "attributes": {"a": 1},
}  # fmt: skip


@pytest.mark.parametrize(
    "entity",
    [
        {"type": "Person"},
        {"action": "delete"},
        {"cio_relationships": []},
        {"identifiers": {"id": "ada", "email": "x@example.com"}},
        {"identifiers": {"id": 7}},
        {"identifiers": {"name": "ada"}},
        {"identifiers": {"cio_id": "cio_a3000001"}},
        {"timestamp": "now"},
        {"attributes": None},
        {"name": "x"},
    ],
)
def test_a_batch_of_any_other_form_is_shown_field_by_field(entity: dict[str, JsonValue]) -> None:
    odd = Call(operation="apply_batch", body={"batch": [PERSON, PERSON | entity]})
    more = Call(operation="apply_batch", body={"batch": [PERSON], "strict": True})
    assert profile_writes(Call(operation="apply_batch", body={"batch": [PERSON]}))
    for call in (odd, more):
        assert profile_writes(call) == ()
        text = question_about(Plan(risk="send", summary="Set.", calls=(call,)), "aaaa0001").text
        assert "batch[1].attributes.a: 1" in text


def test_a_value_of_five_hundred_characters_is_shown_whole_and_a_longer_one_is_decided_outside() -> None:
    people = [Reference("ada"), Reference("bob")]
    for length, fits in ((498, True), (499, False)):
        plan = plan_for([ProfileWrite(person, {"x": "v" * length}) for person in people])
        assert question_about(plan, "aaaa0001").fits is fits
