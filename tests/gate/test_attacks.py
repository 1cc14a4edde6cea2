"""Attempts to get past the gate: answers to something else than was shown, lost races, failing disks, odd data."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial

import anyio
import pytest
from pydantic import JsonValue

from cio_mcp.customerio.api import sends, tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.call import Call
from cio_mcp.customerio.caller import Work
from cio_mcp.customerio.writer import Result, Writer
from cio_mcp.errors import InvalidArgument, Refused
from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import Plan, arguments_digest
from cio_mcp.gate.receipt import Receipt
from cio_mcp.gate.service import Gate
from cio_mcp.sandbox import Sandbox
from cio_mcp.server.elicitation import digest_of
from cio_mcp.tools.core.update_customer import update_customer
from cio_mcp.workspace import CallContext
from tests.callers import caller_named, work_of
from tests.carrying_out import approve
from tests.clock import ManualClock

pytestmark = pytest.mark.anyio

Planner = Callable[[], Awaitable[Plan]]
ADA, BOB = "local:ada", "local:bob"


def send_planner(*, warns: Callable[[], str] = lambda: "", repeat: bool = False) -> Planner:
    """Plans one email, always by the same request, whatever the question about it warns of."""

    async def plan() -> Plan:
        await anyio.lowlevel.checkpoint()
        call = sends.email(2, {"id": "ada"}, "ada@example.com", {}, send_at=None, options={})
        warning = warns()
        rests_on: dict[str, JsonValue] = {"warning": warning}
        return Plan(
            risk="send",
            summary="Send.",
            warnings=(warning,),
            calls=(call,),
            rests_on=rests_on,
            once=True,
            repeat=repeat,
        )

    return plan


async def propose(gate: Gate, plan: Planner, principal: str = ADA, name: str = "a tool") -> Change:
    row = await gate.propose(principal, name, arguments_digest({}), plan)
    assert isinstance(row, Change), row
    return row


async def propose_approved(gate: Gate, plan: Planner, principal: str = ADA, name: str = "a tool") -> Change:
    row = await propose(gate, plan, principal, name)
    await approve(gate, row)
    return row


async def make(gate: Gate, row: Change, plan: Planner) -> Receipt:
    return await gate.make(row, plan, work_of(caller_named(ADA)))


def emails(sandbox: Sandbox) -> int:
    return sum(request["path"] == "/v1/send/email" for request in sandbox.requests)


async def test_a_rejection_in_the_client_counts_although_somebody_else_had_approved(
    gate: Gate, sandbox: Sandbox
) -> None:
    plan = send_planner()
    row = await propose(gate, plan)
    await gate.approvals.record_prompt(row)
    assert await gate.approvals.approve(row, by="another", how="on a terminal", confirmation=row.plan.confirmation)
    await gate.approvals.answer(row, approve=False, confirmation=None, by=ADA)
    assert (await make(gate, row, plan)).status == "declined"
    assert emails(sandbox) == 0


async def test_an_answer_to_a_question_that_was_drawn_again_since_approves_nothing(
    gate: Gate, sandbox: Sandbox
) -> None:
    warnings = iter(("subscribed", "unsubscribed", "unsubscribed", "unsubscribed"))
    plan = send_planner(warns=lambda: next(warnings))
    shown = await propose(gate, plan)
    await gate.approvals.record_prompt(shown)
    assert await gate.approvals.approve(shown, by="another", how="on a terminal", confirmation=shown.plan.confirmation)
    assert (await make(gate, shown, plan)).status == "approval_required"
    redrawn = await gate.propose(ADA, "a tool", arguments_digest({}), plan)
    assert isinstance(redrawn, Change)
    assert redrawn.question != shown.question
    await gate.approvals.record_prompt(redrawn)
    await gate.approvals.answer(shown, approve=True, confirmation=None, by=ADA)
    assert (await make(gate, shown, plan)).status != "done"
    assert emails(sandbox) == 0


async def test_a_denial_of_what_was_replaced_since_it_was_shown_declines_it(gate: Gate, sandbox: Sandbox) -> None:
    warnings = iter(("subscribed", "unsubscribed"))
    plan = send_planner(warns=lambda: next(warnings))
    shown = await propose(gate, plan)
    assert await gate.approvals.approve(shown, by="another", how="on a terminal", confirmation=shown.plan.confirmation)
    assert (await make(gate, shown, plan)).status == "approval_required"
    assert await gate.approvals.withdraw(shown, by=ADA, how="denied in a terminal")
    assert (await gate.approvals.current(shown)).state == "declined"
    assert emails(sandbox) == 0


async def test_a_database_lost_after_sending_does_not_make_the_receipt_say_that_nothing_was_sent(
    ws: CallContext, sandbox: Sandbox
) -> None:
    async def lose_the_table(_seconds: float) -> None:
        await anyio.lowlevel.checkpoint()
        with closing(sqlite3.connect(ws.settings.data_dir / "cio-mcp.db")) as file:
            file.execute("DROP TABLE IF EXISTS changes")

    gate = replace(ws.gate, executor=replace(ws.gate.executor, sleep=lose_the_table))
    plan = partial(update_customer, ws, "ada", attributes={"favourite_colour": "teal"})
    receipt = await make(gate, await propose_approved(gate, plan), plan)
    assert receipt.status == "done"
    assert "othing was sent" not in receipt.message
    assert sum(request["method"] == "PUT" for request in sandbox.requests) == 1


class LosingExecutor(Writer):
    """An executor after whose request the journal is gone."""

    def __init__(self, ws: CallContext) -> None:
        super().__init__(ws.gate.executor.client)
        self._database = ws.settings.data_dir / "cio-mcp.db"

    async def send(self, call: Call, work: Work) -> Result:
        result = await super().send(call, work)
        with closing(sqlite3.connect(self._database)) as file:
            file.execute("DROP TABLE changes")
        return result


async def test_an_outcome_that_the_database_cannot_record_is_unknown(ws: CallContext, sandbox: Sandbox) -> None:
    gate = replace(ws.gate, executor=replace(ws.gate.executor, writer=LosingExecutor(ws)))
    receipt = await make(gate, row := await propose_approved(gate, send_planner()), send_planner())
    assert (receipt.status, receipt.change) == ("unknown", row.id)
    assert "could not record the outcome" in receipt.message
    assert "othing was sent" not in receipt.message
    assert emails(sandbox) == 1


async def test_the_loser_of_a_race_to_a_change_does_not_claim_that_nothing_was_sent(
    gate: Gate, sandbox: Sandbox
) -> None:
    seen = "before"
    inner = send_planner(warns=lambda: seen, repeat=True)

    async def sent_while_planning() -> Plan:
        nonlocal seen
        assert (await make(gate, row, inner)).status == "done"
        seen = "afterwards"
        return await inner()

    row = await propose_approved(gate, inner)
    receipt = await make(gate, row, sent_while_planning)
    assert receipt.status == "done"
    assert emails(sandbox) == 1


def nested(levels: int) -> JsonValue:
    value: JsonValue = None
    for _ in range(levels):
        value = {"in": value}
    return value


ODD: dict[str, JsonValue] = {
    "not a number": float("nan"),
    "infinity": float("inf"),
    "a number too long": 10**4400,
    "half a character": "\ud800",
    "half a key": {"\ud800": 1},
    "too deep": nested(220),
    "much too deep": nested(2000),
}


@pytest.mark.parametrize("odd", ODD)
async def test_values_that_cannot_be_stored_exactly_are_refused_and_leave_the_journal_intact(
    odd: str, gate: Gate
) -> None:
    async def plan() -> Plan:
        await anyio.lowlevel.checkpoint()
        call = tracking.event(Reference("ada"), "x", {}, ulid="01HZZZZZZZZZZZZZZZZZZZZZZZ", at=None)
        body: JsonValue = {"name": "x", "data": {"odd": ODD[odd]}}
        return Plan(risk="send", summary="Send x.", calls=(call.model_copy(update={"body": body}),), once=True)

    with pytest.raises(Refused, match="exactly"):
        await gate.propose(ADA, "send_event", arguments_digest({}), plan)
    assert (await gate.recent()).changes == []


@pytest.mark.parametrize("odd", ODD)
def test_arguments_without_a_digest_are_refused_by_name_or_have_one(odd: str) -> None:
    with suppress(InvalidArgument):
        assert len(digest_of({"data": {"odd": ODD[odd]}})) == len(arguments_digest({}))


async def test_a_call_given_up_after_its_request_was_made_says_what_became_of_it(
    gate: Gate, clock: ManualClock
) -> None:
    plan = send_planner()
    row = await propose_approved(gate, plan)
    began = clock.time
    await make(gate, row, plan)
    receipt = await gate.give_up(ADA, "a tool", arguments_digest({}), began)
    assert receipt.status == "done"
    assert receipt.change == row.id


async def test_a_call_cancelled_during_its_question_declines_only_its_own_request(
    gate: Gate, clock: ManualClock, sandbox: Sandbox
) -> None:
    plan = send_planner()
    await make(gate, await propose_approved(gate, plan), plan)
    clock.time += 3600
    later = await gate.give_up(ADA, "a tool", arguments_digest({}), clock.now() - 700)
    assert later.status == "declined"
    row = await propose(gate, plan)
    assert (await gate.give_up(ADA, "a tool", arguments_digest({}), clock.now() - 700)).status == "declined"
    assert not await gate.approvals.approve(row, by="person", how="on a terminal", confirmation=row.plan.confirmation)
    assert emails(sandbox) == 1


async def test_a_duplicate_whose_question_did_not_mention_the_first_is_not_sent(
    gate: Gate, sandbox: Sandbox, clock: ManualClock
) -> None:
    first, second = send_planner(), send_planner(repeat=True)
    mine, theirs = await propose_approved(gate, first), await propose_approved(gate, second, principal=BOB)
    clock.time += 1
    assert (await make(gate, mine, first)).status == "done"
    assert (await make(gate, theirs, second)).status == "already_done"
    assert emails(sandbox) == 1
    clock.time += 1
    duplicate = await propose_approved(gate, second, principal=BOB)
    assert "The same change was requested" in duplicate.question
    assert (await make(gate, duplicate, second)).status == "done"
    assert emails(sandbox) == 1 + 1
