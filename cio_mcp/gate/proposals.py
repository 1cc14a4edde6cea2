"""Proposals: whether a plan may wait for a decision, and its row in the journal."""

import secrets
from dataclasses import dataclass

import anyio.to_thread

from cio_mcp.customerio.canonical import FORM_VERSION
from cio_mcp.errors import Refused
from cio_mcp.gate import guardrails
from cio_mcp.gate.approvals import APPROVAL_SECONDS, Approvals
from cio_mcp.gate.change import Change
from cio_mcp.gate.duplicates import DUPLICATE_SECONDS, Duplicates, duplicate_receipt
from cio_mcp.gate.plan import Plan
from cio_mcp.gate.policy import Policy
from cio_mcp.gate.question import question_about
from cio_mcp.gate.receipt import Receipt, rejection_receipt, unneeded_receipt
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.rows import ChangeRow

OPEN_SECONDS = 3600.0
"""How long a proposed change waits for a decision."""
FORBIDDEN = "The operator of this server doesn't allow this kind of change. Nothing was sent."


@dataclass(frozen=True, slots=True)
class Proposals:
    """Turns plans into changes, for the gate of one workspace."""

    journal: Journal
    approvals: Approvals
    duplicates: Duplicates
    policy: Policy

    async def admit(self, tool: str, arguments_digest: str, planned: Plan, now: float) -> Plan | Receipt:
        """Examine a plan, and state first how often a person rejected the same; too often, and it is not proposed."""
        examined = await self.examine(tool, arguments_digest, planned, now)
        if isinstance(examined, Receipt):
            return examined
        rejections = await self.approvals.rejections(tool, arguments_digest, examined)
        if rejections is None:
            return examined
        if rejections.outside_until > now:
            return rejection_receipt(examined, rejections.refusal(now) or rejections.statement)
        notes = (rejections.statement, *examined.notes)
        return examined.model_copy(update={"rejections": rejections, "notes": notes})

    async def recall(self, row: ChangeRow, now: float) -> Change:
        """An open change, with the rejections since it was planned, unless a client may still show its question."""
        change = Change.of(row)
        prompted = row.asked_at is not None and now - row.asked_at <= APPROVAL_SECONDS
        if change.state != "planned" or prompted:
            return change
        return change.with_rejections(await self.approvals.rejections(row.tool, row.arguments_digest, change.plan))

    async def examine(self, tool: str, arguments_digest: str, planned: Plan, now: float) -> Plan | Receipt:
        """Refuse what no approval allows, answer what is settled, and add what must be typed and warned of."""
        # Off the event loop, like the row below: a plan may be a megabyte.
        await anyio.to_thread.run_sync(guardrails.check_plan, planned)
        if self.policy.rule_of(tool, planned) == "hide":
            raise Refused(FORBIDDEN)
        if not planned.is_needed:
            return unneeded_receipt(planned, await self.journal.applied(tool, arguments_digest))
        planned = planned.model_copy(update={"confirmation": self.policy.confirmation_of(planned)})
        return await self.duplicates.examine(planned, now)

    async def recall_removal(self, tool: str, arguments_digest: str, now: float) -> Receipt | None:
        """The receipt of a call that was repeated after it deleted or merged what it names; None for any other."""
        row = await self.journal.applied(tool, arguments_digest)
        if row is None or row.risk != "destroy" or now - (row.sending_at or 0.0) > DUPLICATE_SECONDS:
            return None
        return duplicate_receipt(row, now, can_repeat=False)

    def change(
        self,
        planned: Plan,
        principal: str,
        tool: str,
        arguments_digest: str,
        arguments_json: str | None,
        now: float,
        id_: str | None = None,
    ) -> Change:
        """A new change, or one that is planned again, with its question, which is rendered here only."""
        id_ = id_ or secrets.token_hex(4)
        question = question_about(planned, id_)
        planned = planned.model_copy(update={"fits_prompt": question.fits})
        row = ChangeRow(
            id=id_,
            workspace=self.journal.workspace,
            principal=principal,
            tool=tool,
            arguments_digest=arguments_digest,
            effect=planned.effect,
            target=planned.target,
            form=FORM_VERSION,
            arguments_json=arguments_json,
            repeat=bool(planned.repeat),
            state="planned",
            risk=planned.risk,
            summary=planned.summary,
            question=question.text,
            plan=planned.model_dump_json(),
            digest=planned.digest,
            planned_at=now,
            expires_at=now + OPEN_SECONDS,
            due_at=planned.due_at,
            event_id=planned.event_id,
            next_step=planned.next_step or None,
            reads_back=planned.is_read_back,
        )
        return Change(row, planned)
