"""What a person approved outside a call is carried out by the running server: once, and only as it was shown."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from mcp import Client

from cio_mcp.gate.approvals import APPROVAL_SECONDS, CALL_SECONDS, Approvals
from cio_mcp.gate.change import Change
from cio_mcp.gate.policy import Entry, Policy, Recipients
from cio_mcp.gate.proposals import OPEN_SECONDS
from cio_mcp.gate.receipt import Receipt
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.server.app import build_server
from cio_mcp.server.approved_changes import ATTEMPT_SECONDS, ApprovedChanges
from cio_mcp.server.callers import Callers
from cio_mcp.server.elicitation import WriteCall
from cio_mcp.server.toolbox import Toolbox
from cio_mcp.settings import Settings
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.engine import Database
from cio_mcp.tools.catalog import TOOLS
from cio_mcp.workspace import CallContext, Workspace, open_workspace
from tests.clients import structured
from tests.clock import FunctionClock, ManualClock

pytestmark = pytest.mark.anyio

USER = "local:tester"
WRITES = [spec.name for spec in TOOLS if spec.is_write]
CALLS: dict[str, dict[str, Any]] = {
    "send_event": {"customer": "ada", "name": "order_placed", "data": {"order": 7, "at": 1.5}},
    "update_customer": {"customer": "ada", "attributes": {"favorite_color": "teal", "nested": {"a": [1, None]}}},
    "send_transactional": {"message": "2", "customer": "ada", "data": {"order": 7}, "options": {"tracked": False}},
}
ALLOWED = Policy(classes={"send": Entry(rule="allow")}, recipients=Recipients(addresses=frozenset({"ada@example.com"})))


class Server:
    """A server on a workspace, as far as it plans and makes changes."""

    def __init__(self, opened: Workspace, tools: list[str]) -> None:
        self.opened = opened
        self.callers = Callers(USER)
        self.toolbox = Toolbox(tools, self.context, opened.gate.clock)
        self.heard = 0
        self.approved = ApprovedChanges(opened, self.toolbox, self.callers, self.hear)

    def hear(self) -> None:
        self.heard += 1

    async def context(self) -> CallContext:
        await anyio.lowlevel.checkpoint()
        return self.opened.acting(self.callers.current)

    def call(self, tool: str = "send_event", by: str = USER, **arguments: Any) -> WriteCall:
        caller = self.callers.find(by)
        assert caller
        return self.toolbox.call_again(self.opened.acting(caller), tool, json.dumps(CALLS[tool] | arguments))

    async def propose(self, tool: str = "send_event", by: str = USER, **arguments: Any) -> Change:
        change = (await self.call(tool, by, **arguments).propose()).proposed
        assert isinstance(change, Change), change
        return change

    async def approve(self, tool: str = "send_event", by: str = USER, **arguments: Any) -> Change:
        change = await self.propose(tool, by, **arguments)
        await approve(self.opened, change)
        return change

    async def answer(self, tool: str = "send_event", by: str = USER, **arguments: Any) -> Receipt:
        """What a client's call is answered, without a prompt."""
        call = self.call(tool, by, **arguments)
        proposed = (await call.propose()).proposed
        if isinstance(proposed, Receipt):
            return proposed
        with self.opened.gate.hold(proposed.id):
            return await self.opened.gate.make(proposed, call.plan, call.work())

    async def state(self, change: Change) -> str:
        return (await self.opened.gate.approvals.current(change)).state


async def approve(opened: Workspace, change: Change) -> None:
    approvals = opened.gate.approvals
    assert await approvals.approve(change, by="person", how="on a terminal", confirmation=change.plan.confirmation)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(skips=True)


@pytest.fixture
def server(opened: Workspace, clock: ManualClock) -> Server:
    return Server(replace(opened, gate=replace(opened.gate, clock=clock)), WRITES)


def with_policy(server: Server, policy: Policy) -> Server:
    opened = replace(server.opened, gate=replace(server.opened.gate, policy=policy))
    return Server(opened, WRITES)


def writes(sandbox: Sandbox) -> int:
    return sum(request["method"] != "GET" for request in sandbox.requests if "attributes" not in request["path"])


