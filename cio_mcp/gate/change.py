"""A change: a row of the journal with the plan in it, parsed once."""

from dataclasses import dataclass, replace

from cio_mcp.gate.plan import Plan, parse_plan
from cio_mcp.gate.rejections import Rejections
from cio_mcp.storage.rows import ChangeRow, StoredState


@dataclass(frozen=True, slots=True)
class Change:
    """One proposed write, as everything above the storage handles it."""

    row: ChangeRow
    plan: Plan

    @classmethod
    def of(cls, row: ChangeRow) -> "Change":
        """Parse a row."""
        return cls(row, parse_plan(row.plan))

    def with_rejections(self, rejections: Rejections | None) -> "Change":
        """The change with the rejections that are known now."""
        return replace(self, plan=self.plan.model_copy(update={"rejections": rejections}))

    @property
    def id(self) -> str:
        """The id that people and assistants name it by."""
        return self.row.id

    @property
    def state(self) -> StoredState:
        """The state as stored; `row.state_at` knows which changes have expired."""
        return self.row.state

    @property
    def question(self) -> str:
        """The question as it was rendered, once."""
        return self.row.question
