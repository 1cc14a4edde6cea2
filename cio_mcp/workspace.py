"""A workspace, opened: client, gate and readers put together, without MCP."""

import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, partial

import anyio
from anyio.abc import TaskGroup
from pydantic import JsonValue

from cio_mcp.clock import SYSTEM_CLOCK, Clock
from cio_mcp.customerio.api.account import Account
from cio_mcp.customerio.api.broadcasts import Broadcasts
from cio_mcp.customerio.api.campaigns import Campaigns
from cio_mcp.customerio.api.collections import Collections
from cio_mcp.customerio.api.contents import Contents
from cio_mcp.customerio.api.exports import Exports
from cio_mcp.customerio.api.keys import KeyReport
from cio_mcp.customerio.api.messages import Messages
from cio_mcp.customerio.api.newsletters import Newsletters
from cio_mcp.customerio.api.objects import Objects
from cio_mcp.customerio.api.people import People
from cio_mcp.customerio.api.person_records import PersonRecords
from cio_mcp.customerio.api.segments import Segments
from cio_mcp.customerio.api.snippets import Snippets
from cio_mcp.customerio.api.suppressions import Suppressions
from cio_mcp.customerio.api.transactional import Transactional
from cio_mcp.customerio.api.triggers import Triggers
from cio_mcp.customerio.asgi_transport import AsgiTransport
from cio_mcp.customerio.caller import Caller, Work
from cio_mcp.customerio.client import Client, Reader
from cio_mcp.customerio.ratelimit.guard import Guard, guard_for
from cio_mcp.customerio.ratelimit.limiter import Limiter
from cio_mcp.customerio.ratelimit.rates import LANES
from cio_mcp.customerio.simulated import SimulatedApi
from cio_mcp.customerio.writer import Writer
from cio_mcp.events.log import EventLog
from cio_mcp.gate.executor import Executor
from cio_mcp.gate.job_spec import JobStarter
from cio_mcp.gate.policy import Policy
from cio_mcp.gate.policy_file import policy_of
from cio_mcp.gate.reconciliation import Reconciler
from cio_mcp.gate.retention import Retention
from cio_mcp.gate.service import Gate
from cio_mcp.jobs import membership, sync_upload
from cio_mcp.jobs.job import JobFunction
from cio_mcp.jobs.lookups import Lookups
from cio_mcp.jobs.runner import Runner
from cio_mcp.jobs.staging import Staging
from cio_mcp.jobs.upload import Upload
from cio_mcp.outbound.downloads import Downloads
from cio_mcp.settings import Settings
from cio_mcp.storage.change_queues import UnsettledChanges
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.engine import Database
from cio_mcp.storage.job_rows import RowSource
from cio_mcp.storage.jobs import JobRow, Jobs
from cio_mcp.storage.limiter_state import open_limiter_store
from cio_mcp.storage.pauses import Pauses
from cio_mcp.storage.sync_rows import SyncRows
from cio_mcp.text.timestamps import from_unix

Progress = Callable[[float, float | None, str | None], Awaitable[None]]
"""Reports the progress of a call: the amount done, the total, and a message."""

SWITCH_SECONDS = 0.001
"""Seconds for which a thread that computes, such as one of a job, keeps the event loop waiting. Python's own 5 ms may
come on top of each step of a request."""
ANSWER_SECONDS = 1.0
"""Seconds of a call that are kept for the answer."""
IN_PROCESS_SPREAD_SECONDS = 0.05
"""Seconds that arrivals may spread where server and sandbox share one event loop: a full collection of garbage."""
REMOTE_URL = "https://api.customer.io"


