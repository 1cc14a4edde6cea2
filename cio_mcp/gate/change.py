"""What the journal's rows mean: changes as people and assistants read them."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from cio_mcp.errors import NotFound
from cio_mcp.gate.receipt import Receipt, Status
from cio_mcp.storage.rows import ChangePage, ChangeState, ChangeSummary
from cio_mcp.text.render import Answer
from cio_mcp.text.sanitize import quoted, word
from cio_mcp.text.timestamps import moment
from cio_mcp.text.untrusted import Prose

if TYPE_CHECKING:
    from cio_mcp.storage.changes import Journal

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

UNSEEN = "Accepted by Customer.io, not yet visible when read back."


class Change(Answer):
    """One proposed write and what became of it."""

    personal: ClassVar[bool] = True

    id: str
    state: ChangeState
    tool: str
    risk: str
    summary: Prose
    at: datetime
    by: str
    decided_by: str | None = None
    decided: str | None = None
    result: Prose | None = None
    delivery_id: str | None = None
    find_out: Prose | None = None
    awaits_read_back: bool = False

    def lines(self) -> Iterable[str]:
        """One line: id, time, state, what; below it who asked, who decided, and what became of it."""
        yield f"{self.id}  {moment(self.at)}  {self.state}  {self.summary}"
        decided = f"decided by {word(self.decided_by, 200)}" if self.decided_by else None
        how = f"{decided} {self.decided}" if decided and self.decided else decided or self.decided
        delivery = f"delivery {word(self.delivery_id, 200)}" if self.delivery_id else None
        facts = [f"  {self.tool} ({self.risk}) by {word(self.by, 200)}", how, delivery]
        yield ", ".join(filter(None, facts))
        if more := " ".join(filter(None, [self.result, self.find_out])):
            yield f"  {more}"

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
    total: int

    def lines(self) -> Iterable[str]:
        """How many, then each."""
        yield f"{self.total} change{'' if self.total == 1 else 's'}" if self.changes else "No changes."
        for change in self.changes:
            yield from change.lines()
        if self.has_more:
            yield f"… {self.total - len(self.changes)} older changes omitted"

    @classmethod
    async def read(
        cls, journal: "Journal", now: float, *, change: str | None, state: ChangeState | None, limit: int
    ) -> "Changes":
        """Read the journal.

        Raises:
            NotFound: there is no change of that id.
        """
        if change is not None:
            row = await journal.summary(change)
            if row is None:
                raise NotFound(f"change: there is no change {quoted(change)}; list_changes without it lists them.")
            return cls(changes=[change_of(row, now)], total=1)
        return cls.of(await journal.recent(state=state, limit=limit, now=now), now)

    @classmethod
    def of(cls, page: ChangePage, now: float) -> "Changes":
        """Make a page of the journal readable."""
        changes = [change_of(row, now) for row in page.rows]
        return cls(changes=changes, has_more=page.total > len(changes), total=page.total)


def change_of(row: ChangeSummary, now: float) -> Change:
    """Make a journal row readable; an open one past its hour is expired."""
    outcome = json.loads(row.outcome) if row.outcome else {}
    return Change(
        id=row.id,
        state=row.state_at(now),
        tool=row.tool,
        risk=row.risk,
        summary=row.summary,
        at=datetime.fromtimestamp(row.finished_at or row.sending_at or row.decided_at or row.planned_at, UTC),
        by=row.principal,
        decided_by=row.decided_by,
        decided=row.decided_how,
        result=outcome.get("message"),
        delivery_id=row.delivery_id,
        find_out=row.next_step,
        awaits_read_back=row.reads_back,
    )
