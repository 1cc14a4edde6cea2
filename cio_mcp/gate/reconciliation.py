"""Reconciliation: what became of requests that a crash or a lost line left open.

What has no second effect, and takes the place of no later change, is made again for ten minutes. For anything else,
and afterwards, its effect is looked for in Customer.io.
"""

import json
import logging
from dataclasses import dataclass, field

import anyio

from cio_mcp.clock import Clock
from cio_mcp.customerio.caller import Work, background_caller
from cio_mcp.errors import CioError, StorageFailed
from cio_mcp.gate.change import Change
from cio_mcp.gate.executor import Executor, Outcome
from cio_mcp.gate.plan import Plan
from cio_mcp.gate.policy import Policy
from cio_mcp.gate.written_values import is_written
from cio_mcp.storage.change_queues import UnsettledChanges
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.pauses import Pauses
from cio_mcp.storage.rows import ChangeRow

REMAKE_SECONDS = 600.0
"""How long a call that may be made again is; afterwards it is looked for like any other."""
LOOKS = (5.0, 15.0, 60.0, 300.0, 1800.0, 21_600.0)
"""Seconds until the next look at an outcome that is not known; after the last a person decides."""
ROUND_SECONDS = 5.0
"""Seconds between rounds."""
SETTLE_SECONDS = 20.0
"""Seconds that settling one change may take."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Settles what is open in a workspace; any number of processes may run one, each change is settled by one of them.

    `read_only` says that this process may not write.
    """

    journal: Journal
    unsettled: UnsettledChanges
    pauses: Pauses
    executor: Executor
    clock: Clock
    policy: Policy = field(default_factory=Policy)
    read_only: bool = False

    async def run(self) -> None:
        """Settle what is due, now and every few seconds, until canceled."""
        while True:
            try:
                await self.round()
            except StorageFailed as failure:
                log.warning("open changes cannot be settled: %s", failure)
            await self.clock.sleep(ROUND_SECONDS)

    async def round(self) -> int:
        """Settle what is due; how many changes were looked into."""
        taken = 0
        for row in await self.unsettled.due(self.clock.now()):
            if self._is_left_to_others(row):
                continue
            if await self.unsettled.take(row, until=self.clock.now() + 2 * SETTLE_SECONDS):
                await self._settle_safely(row)
                taken += 1
        return taken

    async def _settle_safely(self, row: ChangeRow) -> None:
        """Settle a change; one that cannot be settled must not keep the others from it, nor end the server."""
        try:
            await self._settle(row)
        except StorageFailed:
            raise
        except Exception as unforeseen:  # noqa: BLE001 - for instance a plan that another version wrote
            log.error("change %s cannot be settled: %s", row.id, type(unforeseen).__name__)  # noqa: TRY400 - class only
            outcome = Outcome("unknown", "The outcome is unknown, and the server could not check it.")
            await self._look_again(row, outcome)

    async def _settle(self, row: ChangeRow) -> None:
        plan = Change.of(row).plan
        work = Work(background_caller(row.principal), anyio.current_time() + SETTLE_SECONDS, bulk=True)
        if await self._may_remake(row, plan):
            await self._remake(row, plan, work)
        else:
            await self._look_again(row, await self._look_for_evidence(row, plan, work))

    async def _look_again(self, row: ChangeRow, outcome: Outcome) -> None:
        now = self.clock.now()
        next_at = None if outcome.state == "sent" or row.looks >= len(LOOKS) else now + LOOKS[row.looks]
        await self._record(row, outcome, now, next_at)

    async def _record(self, row: ChangeRow, outcome: Outcome, now: float, next_at: float | None) -> None:
        await self.unsettled.settle(
            row, outcome.state, outcome.as_json(), now=now, next_at=next_at, delivery_id=outcome.delivery_id
        )

    def _is_left_to_others(self, row: ChangeRow) -> bool:
        """Whether another process may still make again what this one, which may not write, could only look for."""
        try:
            return self.read_only and self._is_fresh(row) and Change.of(row).plan.can_be_remade
        except ValueError:  # a plan that cannot be read is nobody's to make
            return False

    def _is_fresh(self, row: ChangeRow) -> bool:
        return row.sending_at is not None and self.clock.now() - row.sending_at <= REMAKE_SECONDS

    async def _may_remake(self, row: ChangeRow, plan: Plan) -> bool:
        if self.read_only or not plan.can_be_remade or not self._is_fresh(row):
            return False
        return self.policy.rule_of(row.tool, plan) != "hide" and not await self.pauses.in_force()

    async def _remake(self, row: ChangeRow, plan: Plan, work: Work) -> None:
        with anyio.CancelScope(shield=True):
            outcome = await self.executor.carry_out(plan, work)
            if outcome.state == "failed":  # this time; the first request may have been carried out all the same
                outcome = await self._look_for_evidence(row, plan, work)
            now = self.clock.now()
            next_at = now + LOOKS[0] if outcome.state == "unknown" else None
            await self._record(row, outcome, now, next_at)
        if outcome.state == "sent" and await self.executor.confirmed(plan, outcome.refused, work):
            await self.journal.verify(row.id)

    async def _look_for_evidence(self, row: ChangeRow, plan: Plan, work: Work) -> Outcome:
        """Look for the effect; it is never called failed, since what is not there yet may still come."""
        try:
            evidence = await self._evidence_of(row, plan, work)
        except CioError:
            return Outcome("unknown", "The outcome is unknown. Customer.io could not be checked yet.")
        if len(evidence) == 1:
            delivery = evidence[0] if plan.trace and plan.trace.message else None
            name = await self._describe(plan, evidence[0], work)
            return Outcome(
                "sent", f"The response was lost, but exactly one match was found in Customer.io{name}.", delivery
            )
        if evidence:
            return Outcome(
                "unknown", f"The outcome is unknown. {len(evidence)} matches were found ({', '.join(evidence[:5])})."
            )
        return Outcome("unknown", "The outcome is unknown. No match has been found in Customer.io so far.")

    async def _describe(self, plan: Plan, effect: str, work: Work) -> str:
        if plan.trace is None:
            return ""
        try:
            name = await plan.trace.describe(self.executor.client.reader(work), effect)
        except CioError:
            return ""
        return f": {name}" if name else ""

    async def _evidence_of(self, row: ChangeRow, plan: Plan, work: Work) -> list[str]:
        if plan.job is not None:
            return ["job"] if await self.executor.jobs.has_started(plan.job) else []
        if plan.is_read_back:
            return ["profile"] if await self.executor.confirmed(plan, (), work) else []
        if plan.trace is None or row.sending_at is None:
            return ["resource"] if await is_written(plan, self.executor.client.reader(work)) else []
        before = set(json.loads(row.baseline)) if row.baseline else set()
        evidence = await plan.trace.find(self.executor.client.reader(work), row.sending_at)
        return [id_ for id_ in evidence if id_ not in before]
