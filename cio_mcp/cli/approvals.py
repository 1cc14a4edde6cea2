"""`cio-mcp approvals`: a person decides about proposed changes, outside the client."""

import sys

from rich.text import Text

from cio_mcp.cli.approvals_live import details, heading, omission_note, pause_note, pending, select
from cio_mcp.cli.change_view import beside_label, present, with_hanging_indent
from cio_mcp.cli.common import MAX_SUMMARY_CHARACTERS, console, settings, storage_place, with_database
from cio_mcp.cli.terminal import Terminal, controlling_terminal, is_terminal
from cio_mcp.clock import SYSTEM_CLOCK
from cio_mcp.errors import NotFound, Refused
from cio_mcp.gate.approvals import Approvals
from cio_mcp.gate.change import Change
from cio_mcp.storage import change_queries
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.engine import Database
from cio_mcp.storage.pauses import all_pauses
from cio_mcp.text.sanitize import clean

NO_WINDOW = "`cio-mcp approvals` needs a terminal. `cio-mcp approvals list` prints the pending changes."
MISMATCH = "Code doesn't match. The change is still pending."
APPROVED = (
    "Approved. A running server applies it now; if none is running, the next start or call within ten minutes does."
)
APPROVED_SYNC = "Approved. The sync applies it if it waits; otherwise, run it again within ten minutes."
PROGRAM_COLUMNS = 1000
"""Columns if standard output is not a terminal: programs need no line breaks."""


def window() -> None:
    """Show the pending changes live; the person at the terminal selects one, reads it in full, and decides.

    Raises:
        Refused: there is no terminal that a person could read and type on.
    """
    with controlling_terminal(NO_WINDOW) as terminal:
        if terminal.console.is_dumb_terminal:
            raise Refused(NO_WINDOW)
        selected, notice = None, ""
        try:
            while row := select(terminal, selected, notice):
                selected, notice = row.id, _review(terminal, find_change(row.id))
        except KeyboardInterrupt:
            return


def list_waiting(*, limit: int) -> None:
    """Print the newest pending changes, and how many more there are."""
    page, where = with_database(pending), console(None if is_terminal(sys.stdout) else PROGRAM_COLUMNS)
    for pause in with_database(all_pauses):
        where.print(with_hanging_indent(Text(pause_note(pause)), where))
    where.print(with_hanging_indent(Text(heading(page.total) + (", newest first:" if page.rows else "")), where))
    for row in page.rows[:limit]:
        label = Text(f"{row.id}  ")
        where.print(beside_label(label, clean(row.summary, MAX_SUMMARY_CHARACTERS), where))
        where.print(beside_label(Text(" " * label.cell_len), details(row), where))
    if left_out := omission_note(page.rows[limit:], page.total - min(limit, len(page.rows))):
        where.print(with_hanging_indent(Text(f"{left_out}. --limit shows more."), where))


def show(change: str, *, calls: bool) -> None:
    """Print a change in full, its requests folded unless `calls`.

    Raises:
        NotFound: there is none of that id.
    """
    present(console(), find_change(change), calls=calls)


def approve(change: str, *, calls: bool) -> None:
    """Show a change on the controlling terminal and record an approval if the person types the code.

    Raises:
        Refused: there is no person at a terminal, the code was wrong, or the change is no longer pending.
        NotFound: there is none of that id.
    """
    with controlling_terminal() as terminal:
        proposal = _find_pending(change)
        present(terminal.console, proposal, calls=calls)
        answer = terminal.approval(proposal.plan)
        if answer.decision != "approve":
            raise Refused(MISMATCH)
        _approve(proposal, answer.confirmation)
        terminal.console.print(_what_follows(proposal))


def _what_follows(change: Change) -> str:
    """Who applies a change that was approved."""
    return APPROVED_SYNC if change.plan.sync is not None else APPROVED


def deny(change: str) -> None:
    """Record a denial, also of a change that was approved and not sent yet.

    Raises:
        Refused: the change waits no longer.
        NotFound: there is none of that id.
    """
    proposal = find_change(change)
    _deny(proposal)
    console().print(_denial_note(proposal))


def find_change(change: str) -> Change:
    """The change with this ID, in any workspace.

    Raises:
        NotFound: there is none.
    """
    row = with_database(lambda database: change_queries.find_change(database, change))
    if row is None:
        raise NotFound(f"There is no change {clean(change, 40)}. Data directory: {storage_place()}")
    return Change.of(row)


def _review(terminal: Terminal, change: Change) -> str:
    """Show a change in full and have it decided; the line that says what came of it."""
    present(terminal.console, change)
    # After a mistake the code is typed again at once; in the list, its letters would act as keys.
    while (answer := terminal.decision(change.plan)).decision == "mismatch":
        terminal.console.print(MISMATCH)
    try:
        match answer.decision:
            case "approve":
                _approve(change, answer.confirmation)
                return f"{change.id}: {_what_follows(change)}"
            case "deny":
                _deny(change)
                return _denial_note(change)
            case _:
                return ""
    except Refused as refused:
        return str(refused)


def _approve(change: Change, confirmation: str | None) -> None:
    by = settings().local_principal

    async def approve(database: Database) -> bool:
        approvals = Approvals(Journal(database, change.row.workspace), SYSTEM_CLOCK)
        return await approvals.approve(change, by=by, how="on a terminal", confirmation=confirmation)

    if not with_database(approve):
        raise _no_longer_pending(find_change(change.id))


def _deny(change: Change) -> None:
    by = settings().local_principal

    async def withdraw(database: Database) -> bool:
        approvals = Approvals(Journal(database, change.row.workspace), SYSTEM_CLOCK)
        return await approvals.withdraw(change, by=by, how="denied in a terminal")

    if not with_database(withdraw):
        raise _no_longer_pending(find_change(change.id))


def _denial_note(change: Change) -> str:
    return f"Denied change {change.id}. Nothing was sent."


def _find_pending(change: str) -> Change:
    proposal = find_change(change)
    if proposal.row.state_at(SYSTEM_CLOCK.now()) != "planned":
        raise _no_longer_pending(proposal)
    return proposal


def _no_longer_pending(change: Change) -> Refused:
    state = change.row.state_at(SYSTEM_CLOCK.now())
    meanwhile = "has changed since it was shown; review it again" if state == "planned" else f"is already {state}"
    return Refused(f"Change {change.id} {meanwhile}. Nothing was decided.")