class TestAnApprovalOutsideACall:
    @pytest.mark.parametrize("tool", CALLS)
    async def test_sends_once_without_another_call_and_the_next_call_gets_the_receipt(
        self, tool: str, server: Server, sandbox: Sandbox
    ) -> None:
        change = await server.approve(tool)
        assert await server.approved.round() == 1
        assert (writes(sandbox), server.heard) == (1, 1)
        receipt = await server.answer(tool)
        assert (receipt.status, receipt.change) == ("done", change.id)
        assert receipt.next_step
        again = await server.answer(tool)
        assert again.status == "already_done"
        assert writes(sandbox) == 1
        assert await server.approved.round() == 0

    async def test_says_to_the_next_call_that_it_failed(self, server: Server, sandbox: Sandbox) -> None:
        sandbox.faults.append(Fault("POST", "/api/v1/customers/", "status:400"))
        change = await server.approve()
        await server.approved.round()
        receipt = await server.answer()
        assert (receipt.status, receipt.change) == ("failed", change.id)
        assert (await server.answer()).status == "approval_required"

    async def test_says_to_the_next_call_that_its_outcome_is_unknown(self, server: Server, sandbox: Sandbox) -> None:
        sandbox.faults.append(Fault("POST", "/v1/send/email", "accept_then_503"))
        change = await server.approve("send_transactional")
        await server.approved.round()
        receipt = await server.answer("send_transactional")
        assert (receipt.status, receipt.change) == ("unknown", change.id)
        assert writes(sandbox) == 1

    async def test_is_no_receipt_for_a_call_an_hour_later_or_of_somebody_else(
        self, server: Server, clock: ManualClock, sandbox: Sandbox
    ) -> None:
        await server.approve()
        await server.approved.round()
        assert (await server.answer(by="loopback:desk")).status == "already_done"
        clock.time += OPEN_SECONDS + 60
        assert (await server.answer()).status == "approval_required"
        assert writes(sandbox) == 1

    async def test_counts_for_ten_minutes_also_where_it_came_in_the_last_one_of_the_hour(
        self, server: Server, clock: ManualClock, sandbox: Sandbox
    ) -> None:
        change = await server.propose()
        clock.time += OPEN_SECONDS - 1
        await approve(server.opened, change)
        clock.time += APPROVAL_SECONDS - 2
        assert (await server.opened.gate.recent(change=change.id)).changes[0].state == "approved"
        assert await server.approved.round() == 1
        assert writes(sandbox) == 1

    async def test_is_not_used_after_ten_minutes(self, server: Server, clock: ManualClock, sandbox: Sandbox) -> None:
        await server.approve()
        clock.time += APPROVAL_SECONDS + 1
        assert await server.approved.round() == 0
        assert writes(sandbox) == 0

    async def test_in_a_client_that_went_away_is_left_to_its_call_for_ten_seconds(
        self, server: Server, sandbox: Sandbox, clock: ManualClock
    ) -> None:
        change = await server.propose()
        approvals = server.opened.gate.approvals
        await approvals.record_prompt(change)
        await approvals.answer(change, approve=True, confirmation=None, by=USER)
        clock.time += CALL_SECONDS - 1
        assert await server.approved.round() == 0
        clock.time += 1
        assert await server.approved.round() == 1
        assert writes(sandbox) == 1
        assert (await server.answer()).status == "done"

    async def test_is_used_for_a_caller_over_http(self, server: Server, sandbox: Sandbox) -> None:
        await server.approve(by="loopback:desk")
        assert await server.approved.round() == 1
        assert (await server.answer(by="loopback:desk")).status == "done"
        assert writes(sandbox) == 1


