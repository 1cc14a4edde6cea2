"""The receipt: the outcome of a write, as its caller reads it."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import ClassVar, Literal

from pydantic import JsonValue

from cio_mcp.customerio.call import canonical
from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import Before
from cio_mcp.storage.rows import ChangeState, ChangeSummary
from cio_mcp.text.render import Answer
from cio_mcp.text.sanitize import quoted, shown
from cio_mcp.text.untrusted import Prose, UntrustedValue

Status = Literal["done", "already_done", "approval_required", "declined", "failed", "unknown"]

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
    "verified": ("done", "Done. The new values were read back."),
}
"""Each state as a receipt's status and sentence."""

NOT_YET_VISIBLE = "Done. Accepted by Customer.io, but not visible yet when read back."
MAX_EDITS = 50
"""Values that a receipt lists; no source. The journal has all."""


class Edit(Answer):
    """A value that was changed; nothing stands for a value that was not set."""

    name: str
    before: UntrustedValue | None = None
    after: UntrustedValue | None = None

    def lines(self) -> Iterable[str]:
        """One line."""
        before, after = ("(not set)" if value is None else shown(value) for value in (self.before, self.after))
        yield f"{quoted(self.name, 80)}: {before} → {after}"


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
    edits: tuple[Edit, ...] | None = None
    next_step: Prose | None = None

    @property
    def is_error(self) -> bool:
        """Whether a client should treat this as an error."""
        return self.status in ("failed", "unknown")

    def lines(self) -> Iterable[str]:
        """The message, what the person was warned of, the values, then what to do next."""
        yield self.message
        yield from (f"Warning: {warning}" for warning in self.warnings or ())
        for edit in self.edits or ():
            yield from (f"- {line}" for line in edit.lines())
        if self.delivery_id:
            yield f"Delivery {self.delivery_id}"
        if self.next_step:
            yield self.next_step
        if self.change:
            yield f"Change {self.change}"


def receipt_of(change: Change, now: float) -> Receipt:
    """The receipt of a change for its caller, who learns what the person who decided knew."""
    receipt = summary_receipt(change.row, now)
    plan = change.plan
    if receipt.status not in ("done", "unknown", "approval_required"):
        return receipt
    return receipt.model_copy(update={"warnings": plan.warnings or None, "edits": _edits(plan.edits)})


def summary_receipt(row: ChangeSummary, now: float) -> Receipt:
    """The receipt of a change of which the plan was not read."""
    state = row.state_at(now)
    status, message = MEANING[state]
    if state == "sent" and row.reads_back:
        message = NOT_YET_VISIBLE
    if state == "declined" and row.decided_how:
        message = f"Nothing was sent: {row.decided_how}."
    return Receipt(
        status=status,
        message=f"{row.summary} {result_of(row) or message}",
        change=row.id,
        at=happened_at(row) if status == "done" else None,
        delivery_id=row.delivery_id,
        verified={"verified": True, "sent": False}.get(state) if row.reads_back else None,
        next_step=row.next_step if status in ("unknown", "done") else None,
    )


def result_of(row: ChangeSummary) -> str | None:
    """The sentence that the execution left, if any."""
    outcome = json.loads(row.outcome) if row.outcome else {}
    message: str | None = outcome.get("message")
    return message


def happened_at(row: ChangeSummary) -> datetime:
    """When a change reached its state."""
    return datetime.fromtimestamp(row.finished_at or row.sending_at or row.decided_at or row.planned_at, UTC)


def _edits(edits: tuple[Before, ...]) -> tuple[Edit, ...] | None:
    return (
        tuple(Edit(name=each.name, before=_value(each.before), after=_value(each.after)) for each in edits[:MAX_EDITS])
        or None
    )


def _value(value: JsonValue) -> str | int | float | None:
    if value in (None, ""):
        return None
    return canonical(value) if isinstance(value, bool | list | dict) else value
