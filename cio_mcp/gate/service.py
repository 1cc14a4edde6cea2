"""The gate: every write of every tool passes here, and only what was approved leaves."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from math import ceil

import anyio
import anyio.to_thread

from cio_mcp.clock import Clock
from cio_mcp.customerio.caller import Work
from cio_mcp.errors import NotFound, Refused, StorageFailed, Unavailable
from cio_mcp.gate.approvals import APPROVAL_SECONDS, Approvals, before_sending
from cio_mcp.gate.change import Change
from cio_mcp.gate.change_list import ChangeList
from cio_mcp.gate.duplicates import DUPLICATE_SECONDS, Duplicates, duplicate_receipt
from cio_mcp.gate.executor import Executor
from cio_mcp.gate.job_receipt import with_earlier_job, with_job
from cio_mcp.gate.pause_note import pause_refusal
from cio_mcp.gate.plan import Plan, has_drifted, is_unread, parse_plan
from cio_mcp.gate.policy import BY_POLICY, Policy
from cio_mcp.gate.proposals import FORBIDDEN, OPEN_SECONDS, Proposals
from cio_mcp.gate.receipt import Receipt, outcome_of, receipt_of
from cio_mcp.gate.reconciliation import LOOKS
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.decisions import WithdrawalPhrase
from cio_mcp.storage.pauses import Pauses
from cio_mcp.storage.rows import EFFECTIVE, ChangeState, ClaimResult, ClaimTerms, OpenLimits
from cio_mcp.text.timestamps import from_unix, moment

OPEN_LIMITS = OpenLimits()
"""How many changes may wait for a decision: a flood must not hide what a person looks for."""
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
UNRECORDED = "The request was sent, but the server's database could not record the outcome."
NO_TIME = (
    "Customer.io took too long to answer before the request, so no time was left for it. Nothing was sent. "
    "The approval stands for a few minutes; call again."
)
UNREAD = (
    "Customer.io did not answer when this server checked that what was approved is still the case. Nothing was sent. "
    "The approval stands for a few minutes; call again."
)
UNUSABLE: dict[ClaimResult, WithdrawalPhrase] = {
    "too old": "the approval expired",
    "in the future": "the clock was set back after the approval",
}
"""Why an approval that was given does not count."""

Planner = Callable[[], Awaitable[Plan]]
"""Runs a tool's plan function again, with the arguments of one call."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate of one workspace; safe for any number of calls, processes and callers at once."""

    journal: Journal
    pauses: Pauses
    executor: Executor
    clock: Clock
    policy: Policy = field(default_factory=Policy)
    in_calls: Counter[str] = field(default_factory=Counter)
    """The changes that calls of this process wait for or make."""

    @property
    def approvals(self) -> Approvals:
        """Where decisions about changes are made."""
        return Approvals(self.journal, self.clock)

    @property
    def duplicates(self) -> Duplicates:
        """What plans are compared with."""
        return Duplicates(self.journal.effects)

    @property
    def proposals(self) -> Proposals:
        """Where plans become changes."""
        return Proposals(self.journal, self.approvals, self.duplicates, self.policy)

    @contextmanager
    def hold(self, change: str) -> Iterator[None]:
        """Keep a change for a call, as long as the call waits for a decision or makes it."""
        self.in_calls[change] += 1
        try:
            yield
        finally:
            self.in_calls[change] -= 1
            if not self.in_calls[change]:
                del self.in_calls[change]

    async def propose(
        self, principal: str, tool: str, arguments_digest: str, plan: Planner, *, arguments_json: str | None = None
    ) -> Change | Receipt:
        """The open change for these arguments (given by their digest), or a new one, or why there is none.

        `arguments_json` are the arguments themselves, where the change may be made without a further call. A receipt
        comes back where nothing is left to decide: no change is needed, the same was sent already, or it was made
        meanwhile.

        Raises:
            Refused: no approval could allow it.
            StorageFailed: the database cannot be used.
        """
        now = self.clock.now()
        with before_sending():
            waiting = await self.journal.open_for(principal, tool, arguments_digest, now)
            if waiting is None and (
                row := await self.journal.unacknowledged(principal, tool, arguments_digest, now - OPEN_SECONDS)
            ):
                change = Change.of(row)
                return change if change.state == "sending" else await self._report(change)
            if pause := await self.pauses.in_force():
                raise Refused(pause_refusal(pause))
            if waiting:
                return await self.proposals.recall(waiting, now)
            planned = await self._plan(tool, arguments_digest, plan, now)
            if isinstance(planned, Receipt):
                return await self._with_earlier_job(planned)
            if cap := self.policy.caps(planned.risk):
                people = planned.people_reached
                if people > cap or await self.journal.next_send_at(cap, now, people) > now:
                    raise Refused(await self._no_room(now, people))
            change = await anyio.to_thread.run_sync(
                self.proposals.change, planned, principal, tool, arguments_digest, arguments_json, now
            )
            if (added := await self.journal.add(change.row, OPEN_LIMITS)) != "added":
                raise Refused(TOO_MANY_OPEN[added])
            if self.policy.rule_of(tool, planned) == "allow":
                await self.approvals.approve_by_policy(change)
                return await self.approvals.current(change)
            return change

    async def _plan(self, tool: str, arguments_digest: str, plan: Planner, now: float) -> Plan | Receipt:
        """Plan, unless the same call removed moments ago what it now cannot find."""
        try:
            fresh = await plan()
        except NotFound:
            if receipt := await self.proposals.recall_removal(tool, arguments_digest, now):
                return receipt
            raise
        return await self.proposals.admit(tool, arguments_digest, fresh, now)

    async def give_up(self, principal: str, tool: str, arguments_digest: str, since: float) -> Receipt:
        """End a call that took too long: withdraw its open change, or report what was requested since a time."""
        now = self.clock.now()
        if row := await self.journal.open_for(principal, tool, arguments_digest, now):
            change = Change.of(row)
            await self.approvals.withdraw(change, by=principal, how="no response in time", acknowledged=True)
            return self.receipt(await self.approvals.current(change))
        if row := await self.journal.requested_for(principal, tool, arguments_digest, since):
            return self.receipt(Change.of(row))
        return Receipt(status="declined", message="No response in time. Nothing was sent.")

    async def make(self, change: Change, plan: Planner, work: Work, *, unread: bool = False) -> Receipt:
        """Execute an approved change, once; for any other, its receipt.

        `unread` says that no call waits for the receipt, so that the next one is answered with it.
        """
        rejections = change.plan.rejections
        change = await self.approvals.current(change)
        if change.state != "approved":
            change = change.with_rejections(rejections)
            return self.receipt(change) if unread else await self._report(change, work)
        with before_sending():
            fresh = await plan()
            if stopped := await self._stop(change, fresh):
                return stopped
            baseline = await self.executor.traces(change.plan, work)
            await self.duplicates.renew(self.clock.now())
        if anyio.current_time() >= work.deadline:
            raise Unavailable(NO_TIME)
        # From here on the request belongs to the journal, not to the call that proposed it.
        with anyio.CancelScope(shield=True):
            claim = await self._claim(change, baseline, work, unread=unread)
            made = await self._carry_out(change, work) if claim == "claimed" else None
        if made is not None:
            return made if isinstance(made, Receipt) else await self._read_back(made, work)
        if refused := await self._not_claimed(change, claim, fresh):
            return refused
        change = await self.approvals.current(change)
        return self.receipt(change) if unread else await self._report(change, work)

    async def recent(
        self, *, change: str | None = None, state: ChangeState | None = None, limit: int = 20, cursor: str | None = None
    ) -> ChangeList:
        """Changes newest first, or the one of that id."""
        now = self.clock.now()
        return await ChangeList.read(self.journal, now, change=change, state=state, limit=limit, cursor=cursor)

    async def has_made(self, principal: str, operations: Collection[str], id_: str) -> bool:
        """Whether a change of this caller, by one of the given operations, made what has this ID."""
        for row in await self.journal.created(principal, id_):
            with suppress(ValueError):  # a plan that was erased, or is of another version
                if parse_plan(row.plan).operations & {*operations}:
                    return True
        return False

    def receipt(self, change: Change) -> Receipt:
        """What the state of a change means to its work."""
        return receipt_of(change, self.clock.now())

    async def describe(self, change: Change) -> Receipt:
        """Read the receipt of a change, with the state of the job that it started.

        Raises:
            StorageFailed: the database cannot be used.
        """
        receipt, spec = self.receipt(change), change.plan.job
        if spec is None or change.state not in EFFECTIVE:
            return receipt
        job = await self.executor.jobs.jobs.get(spec.id)
        return with_job(receipt, change.plan.summary, job) if job else receipt

    async def _carry_out(self, change: Change, work: Work) -> Change | Receipt:
        """Send a claimed change and record the outcome: the change as recorded, or a receipt if it could not be."""
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
        row = replace(
            change.row,
            state=outcome.state,
            outcome=outcome.as_json(),
            delivery_id=outcome.delivery_id,
            finished_at=now,
        )
        return replace(change, row=row)

    async def _read_back(self, change: Change, work: Work) -> Receipt:
        """Look whether the new values are there; a receipt whatever comes of that."""
        refused = {int(index) for index in outcome_of(change.row).get("refused", {})}
        try:
            if change.state == "sent" and await self.executor.confirmed(change.plan, refused, work):
                await self.journal.verify(change.id)
            return await self.describe(await self.approvals.current(change))
        except StorageFailed:
            return self.receipt(change)

    async def _report(self, change: Change, work: Work | None = None) -> Receipt:
        """Answer a call with what became of a change; one that is being sent by another process is waited for."""
        with suppress(StorageFailed):  # what is known is reported all the same, and once more to the next call
            if change.state == "sending" and work and change.row.settle_at:
                left = min(work.deadline - anyio.current_time(), change.row.settle_at - self.clock.now())
                change = await self.approvals.wait(change, left, state="sending")
            if change.state == "declined" or change.row.unread:
                await self.journal.acknowledge(change.id, now=self.clock.now())
            return await self.describe(change)
        return self.receipt(change)

    async def _stop(self, change: Change, fresh: Plan) -> Receipt | None:
        """What keeps an approved change from being executed now; None where nothing does."""
        row, rule = change.row, self.policy.rule_of(change.row.tool, fresh)
        if rule == "hide":
            raise Refused(FORBIDDEN)
        must_type = self.policy.confirmation_of(fresh) is not None
        by_policy = row.decided_by == BY_POLICY
        if change.plan.digest != row.digest:  # approved under an older version, which digested requests differently
            return await self._replan(change, fresh)
        if has_drifted(change.plan, fresh) or (must_type and change.plan.confirmation is None and not by_policy):
            return await self._replan(change, fresh)
        if is_unread(change.plan, fresh):
            raise Unavailable(UNREAD)
        if by_policy and rule != "allow":
            await self._withdraw(change, "the policy no longer allows it")
            return self.receipt(await self.approvals.current(change))
        return None

    async def _claim(self, change: Change, baseline: list[str], work: Work, *, unread: bool) -> ClaimResult:
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
            people=change.plan.people_reached,
            # A person knew what else waited; the policy allows only what nothing like it was sent before.
            near_since=change.row.planned_at if change.row.decided_by == BY_POLICY else None,
            unread=unread,
        )
        with before_sending():
            return await self.journal.claim(change.id, terms)

    async def _replan(self, change: Change, planned: Plan) -> Receipt:
        """Put the plan as it now is in place of an approved one, to be decided again."""
        now, row = self.clock.now(), change.row
        if row.drifts + 1 >= MAX_DRIFTS:
            outcome = json.dumps({"message": "The underlying data keeps changing. Nothing was sent."})
            await self.journal.fail(row.id, outcome, now=now)
            return self.receipt(await self.approvals.current(change))
        examined = await self.proposals.examine(row.tool, row.arguments_digest, planned, now)
        if isinstance(examined, Receipt):
            await self._withdraw(change, "it is no longer needed")
            return examined
        fresh = await anyio.to_thread.run_sync(
            self.proposals.change,
            examined,
            row.principal,
            row.tool,
            row.arguments_digest,
            row.arguments_json,
            row.planned_at,
            row.id,
        )
        if not await self.journal.replace_plan(row.id, replace(fresh.row, drifts=row.drifts + 1)):
            return self.receipt(await self.approvals.current(change))
        return Receipt(
            status="approval_required",
            message="The underlying data changed after approval. Nothing was sent. "
            "Call again to have the updated change reviewed.",
            change=row.id,
        )

    async def _not_claimed(self, change: Change, claim: ClaimResult, fresh: Plan) -> Receipt | None:
        """What keeps an approval from being used; None where the change itself says it."""
        now, effect = self.clock.now(), change.plan.effect
        if claim == "paused":
            raise Refused(pause_refusal(await self.pauses.in_force()))
        if claim == "cap reached":
            raise Refused(await self._no_room(now, change.plan.people_reached))
        if claim == "same target":
            return await self._replan(change, fresh)
        if claim == "same effect" and effect:
            same = await self.journal.effects.same(effect, now - DUPLICATE_SECONDS, now, but=change.id)
            await self._withdraw(change, "an equal change was sent in the meantime")
            if same:
                receipt = duplicate_receipt(same, now, can_repeat=change.plan.repeat is not None)
                return await self._with_earlier_job(receipt)
        if claim in UNUSABLE:
            await self._withdraw(change, UNUSABLE[claim])
        return None

    async def _with_earlier_job(self, receipt: Receipt) -> Receipt:
        """The receipt of a duplicate; an earlier change that started a job may not have done all of it."""
        row = await self.journal.get(receipt.change) if receipt.change else None
        spec = None
        with suppress(ValueError):  # a plan of another version
            spec = parse_plan(row.plan).job if row and row.state in EFFECTIVE else None
        job = await self.executor.jobs.jobs.get(spec.id) if spec else None
        return with_earlier_job(receipt, job) if job else receipt

    async def _withdraw(self, change: Change, how: WithdrawalPhrase) -> None:
        await self.approvals.withdraw(change, by="gate", how=how, acknowledged=True)

    async def _no_room(self, now: float, people: int) -> str:
        cap = self.policy.sends_an_hour or 0
        if people > cap:
            return (
                f"The operator's limit is {cap} sends an hour, and this change is for {people} people. "
                "Nothing was sent. Pass fewer customers per call."
            )
        room = await self.journal.next_send_at(cap, now, people)
        return (
            f"The operator's limit of {cap} sends an hour is reached. Nothing was sent. "
            f"The next send is possible at {moment(from_unix(room))}, in {ceil((room - now) / 60)} min."
        )
