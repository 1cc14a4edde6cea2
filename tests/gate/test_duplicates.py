"""What was sent in the last minutes and hours, as a question names it, and what an upgrade keeps of it."""

import hashlib
import json
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from itertools import count
from typing import Any

import anyio
import pytest

from cio_mcp.customerio.api import sends, tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.call import Call
from cio_mcp.customerio.canonical import FORM_VERSION
from cio_mcp.gate.change import Change
from cio_mcp.gate.duplicates import DUPLICATE_SECONDS, MAX_NAMED, NEAR_SECONDS
from cio_mcp.gate.plan import Plan, arguments_digest
from cio_mcp.gate.policy import BY_POLICY, Entry, Policy, Recipients
from cio_mcp.gate.receipt import Receipt
from cio_mcp.gate.service import Gate
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.settings import Settings
from cio_mcp.text.timestamps import from_unix, moment
from tests.callers import caller_named, work_of
from tests.carrying_out import approve
from tests.clock import ManualClock

pytestmark = pytest.mark.anyio

ADA, BOB = "local:ada", "local:bob"
PEOPLE = {"ada": "cio_a3000001", "bob": "cio_a3000002"}
calls = count()
Planner = Callable[[], Awaitable[Plan]]
ALLOWED = Policy(classes={"send": Entry(rule="allow")}, recipients=Recipients(addresses=frozenset({"ada@example.com"})))


def event(data: int = 1, name: str = "signed_up", person: str = "ada", *, repeat: bool = False) -> Planner:
    minted = iter(range(10_000))

    async def plan() -> Plan:
        await anyio.lowlevel.checkpoint()
        ulid = f"01HZZZZZZZZZZZZZZZZZZZ{next(minted):04d}"
        call = tracking.event(Reference(PEOPLE[person], "cio_id"), name, {"number": data}, ulid=ulid, at=None)
        return Plan(
            risk="send",
            summary=f"Send {name}.",
            calls=(call,),
            recipients=("ada@example.com",),
            warnings=("Last of all.",),
            once=True,
            repeat=repeat,
        )

    return plan


def email(
    data: int,
    *,
    due_at: float | None = None,
    to: str = "ada@example.com",
    person: str = "ada",
    message: int = 2,
    repeat: bool | None = False,
) -> Planner:
    async def plan() -> Plan:
        await anyio.lowlevel.checkpoint()
        call = sends.email(message, {"id": person}, to, {"number": data}, send_at=None, options={})
        return Plan(risk="send", summary="Send it.", calls=(call,), once=True, due_at=due_at, repeat=repeat)

    return plan


async def propose(gate: Gate, plan: Planner, by: str = BOB) -> Change | Receipt:
    return await gate.propose(by, "send_event", arguments_digest({"call": next(calls)}), plan)


async def propose_change(gate: Gate, plan: Planner, by: str = BOB) -> Change:
    change = await propose(gate, plan, by)
    assert isinstance(change, Change), change
    return change


async def send(gate: Gate, plan: Planner, by: str = ADA) -> str:
    """Send what is planned, with a person's approval where it needs one; the id of the change."""
    change = await propose_change(gate, plan, by)
    if change.state == "planned":
        await approve(gate, change)
    receipt = await make(gate, change, plan)
    assert receipt.change
    return receipt.change


async def make(gate: Gate, change: Change, plan: Planner) -> Receipt:
    return await gate.make(change, plan, work_of(caller_named(change.row.principal)))


def events(sandbox: Sandbox) -> int:
    return sum(request["path"].endswith("/events") for request in sandbox.requests)


