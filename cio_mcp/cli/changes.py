"""`cio-mcp changes`: proposed changes and their outcomes."""

import json
import sys

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cio_mcp.cli.approvals import find_change
from cio_mcp.cli.change_view import beside_label, present, with_hanging_indent
from cio_mcp.cli.common import MAX_SUMMARY_CHARACTERS, console, settings, storage_place, with_database
from cio_mcp.cli.terminal import is_terminal
from cio_mcp.clock import SYSTEM_CLOCK
from cio_mcp.gate.change_list import ChangeLine, ChangeList
from cio_mcp.gate.retention import Retention
from cio_mcp.storage import change_queries
from cio_mcp.storage.engine import Database
from cio_mcp.storage.rows import ChangePage, ChangeState
from cio_mcp.text.render import render
from cio_mcp.text.sanitize import clean
from cio_mcp.text.timestamps import moment

PROGRAM_COLUMNS = 200
"""Columns if standard output is not a terminal: programs need no line breaks."""
TABLE_COLUMNS = 140
"""Columns that a table needs; on a narrower terminal each change takes some lines."""
INDENT_COLUMNS = 10
"""Columns before the lines that follow a change's id."""
RETENTION_STEPS = 5
"""Steps of retention that one look at the changes may take."""


def list_changes(*, state: ChangeState | None, limit: int, as_json: bool) -> None:
    """Print the newest changes of every workspace in the database, as a table or as JSON."""
    now = SYSTEM_CLOCK.now()

    async def read(database: Database) -> ChangePage:
        await Retention(database, SYSTEM_CLOCK).round(RETENTION_STEPS)
        return await change_queries.recent(database, state=state, limit=limit, now=now)

    page = ChangeList.of(with_database(read), now)
    if as_json:
        _print_json(page)
        return
    where = console(None if is_terminal(sys.stdout) else PROGRAM_COLUMNS)
    if not page.changes:
        where.print(with_hanging_indent(Text(f"No changes. Data directory: {storage_place()}"), where))
    elif where.width >= TABLE_COLUMNS:
        where.print(_table(page.changes))
    else:
        for change in page.changes:
            _print_lines(where, change)
    if page.has_more:
        where.print(f"{len(page.changes)} of {page.total} changes. --limit shows more.")


def show_change(change: str, *, as_json: bool, calls: bool) -> None:
    """Print one change in full.

    Raises:
        NotFound: there is none of that id.
    """
    record = find_change(change)
    if as_json:
        _print_json(ChangeList(changes=[ChangeLine.of(record.row, SYSTEM_CLOCK.now())], total=1))
    else:
        present(console(), record, calls=calls)


def _print_json(changes: ChangeList) -> None:
    structured = render(changes, mask=settings().mask_pii).structured
    typer.echo(json.dumps(structured, indent=2, ensure_ascii=False))


def _print_lines(where: Console, change: ChangeLine) -> None:
    """Print a change on a narrow terminal: ID, time, and state first, then whole words."""
    where.print(Text(f"{change.id:<{INDENT_COLUMNS}}{moment(change.at)}  {change.state}", style="bold"), soft_wrap=True)
    decided = f", decided by {change.decided_by}" if change.decided_by else ""
    for text in (change.summary, f"{change.tool} by {change.by}{decided}"):
        where.print(beside_label(Text(" " * INDENT_COLUMNS), clean(text, MAX_SUMMARY_CHARACTERS), where))


def _table(changes: list[ChangeLine]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("id", "when", "state", "tool"):
        table.add_column(name, no_wrap=True)
    for name in ("summary", "by", "decided by"):
        table.add_column(name, overflow="fold")
    for change in changes:
        texts = (change.tool, change.summary, change.by, change.decided_by or "")
        table.add_row(
            change.id, moment(change.at), change.state, *(Text(clean(each, MAX_SUMMARY_CHARACTERS)) for each in texts)
        )
    return table
