"""A message with `send_at`: when it leaves, what the question says, and how long it counts as sent."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.change import Change
from cio_mcp.gate.duplicates import DUPLICATE_SECONDS
from cio_mcp.gate.plan import Plan, arguments_digest
from cio_mcp.gate.question import question_about
from cio_mcp.gate.receipt import Receipt
from cio_mcp.gate.service import Gate
from cio_mcp.sandbox import Sandbox
from cio_mcp.text.timestamps import moment
from cio_mcp.tools.core.events import wait_for_event
from cio_mcp.tools.core.send_event import send_event
from cio_mcp.tools.core.send_transactional import send_transactional
from cio_mcp.workspace import CallContext
from tests.callers import caller_named, work_of
from tests.carrying_out import approve
from tests.clock import FunctionClock

pytestmark = pytest.mark.anyio

Planner = Callable[[], Awaitable[Plan]]
ADA, BOB = "local:ada", "local:bob"
SOON = timedelta(minutes=5)


class LaterGate:
    """A gate whose clock is ahead by as much as a test says."""

    def __init__(self, gate: Gate) -> None:
        self.ahead = timedelta()
        self.gate = replace(gate, clock=FunctionClock(now=lambda: gate.clock.now() + self.ahead.total_seconds()))

    async def propose(self, plan: Planner, principal: str = ADA) -> Change | Receipt:
        return await self.gate.propose(principal, "send_transactional", arguments_digest({}), plan)

    async def approve(self, plan: Planner, principal: str = ADA) -> Change:
        row = await self.propose(plan, principal)
        assert isinstance(row, Change), row
        await approve(self.gate, row)
        return row

    async def make(self, row: Change, plan: Planner) -> Receipt:
        return await self.gate.make(row, plan, work_of(caller_named(row.row.principal)))


@pytest.fixture
async def later(ws: CallContext) -> LaterGate:
    return LaterGate(ws.gate)


def in_time(delay: timedelta) -> datetime:
    return (datetime.now(UTC) + delay).replace(microsecond=0)


def email(ws: CallContext, at: datetime | None) -> Planner:
    async def plan() -> Plan:
        send_at = at.isoformat() if at else None
        return await send_transactional(ws, "2", "ada", data={"order_id": 7}, send_at=send_at)

    return plan


async def test_the_question_states_that_a_time_without_a_zone_was_read_as_utc(ws: CallContext) -> None:
    at = in_time(timedelta(hours=2))
    stated = "No time zone was given, so it was read as UTC."
    for text, warned in ((at.isoformat(), False), (at.replace(tzinfo=None).isoformat(), True)):
        message = await send_transactional(ws, "2", "ada", data={"order_id": 7}, send_at=text)
        event = await send_event(ws, "ada", "x", timestamp=text)
        assert message.due_at == at.timestamp()
        assert [stated in question_about(plan, "aaaa0001").text for plan in (message, event)] == [warned, warned]


async def test_a_scheduled_message_leaves_with_its_time_and_the_question_states_it(
    ws: CallContext, sandbox: Sandbox, later: LaterGate
) -> None:
    at = in_time(timedelta(hours=2))
    row = await later.approve(email(ws, at))
    receipt = await later.make(row, email(ws, at))
    assert receipt.status == "done"
    assert f"Scheduled for {moment(at)}. Not sent yet." in receipt.message
    assert receipt.scheduled_for == at
    assert receipt.next_step == "After that time, check with get_message."
    (line,) = (await ws.gate.recent(change=row.id, state=None, limit=1)).changes
    assert line.result == f"Scheduled for {moment(at)}. Not sent yet."
    waited = await wait_for_event(ws, change=row.id, metric="delivered")
    assert (waited.happened, waited.waited) == (False, 0.0)
    assert waited.note == f"The send is scheduled for {moment(at)}. Call again after that time."
    assert f"at {moment(at)}" in row.question
    assert "at once" not in row.question
    assert [send["send_at"] for send in sandbox.workspace.sends] == [int(at.timestamp())]
    kept = await ws.gate.journal.get(row.id)
    assert kept
    assert kept.due_at == at.timestamp()


async def test_a_scheduled_message_is_not_sent_again_until_it_is_due(
    ws: CallContext, sandbox: Sandbox, later: LaterGate
) -> None:
    at = in_time(timedelta(hours=2))
    first = await later.approve(email(ws, at))
    await later.make(first, email(ws, at))
    later.ahead = timedelta(hours=2) - SOON
    for other in (at, in_time(timedelta(hours=5)), None):
        again = await later.propose(email(ws, other), BOB)
        assert isinstance(again, Receipt)
        assert (again.status, again.change) == ("already_done", first.id)
        assert f"The same change is scheduled for {moment(at)}." in again.message
    assert len(sandbox.workspace.sends) == 1


async def test_once_a_scheduled_message_has_left_the_same_can_be_approved_again(
    ws: CallContext, later: LaterGate
) -> None:
    at = in_time(timedelta(hours=2))
    await later.make(await later.approve(email(ws, at)), email(ws, at))
    later.ahead = timedelta(hours=2) + SOON
    assert isinstance(await later.propose(email(ws, None), BOB), Change)


async def test_an_approval_from_before_the_schedule_does_not_send_a_second_message(
    ws: CallContext, sandbox: Sandbox, later: LaterGate
) -> None:
    at = in_time(timedelta(hours=2))
    waiting = await later.propose(email(ws, None), BOB)
    assert isinstance(waiting, Change)
    first = await later.approve(email(ws, at))
    await later.make(first, email(ws, at))
    later.ahead = timedelta(seconds=DUPLICATE_SECONDS) + SOON
    await approve(later.gate, waiting)
    receipt = await later.make(waiting, email(ws, None))
    assert (receipt.status, receipt.change) == ("already_done", first.id)
    assert len(sandbox.workspace.sends) == 1


async def test_a_time_that_has_just_passed_means_now(ws: CallContext) -> None:
    plan = await email(ws, in_time(timedelta(seconds=-5)))()
    body = plan.calls[0].body
    assert isinstance(body, dict)
    assert "send_at" not in body
    assert plan.due_at is None
    assert plan.notes == ("It will be sent immediately.",)


@pytest.mark.parametrize(
    ("delay", "reason"),
    [(timedelta(minutes=-10), "send_at: is in the past"), (timedelta(days=90, minutes=10), "more than 90 days ahead")],
)
async def test_a_time_that_customer_io_would_ignore_or_refuse_is_refused(
    delay: timedelta, reason: str, ws: CallContext, sandbox: Sandbox
) -> None:
    with pytest.raises(InvalidArgument, match=reason):
        await email(ws, in_time(delay))()
    assert not sandbox.requests


async def test_ninety_days_ahead_are_accepted(ws: CallContext, sandbox: Sandbox, later: LaterGate) -> None:
    at = in_time(timedelta(days=90, minutes=-10))
    receipt = await later.make(await later.approve(email(ws, at)), email(ws, at))
    assert receipt.status == "done"
    assert sandbox.workspace.sends[0]["send_at"] == int(at.timestamp())