class TestNothingIsSent:
    async def test_without_a_decision_or_after_a_no(self, server: Server, sandbox: Sandbox) -> None:
        await server.propose()
        denied = await server.propose("update_customer")
        assert await server.opened.gate.approvals.withdraw(denied, by="person", how="denied in a terminal")
        assert await server.approved.round() == 0
        assert writes(sandbox) == 0

    async def test_where_an_approval_was_taken_back(self, server: Server, sandbox: Sandbox) -> None:
        change = await server.approve()
        assert await server.opened.gate.approvals.withdraw(change, by="person", how="denied in a terminal")
        assert await server.approved.round() == 0
        assert writes(sandbox) == 0

    async def test_where_what_it_rests_on_changed_and_it_waits_for_a_decision_again(
        self, server: Server, sandbox: Sandbox
    ) -> None:
        change = await server.approve("update_customer")
        ada = sandbox.workspace.people.get("id", "ada")
        assert ada
        ada.attributes["favorite_color"] = "red"
        assert await server.approved.round() == 1
        shown = await server.opened.gate.approvals.current(change)
        assert (shown.state, writes(sandbox)) == ("planned", 0)
        assert "red" in shown.question
        await approve(server.opened, shown)
        assert await server.approved.round() == 1
        assert (await server.answer("update_customer")).status == "done"
        assert writes(sandbox) == 1

    async def test_while_writes_are_paused_and_it_is_afterwards(self, server: Server, sandbox: Sandbox) -> None:
        await server.approve()
        await server.opened.gate.pauses.pause(by="operator", now=1.0)
        reads = len(sandbox.requests)
        assert await server.approved.round() == 0
        assert len(sandbox.requests) == reads
        await server.opened.gate.pauses.resume()
        assert await server.approved.round() == 1
        assert writes(sandbox) == 1

    async def test_while_the_cap_is_reached(self, server: Server, sandbox: Sandbox, clock: ManualClock) -> None:
        one, other = await server.propose("send_event"), await server.propose("send_transactional")
        capped = with_policy(server, Policy(sends_an_hour=1))
        for change in (one, other):
            await approve(server.opened, change)
            await capped.approved.round()
        assert (await server.state(one), await server.state(other)) == ("sent", "approved")
        clock.time += ATTEMPT_SECONDS
        await capped.approved.round()
        assert writes(sandbox) == 1

    async def test_that_the_policy_of_this_server_hides(self, server: Server, sandbox: Sandbox) -> None:
        await server.approve()
        await with_policy(server, Policy(classes={"send": Entry(rule="hide")})).approved.round()
        assert writes(sandbox) == 0

    async def test_that_the_policy_allowed_and_whose_call_went_away(self, server: Server, sandbox: Sandbox) -> None:
        allowing = with_policy(server, ALLOWED)
        change = await allowing.propose()
        assert change.state == "approved"
        assert await allowing.approved.round() == 0
        assert writes(sandbox) == 0

    async def test_of_a_tool_that_this_server_does_not_offer(
        self, server: Server, opened: Workspace, sandbox: Sandbox
    ) -> None:
        await server.approve()
        other = Server(server.opened, ["update_customer"])
        assert await other.approved.round() == 0
        await Server(opened, []).approved.run()  # ends: it offers no write
        assert writes(sandbox) == 0

    async def test_for_a_caller_of_another_server(self, server: Server, sandbox: Sandbox) -> None:
        await server.approve()
        server.callers._user = "local:somebody"
        assert await server.approved.round() == 0
        assert writes(sandbox) == 0

    @pytest.mark.parametrize("given", [{"customer": "bob"}, {"repeat": True}, []])
    async def test_of_arguments_other_than_those_that_were_planned(
        self, given: object, server: Server, settings: Settings, sandbox: Sandbox
    ) -> None:
        change = await server.approve()
        with closing(sqlite3.connect(settings.data_dir / "cio-mcp.db")) as file, file:
            altered = json.dumps(CALLS["send_event"] | given if isinstance(given, dict) else given)
            file.execute("UPDATE changes SET input = ?", (altered,))
        await server.approved.round()
        assert (writes(sandbox), await server.state(change)) == (0, "approved")

    async def test_of_a_change_of_an_older_release_until_its_call_comes(
        self, server: Server, settings: Settings, sandbox: Sandbox
    ) -> None:
        await server.approve()
        with closing(sqlite3.connect(settings.data_dir / "cio-mcp.db")) as file, file:
            file.execute("UPDATE changes SET input = NULL")
        assert await server.approved.round() == 0
        assert (await server.answer()).status == "done"
        assert writes(sandbox) == 1

    async def test_by_the_server_while_a_call_waits_for_the_same_change(self, server: Server, sandbox: Sandbox) -> None:
        change = await server.approve()
        with server.opened.gate.hold(change.id), server.opened.gate.hold(change.id):
            assert await server.approved.round() == 0
        assert server.opened.gate.in_calls == {}
        assert await server.approved.round() == 1
        assert writes(sandbox) == 1


class TestOneAttempt:
    async def test_keeps_other_servers_from_planning_the_same(self, server: Server, sandbox: Sandbox) -> None:
        change = await server.approve()
        assert await server.opened.gate.approvals.take(change.id, ATTEMPT_SECONDS)
        reads = len(sandbox.requests)
        assert await Server(server.opened, WRITES).approved.round() == 0
        assert len(sandbox.requests) == reads

    async def test_that_fails_is_made_again_after_a_minute(
        self, server: Server, sandbox: Sandbox, clock: ManualClock
    ) -> None:
        change = await server.approve("update_customer")
        sandbox.faults.append(Fault("GET", "/v1/", "status:401", times=-1))
        assert await server.approved.round() == 1
        sandbox.faults.clear()
        assert await server.approved.round() == 0
        assert await server.state(change) == "approved"
        clock.time += ATTEMPT_SECONDS
        assert await server.approved.round() == 1
        assert writes(sandbox) == 1

    async def test_that_cannot_be_made_does_not_keep_the_others(
        self, server: Server, sandbox: Sandbox, settings: Settings
    ) -> None:
        broken, fine = await server.approve("update_customer"), await server.approve("send_event")
        with closing(sqlite3.connect(settings.data_dir / "cio-mcp.db")) as file, file:
            file.execute("UPDATE changes SET input = '[' WHERE id = ?", (broken.id,))
        assert await server.approved.round() == 2
        assert (await server.state(broken), await server.state(fine)) == ("approved", "sent")
        assert writes(sandbox) == 1


