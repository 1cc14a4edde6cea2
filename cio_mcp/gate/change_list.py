"""Lists of changes, as people and assistants read them; no plan is read for them."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

from cio_mcp.errors import InvalidArgument, NotFound
from cio_mcp.gate.receipt import AFTER_THAT, happened_at, result_of, scheduled_for
from cio_mcp.storage.change_queries import Place
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.rows import ChangePage, ChangeState, ChangeSummary
from cio_mcp.text.render import Answer
from cio_mcp.text.sanitize import quoted, word
from cio_mcp.text.timestamps import moment
from cio_mcp.text.untrusted import Prose

_CURSOR = re.compile(r"([0-9]{1,12}\.[0-9]{1,12})-([0-9a-f]{1,16})")
"""When the last change of a page was planned (Unix seconds), and its ID."""
HAPPENED: frozenset[ChangeState] = frozenset({"sending", "sent", "verified", "unknown"})
"""States in which something was or may have been sent, so that there is something to look for next."""


class ChangeLine(Answer):
    """One proposed write and its outcome."""

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
    next_step: Prose | None = None

    def lines(self) -> Iterable[str]:
        """One line: id, time, state, what; below it who proposed and decided it, and its outcome."""
        yield f"{self.id}  {moment(self.at)}  {self.state}  {self.summary}"
        decided = f"decided by {word(self.decided_by, 200)}" if self.decided_by else None
        how = f"{decided} {self.decided}" if decided and self.decided else decided or self.decided
        delivery = f"delivery {word(self.delivery_id, 200)}" if self.delivery_id else None
        facts = [f"  {self.tool} ({self.risk}) by {word(self.by, 200)}", how, delivery]
        yield ", ".join(filter(None, facts))
        if more := " ".join(filter(None, [self.result, self.next_step])):
            yield f"  {more}"

    @classmethod
    def of(cls, row: ChangeSummary, now: float) -> "ChangeLine":
        """Make a row readable; an open one past its hour is expired."""
        state = row.state_at(now)
        later = scheduled_for(row, now)
        next_step = AFTER_THAT if later else row.next_step
        return cls(
            id=row.id,
            state=state,
            tool=row.tool,
            risk=row.risk,
            summary=row.summary,
            at=happened_at(row),
            by=row.principal,
            decided_by=row.decided_by,
            decided=row.decided_how,
            result=f"Scheduled for {moment(later)}. Not sent yet." if later else result_of(row),
            delivery_id=row.delivery_id,
            next_step=next_step if state in HAPPENED else None,
        )


class ChangeList(Answer):
    """Changes, newest first."""

    changes: list[ChangeLine]
    has_more: bool = False
    cursor: str | None = None
    total: int

    def lines(self) -> Iterable[str]:
        """How many, then each."""
        yield f"{self.total} change{'' if self.total == 1 else 's'}" if self.changes else "No changes."
        for change in self.changes:
            yield from change.lines()
        if self.has_more:
            yield f"… more of {self.total:,}, older: cursor={self.cursor}"

    @classmethod
    async def read(
        cls,
        journal: Journal,
        now: float,
        *,
        change: str | None,
        state: ChangeState | None,
        limit: int,
        cursor: str | None,
    ) -> "ChangeList":
        """Read the journal.

        Raises:
            NotFound: there is no change of that id.
            InvalidArgument: the cursor is none of ours.
        """
        if change is None:
            place = _place_of(cursor) if cursor else None
            return cls.of(await journal.recent(state=state, limit=limit, now=now, after=place), now)
        row = await journal.summary(change)
        if row is None:
            raise NotFound(f"change: no change {quoted(change)}. Call list_changes without it for all changes.")
        return cls(changes=[ChangeLine.of(row, now)], total=1)

    @classmethod
    def of(cls, page: ChangePage, now: float) -> "ChangeList":
        """Make a page of the journal readable."""
        changes = [ChangeLine.of(row, now) for row in page.rows]
        cursor = f"{page.rows[-1].planned_at!r}-{page.rows[-1].id}" if page.has_more else None
        return cls(changes=changes, has_more=page.has_more, cursor=cursor, total=page.total)


def _place_of(cursor: str) -> Place:
    if not (match := _CURSOR.fullmatch(cursor)):
        raise InvalidArgument("cursor", "expected the cursor from the previous page, unchanged")
    return Place(float(match[1]), match[2])
