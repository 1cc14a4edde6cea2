"""Approvals: the only way to decide about a change, from a form, a terminal, or a policy.

An approval is for exactly what was shown: its requests, its plan and its question. A rejection declines the change as
it now is, even one that was approved elsewhere: it sends nothing, and a person who says no must not come too late.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cio_mcp.clock import Clock
from cio_mcp.errors import StorageFailed
from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import Plan
from cio_mcp.gate.policy import BY_POLICY
from cio_mcp.gate.rejections import REJECTION_SECONDS, Rejections, rejections_in
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.claims import CLOCK_SKEW_SECONDS
from cio_mcp.storage.decisions import REJECTED_IN_CLIENT, ApprovalPhrase, DeclinePhrase
from cio_mcp.storage.rows import ChangeSummary, Digests, StoredState
from cio_mcp.text.sanitize import without_unseen
from cio_mcp.text.visible import visible

APPROVAL_SECONDS = 600.0
"""How long an approval is valid, and how long a client may keep a question open."""
CALL_SECONDS = 10.0
"""How long a change that was approved in a client is left to its call, before any server carries it out."""
POLL_SECONDS = 0.25
"""How often a waiting call looks for a decision."""
MAX_DECISIONS = 50
"""Decisions that are read to count rejections. Chosen."""


@dataclass(frozen=True, slots=True)
class Approvals:
    """Decisions about the changes of one workspace."""

    journal: Journal
    clock: Clock

    async def approve(self, change: Change, *, by: str, how: ApprovalPhrase, confirmation: str | None = None) -> bool:
        """Approve what `change` shows; False if it is no longer open, has changed, or the confirmation is wrong."""
        if not confirms(change.plan, confirmation):
            return False
        return await self._approve(change, by=by, how=how)

    async def approve_by_policy(self, change: Change) -> bool:
        """Record that the policy file allows a change."""
        return await self._approve(change, by=BY_POLICY, how="allowed by the policy file")

    async def withdraw(self, change: Change, *, by: str, how: DeclinePhrase, acknowledged: bool = False) -> bool:
        """Decline a change, even one that was approved and not sent yet; `acknowledged` if its caller knows.

        False if it is no longer open.
        """
        now = self.clock.now()
        return await self.journal.withdraw(change.id, by=by, how=how, now=now, acknowledged=acknowledged)

    async def record_prompt(self, change: Change) -> None:
        """Record that a client has just been handed the question."""
        with before_sending():
            await self.journal.record_prompt(change.id, now=self.clock.now())

    async def answer(self, change: Change, *, approve: bool, confirmation: str | None, by: str) -> None:
        """Take the answer to a question that a client showed; a late or mistyped approval declines the change.

        A rejection also withdraws an approval that was given elsewhere and not used yet.
        """
        with before_sending():
            row = await self.journal.get(change.id)
            asked_at = row.asked_at if row else None
            in_time = asked_at is not None and -CLOCK_SKEW_SECONDS <= self.clock.now() - asked_at <= APPROVAL_SECONDS
            right = confirms(change.plan, confirmation)
            if approve and in_time and right:
                await self._approve(change, by=by, how="approved in the client", call_seconds=CALL_SECONDS)
                return
            how: DeclinePhrase = "the approval request expired"
            if not approve:
                how = REJECTED_IN_CLIENT
            elif not right:
                how = "the confirmation text did not match"
            await self.withdraw(change, by=by, how=how, acknowledged=True)

    async def rejections(self, tool: str, arguments_digest: str, plan: Plan) -> Rejections | None:
        """How often a person rejected an equal or similar plan in the last hour; None if never."""
        now = self.clock.now()
        decided = await self.journal.effects.decided(
            Digests(plan.effect, plan.target),
            tool,
            arguments_digest,
            since=now - REJECTION_SECONDS,
            until=now + CLOCK_SKEW_SECONDS,
            limit=MAX_DECISIONS,
        )
        return rejections_in(decided)

    async def wait(self, change: Change, seconds: float, *, state: StoredState = "planned") -> Change:
        """Wait for a decision outside the client, or until a change leaves another state; the change as it then is.

        It ends after so many seconds at most.
        """
        until = self.clock.steady() + seconds
        while change.state == state and self.clock.steady() < until:
            await self.clock.sleep(POLL_SECONDS)
            summary = await self.journal.summary(change.id)
            if summary is None or summary.state != state:
                return await self.current(change)
        return change

    async def due(self, tools: Collection[str]) -> Sequence[ChangeSummary]:
        """What people approved and no call has carried out yet, of some tools.

        What the policy allows belongs to its call: where that was canceled, nobody wants it any more.
        """
        now = self.clock.now()
        return await self.journal.approved.due(tools, since=now - APPROVAL_SECONDS, now=now, but_by=BY_POLICY)

    async def take(self, change: str, seconds: float) -> bool:
        """Take an approved change to carry it out, for so many seconds; False if another process was faster."""
        now = self.clock.now()
        return await self.journal.approved.take(change, now=now, until=now + seconds)

    async def current(self, change: Change) -> Change:
        """The change as the journal has it now."""
        row = await self.journal.get(change.id)
        return Change.of(row) if row else change

    async def _approve(
        self, change: Change, *, by: str, how: ApprovalPhrase, call_seconds: float | None = None
    ) -> bool:
        now = self.clock.now()
        return await self.journal.approve(
            change.row,
            by=by,
            how=how,
            now=now,
            until=now + APPROVAL_SECONDS,
            settle_at=now + call_seconds if call_seconds else None,
        )


@contextmanager
def before_sending() -> Iterator[None]:
    """Add to a failure of the database that nothing was sent, where that is certain."""
    try:
        yield
    except StorageFailed as failed:
        raise StorageFailed(f"{failed} Nothing was sent.") from failed


def confirms(plan: Plan, text: str | None) -> bool:
    """Whether a text is what must be typed to approve a plan; outer spaces do not count, nor case, except of an ID.

    It may be typed as it is or as the question spells it, where some signs are escapes or look-alikes.
    """
    if plan.confirmation is None:
        return True
    typed, wanted = (text or "").strip(), plan.confirmation.strip()
    if not plan.exact_case:
        typed, wanted = typed.casefold(), wanted.casefold()
    # What was copied out of a question may bring the marks that isolate its writing direction.
    return typed == wanted or without_unseen(typed) == visible(wanted)[1:-1]
