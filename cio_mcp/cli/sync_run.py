"""`cio-mcp sync` into Customer.io: rows become a job that goes through the gate, as any other change."""

import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import typer

from cio_mcp.cli.progress_bar import Show
from cio_mcp.cli.sync_end import End, Exit, Options
from cio_mcp.errors import Refused
from cio_mcp.gate.change import Change
from cio_mcp.gate.pause_note import pause_refusal
from cio_mcp.gate.plan import Plan, arguments_digest
from cio_mcp.gate.receipt import Receipt, Status
from cio_mcp.identity.callers import local_caller
from cio_mcp.jobs.progress import follow
from cio_mcp.jobs.sync_file import SegmentSource, Sync
from cio_mcp.jobs.sync_source import open_source
from cio_mcp.storage.jobs import JobRow
from cio_mcp.workspace import CallContext, Workspace

READ_SECONDS = 3600.0
"""Seconds in which all rows must be read. Chosen: a query of a warehouse may take minutes."""
MAKE_SECONDS = 120.0
"""Seconds in which a change must be made once it is approved; its job takes as long as it takes."""
LOOK_SECONDS = 5.0
"""Seconds between looks whether writes are paused while a job runs."""
WAITS = (
    "Waits for approval: change {0}. Nothing was sent. The next run continues once it is approved: "
    "cio-mcp approvals approve {0}"
)
WAITING = "Waits for approval: change {0}. To decide, run cio-mcp approvals approve {0}"
CODES: dict[Status, Exit] = {
    "done": Exit.DONE,
    "already_done": Exit.DONE,
    "partly_done": Exit.PARTLY,
    "started": Exit.PARTLY,
    "approval_required": Exit.WAITS,
    "declined": Exit.REJECTED,
    "failed": Exit.FAILED,
    "unknown": Exit.FAILED,
}


@dataclass(slots=True)
class Run:
    """One run of a sync into Customer.io, in a folder for copies of its rows."""

    opened: Workspace
    sync: Sync
    folder: Path
    options: Options
    show: Show
    stack: ExitStack = field(default_factory=ExitStack)
    file: Path | None = None
    """The file with the rows, once it was opened."""

    @property
    def tool(self) -> str:
        """How the journal names it."""
        return f"sync {self.sync.name}"

    @property
    def principal(self) -> str:
        """On whose behalf it runs."""
        return self.opened.settings.local_principal

    @property
    def key(self) -> str:
        """The key of its change and its job: there is one at a time."""
        return arguments_digest({"sync": self.sync.name})

    def acting(self, seconds: float) -> CallContext:
        """The workspace for work of so many seconds."""
        return self.opened.acting(local_caller(self.principal), max_wait=seconds)

    def path(self) -> Path:
        """The file with the rows; opens the source, which blocks.

        Raises:
            SettingError: it can't be read.
            InvalidArgument: there are no rows.
        """
        if self.file is None:
            source = self.sync.source
            if isinstance(source, SegmentSource):
                raise TypeError(self.sync.name)
            self.file = self.stack.enter_context(open_source(source, self.folder, sys.stdin.buffer))
        return self.file


class Direction(Protocol):
    """What differs between targets."""

    async def plan(self, run: Run) -> Plan:
        """Stage the rows that changed, or find them staged; a plan without a job if none did."""
        ...

    def counts(self, job: JobRow | None) -> str:
        """What a summary says of the rows, and of the job if one ran."""
        ...

    @property
    def rejected(self) -> tuple[str, ...]:
        """Rows that can't be sent, a line each."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person may not expect of the other rows, a line each."""
        ...

    async def complete(self, run: Run) -> None:
        """Tidy up after a run that sent all that changed."""
        ...


