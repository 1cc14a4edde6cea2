"""The gate: propose, decide, make. Every write of every tool passes here, and only what a person approved leaves."""

import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING, Literal

import anyio

from cio_mcp.customerio.caller import Work
from cio_mcp.errors import Refused, StorageFailed
from cio_mcp.gate import guardrails
from cio_mcp.gate.change import Change, Changes, change_of
from cio_mcp.gate.clock import Clock
from cio_mcp.gate.executor import Executor
from cio_mcp.gate.plan import Plan, ReadBack, drifted
from cio_mcp.gate.policy import BY_POLICY, Policy
from cio_mcp.gate.question_facts import question_about
from cio_mcp.gate.receipt import Receipt
from cio_mcp.gate.reconciliation import LOOKS
from cio_mcp.storage.rows import ChangeRow, ChangeState, ClaimResult, ClaimTerms, OpenLimits
from cio_mcp.text.timestamps import from_unix, moment

if TYPE_CHECKING:
    from cio_mcp.storage.changes import Journal
    from cio_mcp.storage.pauses import Pauses

OPEN_SECONDS = 3600.0
"""How long a plan stays open."""
OPEN_LIMITS = OpenLimits()
"""How many changes may wait for a decision: a flood must not hide what a person looks for."""
APPROVAL_SECONDS = 600.0
"""How long an approval counts after the decision, and how long a client may keep a question open."""
AGAIN_SECONDS = 600.0
"""How long after a send the same effect counts as the same."""
DRIFTS = 3
"""How often what a plan rests on may change before it is given up."""
ABANDONED_SECONDS = 10.0
"""How long after its deadline a request counts as abandoned by whoever made it."""
TOO_MANY_OPEN = {
    "caller limit": "Too many of your changes wait for a decision, or too large ones; nothing was sent. "
    "Have those decided first, or split a large change.",
    "workspace limit": "Too many changes of this workspace wait for a decision, or too large ones; nothing was sent. "
    "Ask the operator to decide about those first.",
}
PAUSED = "Somebody has stopped all writes of this workspace; nothing was sent. They go on when it is resumed."
UNRECORDED = "The request was made, but the server's database could not record how it ended."
UNUSABLE: dict[ClaimResult, str] = {
    "too old": "the approval was too old",
    "in the future": "the clock was set back after the approval",
}
"""Why an approval that was given does not count."""
FORBIDDEN = "The operator of this server does not allow this kind of change; nothing was sent."
POLL_SECONDS = 0.25
"""How often a waiting call looks whether somebody decided outside the client."""

