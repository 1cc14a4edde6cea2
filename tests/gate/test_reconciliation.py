"""What a crash or a lost line left open is settled truthfully, and nothing is sent a second time."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import NoReturn

import anyio
import pytest
from pydantic import JsonValue

from cio_mcp.customerio.api.triggers import trigger
from cio_mcp.customerio.batches import batch
from cio_mcp.customerio.call import Call
from cio_mcp.customerio.caller import Work
from cio_mcp.customerio.writer import Writer
from cio_mcp.errors import Refused
from cio_mcp.gate.change import Change
from cio_mcp.gate.change_list import ChangeLine
from cio_mcp.gate.evidence import Evidence
from cio_mcp.gate.plan import Plan, arguments_digest
from cio_mcp.gate.policy import Entry, Policy
from cio_mcp.gate.reconciliation import LOOKS, REMAKE_SECONDS
from cio_mcp.gate.service import Gate
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.storage.change_queues import UnsettledChanges
from cio_mcp.storage.rows import ChangeRow
from cio_mcp.tools.admin.suppressions import manage_suppression
from cio_mcp.tools.admin.update_webhook import update_webhook
from cio_mcp.tools.core.send_event import send_event
from cio_mcp.tools.core.send_transactional import send_transactional
from cio_mcp.tools.core.update_customer import update_customer
from cio_mcp.tools.data.update_snippet import update_snippet
from cio_mcp.tools.exports.start_export import start_export
from cio_mcp.tools.objects.update_object import update_object
from cio_mcp.tools.people.manage_device import manage_device
from cio_mcp.workspace import CallContext, Workspace
from tests.callers import caller_named
from tests.carrying_out import approve
from tests.clock import FunctionClock
from tests.reconcilers import reconciler_of

pytestmark = pytest.mark.anyio

Planner = Callable[[], Awaitable[Plan]]
TRIGGERS = "/v1/campaigns/{broadcast_id}/triggers"
SEND, EVENTS = "/v1/send/email", "/api/v1/customers/{identifier}/events"


class Died(BaseException):
    """Stands for a process that is gone at this point; nothing in it can catch that."""


class Scene:
    """A gate and a reconciler whose clock a test moves."""

    def __init__(self, opened: Workspace) -> None:
        self.ahead = 0.0
        clock = FunctionClock(now=lambda: opened.gate.clock.now() + self.ahead)
        self.gate: Gate = replace(opened.gate, clock=clock)
        self.reconciler = reconciler_of(opened, clock)
        self.ws: CallContext = replace(opened.acting(caller_named("local:tester")), gate=self.gate)

    def work(self) -> Work:
        return Work(caller_named("local:tester"), anyio.current_time() + 10)

    async def approved(self, plan: Planner) -> Change:
        row = await self.gate.propose("local:tester", "a tool", arguments_digest({}), plan)
        assert isinstance(row, Change), row
        await approve(self.gate, row)
        return row

    async def abandoned(self, plan: Planner, *, sent: bool = False) -> Change:
        """A change whose process died right after it had committed `sending`, or after its request was carried out."""
        row = await self.approved(plan)
        writer = (DyingLate if sent else Dying)(self.gate.executor.client)
        dying = replace(self.gate, executor=replace(self.gate.executor, writer=writer))
        with pytest.raises(Died):
            await dying.make(row, plan, self.work())
        return row

    async def after(self, seconds: float) -> int:
        self.ahead += seconds
        return await self.reconciler.round()

    async def state(self, row: Change) -> ChangeLine:
        return (await self.gate.recent(change=row.id)).changes[0]


class Dying(Writer):
    """An executor in a process that dies before the first byte leaves."""

    async def send(self, call: Call, work: Work) -> NoReturn:
        await anyio.lowlevel.checkpoint()
        raise Died(call.route, work.caller.id)


async def do_not_wait(_: float) -> None:
    await anyio.lowlevel.checkpoint()


class DyingLate(Writer):
    """An executor in a process that dies before it has recorded the answer."""

    async def send(self, call: Call, work: Work) -> NoReturn:
        raise Died(await super().send(call, work))


@pytest.fixture
async def scene(opened: Workspace) -> Scene:
    return Scene(opened)


def requests(sandbox: Sandbox, ending: str) -> int:
    return sum(request["path"].endswith(ending) and request["method"] != "GET" for request in sandbox.requests)


def writes(sandbox: Sandbox) -> list[str]:
    return [request["path"] for request in sandbox.requests if request["method"] != "GET"]


async def test_an_event_abandoned_before_it_left_is_made_with_its_own_id(scene: Scene, sandbox: Sandbox) -> None:
    row = await scene.abandoned(partial(send_event, scene.ws, "ada", "order_placed"))
    assert (await scene.state(row)).state == "sending"
    assert await scene.after(60) == 1
    assert (await scene.state(row)).state == "sent"
    assert requests(sandbox, "/events") == 1


async def test_an_event_that_had_arrived_is_repeated_without_a_second_effect(scene: Scene, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("POST", EVENTS, "accept_then_drop", times=20))
    plan = partial(send_event, scene.ws, "ada", "order_placed")
    row = await scene.approved(plan)
    assert (await scene.gate.make(row, plan, scene.work())).status == "unknown"
    sandbox.faults.clear()
    await scene.after(60)
    sandbox.workspace.settle()
    assert (await scene.state(row)).state == "sent"
    assert [event["name"] for event in sandbox.workspace.events] == ["order_placed"]


async def test_a_send_that_arrived_is_found_and_not_sent_again(scene: Scene, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("POST", SEND, "accept_then_drop"))
    plan = partial(send_transactional, scene.ws, "2", "ada", data={"order_id": 7})
    row = await scene.approved(plan)
    assert (await scene.gate.make(row, plan, scene.work())).status == "unknown"
    await scene.after(60)
    change = await scene.state(row)
    assert change.state == "sent"
    assert change.delivery_id
    assert requests(sandbox, SEND) == 1


async def test_a_send_abandoned_before_it_left_stays_unknown_and_is_never_sent(scene: Scene, sandbox: Sandbox) -> None:
    row = await scene.abandoned(partial(send_transactional, scene.ws, "2", "ada", data={"order_id": 7}))
    for seconds in (60.0, *LOOKS, 100_000.0):
        await scene.after(seconds)
    assert (await scene.state(row)).state == "unknown"
    assert requests(sandbox, SEND) == 0
    assert await scene.after(100_000.0) == 0


@pytest.mark.slow
async def test_several_matches_stay_unknown_and_are_listed(scene: Scene) -> None:
    row = await scene.abandoned(partial(send_transactional, scene.ws, "2", "ada", data={"order_id": 7}))
    for data in (8, 9):
        other = partial(send_transactional, scene.ws, "2", "ada", data={"order_id": data})
        await scene.gate.make(await scene.approved(other), other, scene.work())
    await scene.after(60)
    change = await scene.state(row)
    assert change.state == "unknown"
    assert change.result
    assert "2 matches were found" in change.result


async def test_an_earlier_effect_is_not_taken_for_the_new_one(scene: Scene) -> None:
    earlier = partial(send_transactional, scene.ws, "2", "ada", data={"order_id": 1})
    await scene.gate.make(await scene.approved(earlier), earlier, scene.work())
    row = await scene.abandoned(partial(send_transactional, scene.ws, "2", "ada", data={"order_id": 7}))
    await scene.after(60)
    assert (await scene.state(row)).state == "unknown"


async def test_after_ten_minutes_nothing_is_made_again(scene: Scene, sandbox: Sandbox) -> None:
    row = await scene.abandoned(partial(send_event, scene.ws, "ada", "order_placed"))
    await scene.after(REMAKE_SECONDS + 60)
    assert (await scene.state(row)).state == "unknown"
    assert requests(sandbox, "/events") == 0


async def test_a_profile_write_is_made_again_and_read_back(scene: Scene) -> None:
    row = await scene.abandoned(partial(update_customer, scene.ws, "ada", attributes={"favourite_colour": "teal"}))
    await scene.after(60)
    assert (await scene.state(row)).state == "verified"


@pytest.mark.parametrize(
    ("tool", "first", "second"),
    [
        (update_snippet, {"name": "footer", "text": "One"}, {"name": "footer", "text": "Two"}),
        (
            manage_device,
            {"customer": "ada", "device": "device-ada-1", "action": "remove"},
            {"customer": "ada", "device": "device-ada-1", "action": "add", "platform": "android"},
        ),
        (
            manage_suppression,
            {"email": "x@example.com", "action": "add"},
            {"email": "x@example.com", "action": "add", "type": "spam_reports"},
        ),
        (
            update_object,
            {"type": "1", "id": "acme", "action": "set", "attributes": {"tier": "one"}},
            {"type": "1", "id": "acme", "action": "set", "attributes": {"tier": "two"}},
        ),
    ],
)
async def test_a_later_change_is_not_overwritten(
    tool: Callable[..., Awaitable[Plan]],
    first: dict[str, JsonValue],
    second: dict[str, JsonValue],
    scene: Scene,
    sandbox: Sandbox,
) -> None:
    row = await scene.abandoned(partial(tool, scene.ws, **first))
    later = partial(tool, scene.ws, **second)
    hasty = replace(scene.gate, executor=replace(scene.gate.executor, sleep=do_not_wait))
    assert (await hasty.make(await scene.approved(later), later, scene.work())).status == "done"
    before = writes(sandbox)
    await scene.after(60)
    assert writes(sandbox) == before
    assert (await scene.state(row)).state == "unknown"


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        (update_snippet, {"name": "footer", "text": "One"}),
        (update_webhook, {"action": "update", "webhook": "1", "name": "One"}),
        (update_webhook, {"action": "delete", "webhook": "1"}),
        (manage_suppression, {"email": "x@example.com", "action": "add"}),
    ],
)
async def test_a_value_that_arrived_is_found_and_not_set_again(
    tool: Callable[..., Awaitable[Plan]], arguments: dict[str, JsonValue], scene: Scene, sandbox: Sandbox
) -> None:
    row = await scene.abandoned(partial(tool, scene.ws, **arguments), sent=True)
    await scene.after(60)
    assert (await scene.state(row)).state == "sent"
    assert len(writes(sandbox)) == 1


async def test_a_value_that_did_not_arrive_stays_unknown(scene: Scene, sandbox: Sandbox) -> None:
    row = await scene.abandoned(partial(update_snippet, scene.ws, "footer", text="One"))
    await scene.after(60)
    assert (await scene.state(row)).state == "unknown"
    assert not writes(sandbox)


async def test_a_refusal_of_the_second_request_is_no_failure_of_the_first(scene: Scene, sandbox: Sandbox) -> None:
    row = await scene.abandoned(partial(send_event, scene.ws, "ada", "order_placed"), sent=True)
    sandbox.faults.append(Fault("POST", EVENTS, "status:400", times=-1))
    await scene.after(60)
    assert (await scene.state(row)).state in {"sent", "unknown"}


async def test_a_request_that_is_still_under_way_is_left_alone(scene: Scene, sandbox: Sandbox) -> None:
    row = await scene.abandoned(partial(send_event, scene.ws, "ada", "order_placed"))
    assert await scene.after(1) == 0
    assert (await scene.state(row)).state == "sending"
    assert requests(sandbox, "/events") == 0


async def test_two_processes_settle_a_change_once(scene: Scene, sandbox: Sandbox) -> None:
    await scene.abandoned(partial(send_event, scene.ws, "ada", "order_placed"))
    scene.ahead += 60
    taken: list[int] = []

    async def settle() -> None:
        taken.append(await scene.reconciler.round())

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(settle)
    assert sum(taken) == 1
    assert requests(sandbox, "/events") == 1


async def test_while_writes_are_paused_nothing_is_made_or_made_again(scene: Scene, sandbox: Sandbox) -> None:
    plan = partial(send_event, scene.ws, "ada", "order_placed")
    row = await scene.abandoned(plan)
    approved = partial(send_event, scene.ws, "ada", "signed_up")
    waiting = await scene.gate.propose("local:other", "a tool", arguments_digest({}), approved)
    assert isinstance(waiting, Change)
    await approve(scene.gate, waiting)
    assert await scene.gate.pauses.pause(by="operator", now=scene.gate.clock.now(), reason="a bad import")
    await scene.after(60)
    reason = r"An operator paused all writes at .*: “a bad import”\. Nothing was sent\. Only an operator can resume"
    with pytest.raises(Refused, match=reason):
        await scene.gate.make(waiting, approved, scene.work())
    with pytest.raises(Refused, match=reason):
        await scene.gate.propose("local:third", "a tool", arguments_digest({}), plan)
    assert requests(sandbox, "/events") == 0
    assert await scene.gate.pauses.resume()
    assert (await scene.gate.make(waiting, approved, scene.work())).status == "done"
    await scene.after(120)
    assert (await scene.state(row)).state == "sent"
    assert requests(sandbox, "/events") == 2


def triggers(ws: CallContext) -> Planner:
    async def plan() -> Plan:
        assert (await ws.broadcasts.get("10")).name
        return Plan(
            risk="send",
            summary="Trigger a broadcast.",
            affected=None,
            confirmation="Product news",
            calls=(trigger("10", {"headline": "Hello", "text": "World"}),),
            once=True,
            trace=Evidence(broadcast="10"),
        )

    return plan


async def test_what_arrived_is_found_while_writes_are_paused(scene: Scene, sandbox: Sandbox) -> None:
    plan = partial(update_customer, scene.ws, "ada", attributes={"favourite_colour": "teal"})
    sandbox.faults.append(Fault("PUT", "/api/v1/customers", "accept_then_drop", times=20))
    row = await scene.approved(plan)
    assert (await scene.gate.make(row, plan, scene.work())).status == "unknown"
    sandbox.faults.clear()
    assert await scene.gate.pauses.pause(by="operator", now=scene.gate.clock.now())
    await scene.after(60)
    assert (await scene.state(row)).state == "sent"


async def test_an_export_whose_answer_was_lost_is_found_and_never_started_again(scene: Scene, sandbox: Sandbox) -> None:
    plan = partial(start_export, scene.ws, "customers", "VIP")
    earlier = await scene.approved(partial(plan, attributes=("plan",)))
    assert (await scene.gate.make(earlier, partial(plan, attributes=("plan",)), scene.work())).status == "done"
    sandbox.faults.append(Fault("POST", "/v1/exports/customers", "accept_then_drop", times=20))
    row = await scene.approved(plan)
    assert (await scene.gate.make(row, plan, scene.work())).status == "unknown"
    await scene.after(60)
    found = await scene.state(row)
    assert found.state == "sent"
    assert "exactly one match was found in Customer.io: export 2" in (found.result or "")
    assert requests(sandbox, "/v1/exports/customers") == 2


async def test_a_pause_does_not_use_up_the_looks_at_a_change(scene: Scene, sandbox: Sandbox) -> None:
    row = await scene.abandoned(partial(send_event, scene.ws, "ada", "order_placed"))
    assert await scene.gate.pauses.pause(by="operator", now=scene.gate.clock.now())
    for _ in range(40):
        await scene.after(5)
    assert await scene.gate.pauses.resume()
    await scene.after(LOOKS[3])
    assert (await scene.state(row)).state == "sent"
    assert requests(sandbox, "/events") == 1


async def test_what_the_policy_hides_since_is_not_made_again(scene: Scene, sandbox: Sandbox) -> None:
    await scene.abandoned(partial(send_event, scene.ws, "ada", "order_placed"))
    hidden = Policy(classes={"data": Entry(rule="hide"), "send": Entry(rule="hide")})
    scene.reconciler = replace(scene.reconciler, policy=hidden)
    for seconds in (60.0, *LOOKS):
        await scene.after(seconds)
    assert requests(sandbox, "/events") == 0


async def test_a_trigger_that_arrived_is_found_and_not_made_again(scene: Scene, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("POST", TRIGGERS, "accept_then_drop"))
    row = await scene.approved(triggers(scene.ws))
    assert (await scene.gate.make(row, triggers(scene.ws), scene.work())).status == "unknown"
    await scene.after(60)
    assert (await scene.state(row)).state == "sent"
    assert requests(sandbox, "/triggers") == 1


async def test_a_trigger_abandoned_before_it_left_is_never_made(scene: Scene, sandbox: Sandbox) -> None:
    row = await scene.abandoned(triggers(scene.ws))
    await scene.after(60)
    assert (await scene.state(row)).state == "unknown"
    assert requests(sandbox, "/triggers") == 0


def identify(person: str, **attributes: JsonValue) -> dict[str, JsonValue]:
    return {
        "type": "person",
        "action": "identify",
        "identifiers": {"id": person},
        "timestamp": 1_700_000_000,
        "attributes": attributes,
    }


def batch_planner(*operations: dict[str, JsonValue]) -> Planner:
    async def plan() -> Plan:
        await anyio.lowlevel.checkpoint()
        return Plan(risk="send", summary="Change people.", affected=len(operations), calls=(batch(operations),))

    return plan


async def test_only_the_refused_part_of_a_batch_is_sent_again_and_named(scene: Scene, sandbox: Sandbox) -> None:
    wrong: dict[str, JsonValue] = {"type": "person", "action": "event", "identifiers": {"id": "bob"}}
    plan = batch_planner(identify("ada", shoe="42"), wrong, identify("bob", shoe="43"))
    receipt = await scene.gate.make(await scene.approved(plan), plan, scene.work())
    assert receipt.status == "partly_done"
    assert "1 of 3 operations were not accepted" in receipt.message
    assert "by index: 1 (name)" in receipt.message
    assert requests(sandbox, "/batch") == 2


async def test_an_abandoned_batch_is_made_within_ten_minutes_and_no_later(scene: Scene, sandbox: Sandbox) -> None:
    soon = await scene.abandoned(batch_planner(identify("ada", shoe="42")))
    await scene.after(60)
    assert (await scene.state(soon)).state == "sent"
    late = await scene.abandoned(batch_planner(identify("bob", shoe="43")))
    await scene.after(REMAKE_SECONDS + 60)
    assert (await scene.state(late)).state == "unknown"
    assert requests(sandbox, "/batch") == 1


async def test_a_change_that_cannot_be_read_does_not_keep_others_from_being_settled(
    opened: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(opened)
    broken = await scene.abandoned(partial(send_event, scene.ws, "ada", "order_placed"))
    whole = await scene.abandoned(partial(update_customer, scene.ws, "ada", attributes={"shoe": "42"}))

    class Unreadable(UnsettledChanges):
        async def due(self, now: float) -> Sequence[ChangeRow]:
            rows = await super().due(now)
            return [replace(row, plan="from another version") if row.id == broken.id else row for row in rows]

    unsettled = Unreadable(opened.events.database, opened.gate.journal.workspace)
    scene.reconciler = replace(scene.reconciler, unsettled=unsettled)
    assert await scene.after(60) == 2
    assert "ValidationError" in caplog.text
    assert (await scene.state(broken)).state == "unknown"
    assert (await scene.state(whole)).state in {"sent", "verified"}
