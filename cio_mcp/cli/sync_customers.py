"""`cio-mcp sync` of rows into attributes of customers."""

from dataclasses import dataclass, field
from functools import partial
from secrets import token_hex

import anyio.to_thread

from cio_mcp.cli.sync_run import READ_SECONDS, Run
from cio_mcp.customerio.batches import Operation
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.plan import Plan, SyncSize
from cio_mcp.jobs.columns import Columns
from cio_mcp.jobs.files import fingerprint, holds_text, open_rows
from cio_mcp.jobs.import_rows import CustomerRows
from cio_mcp.jobs.imports import ImportSource
from cio_mcp.jobs.sync_file import Customers
from cio_mcp.jobs.sync_upload import KIND
from cio_mcp.storage.jobs import JobRow
from cio_mcp.storage.sync_rows import KnownRows, SyncRow
from cio_mcp.text.counts import count_of
from cio_mcp.text.lists import join_first
from cio_mcp.tools.bulk.import_customers import plan_import
from cio_mcp.tools.bulk.report import Report
from cio_mcp.workspace import CallContext


@dataclass(slots=True)
class CustomersDirection:
    """Sends the rows that are not as they were sent last."""

    target: Customers
    report: Report | None = None
    warnings: tuple[str, ...] = ()
    known: KnownRows = field(default_factory=KnownRows)

    async def plan(self, run: Run) -> Plan:
        """Stage the rows that changed, or find them staged; a plan without a job if none did."""
        ws = run.acting(READ_SECONDS)
        job = await ws.jobs.waiting(ws.caller.id, run.key, now=ws.clock.now()) or await self._stage(run, ws)
        self.report = report = Report.model_validate(job.report)
        if not report.accepted:
            await ws.jobs.drop(job.id)
            if not report.unchanged and not report.left_out:
                listed = join_first(report.rejected_rows, 3, separator="; ")
                raise InvalidArgument("rows", f"no row can be sent: {listed or 'there are none'}")
            return Plan(risk="data", summary=f"Sync {run.sync.name}: no row has changed.", affected=0)
        planned = await plan_import(ws, job, report, create=self.target.create, where=f" (sync {run.sync.name})")
        self.warnings = planned.warnings[bool(report.rejected) :]  # the first counts the rejected rows
        size = SyncSize(
            name=run.sync.name,
            changed=report.accepted,
            total=report.accepted + report.unchanged,
            creates=self.target.create,
            reaches=bool(report.reaching) or not ws.settings.has_app,
        )
        return planned.model_copy(update={"sync": size})

    def counts(self, job: JobRow | None) -> str:
        """How many rows there are, and how many of them changed, were sent, and were refused."""
        if self.report is None:
            return ""
        rejected = f", {self.report.rejected:,} can't be sent" if self.report.rejected else ""
        rows = f"{count_of(self.report.rows, 'row')}, {self.report.accepted:,} changed{rejected}."
        return rows if job is None else f"{rows} Sent {job.total - job.failed:,}, refused {job.failed:,}."

    @property
    def rejected(self) -> tuple[str, ...]:
        """Rows that can't be sent, a line each."""
        return self.report.rejected_rows if self.report else ()

    async def complete(self, run: Run) -> None:
        """Forget rows that are no longer there, so that they are sent if they come back."""
        await run.opened.sync_rows.forget(run.sync.name, self.known.unseen())

    async def _stage(self, run: Run, ws: CallContext) -> JobRow:
        if not run.options.everything:
            self.known = await run.opened.sync_rows.known(run.sync.name)
        path = await anyio.to_thread.run_sync(run.path)
        found = await anyio.to_thread.run_sync(fingerprint, str(path), [path.parent])
        source = ImportSource(
            partial(open_rows, str(path), [path.parent], found),
            Columns("customers", self.target.columns),
            partial(CustomerRows, create=self.target.create),
            is_text=_is_text(run),
            seed=token_hex(8),
            now=ws.clock.now(),
            is_known=self._is_known,
        )
        return await ws.stage(KIND, run.key, {"sync": run.sync.name, "create": self.target.create}, source)

    def _is_known(self, operation: Operation) -> bool:
        return self.known.has(SyncRow.of(operation))


def _is_text(run: Run) -> bool:
    source = run.sync.source
    return source == "csv" or (not isinstance(source, str) and holds_text(str(source)))
