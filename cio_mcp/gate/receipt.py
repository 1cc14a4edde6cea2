"""The receipt: the outcome of a write, as its caller reads it."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic.json_schema import SkipJsonSchema

from cio_mcp.gate.change import Change
from cio_mcp.gate.person_results import Edit, PersonOutcome, PersonResult, counts_of, edits_of, not_listed, results_of
from cio_mcp.gate.plan import Plan
from cio_mcp.storage.rows import EFFECTIVE, ChangeState, ChangeSummary
from cio_mcp.text.render import Answer
from cio_mcp.text.timestamps import from_unix, moment
from cio_mcp.text.untrusted import Prose

Status = Literal["done", "partly_done", "already_done", "started", "approval_required", "declined", "failed", "unknown"]

WAITING = (
    "Approval required. Nothing was sent. Ask the user to approve it in cio-mcp on their computer; a yes in this chat "
    "doesn't count. It is applied once approved: call again with the same arguments then to get the outcome."
)
MEANING: dict[ChangeState, tuple[Status, str]] = {
    "planned": (
        "approval_required",
        WAITING,
    ),
    "approved": (
        "approval_required",
        "Approved, not applied yet. Call again with the same arguments to get the outcome.",
    ),
    "declined": ("declined", "Declined. Nothing was sent."),
    "expired": ("declined", "The approval request expired. Nothing was sent."),
    "sending": ("unknown", "In progress or interrupted. The outcome is unknown."),
    "sent": ("done", "Done. Accepted by Customer.io."),
    "failed": ("failed", "Failed. Nothing was changed."),
    "unknown": ("unknown", "The outcome is unknown: Customer.io's response was lost. It won't be retried."),
    "verified": ("done", "Done. The result was read back."),
}
"""Each state as a receipt's status and sentence."""

NO_RETRY = "Don't propose it again unless the user asks."
AFTER_THAT = "After that time, check with get_message."
NOT_YET_VISIBLE = "Done. Accepted by Customer.io, but not visible yet when read back."


class Receipt(Answer):
    """The outcome of a write; `failed` and `unknown` are errors, with the full receipt all the same."""

    personal: ClassVar[bool] = True

    status: Status
    message: Prose
    change: str | None = None
    at: datetime | None = None
    delivery_id: str | None = None
    verified: bool | None = None
    warnings: tuple[Prose, ...] | None = None
    next_step: Prose | None = None
    created_id: str | None = None
    scheduled_for: Annotated[datetime | None, SkipJsonSchema()] = None
    """When a scheduled send goes out; not in the output schema, which every write tool repeats."""
    job: Annotated[str | None, SkipJsonSchema()] = None
    """The job that it started; in the output schema of a `JobReceipt` only."""

    @property
    def is_error(self) -> bool:
        """Whether a client should treat this as an error."""
        return self.status in ("failed", "unknown")

    def lines(self) -> Iterable[str]:
        """The message, what the person was warned of, the values, then what to do next."""
        yield self.message
        yield from (f"Warning: {warning}" for warning in self.warnings or ())
        yield from (f"- {line}" for line in self._values())
        if self.delivery_id:
            yield f"Delivery {self.delivery_id}"
        if self.next_step:
            yield self.next_step
        if self.change:
            yield f"Change {self.change}"

    def _values(self) -> Iterable[str]:
        return ()


class JobReceipt(Receipt):
    """The outcome of a write that starts a job, which goes on after the call."""

    job: str | None = None


class EditReceipt(Receipt):
    """The outcome of a write that edits profiles: the values, and of several people what became of each."""

    people: tuple[PersonResult, ...] | None = None
    edits: tuple[Edit, ...] | None = None

    def _values(self) -> Iterable[str]:
        """The values that changed; of several people a line each, with their own."""
        for person in self.people or ():
            own = [str(edit) for edit in self.edits or () if edit.customer == person.customer]
            yield "; ".join([str(person), *own])
        if not self.people:
            yield from map(str, self.edits or ())


OUTCOMES: dict[Status, PersonOutcome] = {
    "done": "updated", "partly_done": "updated", "failed": "failed", "unknown": "unknown",
    "approval_required": "pending",
}  # fmt: skip
"""What a receipt's status means for each of several people; none where nothing was sent by decision."""


