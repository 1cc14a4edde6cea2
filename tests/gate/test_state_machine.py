"""Whatever clients, people, clocks, crashes and restarts do: nothing unapproved leaves, and nothing twice."""

import os
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cio_mcp.customerio.api import sends, tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.call import Call, canonical
from cio_mcp.customerio.caller import Work
from cio_mcp.customerio.writer import Failed, Result, Sent, Writer
from cio_mcp.errors import CioError
from cio_mcp.gate.approvals import APPROVAL_SECONDS
from cio_mcp.gate.change import Change
from cio_mcp.gate.duplicates import DUPLICATE_SECONDS
from cio_mcp.gate.plan import Plan, arguments_digest
from cio_mcp.gate.policy import Entry, Policy
from cio_mcp.gate.reconciliation import REMAKE_SECONDS, Reconciler
from cio_mcp.gate.service import Gate
from cio_mcp.sandbox import Sandbox, StillClock
from cio_mcp.sandbox.faults import Fault
from cio_mcp.workspace import open_workspace
from tests.callers import caller_named
from tests.clock import FunctionClock
from tests.reconcilers import reconciler_of
from tests.settings import sandbox_settings

FAULTS = ("accept_then_503", "accept_then_drop", "drop", "429", "status:503", "status:400")


class Died(BaseException):
    """Stands for a process that is gone."""


@dataclass
class Request:
    """One write that left: when, which, and what came of it."""

    at: float
    call: Call
    result: Result | None = None


@dataclass(frozen=True)
class Wish:
    """What a client asks for."""

    principal: str
    tool: str
    kind: str
    number: int
    repeat: bool

    @property
    def arguments(self) -> str:
        return arguments_digest({"kind": self.kind, "number": self.number, "repeat": self.repeat})


WISHES = (
    Wish("local:ada", "send_event", "event", 0, repeat=False),
    Wish("local:ada", "send_transactional", "send", 0, repeat=False),
    Wish("local:bob", "another_tool", "send", 0, repeat=False),
    Wish("local:bob", "send_transactional", "send", 0, repeat=True),
    Wish("loopback:desk", "send_transactional", "send", 1, repeat=False),
)
"""Two principals want the same send by different tools; one means a second one."""


class Watched(Writer):
    """An executor that remembers what left, and can die before it does."""

    log: list[Request]
    clock: FunctionClock
    dies: bool = False

    async def send(self, call: Call, work: Work) -> Result:
        if self.dies:
            raise Died
        request = Request(self.clock.now(), call)
        self.log.append(request)
        request.result = await super().send(call, work)
        return request.result


