import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace

import anyio
import pytest
from pydantic import JsonValue

from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.caller import Work
from cio_mcp.errors import Refused, Unavailable
from cio_mcp.gate.approvals import APPROVAL_SECONDS
from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import NOT_READ, Plan, arguments_digest
from cio_mcp.gate.proposals import OPEN_SECONDS
from cio_mcp.gate.receipt import Receipt
from cio_mcp.gate.service import OPEN_LIMITS, Gate
from cio_mcp.sandbox import Sandbox
from cio_mcp.storage.claims import CLOCK_SKEW_SECONDS
from cio_mcp.workspace import CallContext
from tests.callers import caller_named, work_of
from tests.carrying_out import approve
from tests.clock import ManualClock

pytestmark = pytest.mark.anyio

ADA, BOB = "local:ada", "local:bob"
ARGUMENTS = arguments_digest({"customer": "ada", "name": "signed_up"})


def planner(
    name: str = "signed_up", *, repeat: bool = False, rests: Callable[[], JsonValue] = lambda: 0
) -> Callable[[], Awaitable[Plan]]:
    minted = iter(range(10_000))

    async def plan() -> Plan:
        await anyio.lowlevel.checkpoint()
        call = tracking.event(
            Reference("ada"), name, {"plan": "pro"}, ulid=f"01HZZZZZZZZZZZZZZZZZZZ{next(minted):04d}", at=None
        )
        return Plan(
            risk="send", summary=f"Send {name}.", calls=(call,), rests_on={"seen": rests()}, once=True, repeat=repeat
        )  # fmt: skip

    return plan


def work() -> Work:
    return work_of(caller_named(ADA))


async def propose_change(
    gate: Gate, plan: Callable[[], Awaitable[Plan]], principal: str = ADA, arguments: str = ARGUMENTS
) -> Change:
    row = await gate.propose(principal, "send_event", arguments, plan)
    assert isinstance(row, Change)
    return row


async def propose_approved(
    gate: Gate, plan: Callable[[], Awaitable[Plan]], principal: str = ADA, arguments: str = ARGUMENTS
) -> Change:
    row = await propose_change(gate, plan, principal, arguments)
    await approve(gate, row)
    return row


def events(sandbox: Sandbox) -> int:
    """How many events were requested."""
    return sum(request["path"].endswith("/events") for request in sandbox.requests)


async def test_nothing_is_made_without_a_decision(gate: Gate, sandbox: Sandbox) -> None:
    plan = planner()
    row = await propose_change(gate, plan)
    receipt = await gate.make(row, plan, work())
    assert receipt.status == "approval_required"
    assert events(sandbox) == 0


async def test_an_approved_change_is_applied_exactly_once(gate: Gate, sandbox: Sandbox) -> None:
    plan = planner()
    row = await propose_approved(gate, plan)
    assert (await gate.make(row, plan, work())).status == "done"
    assert (await gate.make(row, plan, work())).status == "done"
    assert events(sandbox) == 1


async def test_two_calls_that_race_for_one_approval_make_one_request(gate: Gate, sandbox: Sandbox) -> None:
    plan = planner()
    row = await propose_approved(gate, plan)
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(gate.make, row, plan, work())
    assert events(sandbox) == 1


async def test_two_approved_changes_with_one_effect_make_one_request(gate: Gate, sandbox: Sandbox) -> None:
    plan = planner()
    mine = await propose_approved(gate, plan)
    theirs = await propose_approved(gate, planner(), principal=BOB)
    receipts: list[Receipt] = []

    async def make(row: Change) -> None:
        receipts.append(await gate.make(row, plan, work()))

    async with anyio.create_task_group() as group:
        group.start_soon(make, mine)
        group.start_soon(make, theirs)
    assert events(sandbox) == 1
    assert {receipt.status for receipt in receipts} <= {"done", "already_done", "unknown"}


