"""The reconciler of an open workspace, for tests that settle changes by their own clock."""

from cio_mcp.clock import Clock
from cio_mcp.gate.executor import Executor
from cio_mcp.gate.reconciliation import Reconciler
from cio_mcp.storage.change_queues import UnsettledChanges
from cio_mcp.workspace import Workspace


def reconciler_of(opened: Workspace, clock: Clock, executor: Executor | None = None) -> Reconciler:
    journal = opened.gate.journal
    unsettled = UnsettledChanges(opened.events.database, journal.workspace)
    return Reconciler(journal, unsettled, opened.gate.pauses, executor or opened.gate.executor, clock)