class TestASendOfTheLastDay:
    async def test_is_named_with_its_time_if_it_differs_in_its_data_alone(self, gate: Gate, clock: ManualClock) -> None:
        earlier, at = await send(gate, event(1)), moment(from_unix(int(clock.now())))
        clock.time += NEAR_SECONDS - 60
        change = await propose_change(gate, event(2))
        assert change.plan.earlier == (earlier,)
        assert change.plan.warnings[0] == (
            f"A similar change, with other data, was requested at {at} (change {earlier}); it was accepted."
        )
        assert change.plan.warnings[0] in change.question

    async def test_is_named_if_it_is_equal_and_older_than_ten_minutes(self, gate: Gate, clock: ManualClock) -> None:
        earlier = await send(gate, event())
        clock.time += DUPLICATE_SECONDS + 60
        change = await propose_change(gate, event())
        assert change.plan.earlier == (earlier,)
        assert change.plan.warnings[0].startswith("The same change was requested at ")

    async def test_is_no_longer_named_after_a_day(self, gate: Gate, clock: ManualClock) -> None:
        await send(gate, event(1))
        clock.time += NEAR_SECONDS + 60
        change = await propose_change(gate, event(2))
        assert (change.plan.earlier, change.plan.warnings) == ((), ("Last of all.",))

    @pytest.mark.parametrize("other", [("order_placed",), ("signed_up", "bob")], ids=["event", "person"])
    async def test_is_not_named_for_another_event_or_person(self, other: tuple[str, ...], gate: Gate) -> None:
        await send(gate, event(1))
        assert (await propose_change(gate, event(2, *other))).plan.earlier == ()

    async def test_is_named_before_the_repeat_and_the_repeat_before_all_else(self, gate: Gate) -> None:
        similar, same = await send(gate, event(1)), await send(gate, event(2))
        change = await propose_change(gate, event(2, repeat=True))
        first, second, last = change.plan.warnings
        assert "similar" in first
        assert similar in first
        assert same in second
        assert second.endswith("This is a duplicate.")
        assert last == "Last of all."

    async def test_is_one_of_at_most_three_that_are_named(self, gate: Gate) -> None:
        for number in range(MAX_NAMED + 1):
            await send(gate, event(number))
        *named, more, _ = (await propose_change(gate, event(99))).plan.warnings
        assert len(named) == MAX_NAMED
        assert "more of the last 24 hours" in more

    async def test_is_not_followed_by_more_if_there_are_exactly_three(self, gate: Gate) -> None:
        for number in range(MAX_NAMED):
            await send(gate, event(number))
        assert not any("more" in warning for warning in (await propose_change(gate, event(99))).plan.warnings)

    async def test_is_named_until_a_day_after_it_was_due(self, gate: Gate, clock: ManualClock) -> None:
        due = clock.now() + 2 * NEAR_SECONDS
        earlier = await send(gate, email(1, due_at=due))
        clock.time += 3 * NEAR_SECONDS - 60
        (named,) = (await propose_change(gate, email(2))).plan.warnings
        assert f"for {moment(from_unix(int(due)))} (change {earlier})" in named
        clock.time += 120
        assert (await propose_change(gate, email(3))).plan.warnings == ()

    async def test_is_named_though_it_went_to_another_address_of_the_person(self, gate: Gate) -> None:
        earlier = await send(gate, email(1))
        assert (await propose_change(gate, email(1, to="ada@work.example"))).plan.earlier == (earlier,)

    async def test_is_not_named_for_a_message_to_somebody_else_or_another_message(self, gate: Gate) -> None:
        await send(gate, email(1))
        for other in (email(1, person="bob"), email(1, message=3)):
            assert (await propose_change(gate, other)).plan.earlier == ()

    async def test_is_named_where_the_plan_became_similar_to_it_after_its_approval(self, gate: Gate) -> None:
        names = iter(["other", "signed_up", "signed_up"])

        async def drifting() -> Plan:
            name = next(names)
            return (await event(2, name)()).model_copy(update={"rests_on": {"name": name}})

        change = await propose_change(gate, drifting)
        await approve(gate, change)
        earlier = await send(gate, event(1))
        assert (await make(gate, change, drifting)).status == "approval_required"
        shown = await gate.approvals.current(change)
        assert shown.plan.earlier == (earlier,)
        await approve(gate, shown)
        assert (await make(gate, shown, drifting)).status == "done"
        assert {*(await propose_change(gate, event(3))).plan.earlier} == {change.id, earlier}

    async def test_is_named_as_of_unknown_outcome(self, gate: Gate, sandbox: Sandbox) -> None:
        sandbox.faults.append(Fault("POST", "/v1/send/email", "accept_then_503", times=1))
        await send(gate, email(1))
        assert (await propose_change(gate, email(2))).plan.warnings[0].endswith("its outcome is unknown.")


class TestASendThatFailed:
    async def test_is_named_for_ten_minutes_and_blocks_nothing(
        self, gate: Gate, sandbox: Sandbox, clock: ManualClock
    ) -> None:
        sandbox.faults.append(Fault("POST", "/api/v1/customers/", "status:400", times=1))
        failed = await send(gate, event())
        change = await propose_change(gate, event())
        assert change.plan.warnings[0].endswith(f"(change {failed}) and failed.")
        assert change.plan.earlier == ()
        clock.time += DUPLICATE_SECONDS + 1
        assert (await propose_change(gate, event())).plan.warnings == ("Last of all.",)

    async def test_is_not_named_where_it_was_another(self, gate: Gate, sandbox: Sandbox) -> None:
        sandbox.faults.append(Fault("POST", "/api/v1/customers/", "status:400", times=1))
        await send(gate, event(1))
        assert (await propose_change(gate, event(2))).plan.warnings == ("Last of all.",)