async def test_an_approval_is_too_old_after_ten_minutes(gate: Gate, sandbox: Sandbox, clock: ManualClock) -> None:
    plan = planner()
    row = await propose_approved(gate, plan)
    clock.time += APPROVAL_SECONDS + 1
    receipt = await gate.make(row, plan, work())
    assert receipt.status == "declined"
    assert "the approval expired" in receipt.message
    assert events(sandbox) == 0


async def test_an_approval_does_not_count_for_longer_where_the_clock_is_set_back(
    gate: Gate, sandbox: Sandbox, clock: ManualClock
) -> None:
    plan = planner()
    row = await propose_approved(gate, plan)
    clock.time -= 7200
    receipt = await gate.make(row, plan, work())
    assert receipt.status == "declined"
    assert "clock was set back" in receipt.message
    assert events(sandbox) == 0


async def test_a_plan_that_nobody_decided_about_expires_after_an_hour(gate: Gate, clock: ManualClock) -> None:
    row = await propose_change(gate, planner())
    clock.time += OPEN_SECONDS + 1
    assert not await gate.approvals.approve(row, by="person", how="on a terminal", confirmation=row.plan.confirmation)
    assert gate.receipt(row).status == "declined"


async def test_another_principal_does_not_get_an_approval_that_is_not_theirs(gate: Gate, sandbox: Sandbox) -> None:
    await propose_approved(gate, planner())
    theirs = await propose_change(gate, planner(), principal=BOB)
    assert theirs.state == "planned"
    assert (await gate.make(theirs, planner(), work())).status == "approval_required"
    assert events(sandbox) == 0


async def test_other_arguments_need_another_approval(gate: Gate, sandbox: Sandbox) -> None:
    await propose_approved(gate, planner())
    other = await propose_change(gate, planner("order_placed"), arguments=arguments_digest({"name": "order_placed"}))
    assert (await gate.make(other, planner("order_placed"), work())).status == "approval_required"
    assert events(sandbox) == 0


async def test_the_same_words_with_other_requests_behind_them_are_not_approved(gate: Gate) -> None:
    row = await propose_change(gate, planner())
    forged = replace(row, row=replace(row.row, digest="0" * 64))
    assert not await gate.approvals.approve(
        forged, by="person", how="on a terminal", confirmation=forged.plan.confirmation
    )
    assert (await gate.recent(change=row.id)).changes[0].state == "planned"


async def test_a_question_names_its_own_change_so_two_never_read_alike(gate: Gate) -> None:
    mine = await propose_change(gate, planner())
    theirs = await propose_change(gate, planner(), principal=BOB)
    assert mine.id in mine.question
    assert theirs.id in theirs.question
    assert mine.question != theirs.question


async def test_the_open_change_is_found_again_and_its_question_stays_the_same(gate: Gate) -> None:
    first = await propose_change(gate, planner())
    assert await propose_change(gate, planner()) == first


async def test_the_same_effect_within_ten_minutes_is_not_sent_again_for_any_caller(
    gate: Gate, sandbox: Sandbox
) -> None:
    plan = planner()
    await gate.make(await propose_approved(gate, plan), plan, work())
    again = await gate.propose(BOB, "another_tool", arguments_digest({"other": 1}), planner())
    assert isinstance(again, Receipt)
    assert again.status == "already_done"
    assert events(sandbox) == 1


async def test_a_deliberate_second_one_needs_approval(gate: Gate, sandbox: Sandbox) -> None:
    plan = planner()
    await gate.make(await propose_approved(gate, plan), plan, work())
    once_more = planner(repeat=True)
    row = await propose_approved(gate, once_more, arguments=arguments_digest({"repeat": True}))
    assert "same" in row.question
    assert (await gate.make(row, once_more, work())).status == "done"
    assert events(sandbox) == 2


async def test_after_ten_minutes_the_same_effect_is_a_new_one(gate: Gate, clock: ManualClock) -> None:
    plan = planner()
    await gate.make(await propose_approved(gate, plan), plan, work())
    clock.time += 601
    row = await propose_change(gate, planner())
    assert row.state == "planned"