class World(RuleBasedStateMachine):
    """A workspace, its people and its accidents."""

    gate: Gate
    reconciler: Reconciler

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="gate-"))
        self.time = 1_800_000_000.0
        self.clock = FunctionClock(now=lambda: self.time, sleep=self._sleep)
        self.log: list[Request] = []
        self.approvals: list[tuple[str, float, tuple[str, ...]]] = []
        self.minted = 0
        self.drift = 0
        self.sandbox = Sandbox(people=0, clock=StillClock())
        self._portal_manager = start_blocking_portal()
        self.portal: BlockingPortal = self._portal_manager.__enter__()

    def teardown(self) -> None:
        self.entered.__exit__(None, None, None)
        self._portal_manager.__exit__(None, None, None)
        shutil.rmtree(self.folder, ignore_errors=True)

    @initialize()
    def start(self) -> None:
        self._open()

    @rule(wish=st.sampled_from(WISHES))
    def approved_and_made(self, wish: Wish) -> None:
        self.portal.call(self._ask, wish, True, True)

    @rule(wish=st.sampled_from(WISHES[:3]))
    def wanted_again(self, wish: Wish) -> None:
        self.portal.call(self._ask, wish, True, True)

    @rule(wish=st.sampled_from(WISHES[:3]))
    def approved_and_left(self, wish: Wish) -> None:
        self.portal.call(self._ask, wish, True, False)

    @rule(wish=st.sampled_from(WISHES[:3]))
    def called_without_a_decision(self, wish: Wish) -> None:
        self.portal.call(self._ask, wish, None, True)

    @rule(wish=st.sampled_from(WISHES[:3]))
    def declined(self, wish: Wish) -> None:
        self.portal.call(self._ask, wish, False, True)

    @rule(seconds=st.sampled_from([1.0, 30.0, 599.0, 601.0, 3700.0]))
    def wait(self, seconds: float) -> None:
        self.time += seconds

    @rule(kind=st.sampled_from(FAULTS))
    def fault(self, kind: str) -> None:
        self.sandbox.faults = [Fault("POST", path, kind) for path in ("/v1/send/email", "/api/v1/customers")]

    @rule()
    def restart(self) -> None:
        self._reopen()

    @rule(wish=st.sampled_from(WISHES[:2]))
    def crash(self, wish: Wish) -> None:
        """The process dies between `sending` and the first byte, and is started again."""
        self.watched.dies = True
        self.portal.call(self._ask, wish, True, True)
        self._reopen()

    @rule()
    def settle(self) -> None:
        self.portal.call(self._settle)

    @rule()
    def world_changes(self) -> None:
        """What plans rest on changes: an approval of how it was does not count for how it is."""
        self.drift += 1

    @rule(wish=st.sampled_from(WISHES[:3]))
    def policy_forbids_it_meanwhile(self, wish: Wish) -> None:
        """Approved, then the operator hides the class: it is not made; later the rule is gone."""
        self.portal.call(self._ask, wish, True, False)
        left = len(self.log)
        self.gate = replace(self.gate, policy=Policy(classes={"send": Entry(rule="hide")}))
        self.portal.call(self._ask, wish, None, True)
        assert len(self.log) == left
        self.gate = replace(self.gate, policy=Policy())

    @rule(wish=st.sampled_from(WISHES[:3]))
    def approved_too_long_ago(self, wish: Wish) -> None:
        self.portal.call(self._ask, wish, True, False)
        left = len(self.log)
        self.time += APPROVAL_SECONDS + 1
        self.portal.call(self._ask, wish, None, True)
        assert len(self.log) == left

    @rule(wish=st.sampled_from(WISHES[:3]))
    def the_world_changes_meanwhile(self, wish: Wish) -> None:
        """What the plan rests on changes after the approval: it does not count for how it is now."""
        self.portal.call(self._ask, wish, True, False)
        left = len(self.log)
        self.drift += 1
        self.portal.call(self._ask, wish, None, True)
        assert len(self.log) == left

    @rule(wish=st.sampled_from(WISHES[:3]))
    def paused_meanwhile(self, wish: Wish) -> None:
        """Approved, then somebody stops all writes: nothing is made, nor made again."""
        self.portal.call(self._ask, wish, True, False)
        left = len(self.log)
        self.portal.call(self._switch, True)
        self.portal.call(self._ask, wish, None, True)
        self.portal.call(self._settle)
        assert len(self.log) == left
        self.portal.call(self._switch, False)

    @invariant()
    def every_request_has_an_approval_for_exactly_it(self) -> None:
        for request in self.log:
            mine = canonical(request.call.model_dump(mode="json"))
            limit = APPROVAL_SECONDS + (REMAKE_SECONDS if request.call.retry == "repeatable" else 0)
            assert any(mine in calls and 0 <= request.at - at <= limit for _, at, calls in self.approvals), request

    @invariant()
    def no_approval_of_a_send_is_used_twice(self) -> None:
        granted = Counter(call for _, _, calls in self.approvals for call in calls)
        used = Counter(canonical(each.call.model_dump(mode="json")) for each in self.log if each.call.retry == "once")
        assert all(count <= granted[call] for call, count in used.items()), used

    @invariant()
    def a_send_leaves_again_only_if_it_failed_or_long_after_or_on_purpose(self) -> None:
        plain = [each for each in self.log if each.call.retry == "once" and not _meant(each.call)]
        for number, first in enumerate(plain):
            for second in plain[number + 1 :]:
                if first.call == second.call and not isinstance(first.result, Failed):
                    assert isinstance(first.result, Sent), "an unknown outcome is never tried again"
                    assert second.at - first.at >= DUPLICATE_SECONDS

    @invariant()
    def a_repeated_event_has_one_effect(self) -> None:
        self.sandbox.clock.advance(1)
        self.sandbox.workspace.settle()
        ids = Counter(event["id"] for event in self.sandbox.workspace.events)
        assert all(count == 1 for count in ids.values()), ids

    async def _ask(self, wish: Wish, approve: bool | None, make: bool) -> None:
        planner = self._planner(wish)
        try:
            row = await self.gate.propose(wish.principal, wish.tool, wish.arguments, planner)
            if not isinstance(row, Change):
                return
            if approve is False:
                await self.gate.approvals.withdraw(row, by="person", how="denied in a terminal")
            confirmation = row.plan.confirmation
            if approve and await self.gate.approvals.approve(
                row, by="person", how="on a terminal", confirmation=confirmation
            ):
                calls = row.plan.calls
                requests = tuple(canonical(call.model_dump(mode="json")) for call in calls)
                self.approvals.append((row.id, self.time, requests))
            if make:
                await self.gate.make(row, planner, Work(caller_named(wish.principal), anyio.current_time() + 2))
        except (CioError, Died):
            return

    def _planner(self, wish: Wish) -> Any:
        async def plan() -> Plan:
            await anyio.lowlevel.checkpoint()
            self.minted += 1
            data: dict[str, Any] = {"id": wish.number, "order_id": "1", "tracking_url": "x", "meant": wish.repeat}
            call = (
                tracking.event(
                    Reference("ada"), "order_placed", data, ulid=f"01HZZZZZZZZZZZZZZZZZ{self.minted:06d}", at=None
                )
                if wish.kind == "event"
                else sends.email(2, {"id": "ada"}, "ada@example.com", data, send_at=None, options={})
            )
            return Plan(
                risk="send",
                summary=f"Send {wish.kind} {wish.number}.",
                calls=(call,),
                rests_on={"drift": self.drift},
                once=True,
                repeat=wish.repeat,
            )

        return plan

    def _open(self) -> None:
        # Read-only, so that only the test's own reconciler makes anything again.
        known = sandbox_settings(self.folder).model_copy(update={"read_only": True})
        self.entered = self.portal.wrap_async_context_manager(open_workspace(known, sandbox=self.sandbox))
        opened = self.entered.__enter__()
        self.watched = Watched(opened.client)
        self.watched.log, self.watched.clock = self.log, self.clock
        executor = replace(opened.gate.executor, writer=self.watched, sleep=self._sleep)
        self.gate = replace(opened.gate, clock=self.clock, executor=executor)
        self.reconciler = reconciler_of(opened, self.clock, executor)

    def _reopen(self) -> None:
        self.entered.__exit__(None, None, None)
        self._open()

    async def _settle(self) -> None:
        await self.reconciler.round()

    async def _switch(self, on: bool) -> None:
        await (self.gate.pauses.pause(by="operator", now=self.time) if on else self.gate.pauses.resume())

    async def _sleep(self, seconds: float) -> None:
        self.time += seconds
        await anyio.lowlevel.checkpoint()


def _meant(call: Call) -> bool:
    data = call.body.get("message_data") if isinstance(call.body, dict) else None
    return isinstance(data, dict) and bool(data.get("meant"))


TestWorld = World.TestCase
TestWorld.settings = settings(
    max_examples=int(os.environ.get("STATE_MACHINE_EXAMPLES", "12")),
    stateful_step_count=30,
    suppress_health_check=list(HealthCheck),
)