class TestThePolicy:
    async def test_allows_no_send_that_resembles_one_of_the_last_day(self, gate: Gate, clock: ManualClock) -> None:
        allowing = replace(gate, policy=ALLOWED)
        first = await propose_change(allowing, event(1))
        assert (await make(allowing, first, event(1))).status == "done"
        similar = await propose_change(allowing, event(2))
        assert (first.row.decided_by, similar.row.decided_by) == (BY_POLICY, None)
        clock.time += NEAR_SECONDS + 1
        assert (await propose_change(allowing, event(3))).row.decided_by == BY_POLICY

    async def test_allows_one_of_two_similar_sends_at_the_same_moment(self, gate: Gate, sandbox: Sandbox) -> None:
        allowing = replace(gate, policy=ALLOWED)
        plans = [event(1), event(2)]
        changes = [await propose_change(allowing, plan) for plan in plans]
        assert [change.row.decided_by for change in changes] == [BY_POLICY] * 2
        receipts = [await make(allowing, change, plan) for change, plan in zip(changes, plans, strict=True)]
        assert [receipt.status for receipt in receipts] == ["done", "approval_required"]
        again = await allowing.approvals.current(changes[1])
        assert again.state == "planned"
        assert changes[0].id in again.question
        assert events(sandbox) == 1

    async def test_is_not_what_a_person_decides_by(self, gate: Gate, sandbox: Sandbox) -> None:
        plans = [event(1), event(2)]
        changes = [await propose_change(gate, plan) for plan in plans]
        for change, plan in zip(changes, plans, strict=True):
            await approve(gate, change)
            assert (await make(gate, change, plan)).status == "done"
        assert events(sandbox) == 2


async def test_a_duplicate_is_answered_with_the_time_until_which_it_counts_as_one(
    gate: Gate, clock: ManualClock
) -> None:
    until = moment(from_unix(int(clock.now() + DUPLICATE_SECONDS)))
    await send(gate, event())
    answer = await propose(gate, event())
    assert isinstance(answer, Receipt)
    assert f"Until {until} an equal one counts as a duplicate." in answer.message
    due = clock.now() + 7200
    await send(gate, email(1, due_at=due))
    scheduled = await propose(gate, email(1))
    assert isinstance(scheduled, Receipt)
    assert f"Until {moment(from_unix(int(due)))} an equal one" in scheduled.message
    assert f"The same change is scheduled for {moment(from_unix(int(due)))}." in scheduled.message
    assert "If the user wants a second one, pass repeat=true." in scheduled.message


async def test_a_tool_without_a_repeat_is_not_advised_to_pass_one(gate: Gate) -> None:
    await send(gate, email(1, repeat=None))
    answer = await propose(gate, email(1, repeat=None))
    assert isinstance(answer, Receipt)
    assert answer.status == "already_done"
    assert "repeat" not in answer.message


async def test_an_equal_send_after_the_question_is_a_duplicate_however_long_the_person_thinks(
    gate: Gate, sandbox: Sandbox, clock: ManualClock
) -> None:
    waiting = await propose_change(gate, event())
    await send(gate, event())
    clock.time += DUPLICATE_SECONDS + 60
    await approve(gate, waiting)
    receipt = await make(gate, waiting, event())
    assert receipt.status == "declined"
    assert "an equal change was sent in the meantime" in receipt.message
    assert events(sandbox) == 1