async def test_a_drifted_plan_is_shown_again_and_given_up_the_third_time(gate: Gate, sandbox: Sandbox) -> None:
    seen = iter(range(100))
    plan = planner(rests=lambda: next(seen))
    statuses = []
    for _ in range(3):
        row = await propose_approved(gate, plan)
        statuses.append((await gate.make(row, plan, work())).status)
    assert statuses == ["approval_required", "approval_required", "failed"]
    assert events(sandbox) == 0


async def test_what_could_not_be_read_when_it_was_shown_is_no_drift_once_it_can(gate: Gate, sandbox: Sandbox) -> None:
    seen = iter([NOT_READ, "the template"])
    plan = planner(rests=lambda: next(seen))
    assert (await gate.make(await propose_approved(gate, plan), plan, work())).status == "done"
    assert events(sandbox) == 1


async def test_an_approval_stands_while_what_it_rests_on_cannot_be_read(gate: Gate, sandbox: Sandbox) -> None:
    seen = iter(["the template", NOT_READ, "the template"])
    plan = planner(rests=lambda: next(seen))
    row = await propose_approved(gate, plan)
    with pytest.raises(Unavailable, match="Nothing was sent"):
        await gate.make(row, plan, work())
    assert events(sandbox) == 0
    assert (await gate.make(row, plan, work())).status == "done"
    assert events(sandbox) == 1


async def test_an_approval_stands_if_planning_took_all_the_time_of_a_call(gate: Gate, sandbox: Sandbox) -> None:
    plan = planner()
    row = await propose_approved(gate, plan)
    with pytest.raises(Unavailable, match="The approval stands"):
        await gate.make(row, plan, Work(caller_named(ADA), anyio.current_time()))
    assert (await gate.make(row, plan, work())).status == "done"
    assert events(sandbox) == 1


async def test_a_declined_change_is_not_sent_and_can_be_proposed_again(gate: Gate, sandbox: Sandbox) -> None:
    plan = planner()
    row = await propose_change(gate, plan)
    await gate.approvals.withdraw(row, by="person", how="denied in a terminal")
    assert (await gate.make(row, plan, work())).status == "declined"
    assert (await propose_change(gate, plan)).id != row.id
    assert events(sandbox) == 0


async def test_a_late_answer_counts_as_no(gate: Gate, sandbox: Sandbox, clock: ManualClock) -> None:
    plan = planner()
    row = await propose_change(gate, plan)
    await gate.approvals.record_prompt(row)
    clock.time += APPROVAL_SECONDS + 1
    await gate.approvals.answer(row, approve=True, confirmation=None, by=ADA)
    receipt = await gate.make(row, plan, work())
    assert receipt.status == "declined"
    assert "approval request expired" in receipt.message
    assert events(sandbox) == 0


async def test_an_answer_counts_as_no_if_the_clock_was_set_back(
    gate: Gate, sandbox: Sandbox, clock: ManualClock
) -> None:
    plan = planner()
    row = await propose_change(gate, plan)
    await gate.approvals.record_prompt(row)
    clock.set_calendar(-(CLOCK_SKEW_SECONDS + 1))
    await gate.approvals.answer(row, approve=True, confirmation=None, by=ADA)
    assert (await gate.make(row, plan, work())).status == "declined"
    assert events(sandbox) == 0


