"""`cio-mcp sync` of rows into a manual segment."""

from dataclasses import dataclass

import anyio.to_thread

from cio_mcp.cli.sync_run import READ_SECONDS, Run
from cio_mcp.gate.plan import Plan, SyncSize
from cio_mcp.jobs.sync_file import ManualSegment
from cio_mcp.storage.jobs import JobRow
from cio_mcp.text.counts import count_of
from cio_mcp.tools.common.people_list import read_list
from cio_mcp.tools.common.segment_members import refuse_dynamic
from cio_mcp.tools.common.segment_sync import Difference, difference, plan_sync
from cio_mcp.workspace import CallContext


@dataclass(slots=True)
class SegmentDirection:
    """Adds and removes members until a segment is equal to the rows."""

    target: ManualSegment
    found: Difference | None = None
    rejected: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    async def plan(self, run: Run) -> Plan:
        """Compare the segment with the rows; a plan without a job if they are equal.

        Raises:
            InvalidArgument: the rows name no customer, so that the segment would be emptied.
        """
        ws = run.acting(READ_SECONDS)
        segment = await ws.segments.find(self.target.segment)
        refuse_dynamic(segment, "sync")
        path = await anyio.to_thread.run_sync(run.path)
        people = await read_list(str(path), [path.parent], self.target.column, self.target.kind)
        self.found = await difference(ws, segment, people, field="rows")
        planned = await plan_sync(ws, self.found)
        self.rejected, self.warnings = planned.rejected_rows, planned.warnings
        return planned.model_copy(update={"sync": self._size(run, ws)})

    def counts(self, job: JobRow | None) -> str:
        """How many members there were, and how many people joined and left."""
        if self.found is None:
            return ""
        this = self.found.comparison
        rows = f"{count_of(self.found.people.rows, 'row')}, {count_of(this.members, 'member')}"
        rejected = f". Rows that name nobody: {len(self.found.rejected):,}" if self.found.rejected else ""
        verbs = ("to add", "to remove") if job is None else ("added", "removed")
        refused = f" Refused {job.failed:,}." if job and job.failed else ""
        return f"{rows}{rejected}. {len(this.added):,} {verbs[0]}, {len(this.removed):,} {verbs[1]}.{refused}"

    async def complete(self, run: Run) -> None:
        """Nothing is kept: the next run compares again."""

    def _size(self, run: Run, ws: CallContext) -> SyncSize | None:
        """How much it changes; None where the policy rests on the segment, so that only a person can allow it."""
        named = (ws.gate.policy.recipients.segment or "").strip()
        if self.found is None or named in (self.found.edits.segment.id, self.found.edits.segment.name.strip()):
            return None
        this = self.found.comparison
        changed = len(this.added) + len(this.removed)
        return SyncSize(name=run.sync.name, changed=changed, total=max(this.members, self.found.edits.after))