async def apply(run: Run, direction: Direction) -> End:
    """Propose what changed, and carry it out if the policy or a person allows it.

    Raises:
        CioError: the rows can't be read, or Customer.io or the database can't be used.
    """
    with run.stack:
        await _finish_earlier(run)
        gate, now = run.opened.gate, run.opened.gate.clock.now()
        if await gate.journal.open_for(run.principal, run.tool, run.key, now) is None:
            await _drop_waiting(run)
            planned = await direction.plan(run)
            if run.options.dry_run:
                if planned.job is not None:
                    await run.opened.staging.jobs.drop(planned.job.id)
                return _end(Exit.DONE, f"{direction.counts(None)} Nothing was sent (dry run).", direction)
            if not planned.is_needed:
                await direction.complete(run)
                return _end(Exit.DONE, f"{direction.counts(None)} Nothing was sent.", direction)
        elif run.options.dry_run:
            return End(Exit.DONE, "an earlier run still waits for approval. Nothing was sent (dry run).")
        change = await gate.propose(run.principal, run.tool, run.key, partial(direction.plan, run))
        receipt = change if isinstance(change, Receipt) else await _decide(run, change, direction)
        return await _ended(run, receipt, direction)


async def _decide(run: Run, change: Change, direction: Direction) -> Receipt:
    gate = run.opened.gate
    with gate.hold(change.id):
        if change.state == "planned" and run.options.wait:
            typer.echo(f"{run.sync.name}: {WAITING.format(change.id)}", err=True)
            change = await gate.approvals.wait(change, run.options.wait)
        if change.state == "planned":
            return Receipt(status="approval_required", message=WAITS.format(change.id), change=change.id)
        receipt = await gate.make(change, partial(direction.plan, run), run.acting(MAKE_SECONDS).reader.work)
    if receipt.status == "approval_required":  # what it rests on has changed
        return receipt.model_copy(update={"message": WAITS.format(change.id)})
    return receipt


async def _ended(run: Run, receipt: Receipt, direction: Direction) -> End:
    if receipt.job is None:
        return _end(CODES[receipt.status], receipt.message, direction)
    job = await _follow(run, receipt.job)
    if job is None or job.state != "completed":
        reason = f" {job.reason}" if job and job.reason else ""
        done = f"after {job.cursor:,} of {job.total:,} rows" if job else "before its end"
        return _end(Exit.FAILED, f"job {receipt.job} ended {done}.{reason} The next run sends the rest.", direction)
    await direction.complete(run)
    return _end(
        Exit.PARTLY if job.failed else Exit.DONE, f"{direction.counts(job)} Change {receipt.change}.", direction
    )


async def _finish_earlier(run: Run) -> None:
    """Bring to its end what a run started that was killed."""
    row = await run.opened.gate.journal.applied(run.tool, run.key)
    job = Change.of(row).plan.job if row else None
    if job is not None and not run.options.dry_run:
        await _follow(run, job.id)


async def _follow(run: Run, id_: str) -> JobRow | None:
    """Follow a job until it has ended.

    Raises:
        Refused: writes are paused, so that it goes on later.
    """
    jobs, pauses, clock = run.opened.staging.jobs, run.opened.gate.pauses, run.opened.gate.clock

    async def report(job: JobRow) -> None:
        run.show(job.cursor, job.total)

    while (job := await follow(jobs, id_, clock, LOOK_SECONDS, report)) is not None and job.state == "working":
        if pause := await pauses.in_force():
            raise Refused(f"{pause_refusal(pause)} Job {id_} goes on afterwards.")
    return job


async def _drop_waiting(run: Run) -> None:
    """Delete staged rows that nobody can approve any more."""
    jobs, now = run.opened.staging.jobs, run.opened.gate.clock.now()
    while (waiting := await jobs.waiting(run.principal, run.key, now=now)) is not None:
        await jobs.drop(waiting.id)


def _end(code: Exit, summary: str, direction: Direction) -> End:
    partly = code is Exit.DONE and direction.rejected
    warnings = (f"Warning: {warning}" for warning in direction.warnings)
    return End(Exit.PARTLY if partly else code, summary, (*direction.rejected, *warnings))