@dataclass(frozen=True)
class CallContext:
    """The workspace as one caller sees it during one call: every read counts for them and ends in time.

    `tasks` are the workspace's: work started there may continue after the call, and ends with the workspace.
    """

    settings: Settings
    reader: Reader
    gate: Gate
    events: EventLog
    tasks: TaskGroup
    staging: Staging
    lookups: Lookups
    progress: Progress | None = None
    keys: KeyReport = field(default_factory=KeyReport)
    simulated: bool = False

    @property
    def caller(self) -> Caller:
        """The caller on whose behalf the call is made."""
        return self.reader.work.caller

    @property
    def jobs(self) -> Jobs:
        """The jobs of the workspace."""
        return self.staging.jobs

    @property
    def clock(self) -> Clock:
        """The workspace's clock."""
        return self.gate.clock

    @property
    def now(self) -> datetime:
        """The current time (UTC), to the second."""
        return from_unix(int(self.clock.now()))

    @property
    def seconds_left(self) -> float:
        """Seconds that the call may still wait; a second more is kept for the answer."""
        return max(0.0, self.reader.work.deadline - self.reader.client.steady() - ANSWER_SECONDS)

    async def stage(self, kind: str, key: str, options: Mapping[str, JsonValue], source: RowSource) -> JobRow:
        """Stage the rows of a job, or find the job of this caller that waits under the same `key`.

        `kind` picks the job's function. The key must differ for calls with other arguments or other files.

        Raises:
            UserError: the rows cannot be read.
            Refused: too many calls stage rows.
            Unavailable: the call's time is over before all are read; the next call finds them.
        """
        return await self.staging.stage(self.caller.id, kind, key, options, source, self.seconds_left)

    def until(self, end: float) -> "CallContext":
        """The same call with reads that end by `end`, in seconds of `anyio.current_time()`, if not earlier."""
        work = replace(self.reader.work, deadline=min(self.reader.work.deadline, end))
        return replace(self, reader=replace(self.reader, work=work))

    @cached_property
    def people(self) -> People:
        """Reads of people."""
        return People(self.reader)

    @cached_property
    def person_records(self) -> PersonRecords:
        """Reads of what belongs to one person: segments, messages, activities, subscriptions, related objects."""
        return PersonRecords(self.reader)

    @cached_property
    def objects(self) -> Objects:
        """Reads of objects."""
        return Objects(self.reader)

    @cached_property
    def segments(self) -> Segments:
        """Reads of segments."""
        return Segments(self.reader)

    @cached_property
    def campaigns(self) -> Campaigns:
        """Reads of campaigns."""
        return Campaigns(self.reader)

    @cached_property
    def broadcasts(self) -> Broadcasts:
        """Reads of API-triggered broadcasts."""
        return Broadcasts(self.reader)

    @cached_property
    def newsletters(self) -> Newsletters:
        """Reads of newsletters."""
        return Newsletters(self.reader)

    @cached_property
    def transactional(self) -> Transactional:
        """Reads of transactional messages."""
        return Transactional(self.reader)

    @cached_property
    def contents(self) -> Contents:
        """Reads of single contents."""
        return Contents(self.reader)

    @cached_property
    def snippets(self) -> Snippets:
        """Reads of snippets."""
        return Snippets(self.reader)

    @cached_property
    def collections(self) -> Collections:
        """Reads of collections."""
        return Collections(self.reader)

    @cached_property
    def triggers(self) -> Triggers:
        """Reads of the triggers of broadcasts."""
        return Triggers(self.reader)

    @cached_property
    def suppressions(self) -> Suppressions:
        """Reads of the addresses that the email provider suppresses."""
        return Suppressions(self.reader)

    @cached_property
    def messages(self) -> Messages:
        """Reads of deliveries."""
        return Messages(self.reader)

    @cached_property
    def exports(self) -> Exports:
        """Reads of exports."""
        return Exports(self.reader)

    @cached_property
    def downloads(self) -> Downloads:
        """Downloads of files that Customer.io links to."""
        return Downloads(self.reader.client.transport, self.settings.app_url)

    @cached_property
    def account(self) -> Account:
        """Reads of the account: workspaces, senders, and topics."""
        return Account(self.reader)


