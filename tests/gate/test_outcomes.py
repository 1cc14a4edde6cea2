"""What becomes of an approved write when Customer.io, the line, the caller or the disk misbehaves."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import anyio
import httpx
import pytest
from pydantic import JsonValue

from cio_mcp.customerio.asgi_transport import AsgiTransport
from cio_mcp.customerio.call import Call
from cio_mcp.customerio.caller import Work
from cio_mcp.customerio.writer import Result, Writer
from cio_mcp.errors import StorageFailed
from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import Plan, arguments_digest
from cio_mcp.gate.receipt import Receipt
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.settings import Settings
from cio_mcp.tools.core.send_event import send_event
from cio_mcp.tools.core.send_transactional import send_transactional
from cio_mcp.tools.core.update_customer import update_customer
from cio_mcp.workspace import CallContext, open_workspace
from tests.callers import WORK_SECONDS, caller_named, work_of
from tests.carrying_out import approve

pytestmark = pytest.mark.anyio

Planner = Callable[[], Awaitable[Plan]]
SEND, EVENTS = "/v1/send/email", "/api/v1/customers/{identifier}/events"


def email(ws: CallContext) -> Planner:
    return partial(send_transactional, ws, "2", "ada", data={"order": 7})


def profile(ws: CallContext) -> Planner:
    return partial(update_customer, ws, "ada", attributes={"favourite_colour": "teal"})


async def propose_approved(ws: CallContext, plan: Planner, name: str = "a tool") -> Change:
    row = await ws.gate.propose(ws.caller.id, name, arguments_digest({}), plan)
    assert isinstance(row, Change), row
    await approve(ws.gate, row)
    return row


async def carry_out(ws: CallContext, plan: Planner, seconds: float = WORK_SECONDS) -> Receipt:
    row = await propose_approved(ws, plan)
    return await ws.gate.make(row, plan, Work(ws.caller, anyio.current_time() + seconds))


def requests(sandbox: Sandbox, ending: str) -> int:
    return sum(request["path"].endswith(ending) and request["method"] != "GET" for request in sandbox.requests)


@pytest.mark.parametrize("kind", ["accept_then_503", "accept_then_drop", "drop"])
async def test_a_send_whose_answer_never_came_is_unknown_and_never_made_again(
    kind: str, ws: CallContext, sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault("POST", SEND, kind))
    receipt = await carry_out(ws, email(ws))
    again = await ws.gate.propose("local:bob", "another tool", arguments_digest({"x": 1}), email(ws))
    assert receipt.status == "unknown"
    assert receipt.is_error
    assert receipt.next_step
    assert isinstance(again, Receipt)
    assert again.status == "unknown"
    assert requests(sandbox, SEND) == 1


async def test_an_empty_success_is_not_taken_for_a_send(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("POST", SEND, "empty"))
    receipt = await carry_out(ws, email(ws))
    change = (await ws.gate.recent(change=receipt.change)).changes[0]
    assert receipt.status == "unknown"
    assert change.state == "unknown"
    assert sandbox.workspace.sends == []


@pytest.mark.parametrize(("leaves", "state"), [(False, "failed"), (True, "unknown")])
@pytest.mark.parametrize("write", [email, profile], ids=["a send", "a profile write"])
@pytest.mark.sampled(1)
async def test_an_unforeseen_exception_leaves_no_change_in_sending(
    write: Callable[[CallContext], Planner], leaves: bool, state: str, ws: CallContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = write(ws)
    row = await propose_approved(ws, plan)
    original = AsgiTransport.handle_async_request

    async def breaks(self: AsgiTransport, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return await original(self, request)
        if leaves:
            await request.extensions["trace"]("http11.send_request_headers.started", {"request": request})
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(AsgiTransport, "handle_async_request", breaks)
    receipt = await ws.gate.make(row, plan, work_of(ws.caller))
    change = (await ws.gate.recent(change=row.id)).changes[0]
    assert (receipt.status, change.state) == (state, state)
    assert "secret" not in receipt.message
    assert ("nothing was sent" in receipt.message) is not leaves


class Failing(Writer):
    """An executor with a mistake in it."""

    async def send(self, call: Call, work: Work) -> Result:
        await anyio.lowlevel.checkpoint()
        raise RuntimeError(f"a secret detail of {call.route} for {work.caller.id}")


async def test_a_mistake_in_the_server_leaves_no_change_in_sending(ws: CallContext) -> None:
    plan = email(ws)
    row = await propose_approved(ws, plan)
    executor = replace(ws.gate.executor, writer=Failing(ws.gate.executor.client))
    gate = replace(ws.gate, executor=executor)
    receipt = await gate.make(row, plan, work_of(ws.caller))
    assert receipt.status == "unknown"
    assert "secret" not in receipt.message
    assert (await ws.gate.recent(change=row.id)).changes[0].state == "unknown"


@pytest.mark.parametrize("kind", ["429", "429_bare", "status:400", "status:403"])
async def test_a_send_that_was_refused_has_failed_and_needs_a_new_approval(
    kind: str, ws: CallContext, sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault("POST", SEND, kind))
    receipt = await carry_out(ws, email(ws))
    repeat = await ws.gate.propose(ws.caller.id, "a tool", arguments_digest({}), email(ws))
    assert receipt.status == "failed"
    assert "Failed. Nothing was sent. " in receipt.message
    assert isinstance(repeat, Change)
    assert repeat.state == "planned"
    assert requests(sandbox, SEND) == 1


@pytest.mark.parametrize("kind", ["accept_then_503", "accept_then_drop", "status:503", "429"])
async def test_an_event_is_repeated_with_its_own_id_and_has_one_effect(
    kind: str, ws: CallContext, sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault("POST", EVENTS, kind))
    receipt = await carry_out(ws, partial(send_event, ws, "ada", "order_placed"))
    while sandbox.workspace.counts["events"] == 0:
        sandbox.workspace.settle()
        await anyio.lowlevel.checkpoint()
    assert receipt.status == "done"
    assert requests(sandbox, "/events") == 2
    assert sandbox.workspace.counts["events"] == 1


async def test_a_profile_write_is_read_back(ws: CallContext, sandbox: Sandbox) -> None:
    receipt = await carry_out(ws, partial(update_customer, ws, "ada", attributes={"favourite_colour": "teal"}))
    assert receipt.status == "done"
    assert receipt.verified is True
    assert requests(sandbox, "/customers/cio_" + str((await ws.people.resolve("ada")).cio_id)) == 1


async def test_a_profile_write_of_which_one_value_does_not_arrive_is_not_verified(
    ws: CallContext, sandbox: Sandbox
) -> None:
    async def sleep(seconds: float) -> None:
        sandbox.workspace.clock.advance(seconds)
        await anyio.lowlevel.checkpoint()

    gate = replace(ws.gate, executor=replace(ws.gate.executor, sleep=sleep))
    ada = sandbox.workspace.people.get("id", "ada")
    assert ada
    ada.timestamps["plan"] = sandbox.workspace.now + 1000  # a newer value from elsewhere wins
    values: dict[str, JsonValue] = {"favourite_colour": "teal", "plan": "gold"}
    receipt = await carry_out(replace(ws, gate=gate), partial(update_customer, ws, "ada", attributes=values))
    person = await ws.people.resolve("ada")
    assert person.attributes["favourite_colour"] == "teal"
    assert person.attributes["plan"] != "gold"
    assert receipt.status == "done"
    assert receipt.verified is False


async def test_a_value_that_is_already_set_is_not_written(ws: CallContext, sandbox: Sandbox) -> None:
    plan = partial(update_customer, ws, "ada", attributes={"favourite_colour": "teal"})
    await carry_out(ws, plan)
    again = await ws.gate.propose(ws.caller.id, "a tool", arguments_digest({}), plan)
    assert isinstance(again, Receipt)
    assert again.status == "already_done"
    assert sum(request["method"] == "PUT" for request in sandbox.requests) == 1


async def test_a_nested_value_is_read_back_and_is_not_written_twice(ws: CallContext, sandbox: Sandbox) -> None:
    plan = partial(update_customer, ws, "bob", attributes={"addr": {"tags": ["a", 1], "city": "B"}, "score": 5.0})
    first = await carry_out(ws, plan)
    again = await ws.gate.propose(ws.caller.id, "a tool", arguments_digest({}), plan)
    assert first.verified is True
    assert isinstance(again, Receipt)
    assert again.status == "already_done"
    assert sum(request["method"] == "PUT" for request in sandbox.requests) == 1


async def test_a_caller_that_goes_away_after_sending_leaves_the_outcome_in_the_journal(
    ws: CallContext, sandbox: Sandbox
) -> None:
    plan = email(ws)
    row = await propose_approved(ws, plan)
    sandbox.faults.append(Fault("POST", SEND, "hang:0.2"))
    async with anyio.create_task_group() as group:
        group.start_soon(ws.gate.make, row, plan, work_of(ws.caller))
        while requests(sandbox, SEND) == 0:
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    change = (await ws.gate.recent(change=row.id)).changes[0]
    assert change.state == "sent"
    assert change.delivery_id
    assert requests(sandbox, SEND) == 1


async def test_a_damaged_database_refuses_writes_while_reads_go_on(settings: Settings, sandbox: Sandbox) -> None:
    settings.data_dir.mkdir(parents=True)
    (settings.data_dir / "cio-mcp.db").write_bytes(b"this was a database once" * 1000)
    async with open_workspace(settings, sandbox=sandbox) as opened:
        ws = opened.acting(caller_named("local:tester"))
        with pytest.raises(StorageFailed, match="not a database"):
            await ws.gate.propose(ws.caller.id, "a tool", arguments_digest({}), email(ws))
        assert (await ws.people.resolve("ada")).id == "ada"
    assert requests(sandbox, SEND) == 0
