"""`cio-mcp approvals`: a person decides about proposed changes, outside the client."""

import sys
import time

from cio_mcp.cli.approvals_live import NOTHING, paused, watch
from cio_mcp.cli.change_view import present
from cio_mcp.cli.common import SUMMARY, age, console, settings, with_database
from cio_mcp.cli.terminal import controlling_terminal, is_terminal
from cio_mcp.errors import NotFound, Refused
from cio_mcp.gate.change import change_of
from cio_mcp.gate.plan import Plan
from cio_mcp.storage import change_queries
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.engine import Database
from cio_mcp.storage.pauses import all_pauses
from cio_mcp.storage.rows import ChangeRow
from cio_mcp.text.sanitize import clean


def live_list() -> None:
    """Show what waits, live on a terminal; where input or output is none, once."""
    where = console()
    if is_terminal(sys.stdin) and is_terminal(sys.stdout) and not where.is_dumb_terminal and sys.platform != "win32":
        watch(where)
    else:
        list_waiting()


def list_waiting() -> None:
    """Print a line per change that waits for a decision, newest first."""
    page = with_database(lambda database: change_queries.pending(database, time.time()))
    where = console()
    for pause in with_database(all_pauses):
        where.print(paused(pause), soft_wrap=True)
    for row in page.rows:
        said = f"{row.id}  {age(row.planned_at)}  {row.workspace}  {row.tool}  {row.summary}"
        where.print(clean(said, SUMMARY), soft_wrap=True)
    if page.total > len(page.rows):
        where.print(f"and {page.total - len(page.rows)} older ones")
    if not page.rows:
        where.print(NOTHING)


def show(change: str, *, calls: bool) -> None:
    """Print a change in full, its requests folded unless `calls`.

    Raises:
        NotFound: there is none of that id.
    """
    present(console(), found(change), calls=calls)


def approve(change: str, *, calls: bool) -> None:
    """Show a change on the controlling terminal and record an approval if what is asked for is typed there.

    Raises:
        Refused: there is nobody at a terminal, something else was typed, or the change waits no longer.
        NotFound: there is none of that id.
    """
    with controlling_terminal() as terminal:
        row = _waiting(change)
        present(terminal.console, row, calls=calls)
        if not terminal.approved(Plan.model_validate_json(row.plan).typed):
            raise Refused("That was not it; nothing was approved, and the change still waits.")
        _decide(row)
        terminal.console.print("Approved. It counts once, within ten minutes, when the assistant calls again.")


def deny(change: str) -> None:
    """Record that a change shall not be made.

    Raises:
        Refused: the change waits no longer.
        NotFound: there is none of that id.
    """
    row = found(change)
    by, how = settings().local_principal, "a person said no in a shell"

    async def withdraw(database: Database) -> bool:
        return await Journal(database, row.workspace).withdraw(row.id, by=by, how=how, now=time.time())

    if not with_database(withdraw):
        raise _settled(row)
    console().print(f"Denied. Nothing of change {row.id} is sent.")


def found(change: str) -> ChangeRow:
    """The change of that id, in whatever workspace.

    Raises:
        NotFound: there is none.
    """
    row = with_database(lambda database: change_queries.find_change(database, change))
    if row is None:
        raise NotFound(f"There is no change {clean(change, 40)}; `cio-mcp approvals list` lists those that wait.")
    return row


def _decide(row: ChangeRow) -> None:
    by = settings().local_principal

    async def decide(database: Database) -> bool:
        journal = Journal(database, row.workspace)
        return await journal.decide(row, "approved", by=by, how="on a terminal", now=time.time())

    if not with_database(decide):
        raise _settled(found(row.id))


def _waiting(change: str) -> ChangeRow:
    row = found(change)
    if row.state != "planned" or row.expires_at <= time.time():
        raise _settled(row)
    return row


def _settled(row: ChangeRow) -> Refused:
    state = change_of(row, time.time()).state
    meanwhile = "has changed since it was shown; look again" if state == "planned" else f"is already {state}"
    return Refused(f"Change {row.id} {meanwhile}. Nothing was decided.")