class TestWhatAnOlderVersionStored:
    """Effects in an older form, as rows hold them that another release wrote."""

    def write(self, settings: Settings, sql: str = "", **values: Any) -> None:
        """Make every change one of an older release, and set some columns."""
        columns = "".join(f", {name} = :{name}" for name in values)
        with closing(sqlite3.connect(settings.data_dir / "cio-mcp.db")) as file, file:
            file.execute(f"UPDATE changes SET form = 0, target = NULL{columns} {sql}", values)  # noqa: S608 - our own words

    def forms(self, settings: Settings) -> list[tuple[int, str, str | None]]:
        with closing(sqlite3.connect(settings.data_dir / "cio-mcp.db")) as file:
            return file.execute("SELECT form, effect, target FROM changes ORDER BY planned_at, id").fetchall()

    async def test_is_still_a_duplicate(self, gate: Gate, settings: Settings) -> None:
        await send(gate, event())
        before = self.forms(settings)
        self.write(settings, effect="of an older form")
        answer = await propose(gate, event())
        assert isinstance(answer, Receipt)
        assert answer.status == "already_done"
        assert self.forms(settings) == before

    async def test_is_still_named_as_similar(self, gate: Gate, settings: Settings) -> None:
        earlier = await send(gate, event(1))
        self.write(settings, effect="of an older form")
        assert (await propose_change(gate, event(2))).plan.earlier == (earlier,)

    async def test_is_compared_where_the_older_release_writes_on_after_the_upgrade(
        self, gate: Gate, settings: Settings
    ) -> None:
        await propose_change(gate, event(7))
        await send(gate, event(8))
        self.write(settings, effect="of an older form")
        assert isinstance(await propose(gate, event(8)), Receipt)

    async def test_is_a_duplicate_of_what_it_approved_itself(
        self, gate: Gate, settings: Settings, sandbox: Sandbox
    ) -> None:
        waiting = await propose_change(gate, event())
        await approve(gate, waiting)
        await send(gate, event())
        self.write(settings, effect="of an older form")
        assert (await make(gate, waiting, event())).status == "already_done"
        assert events(sandbox) == 1

    async def test_counts_while_scheduled_or_unknown_however_old_it_is(
        self, gate: Gate, settings: Settings, sandbox: Sandbox, clock: ManualClock
    ) -> None:
        sandbox.faults.append(Fault("POST", "/v1/send/email", "accept_then_503", times=1))
        await send(gate, email(1))
        await send(gate, email(2, due_at=clock.now() + 80 * NEAR_SECONDS))
        self.write(settings, effect="of an older form")
        clock.time += 40 * NEAR_SECONDS
        statuses = [getattr(await propose(gate, email(number)), "status", "planned") for number in (1, 2)]
        assert statuses == ["unknown", "already_done"]

    @pytest.mark.parametrize("plan", ["{}", "[", '{"risk": "send", "summary": "(erased)"}'])
    async def test_keeps_its_effect_where_its_plan_is_erased_or_cannot_be_read(
        self, plan: str, gate: Gate, settings: Settings
    ) -> None:
        await send(gate, event())
        ((_, effect, _),) = self.forms(settings)
        self.write(settings, plan=plan)
        answer = await propose(gate, event())
        assert isinstance(answer, Receipt)
        assert self.forms(settings) == [(FORM_VERSION, effect, None)]

    async def test_is_left_as_it_is_where_it_no_longer_counts(
        self, gate: Gate, settings: Settings, clock: ManualClock
    ) -> None:
        await send(gate, event())
        self.write(settings, effect="of an older form")
        clock.time += 2 * NEAR_SECONDS
        await propose_change(gate, event(2))
        assert self.forms(settings)[0] == (FORM_VERSION, "of an older form", None)

    async def test_is_computed_again_a_few_at_a_time(self, gate: Gate, settings: Settings) -> None:
        for number in range(45):
            await propose_change(gate, event(number))
        before = self.forms(settings)
        self.write(settings, effect="of an older form")
        await gate.duplicates.renew(gate.clock.now())
        assert self.forms(settings) == before


def test_the_form_in_which_requests_are_compared_is_that_of_its_version() -> None:
    """A change of this digest must come with a higher `FORM_VERSION`, or duplicates are missed after an upgrade."""
    requests = (
        Call(
            operation="send_email",
            body={
                "identifiers": {"email": "Ada@Example.com"},
                "to": "ADA@example.com",
                "transactional_message_id": 2,
                "message_data": {"n": 1.0, "é": "é"},
                "send_at": 1_800_000_000,
                "tracked": True,
            },
        ),
        tracking.event(Reference("ada"), "x", {"n": 1}, ulid="01HZZZZZZZZZZZZZZZZZZZZZZZ", at=from_unix(1)),
        Call(
            operation="apply_batch",
            body={
                "batch": [
                    {"type": "person", "action": "event", "identifiers": {"id": "ada"}, "name": "x", "id": "1"},
                    {"type": "person", "action": "identify", "identifiers": {"id": "ada"}, "attributes": {"a": 1}},
                ]
            },
        ),
    )
    text = json.dumps([[call.comparable(), call.comparable_target()] for call in requests], sort_keys=True)
    assert (FORM_VERSION, hashlib.sha256(text.encode()).hexdigest()[:16]) == (5, "1dbe3f08e12769b0")