@dataclass(frozen=True)
class Workspace:
    """An open workspace, shared by all calls."""

    settings: Settings
    client: Client
    gate: Gate
    events: EventLog
    tasks: TaskGroup
    staging: Staging
    lookups: Lookups
    sync_rows: SyncRows
    keys: KeyReport = field(default_factory=KeyReport)
    """Whether Customer.io accepts the keys, once `check_keys` has run."""
    simulated: bool = False
    """Whether it is the sandbox in this process, which reports events without any setup."""

    async def check_keys(self) -> None:
        """Check each key with one read; the result is in `keys`."""
        await self.keys.fill(self.client, self.settings)

    def acting(self, caller: Caller, *, max_wait: float | None = None) -> CallContext:
        """The workspace for one call of `caller`, which may take `max_wait` seconds (default: the setting)."""
        deadline = anyio.current_time() + (self.settings.max_wait if max_wait is None else max_wait)
        reader = self.client.reader(Work(caller, deadline))
        return CallContext(
            self.settings,
            reader,
            self.gate,
            self.events,
            self.tasks,
            self.staging,
            self.lookups,
            keys=self.keys,
            simulated=self.simulated,
        )


@asynccontextmanager
async def open_workspace(
    settings: Settings,
    *,
    sandbox: SimulatedApi | None = None,
    policy: Policy | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> AsyncIterator[Workspace]:
    """Open a workspace, all of whose parts go by `clock`; with `sandbox` (already entered) requests stay in process.

    Raises:
        SettingError: no `policy` is given, and the settings' file of it is wrong.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    key, policy = settings.workspace_key, policy or policy_of(settings)
    limiter_store = open_limiter_store(settings.storage_url)
    database = Database(settings.storage_url)
    limiter = Limiter(
        limiter_store,
        LANES,
        workspace=key,
        headroom=settings.headroom,
        guard=Guard(IN_PROCESS_SPREAD_SECONDS) if sandbox else guard_for(settings.app_url or REMOTE_URL),
        clock=clock,
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        stack.callback(limiter_store.close)
        transport = AsgiTransport(sandbox.app, drops=sandbox.drops) if sandbox else None
        client = await stack.enter_async_context(Client(settings, limiter, transport=transport, clock=clock))
        jobs, writer = Jobs(database, key), Writer(client)
        journal, pauses = Journal(database, key), Pauses(database, key)
        may_write = partial(_may_write, pauses)
        sync_rows = SyncRows(database, key)
        functions = job_functions(writer, sync_rows, settings)
        runner = Runner(
            jobs, functions, may_write, clock, secrets.token_hex(8), one_at_a_time=frozenset({membership.KIND})
        )
        executor = Executor(writer, client, clock.sleep, JobStarter(jobs, clock, runner.look))
        gate = Gate(journal, pauses, executor, clock, policy)
        reconciler = Reconciler(
            journal, UnsettledChanges(database, key), pauses, executor, clock, policy, read_only=settings.read_only
        )
        tasks = await stack.enter_async_context(anyio.create_task_group())
        stack.callback(tasks.cancel_scope.cancel)
        tasks.start_soon(reconciler.run)
        tasks.start_soon(Retention(database, clock).run)
        if not settings.read_only:
            tasks.start_soon(runner.run)
        feed = EventLog(database, key, clock)
        stack.push_async_callback(feed.close)
        tasks.start_soon(feed.keep, settings.event_days, settings.event_rows)
        staging = Staging(jobs, tasks, clock)
        yield Workspace(
            settings, client, gate, feed, tasks, staging, Lookups(clock), sync_rows, simulated=sandbox is not None
        )


def job_functions(writer: Writer, sync_rows: SyncRows, settings: Settings) -> dict[str, JobFunction]:
    """The functions of jobs by kind, as far as there are keys for them."""
    if not settings.has_track:
        return {}
    upload = Upload(writer)
    return {
        "import_customers": upload,
        "import_events": upload,
        membership.KIND: membership.ChangeMembers(writer),
        sync_upload.KIND: sync_upload.SyncUpload(upload, sync_rows),
    }


async def _may_write(pauses: Pauses) -> bool:
    return await pauses.in_force() is None