Planner = Callable[[], Awaitable[Plan]]
"""Runs a tool's plan function afresh, with the arguments of one call."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate of one workspace; safe for any number of calls, processes and principals at once."""

    journal: "Journal"
    pauses: "Pauses"
    executor: Executor
    policy: Policy = field(default_factory=Policy)
    clock: Clock = field(default_factory=Clock)

    async def propose(self, principal: str, tool: str, arguments: str, plan: Planner) -> ChangeRow | Receipt:
        """The open change for these arguments (`arguments` is their digest), or a new one, or why there is none.

        A receipt comes back where nothing is left to decide: everything is so already, or the same effect was sent.

        Raises:
            Refused: no approval could allow it.
        """
        now = self.clock.now()
        if await self.pauses.in_force():
            raise Refused(PAUSED)
        if row := await self.journal.open_for(principal, tool, arguments, now):
            return row
        if row := await self.journal.unacknowledged(principal, tool, arguments, now - OPEN_SECONDS):
            await self.journal.acknowledge(row.id, now=now)
            return self.receipt(row)
        planned = await self._examined(tool, await plan(), now)
        if isinstance(planned, Receipt):
            return planned
        if (cap := self.policy.caps(planned.risk)) and await self.journal.next_send_at(cap, now) > now:
            raise Refused(await self._no_room(now))
        row = self._drawn(planned, principal, tool, arguments, now)
        if (added := await self.journal.add(row, OPEN_LIMITS)) != "added":
            raise Refused(TOO_MANY_OPEN[added])
        if self.policy.rule_of(tool, planned) == "allow":
            await self.decide(row, approve=True, by=BY_POLICY, how="allowed by the policy file")
            return await self._current(row)
        return row

    async def decide(self, row: ChangeRow, *, approve: bool, by: str, how: str) -> bool:
        """Record a decision about exactly what `row` shows; False if it no longer waits for one."""
        state: Literal["approved", "declined"] = "approved" if approve else "declined"
        return await self.journal.decide(row, state, by=by, how=how, now=self.clock.now())

    async def asked(self, row: ChangeRow) -> None:
        """Note that the question is with a person from now on."""
        await self.journal.record_prompt(row.id, now=self.clock.now())

    async def answered(self, row: ChangeRow, *, approve: bool, typed: str | None, by: str) -> None:
        """Take the answer to a question that a client showed; late or mistyped ones count as no.

        A no also takes back an approval that was given elsewhere and not yet spent.
        """
        asked_at = (await self._current(row)).asked_at
        in_time = asked_at is not None and self.clock.now() - asked_at <= APPROVAL_SECONDS
        expected = Plan.model_validate_json(row.plan).typed
        right = expected is None or (typed or "").strip().casefold() == expected.casefold()
        how = "approved in the client" if approve else "a person said no in the client"
        how = how if in_time or not approve else "the answer came too late"
        how = how if right or not approve else "what had to be typed back was not"
        if approve and in_time and right:
            await self.decide(row, approve=True, by=by, how=how)
        else:
            await self.journal.withdraw(row.id, by=by, how=how, now=self.clock.now(), acknowledged=True)

    async def unanswered(self, principal: str, tool: str, arguments: str, since: float) -> Receipt:
        """Give up a call that took too long: decline what nobody answered, or tell what was requested since a time."""
        now = self.clock.now()
        if row := await self.journal.open_for(principal, tool, arguments, now):
            await self.journal.withdraw(row.id, by=principal, how="nobody answered in time", now=now, acknowledged=True)
            return self.receipt(await self._current(row))
        if row := await self.journal.requested_for(principal, tool, arguments, since):
            return self.receipt(row)
        return Receipt(status="declined", message="Nobody answered in time; nothing was sent.")

    async def outside(self, row: ChangeRow, patience: float) -> ChangeRow:
        """Wait at most `patience` seconds for a decision outside the client; the change as it then is."""
        until = self.clock.now() + patience
        while (row := await self._current(row)).state == "planned" and self.clock.now() < until:
            await self.clock.sleep(POLL_SECONDS)
        return row

    async def make(self, row: ChangeRow, plan: Planner, work: Work) -> Receipt:
        """Carry out an approved change, once; anything else is answered with what it is."""
        row = await self._current(row)
        if row.state == "declined":
            await self.journal.acknowledge(row.id, now=self.clock.now())
        if row.state != "approved":
            return self.receipt(row)
        planned = Plan.model_validate_json(row.plan)
        if stopped := await self._stopped(row, planned, await plan()):
            return stopped
        baseline = await self.executor.traces(planned, work)
        # From here on the request belongs to the journal, not to the call that asked for it.
        with anyio.CancelScope(shield=True):
            claim = await self._claim(row, planned, baseline, work)
            if claim != "claimed":
                return await self._not_claimed(row, planned, claim)
            outcome = await self.executor.carry_out(planned, work)
            now = self.clock.now()
            look_at = now + LOOKS[0] if outcome.state == "unknown" else None
            try:
                await self.journal.finish(
                    row.id,
                    outcome.state,
                    outcome.as_json(),
                    now=now,
                    delivery_id=outcome.delivery_id,
                    settle_at=look_at,
                )
            except StorageFailed:
                return Receipt(status="unknown", message=f"{planned.summary} {UNRECORDED}", change=row.id)
        try:
            if outcome.state == "sent" and planned.reads_back:
                await self._verify(row, planned.reads_back, work)
            return self.receipt(await self._current(row))
        except StorageFailed:
            # Its sentence says that nothing was sent, which is true only of what fails before a request.
            return self.receipt(
                replace(
                    row,
                    state=outcome.state,
                    outcome=outcome.as_json(),
                    delivery_id=outcome.delivery_id,
                    finished_at=now,
                )
            )

    async def _stopped(self, row: ChangeRow, planned: Plan, fresh: Plan) -> Receipt | None:
        """What keeps an approved change from being made as it now stands; None where nothing does."""
        rule = self.policy.rule_of(row.tool, fresh)
        if rule == "hide":
            raise Refused(FORBIDDEN)
        must_type = self.policy.to_type(fresh) is not None
        if drifted(planned, fresh) or (must_type and planned.typed is None and row.decided_by != BY_POLICY):
            return await self._redrawn(row, fresh)
        if row.decided_by == BY_POLICY and rule != "allow":
            await self.journal.withdraw(
                row.id, by="gate", how="the policy does not allow it now", now=self.clock.now(), acknowledged=True
            )
            return self.receipt(await self._current(row))
        return None

    async def _verify(self, row: ChangeRow, wanted: ReadBack, work: Work) -> None:
        if await self.executor.visible(wanted, work):
            await self.journal.verify(row.id)

    async def _claim(self, row: ChangeRow, planned: Plan, baseline: list[str], work: Work) -> ClaimResult:
        now = self.clock.now()
        left = max(0.0, work.deadline - anyio.current_time())
        terms = ClaimTerms(
            digest=planned.digest,
            decided_since=now - APPROVAL_SECONDS,
            effect_since=now - AGAIN_SECONDS,
            now=now,
            until=now + left + ABANDONED_SECONDS,
            baseline=json.dumps(baseline),
            sends_an_hour=self.policy.caps(planned.risk),
        )
        return await self.journal.claim(row.id, terms)

    def receipt(self, row: ChangeRow) -> Receipt:
        """What a change's state means to whoever asked for it."""
        return change_of(row, self.clock.now()).receipt()

    async def recent(self, *, change: str | None = None, state: ChangeState | None = None, limit: int = 20) -> Changes:
        """Changes newest first, or the one of that id."""
        return await Changes.read(self.journal, self.clock.now(), change=change, state=state, limit=limit)

    async def _examined(self, tool: str, planned: Plan, now: float) -> Plan | Receipt:
        """Refuse what no approval allows, answer what is settled, say what to type, warn of what was sent before."""
        guardrails.check_roundtrip(planned)
        guardrails.check(planned.calls)
        if self.policy.rule_of(tool, planned) == "hide":
            raise Refused(FORBIDDEN)
        if not planned.calls:
            return Receipt(status="already_done", message=f"{planned.summary} It is so already; nothing was sent.")
        planned = planned.model_copy(update={"typed": self.policy.to_type(planned)})
        if planned.effect is None:
            return planned
        same = await self.journal.same_effect(planned.effect, now - AGAIN_SECONDS, now)
        if same is None:
            return planned
        if not planned.repeat:
            return _again(change_of(same, now))
        return planned.model_copy(update={"warnings": (_sent_before(change_of(same, now)), *planned.warnings)})

    def _drawn(self, planned: Plan, principal: str, tool: str, arguments: str, now: float) -> ChangeRow:
        change = secrets.token_hex(4)
        return ChangeRow(
            id=change,
            workspace=self.journal.workspace,
            principal=principal,
            tool=tool,
            arguments=arguments,
            effect=planned.effect,
            repeat=planned.repeat,
            state="planned",
            risk=planned.risk,
            summary=planned.summary,
            question=question_about(planned, change),
            plan=planned.model_dump_json(),
            digest=planned.digest,
            planned_at=now,
            expires_at=now + OPEN_SECONDS,
            due_at=planned.due_at,
            event_id=planned.event_id,
            next_step=planned.find_out or None,
            reads_back=planned.reads_back is not None,
        )

    async def _redrawn(self, row: ChangeRow, planned: Plan) -> Receipt:
        now = self.clock.now()
        if row.drifts + 1 >= DRIFTS:
            outcome = json.dumps({"message": "What it rests on keeps changing; nothing was sent."})
            await self.journal.fail(row.id, outcome, now=now)
            return self.receipt(await self._current(row))
        examined = await self._examined(row.tool, planned, now)
        if isinstance(examined, Receipt):
            await self.journal.withdraw(row.id, by="gate", how="it is no longer needed", now=now, acknowledged=True)
            return examined
        fresh = self._drawn(examined, row.principal, row.tool, row.arguments, row.planned_at)
        fresh = replace(fresh, question=question_about(examined, row.id), drifts=row.drifts + 1)
        if not await self.journal.replace_plan(row.id, fresh):
            return self.receipt(await self._current(row))
        return Receipt(
            status="approval_required",
            message="What this rests on has changed since it was approved, so nothing was sent. "
            "Call again: a person will be shown how it stands now.",
            change=row.id,
        )

    async def _not_claimed(self, row: ChangeRow, planned: Plan, claim: ClaimResult) -> Receipt:
        now = self.clock.now()
        if claim == "paused":
            raise Refused(PAUSED)
        if claim == "cap reached":
            raise Refused(await self._no_room(now))
        if claim == "same effect" and planned.effect:
            same = await self.journal.same_effect(planned.effect, now - AGAIN_SECONDS, now, but=row.id)
            await self.journal.withdraw(
                row.id, by="gate", how="the same was sent meanwhile", now=now, acknowledged=True
            )
            if same:
                return _again(change_of(same, now))
        if claim in UNUSABLE:
            await self.journal.withdraw(row.id, by="gate", how=UNUSABLE[claim], now=now, acknowledged=True)
        return self.receipt(await self._current(row))

    async def _no_room(self, now: float) -> str:
        cap = self.policy.sends_an_hour or 0
        room = await self.journal.next_send_at(cap, now)
        return (
            f"The operator's cap of {cap} an hour on sends is reached; nothing was sent. "
            f"There is room again at {moment(from_unix(room))}, in {ceil((room - now) / 60)} min."
        )

    async def _current(self, row: ChangeRow) -> ChangeRow:
        return await self.journal.get(row.id) or row


def _sent_before(change: Change) -> str:
    known = "its outcome is not known" if change.state in ("sending", "unknown") else "it was accepted"
    return f"The same was requested at {moment(change.at)} (change {change.id}); {known}. This is one more."


def _again(change: Change) -> Receipt:
    when = moment(change.at)
    if change.state in ("sending", "unknown"):
        return Receipt(
            status="unknown",
            message=f"The same was requested at {when} and its outcome is not known; nothing was sent now.",
            change=change.id,
            find_out=change.find_out,
        )
    return Receipt(
        status="already_done",
        message=f"The same was sent at {when}; nothing was sent now. To send it once more on purpose: repeat=true.",
        change=change.id,
        at=change.at,
        delivery_id=change.delivery_id,
    )
