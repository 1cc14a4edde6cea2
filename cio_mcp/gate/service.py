"""The gate: every write of every tool passes here, and only what was approved leaves."""

import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING

import anyio

from cio_mcp.clock import Clock
from cio_mcp.customerio.caller import Work
from cio_mcp.errors import Refused, StorageFailed
from cio_mcp.gate import guardrails
from cio_mcp.gate.approvals import APPROVAL_SECONDS, Approvals
from cio_mcp.gate.change import Change
from cio_mcp.gate.change_list import ChangeList
from cio_mcp.gate.executor import Executor
from cio_mcp.gate.plan import Plan, drifted
from cio_mcp.gate.policy import BY_POLICY, Policy
from cio_mcp.gate.question import question_about
from cio_mcp.gate.receipt import Receipt, happened_at, receipt_of
from cio_mcp.gate.reconciliation import LOOKS
from cio_mcp.storage.rows import ChangeRow, ChangeState, ClaimResult, ClaimTerms, OpenLimits
from cio_mcp.text.timestamps import from_unix, moment

if TYPE_CHECKING:
    from cio_mcp.storage.changes import Journal
    from cio_mcp.storage.pauses import Pauses

OPEN_SECONDS = 3600.0
"""How long a proposed change waits for a decision."""
OPEN_LIMITS = OpenLimits()
"""How many changes may wait for a decision: a flood must not hide what a person looks for."""
DUPLICATE_SECONDS = 600.0
"""How long after a send an equal one counts as a duplicate."""
MAX_DRIFTS = 3
"""How often what a plan rests on may change before it is given up."""
ABANDONED_SECONDS = 10.0
"""How long after its deadline a request counts as abandoned by its process."""
TOO_MANY_OPEN = {
    "caller limit": "Too many pending approvals, or too large ones. Nothing was sent. "
    "Have the pending ones decided first, or split a large change.",
    "workspace limit": "Too many pending approvals in this workspace, or too large ones. Nothing was sent. "
    "Ask the operator to decide the pending ones first.",
}
PAUSED = "Writes are paused for this workspace. Nothing was sent."
UNRECORDED = "The request was sent, but the server's database could not record the outcome."
UNUSABLE: dict[ClaimResult, str] = {
    "too old": "the approval expired",
    "in the future": "the clock was set back after the approval",
}
"""Why an approval that was given does not count."""
FORBIDDEN = "The operator of this server doesn't allow this kind of change. Nothing was sent."