def receipt_of(change: Change, now: float) -> Receipt:
    """The receipt of a change for its caller, who learns what the person who decided knew."""
    plan = change.plan
    if refused := prompt_refusal(change, now):
        return rejection_receipt(plan, refused, change.id)
    receipt = summary_receipt(change.row, now)
    outcome = OUTCOMES.get(receipt.status)
    people = tuple(results_of(plan, outcome, outcome_of(change.row).get("refused", {}))) if outcome else ()
    if people:
        message = f"{receipt.message} {counts_of(people)}"
        receipt = EditReceipt(**dict(receipt) | {"people": people, "message": message})
    if receipt.status == "failed" or outcome is None:
        return receipt
    receipt = receipt.model_copy(update={"warnings": (*plan.missing_data, *plan.warnings) or None})
    if not (edits := edits_of(plan)):
        return receipt
    return EditReceipt(**dict(receipt) | {"edits": edits, "message": f"{receipt.message}{not_listed(plan)}"})


def prompt_refusal(change: Change, now: float) -> str | None:
    """Why no client is prompted for an open change: a person rejected it too often. None where one may be."""
    rejections = change.plan.rejections if change.row.state_at(now) == "planned" else None
    return rejections.refusal(now) if rejections else None


def rejection_receipt(plan: Plan, refusal: str, change: str | None = None) -> Receipt:
    """The receipt of a plan that a person rejected too often; `change` waits outside the client."""
    return Receipt(status="declined", message=f"{plan.summary} {refusal}", change=change, next_step=NO_RETRY)


def unneeded_receipt(plan: Plan, earlier: ChangeSummary | None) -> Receipt:
    """The receipt of a plan that asks for nothing: all is so already, maybe by the change `earlier`."""
    people = tuple(results_of(plan, "no change needed", {}))
    made = f" Change {earlier.id} did this at {moment(happened_at(earlier))}." if earlier else ""
    return EditReceipt(
        status="already_done",
        message=f"{plan.summary} No change needed.{made}{f' {plan.settled}' if plan.settled else ''}",
        people=people or None,
        change=earlier.id if earlier else None,
        at=happened_at(earlier) if earlier else None,
    )


def summary_receipt(row: ChangeSummary, now: float) -> Receipt:
    """The receipt of a change of which the plan was not read."""
    state = row.state_at(now)
    status, message = MEANING[state]
    if status == "done" and outcome_of(row).get("refused"):
        status = "partly_done"
    if state == "sent" and row.reads_back:
        message = NOT_YET_VISIBLE
    if state == "declined" and row.decided_how:
        message = f"Nothing was sent: {row.decided_how}."
    if later := scheduled_for(row, now):
        message = f"Scheduled for {moment(later)}. Not sent yet."
    next_step = AFTER_THAT if later else _next_step(row, state)
    return Receipt(
        status=status,
        message=f"{row.summary} {result_of(row) or message}",
        change=row.id,
        at=happened_at(row) if status in ("done", "partly_done") else None,
        delivery_id=row.delivery_id,
        created_id=outcome_of(row).get("created"),
        verified={"verified": True, "sent": False}.get(state) if row.reads_back else None,
        scheduled_for=later,
        next_step=next_step,
    )


def _next_step(row: ChangeSummary, state: ChangeState) -> str | None:
    if state == "planned":
        return f"It waits for {round((row.expires_at - row.planned_at) / 60)} minutes."
    if state == "declined":
        return NO_RETRY if row.rejected else None
    return row.next_step if MEANING[state][0] in ("unknown", "done") else None


def scheduled_for(row: ChangeSummary, now: float) -> datetime | None:
    """When an accepted send goes out, while that is still to come."""
    if row.state in EFFECTIVE and row.due_at is not None and row.due_at > now:
        return from_unix(int(row.due_at))
    return None


def result_of(row: ChangeSummary) -> str | None:
    """The sentence that the execution left, if any."""
    message: str | None = outcome_of(row).get("message")
    return message


def outcome_of(row: ChangeSummary) -> dict[str, Any]:
    """What the execution left: a sentence, and the operations of a batch that were refused."""
    outcome: dict[str, Any] = json.loads(row.outcome) if row.outcome else {}
    return outcome


def happened_at(row: ChangeSummary) -> datetime:
    """When a change reached its state; a declined one when it was declined, not when its caller learned of it."""
    if row.state == "declined" and row.decided_at:
        return datetime.fromtimestamp(row.decided_at, UTC)
    return datetime.fromtimestamp(row.finished_at or row.sending_at or row.decided_at or row.planned_at, UTC)
