"""Lists of changes, as people and assistants read them; no plan is read for them."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import ClassVar

from cio_mcp.errors import InvalidArgument, NotFound
from cio_mcp.gate.plan import arguments_digest
from cio_mcp.gate.receipt import AFTER_THAT, happened_at, result_of, scheduled_for
from cio_mcp.storage.change_queries import Place
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.rows import EFFECTIVE, ChangePage, ChangeState, ChangeSummary
from cio_mcp.text.render import Answer
from cio_mcp.text.sanitize import quoted, word
from cio_mcp.text.timestamps import moment
from cio_mcp.text.untrusted import Prose

_CURSOR = re.compile(r"([0-9]{1,12}\.[0-9]{1,12})-([0-9a-f]{1,16})")
"""When the last change of a page was planned (Unix seconds), and its ID."""
HAPPENED: frozenset[ChangeState] = frozenset({"sending", "sent", "verified", "unknown"})
"""States in which something was or may have been sent, so that there is something to look for next."""


SCOPE = "Changes through this server only: what is edited in Customer.io or by other systems isn't listed."
UNDO_TOOL = "undo_change"
"""The tool that undoes the change of its only argument."""


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
    undone_by: str | None = None
    next_step: Prose | None = None

    def lines(self) -> Iterable[str]:
        """One line: id, time, state, what; below it who proposed and decided it, and its outcome."""
        yield f"{self.id}  {moment(self.at)}  {self.state}  {self.summary}"
        decided = f"decided by {word(self.decided_by, 200)}" if self.decided_by else None
        how = f"{decided} ({self.decided})" if decided and self.decided else decided or self.decided
        delivery = f"delivery {word(self.delivery_id, 200)}" if self.delivery_id else None
        facts = [f"  {self.tool} ({self.risk}) by {word(self.by, 200)}", how, delivery]
        yield ", ".join(filter(None, facts))
        undo = f"Undone by change {self.undone_by}." if self.undone_by else None
        if more := " ".join(filter(None, [self.result, undo, self.next_step])):
            yield f"  {more}"

    @classmethod
    def of(cls, row: ChangeSummary, now: float, undone_by: str | None = None) -> "ChangeLine":
        """Make a row readable; an open one past its hour is expired. `undone_by` is the ID of another change."""
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
            undone_by=undone_by,
            next_step=next_step if state in HAPPENED else None,
        )


class ChangeList(Answer):
    """Changes, newest first."""

    changes: list[ChangeLine]
    has_more: bool = False
    cursor: str | None = None
    total: int
    scope: Prose = SCOPE

    def lines(self) -> Iterable[str]:
        """How many, then each."""
        yield f"{self.total} change{'' if self.total == 1 else 's'}" if self.changes else "No changes."
        for change in self.changes:
            yield from change.lines()
        if self.has_more:
            yield f"… more of {self.total:,}, older: cursor={self.cursor}"
        yield self.scope

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
            page = await journal.recent(state=state, limit=limit, now=now, after=place)
            return cls.of(page, now, await _undos(journal, page.rows))
        row = await journal.summary(change)
        if row is None:
            raise NotFound(f"change: no change {quoted(change)}. Call list_changes without it for all changes.")
        undos = await _undos(journal, [row])
        return cls(changes=[ChangeLine.of(row, now, undos.get(change))], total=1)

    @classmethod
    def of(cls, page: ChangePage, now: float, undos: Mapping[str, str] | None = None) -> "ChangeList":
        """Make a page of the journal readable; `undos` are the IDs of undos by those of the changes they undid."""
        changes = [ChangeLine.of(row, now, (undos or {}).get(row.id)) for row in page.rows]
        cursor = f"{page.rows[-1].planned_at!r}-{page.rows[-1].id}" if page.has_more else None
        return cls(changes=changes, has_more=page.has_more, cursor=cursor, total=page.total)


async def _undos(journal: Journal, rows: Iterable[ChangeSummary]) -> dict[str, str]:
    """The IDs of the changes that undid a change of `rows`, by its ID."""
    calls = {arguments_digest({"change": row.id}): row.id for row in rows if row.state in EFFECTIVE}
    undos = await journal.applied_calls(UNDO_TOOL, calls) if calls else {}
    return {calls[digest]: undo for digest, undo in undos.items()}


def _place_of(cursor: str) -> Place:
    if not (match := _CURSOR.fullmatch(cursor)):
        raise InvalidArgument("cursor", "expected the cursor from the previous page, unchanged")
    return Place(float(match[1]), match[2])