async def test_a_wait_for_a_decision_ends_in_time_although_the_clock_is_set_back(
    gate: Gate, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await propose_change(gate, planner())
    frozen = clock.now()
    monkeypatch.setattr(clock, "now", lambda: frozen)
    began = clock.time
    assert (await gate.approvals.wait(row, 15)).state == "planned"
    assert clock.time - began == 15


async def test_a_rejected_change_is_not_to_be_proposed_again_unasked(gate: Gate) -> None:
    plan = planner()
    row = await propose_change(gate, plan)
    await gate.approvals.answer(row, approve=False, confirmation=None, by=ADA)
    receipt = await gate.make(row, plan, work())
    assert "rejected in the client" in receipt.message
    assert receipt.next_step == "Don't propose it again unless the user asks."


async def test_an_answer_to_a_question_that_was_never_shown_counts_as_a_rejection(gate: Gate, sandbox: Sandbox) -> None:
    plan = planner()
    row = await propose_change(gate, plan)
    await gate.approvals.answer(row, approve=True, confirmation=None, by=ADA)
    assert (await gate.make(row, plan, work())).status == "declined"
    assert events(sandbox) == 0


async def test_waiting_for_a_decision_outside_ends(gate: Gate, clock: ManualClock) -> None:
    row = await propose_change(gate, planner())
    began = clock.time
    assert (await gate.approvals.wait(row, 15)).state == "planned"
    assert clock.time - began == 15


async def test_event_data_that_redirects_mail_is_refused_from_every_tool(gate: Gate) -> None:
    async def plan() -> Plan:
        await anyio.lowlevel.checkpoint()
        call = tracking.event(
            Reference("ada"), "x", {"recipient": "eve@example.com"}, ulid="01HZZZZZZZZZZZZZZZZZZZZZZZ", at=None
        )
        return Plan(risk="send", summary="Send x.", calls=(call,))

    with pytest.raises(Refused, match="recipient"):
        await gate.propose(ADA, "send_event", ARGUMENTS, plan)


async def test_a_denial_outside_is_reported_once_and_then_it_may_be_proposed_again(
    gate: Gate, sandbox: Sandbox
) -> None:
    row = await propose_change(gate, planner())
    await gate.approvals.withdraw(row, by="local:person", how="denied in a terminal")
    receipt = await gate.propose(ADA, "send_event", ARGUMENTS, planner())
    assert isinstance(receipt, Receipt)
    assert receipt.status == "declined"
    assert receipt.change == row.id
    again = await propose_change(gate, planner())
    assert again.id != row.id
    assert events(sandbox) == 0


async def test_the_approved_one_of_two_open_changes_is_applied(gate: Gate, sandbox: Sandbox) -> None:
    found: list[Change] = []

    async def propose() -> None:
        found.append(await propose_change(gate, planner()))

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(propose)
    oldest = min(found, key=lambda change: change.row.planned_at)
    await approve(gate, oldest)
    assert (await gate.make(await propose_change(gate, planner()), planner(), work())).status == "done"
    assert events(sandbox) == 1


@pytest.mark.slow
async def test_a_flood_of_proposals_is_stopped(gate: Gate) -> None:
    for number in range(OPEN_LIMITS.per_caller):
        await propose_change(gate, planner(f"event {number}"), arguments=arguments_digest({"number": number}))
    with pytest.raises(Refused, match="Too many pending approvals"):
        await gate.propose(ADA, "send_event", arguments_digest({"number": -1}), planner("one more"))
    assert (await propose_change(gate, planner(), principal=BOB)).state == "planned"


@pytest.mark.parametrize(("seconds", "reported"), [(OPEN_SECONDS - 60, True), (OPEN_SECONDS + 60, False)])
async def test_a_no_given_outside_is_reported_within_the_hour(
    seconds: float, reported: bool, gate: Gate, clock: ManualClock
) -> None:
    row = await propose_change(gate, planner())
    assert await gate.approvals.withdraw(row, by="local:person", how="denied in a terminal")
    clock.time += seconds
    answer = await gate.propose(ADA, "send_event", ARGUMENTS, planner())
    assert isinstance(answer, Receipt) == reported


@pytest.mark.parametrize(
    ("typed", "status"),
    [
        ("Product news", "done"),
        (" product NEWS ", "done"),
        ("Product", "declined"),
        ("", "declined"),
        (None, "declined"),
    ],
)
async def test_a_confirmation_counts_in_any_case_and_with_surrounding_spaces(
    typed: str | None, status: str, gate: Gate, sandbox: Sandbox
) -> None:
    async def plan() -> Plan:
        return (await planner()()).model_copy(update={"confirmation": "Product news"})

    row = await propose_change(gate, plan)
    await gate.approvals.record_prompt(row)
    await gate.approvals.answer(row, approve=True, confirmation=typed, by=ADA)
    assert (await gate.make(row, plan, work())).status == status
    assert events(sandbox) == (status == "done")


@pytest.mark.parametrize(("typed", "status"), [("ada", "done"), (" ada ", "done"), ("Ada", "declined")])
async def test_the_case_of_an_id_that_must_be_typed_counts(
    typed: str, status: str, gate: Gate, sandbox: Sandbox
) -> None:
    async def plan() -> Plan:
        return (await planner()()).model_copy(update={"confirmation": "ada", "exact_case": True})

    row = await propose_change(gate, plan)
    assert "To approve, also type “ada”, in the same case." in row.question
    await gate.approvals.record_prompt(row)
    await gate.approvals.answer(row, approve=True, confirmation=typed, by=ADA)
    assert (await gate.make(row, plan, work())).status == status
    assert events(sandbox) == (status == "done")


async def test_a_plan_that_drifted_keeps_its_change_and_is_shown_with_what_it_rests_on_now(gate: Gate) -> None:
    seen = iter(range(100))
    plan = planner(rests=lambda: next(seen))
    row = await propose_approved(gate, plan)
    assert (await gate.make(row, plan, work())).change == row.id
    redrawn = await propose_change(gate, plan)
    assert (redrawn.id, redrawn.state, redrawn.row.decided_by) == (row.id, "planned", None)
    assert f"Change {row.id}." in redrawn.question
    assert redrawn.plan.rests_on == {"seen": 1}


async def test_a_change_approved_under_a_version_that_digested_requests_differently_is_shown_again(
    gate: Gate, ws: CallContext, sandbox: Sandbox
) -> None:
    row = await propose_approved(gate, planner())
    with closing(sqlite3.connect(ws.settings.data_dir / "cio-mcp.db")) as file:
        file.execute("UPDATE changes SET digest = 'of an older version'")
        file.commit()
    assert (await gate.make(row, planner(), work())).status == "approval_required"
    redrawn = await propose_change(gate, planner())
    assert (redrawn.id, redrawn.state) == (row.id, "planned")
    assert events(sandbox) == 0


async def test_an_approved_change_that_became_unnecessary_is_closed(gate: Gate, sandbox: Sandbox) -> None:
    async def nothing() -> Plan:
        return (await planner()()).model_copy(update={"calls": (), "rests_on": {"seen": 1}})

    row = await propose_approved(gate, planner())
    assert (await gate.make(row, nothing, work())).status == "already_done"
    assert (await gate.recent(change=row.id)).changes[0].state == "declined"
    assert events(sandbox) == 0


async def test_the_second_of_two_approved_changes_with_one_effect_is_closed(gate: Gate, sandbox: Sandbox) -> None:
    plan = planner()
    mine = await propose_approved(gate, plan)
    theirs = await propose_approved(gate, planner(), principal=BOB)
    assert (await gate.make(mine, plan, work())).status == "done"
    receipt = await gate.make(theirs, planner(), work())
    assert (receipt.status, receipt.change) == ("already_done", mine.id)
    assert (await gate.recent(change=theirs.id)).changes[0].state == "declined"
    assert events(sandbox) == 1


async def test_a_change_that_was_declined_is_listed_without_what_to_do_after_it(gate: Gate) -> None:
    async def followed() -> Plan:
        return (await planner()()).model_copy(update={"next_step": "Look for its messages."})

    row = await propose_change(gate, followed)
    await gate.approvals.withdraw(row, by="person", how="denied in a terminal")
    assert [line.next_step for line in (await gate.recent()).changes] == [None]
    done = await propose_approved(gate, followed, arguments=arguments_digest({"customer": "bob"}))
    await gate.make(done, followed, work())
    assert (await gate.recent(change=done.id)).changes[0].next_step == "Look for its messages."
