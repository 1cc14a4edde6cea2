"""When open changes are looked at, by whom, for how long, and what is found."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import anyio
import anyio.lowlevel
import pytest

from cio_mcp.customerio.call import Call
from cio_mcp.customerio.caller import Work
from cio_mcp.customerio.writer import Result, Writer
from cio_mcp.errors import StorageFailed
from cio_mcp.gate.plan import Plan
from cio_mcp.gate.reconciliation import Reconciler
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.storage.change_queues import UnsettledChanges
from cio_mcp.storage.rows import ChangeRow
from cio_mcp.tools.core.send_event import send_event
from cio_mcp.tools.core.send_transactional import send_transactional
from cio_mcp.tools.core.update_customer import update_customer
from cio_mcp.workspace import Workspace
from tests.clock import FunctionClock
from tests.gate.test_reconciliation import EVENTS, SEND, TRIGGERS, Died, Dying, Planner, Scene, requests, triggers

pytestmark = pytest.mark.anyio

MESSAGES = "/v1/customers/{customer_id}/messages"


@pytest.fixture
async def scene(opened: Workspace) -> Scene:
    return Scene(opened)


def an_event(scene: Scene) -> Planner:
    return partial(send_event, scene.ws, "ada", "order_placed")


def an_email(scene: Scene, order: int = 7) -> Planner:
    return partial(send_transactional, scene.ws, "2", "ada", data={"order_id": order})


def an_edit(scene: Scene, *customers: str) -> Planner:
    return partial(update_customer, scene.ws, customers=list(customers), attributes={"shoe": "42"})


def carried_out_by(scene: Scene, writer: Writer) -> Reconciler:
    return replace(scene.reconciler, executor=replace(scene.reconciler.executor, writer=writer))


@pytest.mark.parametrize(("after", "state"), [(595, "sent"), (605, "unknown")])
async def test_a_repeatable_request_is_repeated_for_ten_minutes(scene: Scene, after: float, state: str) -> None:
    row = await scene.abandoned(an_event(scene))
    await scene.after(after)
    assert (await scene.state(row)).state == state


async def test_nothing_is_made_again_if_a_part_of_it_may_not_be_repeated(scene: Scene, sandbox: Sandbox) -> None:
    async def both() -> Plan:
        event, email = await an_event(scene)(), await an_email(scene)()
        return event.model_copy(update={"calls": (*event.calls, *email.calls), "trace": None})

    row = await scene.abandoned(both)
    await scene.after(60)
    assert (await scene.state(row)).state == "unknown"
    assert requests(sandbox, "/events") == requests(sandbox, SEND) == 0


async def test_a_process_that_may_not_write_leaves_it_to_others_and_looks_for_the_rest(
    scene: Scene, sandbox: Sandbox
) -> None:
    event, email = await scene.abandoned(an_event(scene)), await scene.abandoned(an_email(scene))
    others, scene.reconciler = scene.reconciler, replace(scene.reconciler, read_only=True)
    assert await scene.after(60) == 1
    assert (await scene.state(event)).state == "sending"
    assert (await scene.state(email)).state == "unknown"
    assert requests(sandbox, "/events") == 0
    scene.reconciler = others
    await scene.after(60)
    assert (await scene.state(event)).state == "sent"


async def test_a_process_that_dies_while_it_settles_a_change_holds_it_for_forty_seconds(scene: Scene) -> None:
    row = await scene.abandoned(an_event(scene))
    scene.ahead += 60
    with pytest.raises(Died):
        await carried_out_by(scene, Dying(scene.gate.executor.client)).round()
    assert await scene.after(38) == 0
    assert await scene.after(3) == 1
    assert (await scene.state(row)).state == "sent"


async def test_an_outcome_that_is_not_known_is_looked_for_seven_times_in_seven_hours(scene: Scene) -> None:
    row = await scene.abandoned(an_email(scene))
    assert await scene.after(60) == 1
    for seconds in (5, 15, 60, 300, 1800, 21_600):
        assert await scene.after(seconds - 2) == 0
        assert await scene.after(3) == 1
    assert await scene.after(1_000_000) == 0
    assert (await scene.state(row)).state == "unknown"


@pytest.mark.slow
async def test_a_repeated_request_without_an_answer_is_looked_for_in_five_seconds(
    scene: Scene, sandbox: Sandbox
) -> None:
    row = await scene.abandoned(an_event(scene))
    sandbox.faults.append(Fault("POST", EVENTS, "accept_then_drop", times=20))
    assert await scene.after(60) == 1
    assert (await scene.state(row)).state == "unknown"
    sandbox.faults.clear()
    assert await scene.after(3) == 0
    assert await scene.after(3) == 1
    assert (await scene.state(row)).state == "sent"


async def test_a_request_under_way_is_recorded_although_the_server_stops(scene: Scene) -> None:
    under_way, answer = anyio.Event(), anyio.Event()

    class Slow(Writer):
        async def send(self, call: Call, work: Work) -> Result:
            under_way.set()
            await answer.wait()
            return await super().send(call, work)

    row = await scene.abandoned(an_event(scene))
    scene.ahead += 60
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(carried_out_by(scene, Slow(scene.gate.executor.client)).round)
        await under_way.wait()
        tasks.cancel_scope.cancel()
        answer.set()
    assert (await scene.state(row)).state == "sent"


async def test_settling_gives_way_to_calls_of_people_and_ends_in_twenty_seconds(scene: Scene) -> None:
    works: list[tuple[bool, float]] = []

    class Watched(Writer):
        async def send(self, call: Call, work: Work) -> Result:
            works.append((work.bulk, work.deadline - anyio.current_time()))
            return await super().send(call, work)

    await scene.abandoned(an_event(scene))
    scene.ahead += 60
    await carried_out_by(scene, Watched(scene.gate.executor.client)).round()
    [(bulk, seconds)] = works
    assert bulk
    assert 0 < seconds <= 20


async def test_the_accepted_part_of_a_repeated_edit_is_read_back(scene: Scene, sandbox: Sandbox) -> None:
    row = await scene.abandoned(an_edit(scene, "ada", "bob"))
    sandbox.faults += [Fault("POST", "/api/v2/batch", "refuse:1"), Fault("POST", "/api/v2/batch", "refuse:0")]
    await scene.after(60)
    assert (await scene.state(row)).state == "verified"


async def test_an_edit_that_was_made_again_and_cannot_be_read_back_is_sent_and_not_verified(
    scene: Scene, sandbox: Sandbox
) -> None:
    async def sleep(_: float) -> None:
        await anyio.lowlevel.checkpoint()

    row = await scene.abandoned(an_edit(scene, "ada"))
    ada = sandbox.workspace.people.get("id", "ada")
    assert ada
    ada.timestamps["shoe"] = sandbox.workspace.now + 1000  # a newer value from elsewhere wins
    ada.attributes["shoe"] = "45"
    scene.reconciler = replace(scene.reconciler, executor=replace(scene.reconciler.executor, sleep=sleep))
    await scene.after(60)
    assert (await scene.state(row)).state == "sent"


@pytest.mark.slow
async def test_an_edit_that_had_arrived_is_found_when_it_may_not_be_made_again(scene: Scene, sandbox: Sandbox) -> None:
    arrived, lost = await scene.abandoned(an_edit(scene, "ada")), await scene.abandoned(an_edit(scene, "bob"))
    ada = sandbox.workspace.people.get("id", "ada")
    assert ada
    ada.attributes["shoe"] = "42"
    await scene.after(605)
    assert (await scene.state(arrived)).state == "sent"
    assert (await scene.state(lost)).state == "unknown"


@pytest.mark.slow
async def test_while_customer_io_cannot_be_read_the_outcome_is_unknown_for_that_reason(
    scene: Scene, sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault("POST", SEND, "accept_then_drop"))
    plan = an_email(scene)
    row = await scene.approved(plan)
    await scene.gate.make(row, plan, scene.work())
    sandbox.faults.append(Fault("GET", MESSAGES, "status:500", times=50))
    await scene.after(60)
    change = await scene.state(row)
    assert change.result
    assert (change.state, "could not be checked yet" in change.result) == ("unknown", True)
    sandbox.faults.clear()
    await scene.after(60)
    change = await scene.state(row)
    assert change.state == "sent"
    assert change.delivery_id
    assert await scene.after(1_000_000) == 0


async def test_a_trigger_found_in_reconciliation_is_not_a_delivery(scene: Scene, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("POST", TRIGGERS, "accept_then_drop"))
    row = await scene.approved(triggers(scene.ws))
    await scene.gate.make(row, triggers(scene.ws), scene.work())
    await scene.after(60)
    change = await scene.state(row)
    assert (change.state, change.delivery_id) == ("sent", None)


@pytest.mark.slow
async def test_five_of_many_matches_are_listed(scene: Scene) -> None:
    row = await scene.abandoned(an_email(scene))
    for order in range(100, 107):
        other = an_email(scene, order)
        await scene.gate.make(await scene.approved(other), other, scene.work())
    await scene.after(60)
    result = (await scene.state(row)).result or ""
    assert "7 matches were found (" in result
    assert result.count(",") == 5 - 1


class Failing(UnsettledChanges):
    """Unsettled changes that cannot be read once, or not be settled once."""

    readable, settles = False, True

    async def due(self, now: float) -> Sequence[ChangeRow]:
        if not self.readable:
            self.readable = True
            raise StorageFailed("The database is locked.")
        return await super().due(now)

    async def settle(self, *args: object, **more: object) -> bool:
        if not self.settles:
            self.settles = True
            raise StorageFailed("The database is locked.")
        return await super().settle(*args, **more)  # type: ignore[arg-type] # as they came


async def test_rounds_go_on_every_five_seconds_although_one_failed(
    scene: Scene, opened: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        scene.ahead += 60
        await anyio.lowlevel.checkpoint()
        if len(waits) == 2:
            raise Died

    row = await scene.abandoned(an_event(scene))
    failing = Failing(opened.events.database, opened.gate.journal.workspace)
    clock = FunctionClock(scene.gate.clock.now, sleep)
    with pytest.raises(Died), caplog.at_level(logging.WARNING):
        await replace(scene.reconciler, unsettled=failing, clock=clock).run()
    assert waits == [5.0, 5.0]
    assert "open changes cannot be settled: The database is locked." in caplog.text
    assert (await scene.state(row)).state == "sent"


async def test_a_round_ends_where_the_outcome_cannot_be_stored(scene: Scene, opened: Workspace) -> None:
    row = await scene.abandoned(an_email(scene))
    failing = Failing(opened.events.database, opened.gate.journal.workspace)
    failing.readable, failing.settles = True, False
    scene.ahead += 60
    with pytest.raises(StorageFailed):
        await replace(scene.reconciler, unsettled=failing).round()
    assert await scene.after(45) == 1
    assert (await scene.state(row)).state == "unknown"