Planner = Callable[[], Awaitable[Plan]]
"""Runs a tool's plan function again, with the arguments of one call."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate of one workspace; safe for any number of calls, processes and callers at once."""

    journal: "Journal"
    pauses: "Pauses"
    executor: Executor
    policy: Policy = field(default_factory=Policy)
    clock: Clock = field(default_factory=Clock)

    @property
    def approvals(self) -> Approvals:
        """Where decisions about changes are made."""
        return Approvals(self.journal, self.clock)

    async def propose(self, principal: str, tool: str, arguments: str, plan: Planner) -> Change | Receipt:
        """The open change for these arguments (`arguments` is their digest), or a new one, or why there is none.

        A receipt comes back where nothing is left to decide: no change is needed, or the same was sent already.

        Raises:
            Refused: no approval could allow it.
        """
        now = self.clock.now()
        if await self.pauses.in_force():
            raise Refused(PAUSED)
        if row := await self.journal.open_for(principal, tool, arguments, now):
            return Change.of(row)
        if row := await self.journal.unacknowledged(principal, tool, arguments, now - OPEN_SECONDS):
            await self.journal.acknowledge(row.id, now=now)
            return self.receipt(Change.of(row))
        planned = await self._examine(tool, await plan(), now)
        if isinstance(planned, Receipt):
            return planned
        if (cap := self.policy.caps(planned.risk)) and await self.journal.next_send_at(cap, now) > now:
            raise Refused(await self._no_room(now))
        change = Change(self._row(planned, principal, tool, arguments, now), planned)
        if (added := await self.journal.add(change.row, OPEN_LIMITS)) != "added":
            raise Refused(TOO_MANY_OPEN[added])
        if self.policy.rule_of(tool, planned) == "allow":
            await self.approvals.approve_by_policy(change)
            return await self.approvals.current(change)
        return change

    async def give_up(self, principal: str, tool: str, arguments: str, since: float) -> Receipt:
        """End a call that took too long: withdraw its open change, or report what was requested since a time."""
        now = self.clock.now()
        if row := await self.journal.open_for(principal, tool, arguments, now):
            change = Change.of(row)
            await self.approvals.withdraw(change, by=principal, how="no response in time", acknowledged=True)
            return self.receipt(await self.approvals.current(change))
        if row := await self.journal.requested_for(principal, tool, arguments, since):
            return self.receipt(Change.of(row))
        return Receipt(status="declined", message="No response in time. Nothing was sent.")

    async def make(self, change: Change, plan: Planner, work: Work) -> Receipt:
        """Execute an approved change, once; for any other, its receipt."""
        change = await self.approvals.current(change)
        if change.state == "declined":
            await self.journal.acknowledge(change.id, now=self.clock.now())
        if change.state != "approved":
            return self.receipt(change)
        if stopped := await self._stop(change, await plan()):
            return stopped
        baseline = await self.executor.traces(change.plan, work)
        # From here on the request belongs to the journal, not to the call that proposed it.
        with anyio.CancelScope(shield=True):
            claim = await self._claim(change, baseline, work)
            if claim != "claimed":
                return await self._not_claimed(change, claim)
            outcome = await self.executor.carry_out(change.plan, work)
            now = self.clock.now()
            try:
                await self.journal.finish(
                    change.id,
                    outcome.state,
                    outcome.as_json(),
                    now=now,
                    delivery_id=outcome.delivery_id,
                    settle_at=now + LOOKS[0] if outcome.state == "unknown" else None,
                )
            except StorageFailed:
                return Receipt(status="unknown", message=f"{change.plan.summary} {UNRECORDED}", change=change.id)
        try:
            values = change.plan.reads_back
            if outcome.state == "sent" and values and await self.executor.visible(values, work):
                await self.journal.verify(change.id)
            return self.receipt(await self.approvals.current(change))
        except StorageFailed:
            # Its sentence says that nothing was sent, which is true only of what fails before a request.
            row = replace(
                change.row,
                state=outcome.state,
                outcome=outcome.as_json(),
                delivery_id=outcome.delivery_id,
                finished_at=now,
            )
            return self.receipt(replace(change, row=row))

    async def recent(
        self, *, change: str | None = None, state: ChangeState | None = None, limit: int = 20
    ) -> ChangeList:
        """Changes newest first, or the one of that id."""
        return await ChangeList.read(self.journal, self.clock.now(), change=change, state=state, limit=limit)

    def receipt(self, change: Change) -> Receipt:
        """What the state of a change means to its work."""
        return receipt_of(change, self.clock.now())

    async def _stop(self, change: Change, fresh: Plan) -> Receipt | None:
        """What keeps an approved change from being executed now; None where nothing does."""
        row, rule = change.row, self.policy.rule_of(change.row.tool, fresh)
        if rule == "hide":
            raise Refused(FORBIDDEN)
        must_type = self.policy.to_type(fresh) is not None
        by_policy = row.decided_by == BY_POLICY
        if change.plan.digest != row.digest:  # approved under an older version, which digested requests differently
            return await self._replan(change, fresh)
        if drifted(change.plan, fresh) or (must_type and change.plan.typed is None and not by_policy):
            return await self._replan(change, fresh)
        if by_policy and rule != "allow":
            await self._withdraw(change, "the policy no longer allows it")
            return self.receipt(await self.approvals.current(change))
        return None

    async def _claim(self, change: Change, baseline: list[str], work: Work) -> ClaimResult:
        now = self.clock.now()
        left = max(0.0, work.deadline - anyio.current_time())
        terms = ClaimTerms(
            digest=change.plan.digest,
            decided_since=now - APPROVAL_SECONDS,
            effect_since=now - DUPLICATE_SECONDS,
            now=now,
            until=now + left + ABANDONED_SECONDS,
            baseline=json.dumps(baseline),
            sends_an_hour=self.policy.caps(change.plan.risk),
        )
        return await self.journal.claim(change.id, terms)

    async def _examine(self, tool: str, planned: Plan, now: float) -> Plan | Receipt:
        """Refuse what no approval allows, answer what is settled, and add what must be typed and warned of."""
        guardrails.check_roundtrip(planned)
        guardrails.check(planned.calls)
        if self.policy.rule_of(tool, planned) == "hide":
            raise Refused(FORBIDDEN)
        if not planned.calls:
            return Receipt(status="already_done", message=f"{planned.summary} No change needed.")
        planned = planned.model_copy(update={"typed": self.policy.to_type(planned)})
        if planned.effect is None:
            return planned
        same = await self.journal.same_effect(planned.effect, now - DUPLICATE_SECONDS, now)
        if same is None:
            return planned
        if not planned.repeat:
            return _duplicate(same, now)
        return planned.model_copy(update={"warnings": (_sent_before(same, now), *planned.warnings)})

    def _row(self, planned: Plan, principal: str, tool: str, arguments: str, now: float) -> ChangeRow:
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
            question=question_about(planned, change).text,
            plan=planned.model_dump_json(),
            digest=planned.digest,
            planned_at=now,
            expires_at=now + OPEN_SECONDS,
            due_at=planned.due_at,
            event_id=planned.event_id,
            next_step=planned.next_step or None,
            reads_back=planned.reads_back is not None,
        )

    async def _replan(self, change: Change, planned: Plan) -> Receipt:
        """Put the plan as it now is in place of an approved one, to be decided again."""
        now, row = self.clock.now(), change.row
        if row.drifts + 1 >= MAX_DRIFTS:
            outcome = json.dumps({"message": "The underlying data keeps changing. Nothing was sent."})
            await self.journal.fail(row.id, outcome, now=now)
            return self.receipt(await self.approvals.current(change))
        examined = await self._examine(row.tool, planned, now)
        if isinstance(examined, Receipt):
            await self._withdraw(change, "it is no longer needed")
            return examined
        fresh = self._row(examined, row.principal, row.tool, row.arguments, row.planned_at)
        fresh = replace(fresh, question=question_about(examined, row.id).text, drifts=row.drifts + 1)
        if not await self.journal.replace_plan(row.id, fresh):
            return self.receipt(await self.approvals.current(change))
        return Receipt(
            status="approval_required",
            message="The underlying data changed after approval. Nothing was sent. "
            "Call again to have the updated change reviewed.",
            change=row.id,
        )

    async def _not_claimed(self, change: Change, claim: ClaimResult) -> Receipt:
        now, effect = self.clock.now(), change.plan.effect
        if claim == "paused":
            raise Refused(PAUSED)
        if claim == "cap reached":
            raise Refused(await self._no_room(now))
        if claim == "same effect" and effect:
            same = await self.journal.same_effect(effect, now - DUPLICATE_SECONDS, now, but=change.id)
            await self._withdraw(change, "an equal change was sent in the meantime")
            if same:
                return _duplicate(same, now)
        if claim in UNUSABLE:
            await self._withdraw(change, UNUSABLE[claim])
        return self.receipt(await self.approvals.current(change))

    async def _withdraw(self, change: Change, how: str) -> None:
        await self.approvals.withdraw(change, by="gate", how=how, acknowledged=True)

    async def _no_room(self, now: float) -> str:
        cap = self.policy.sends_an_hour or 0
        room = await self.journal.next_send_at(cap, now)
        return (
            f"The operator's limit of {cap} sends an hour is reached. Nothing was sent. "
            f"The next send is possible at {moment(from_unix(room))}, in {ceil((room - now) / 60)} min."
        )


def _sent_before(row: ChangeRow, now: float) -> str:
    outcome = "its outcome is unknown" if row.state_at(now) in ("sending", "unknown") else "it was accepted"
    return f"The same was requested at {moment(happened_at(row))} (change {row.id}); {outcome}. This is a duplicate."


def _duplicate(row: ChangeRow, now: float) -> Receipt:
    when = moment(happened_at(row))
    if row.state_at(now) in ("sending", "unknown"):
        return Receipt(
            status="unknown",
            message=f"The same was requested at {when} and its outcome is unknown. Nothing was sent now.",
            change=row.id,
            next_step=row.next_step,
        )
    return Receipt(
        status="already_done",
        message=f"The same was sent at {when}. Nothing was sent now. To send it again, pass repeat=true.",
        change=row.id,
        at=happened_at(row),
        delivery_id=row.delivery_id,
    )
