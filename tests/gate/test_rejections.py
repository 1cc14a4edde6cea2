"""What a person rejected is not proposed again as if nothing had been said."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, get_args

import pytest
from mcp import Client
from mcp_types import ElicitResult

from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import arguments_digest
from cio_mcp.gate.policy import Policy
from cio_mcp.gate.receipt import Receipt, prompt_refusal
from cio_mcp.gate.rejections import MAX_REJECTIONS, REJECTION_SECONDS
from cio_mcp.gate.service import Gate
from cio_mcp.sandbox import Sandbox
from cio_mcp.server.app import build_server
from cio_mcp.settings import Settings
from cio_mcp.storage.decisions import REJECTIONS, DeclinePhrase, RejectionPhrase, WithdrawalPhrase
from cio_mcp.text.timestamps import from_unix, moment
from cio_mcp.workspace import Workspace
from tests.carrying_out import approve
from tests.clients import REJECT, Person, effects, structured, text
from tests.clock import ManualClock
from tests.eras import Era
from tests.gate.test_duplicates import ALLOWED, Planner, event, make, propose, propose_change

pytestmark = pytest.mark.anyio

Denial = Callable[[Gate, Change], Awaitable[None]]


async def reject(gate: Gate, change: Change) -> None:
    await gate.approvals.record_prompt(change)
    await gate.approvals.answer(change, approve=False, confirmation=None, by="local:bob")


async def deny(gate: Gate, change: Change) -> None:
    assert await gate.approvals.withdraw(change, by="local:bob", how="denied in a terminal")


async def refuse(gate: Gate, plan: Planner, times: int, denial: Denial = reject) -> None:
    for _ in range(times):
        await denial(gate, await propose_change(gate, plan))


def rejected_times(change: Change) -> int:
    return change.plan.rejections.count if change.plan.rejections else 0


@pytest.mark.parametrize("denial", [reject, deny])
async def test_the_question_states_first_how_often_the_same_was_rejected(
    denial: Denial, gate: Gate, clock: ManualClock
) -> None:
    assert "rejected" not in (await propose_change(gate, event(name="another"))).question
    await refuse(gate, event(), 1, denial)
    at = moment(from_unix(int(clock.now())))
    once = await propose_change(gate, event())
    assert once.question.startswith(f"Send signed_up.\n- You rejected this once in the last hour, last at {at}.")
    await denial(gate, once)
    twice = await propose_change(gate, event())
    assert "You rejected this 2 times in the last hour" in twice.question


@pytest.mark.parametrize("how", [*get_args(RejectionPhrase), *get_args(WithdrawalPhrase)])
@pytest.mark.sampled(6)
async def test_only_what_a_person_decided_against_a_change_is_a_rejection(how: DeclinePhrase, gate: Gate) -> None:
    change = await propose_change(gate, event())
    assert await gate.approvals.withdraw(change, by="local:bob", how=how)
    receipt = gate.receipt(await gate.approvals.current(change))
    assert receipt.message.endswith(f"Nothing was sent: {how}.")
    assert (receipt.next_step is not None) == (how in REJECTIONS)
    assert rejected_times(await propose_change(gate, event())) == int(how in REJECTIONS)


async def test_a_nearly_equal_change_counts_and_is_called_similar(gate: Gate) -> None:
    await refuse(gate, event(1), 1)
    assert "You rejected this or a similar change once" in (await propose_change(gate, event(2))).question
    for other in (event(1, "order_placed"), event(1, person="bob")):
        assert (await propose_change(gate, other)).plan.rejections is None


async def test_where_effects_are_not_compared_the_same_arguments_count(gate: Gate) -> None:
    async def edit() -> Any:
        return (await event()()).model_copy(update={"once": False})

    async def proposed(arguments: int) -> Change:
        digest = arguments_digest({"n": arguments})
        change = await gate.propose("local:bob", "update_customer", digest, edit)
        assert isinstance(change, Change)
        return change

    await reject(gate, await proposed(1))
    assert rejected_times(await proposed(1)) == 1
    assert rejected_times(await proposed(2)) == 0


async def test_after_an_hour_or_an_approval_the_count_starts_again(gate: Gate, clock: ManualClock) -> None:
    await refuse(gate, event(), 2)
    clock.time += REJECTION_SECONDS + 1
    change = await propose_change(gate, event())
    assert change.plan.rejections is None
    await reject(gate, change)
    clock.time += 1
    change = await propose_change(gate, event())
    assert rejected_times(change) == 1
    await approve(gate, change)
    await make(gate, change, event())
    assert (await propose_change(gate, event(2))).plan.rejections is None


async def test_an_answer_that_came_too_late_is_no_rejection(gate: Gate, clock: ManualClock) -> None:
    change = await propose_change(gate, event())
    await gate.approvals.record_prompt(change)
    clock.time += 1_000
    await gate.approvals.answer(change, approve=True, confirmation=None, by="local:bob")
    assert (await propose_change(gate, event())).plan.rejections is None


async def test_a_policy_allows_nothing_that_a_person_rejected(opened: Workspace, clock: ManualClock) -> None:
    strict = Gate(opened.gate.journal, opened.gate.pauses, opened.gate.executor, clock, Policy())
    allowing = Gate(opened.gate.journal, opened.gate.pauses, opened.gate.executor, clock, ALLOWED)
    await refuse(strict, event(), 1)
    assert (await propose_change(allowing, event())).state == "planned"
    assert (await propose_change(allowing, event(name="another"))).state == "approved"


async def test_after_three_rejections_in_a_client_the_change_waits_outside_it(gate: Gate, clock: ManualClock) -> None:
    first = clock.now()
    await refuse(gate, event(), MAX_REJECTIONS)
    clock.time += 60
    change = await propose_change(gate, event())
    receipt = gate.receipt(change)
    again = moment(from_unix(int(first + REJECTION_SECONDS)))
    assert (change.state, receipt.status) == ("planned", "declined")
    assert "A person rejected this 3 times in the last hour" in receipt.message
    assert f"the client is not prompted again before {again}. It can be decided in cio-mcp" in receipt.message
    assert receipt.next_step == "Don't propose it again unless the user asks."
    await approve(gate, change)
    assert (await make(gate, change, event())).status == "done"


async def test_after_three_denials_outside_nothing_is_proposed_until_the_first_is_an_hour_ago(
    gate: Gate, clock: ManualClock
) -> None:
    first = clock.now()
    await refuse(gate, event(), MAX_REJECTIONS, deny)
    clock.time += 60
    before = len((await gate.recent()).changes)
    receipt = await propose(gate, event())
    assert isinstance(receipt, Receipt)
    assert (receipt.status, receipt.change) == ("declined", None)
    assert f"It can be proposed again at {moment(from_unix(int(first + REJECTION_SECONDS)))}." in receipt.message
    assert len((await gate.recent()).changes) == before
    clock.time = first + REJECTION_SECONDS + 1
    assert rejected_times(await propose_change(gate, event())) == 0


async def test_a_client_is_not_prompted_a_fourth_time(era: Era, settings: Settings, sandbox: Sandbox) -> None:
    person = Person(REJECT)
    server = build_server(settings, sandbox=sandbox)
    call = partial(Client.call_tool, name="send_event", arguments={"customer": "ada", "name": "order_placed"})
    async with Client(server, mode=era, elicitation_callback=person) as client:
        answers = [await call(client) for _ in range(6)]
        person.answer = ElicitResult(action="accept", content={"decision": "approve"})
        other = await client.call_tool("send_event", {"customer": "bob", "name": "order_placed"})
    assert len(person.prompts) == MAX_REJECTIONS + 1
    assert "You rejected" not in person.prompts[0].message
    assert "You rejected this 2 times in the last hour" in person.prompts[2].message
    assert [structured(answer)["status"] for answer in answers] == ["declined"] * 6
    assert "A person rejected this 3 times" in text(answers[3])
    # The same change waits outside the client, however often it is proposed.
    assert len({structured(answer)["change"] for answer in answers[3:]}) == 1
    assert structured(other)["status"] == "done"
    assert effects(sandbox) == 1


@pytest.mark.slow
async def test_a_client_is_not_prompted_about_what_was_proposed_before_the_rejections(
    era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    async def propose_all(client: Client) -> list[Any]:
        arguments = [{"customer": "ada", "name": "order_placed", "data": {"n": number}} for number in range(6)]
        return [await client.call_tool("send_event", each) for each in arguments]

    async with Client(build_server(settings, sandbox=sandbox), mode=era) as unable:
        before = await propose_all(unable)
    assert [structured(each)["status"] for each in before] == ["approval_required"] * 6
    person = Person(REJECT)
    async with Client(build_server(settings, sandbox=sandbox), mode=era, elicitation_callback=person) as client:
        after = await propose_all(client)
    assert len(person.prompts) == MAX_REJECTIONS
    assert [structured(each)["status"] for each in after] == ["declined"] * 6
    assert "A person rejected this or a similar change 3 times" in text(after[-1])


async def test_an_open_question_is_answered_whatever_was_rejected_meanwhile(gate: Gate) -> None:
    arguments = arguments_digest({"n": "open"})
    change = await gate.propose("local:bob", "send_event", arguments, event(9))
    assert isinstance(change, Change)
    await gate.approvals.record_prompt(change)
    await refuse(gate, event(), MAX_REJECTIONS)
    again = await gate.propose("local:bob", "send_event", arguments, event(9))
    assert isinstance(again, Change)
    assert prompt_refusal(again, gate.clock.now()) is None
