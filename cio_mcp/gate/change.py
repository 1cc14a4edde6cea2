"""What the journal's rows mean: changes as people and assistants read them."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from cio_mcp.customerio.api.tracking import operations
from cio_mcp.errors import NotFound
from cio_mcp.gate.plan import Plan
from cio_mcp.gate.receipt import Receipt, Status
from cio_mcp.text.render import Answer
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.timestamps import moment

if TYPE_CHECKING:
    from cio_mcp.storage.journal import ChangeRow, Journal, State

ChangeState = Literal["planned", "approved", "declined", "expired", "sending", "sent", "failed", "unknown", "verified"]

MEANING: dict[ChangeState, tuple[Status, str]] = {
    "planned": (
        "approval_required",
        "A person must decide about this; nothing was sent yet. Ask them, then call again.",
    ),
    "approved": ("approval_required", "A person approved this; call again to have it made."),
    "declined": ("declined", "A person did not approve it; nothing was sent."),
    "expired": ("declined", "Nobody decided in time; nothing was sent."),
    "sending": ("unknown", "The request is under way or was interrupted; its outcome is not known yet."),
    "sent": ("done", "Done; accepted by Customer.io."),
    "failed": ("failed", "It failed; nothing was changed."),
    "unknown": (
        "unknown",
        "Customer.io's answer never came, so it may or may not have happened. It is not tried again.",
    ),
    "verified": ("done", "Done, and the new value was read back."),
}
"""Each state as a receipt's status and sentence."""

STORED: "dict[ChangeState, tuple[State, ...]]" = {
    "planned": ("planned",),
    "approved": ("approved",),
    "declined": ("declined",),
    "expired": ("planned", "approved"),
    "sending": ("sending",),
    "sent": ("sent",),
    "failed": ("failed",),
    "unknown": ("unknown",),
    "verified": ("verified",),
}
"""Each state as the journal stores it: an open change expires by the clock alone."""

UNSEEN = "Accepted by Customer.io, not yet visible when read back."


class Change(Answer):
    """One proposed write and what became of it."""

    id: str
    state: ChangeState
    tool: str
    risk: str
    summary: str
    at: datetime
    by: str
    decided_by: str | None = None
    decided: str | None = None
    result: str | None = None
    delivery_id: str | None = None
    find_out: str | None = None
    awaits_read_back: bool = False

    def lines(self) -> Iterable[str]:
        """One line: id, time, state, what."""
        yield f"{self.id}  {moment(self.at)}  {self.state}  {self.summary}"

    def receipt(self) -> Receipt:
        """The receipt for whoever asked for this change."""
        status, message = MEANING[self.state]
        if self.state == "sent" and self.awaits_read_back:
            message = UNSEEN
        if self.state == "declined" and self.decided:
            message = f"Nothing was sent: {self.decided}."
        return Receipt(
            status=status,
            message=f"{self.summary} {self.result or message}",
            change=self.id,
            at=self.at if status == "done" else None,
            delivery_id=self.delivery_id,
            verified={"verified": True, "sent": False}.get(self.state) if self.awaits_read_back else None,
            find_out=self.find_out if status in ("unknown", "done") else None,
        )


class Changes(Answer):
    """Changes, newest first."""

    changes: list[Change]
    has_more: bool = False

    def lines(self) -> Iterable[str]:
        """A line a change."""
        if not self.changes:
            yield "No changes."
        for change in self.changes:
            yield from change.lines()

    @classmethod
    async def read(
        cls, journal: "Journal", now: float, *, change: str | None, state: ChangeState | None, limit: int
    ) -> "Changes":
        """Read the journal.

        Raises:
            NotFound: there is no change of that id.
        """
        if change is not None:
            row = await journal.get(change)
            if row is None:
                raise NotFound(f"change: there is no change {quoted(change)}; list_changes without it lists them.")
            return cls(changes=[change_of(row, now)])
        rows = await journal.recent(states=STORED[state] if state else (), limit=limit + 1)
        found = [change for change in (change_of(row, now) for row in rows[:limit]) if state in (None, change.state)]
        return cls(changes=found, has_more=len(rows) > limit)


class Led(NamedTuple):
    """What a change led to, by which events name it: the delivery it became, or the event (ULID) it sent."""

    delivery: str | None
    event: str | None


def led_to(row: "ChangeRow") -> Led:
    """What a change led to, as far as it is known, and kept."""
    outcome = json.loads(row.outcome) if row.outcome else {}
    calls = Plan.model_validate_json(row.plan).calls
    events = [operation.id for call in calls for operation in operations(call) if operation.is_event]
    return Led(outcome.get("delivery_id"), events[0] if events else None)


def change_of(row: "ChangeRow", now: float) -> Change:
    """A journal row as people read it; an open one past its hour is expired."""
    open_still = row.state in ("planned", "approved")
    plan = Plan.model_validate_json(row.plan)
    outcome = json.loads(row.outcome) if row.outcome else {}
    return Change(
        id=row.id,
        state="expired" if open_still and row.expires_at <= now else row.state,
        tool=row.tool,
        risk=row.risk,
        summary=row.summary,
        at=datetime.fromtimestamp(row.finished_at or row.sending_at or row.decided_at or row.planned_at, UTC),
        by=row.principal,
        decided_by=row.decided_by,
        decided=row.decided_how,
        result=outcome.get("message"),
        delivery_id=outcome.get("delivery_id"),
        find_out=plan.find_out or None,
        awaits_read_back=plan.reads_back is not None,
    )