class TestAtTheSameMoment:
    @pytest.fixture
    async def servers(self, settings: Settings, sandbox: Sandbox) -> AsyncIterator[list[Server]]:
        """Two servers on one database, each with its own connections."""
        async with AsyncExitStack() as stack:
            yield [
                Server(await stack.enter_async_context(open_workspace(settings, sandbox=sandbox)), WRITES)
                for _ in range(2)
            ]

    @pytest.mark.sampled(0)
    async def test_a_call_and_two_servers_send_once_and_the_call_gets_the_receipt(
        self, servers: list[Server], sandbox: Sandbox
    ) -> None:
        for number in range(20):
            name = f"event {number}"
            change = await servers[0].approve(name=name)
            answers: list[Receipt] = []

            async def call(server: Server, name: str = name, answers: list[Receipt] = answers) -> None:
                answers.append(await server.answer(name=name))

            async with anyio.create_task_group() as group:
                group.start_soon(servers[0].approved.round)
                for server in servers:
                    group.start_soon(call, server)
                group.start_soon(servers[1].approved.round)
            assert writes(sandbox) == number + 1
            assert {answer.status for answer in answers} <= {"done", "already_done"}
            assert {answer.change for answer in answers} == {change.id}

    @pytest.mark.slow
    async def test_two_servers_send_once(self, servers: list[Server], sandbox: Sandbox) -> None:
        for number in range(10):
            change = await servers[0].approve(name=f"event {number}")
            async with anyio.create_task_group() as group:
                for server in servers:
                    group.start_soon(server.approved.round)
            assert writes(sandbox) == number + 1
            assert await servers[1].state(change) == "sent"


class TestACall:
    async def test_waits_while_the_server_sends(self, server: Server, clock: ManualClock) -> None:
        change = await server.approve()
        gate = server.opened.gate
        claim = await gate._claim(change, [], server.call().work(), unread=True)
        assert claim == "claimed"
        looked: list[float] = []

        async def finish(seconds: float) -> None:
            looked.append(seconds)
            if len(looked) == 3:
                await gate.journal.finish(change.id, "sent", "{}", now=clock.now())
            await anyio.lowlevel.checkpoint()

        sleeping = replace(gate, clock=FunctionClock(clock.now, finish))
        waiting = Server(replace(server.opened, gate=sleeping), WRITES)
        receipt = await waiting.answer()
        assert (receipt.status, receipt.change) == ("done", change.id)
        assert len(looked) == 3
        assert (await waiting.answer()).status == "already_done"

    async def test_does_not_wait_longer_than_the_sender_may_take(self, server: Server, clock: ManualClock) -> None:
        change = await server.approve()
        call = server.call()
        await server.opened.gate._claim(change, [], call.work(), unread=True)
        began = clock.time
        assert (await server.answer()).status == "unknown"
        assert clock.time - began <= server.opened.settings.max_wait + 1

    async def test_gets_its_receipt_although_writes_were_paused_meanwhile(self, server: Server) -> None:
        await server.approve()
        await server.approved.round()
        await server.opened.gate.pauses.pause(by="operator", now=1.0)
        assert (await server.answer()).status == "done"


@pytest.mark.parametrize("tool", CALLS)
async def test_a_call_that_is_made_again_has_the_same_arguments(tool: str, server: Server) -> None:
    call = server.call(tool)
    again = server.toolbox.call_again(call.context, tool, call.arguments_json)
    assert (again.digest, again.arguments_json) == (call.digest, call.arguments_json)
    assert again.arguments == call.arguments


async def test_a_running_server_sends_what_was_approved_while_no_client_calls(
    settings: Settings, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cio_mcp.server.approved_changes.POLL_SECONDS", 0.01)
    event = CALLS["send_event"]
    database = Database(settings.storage_url)
    async with Client(build_server(settings, sandbox=sandbox)) as client:
        pending = structured(await client.call_tool("send_event", event))
        approvals = Approvals(Journal(database, "sandbox"), FunctionClock())
        row = await approvals.journal.get(pending["change"])
        assert row
        change = Change.of(row)
        assert await approvals.approve(change, by="person", how="on a terminal")
        change = await approvals.wait(await approvals.current(change), 60, state="approved")
        change = await approvals.wait(change, 60, state="sending")
        assert change.state == "sent"
        assert writes(sandbox) == 1
        receipt = structured(await client.call_tool("send_event", event))
    await database.close()
    assert (pending["status"], receipt["status"], receipt["change"]) == ("approval_required", "done", change.id)
    assert writes(sandbox) == 1
