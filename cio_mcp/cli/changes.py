"""`cio-mcp changes`: what was asked for and what became of it."""

import json
import sys
import time

import typer
from rich.table import Table
from rich.text import Text

from cio_mcp.cli.approvals import found
from cio_mcp.cli.change_view import present
from cio_mcp.cli.common import SUMMARY, console, settings, with_database
from cio_mcp.cli.terminal import is_terminal
from cio_mcp.gate.change import Change, Changes, change_of
from cio_mcp.gate.clock import Clock
from cio_mcp.gate.retention import Retention
from cio_mcp.storage import change_queries
from cio_mcp.storage.engine import Database
from cio_mcp.storage.rows import ChangePage, ChangeState
from cio_mcp.text.render import render
from cio_mcp.text.sanitize import clean
from cio_mcp.text.timestamps import moment

WIDE = 200
"""Columns where standard output is no terminal: nothing needs to be folded for a program."""
STEPS = 5
"""Steps of retention that one look at the changes may take."""


def list_changes(*, state: ChangeState | None, limit: int, as_json: bool) -> None:
    """Print the newest changes of every workspace in the database, as a table or as JSON."""
    now = time.time()

    async def read(database: Database) -> ChangePage:
        await Retention(database, Clock()).round(STEPS)
        return await change_queries.recent(database, state=state, limit=limit, now=now)

    page = Changes.of(with_database(read), now)
    if as_json:
        _print_json(page)
        return
    where = console(None if is_terminal(sys.stdout) else WIDE)
    if not page.changes:
        where.print("No changes.")
        return
    where.print(_table(page.changes))
    if page.has_more:
        where.print(f"These are {len(page.changes)} of {page.total}: --limit shows more.")


def show_change(change: str, *, as_json: bool, calls: bool) -> None:
    """Print one change in full.

    Raises:
        NotFound: there is none of that id.
    """
    row = found(change)
    if as_json:
        _print_json(Changes(changes=[change_of(row, time.time())], total=1))
    else:
        present(console(), row, calls=calls)


def _print_json(changes: Changes) -> None:
    structured = render(changes, mask=settings().mask_pii).structured
    typer.echo(json.dumps(structured, indent=2, ensure_ascii=False))


def _table(changes: list[Change]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("id", "when", "state", "tool"):
        table.add_column(name, no_wrap=True)
    for name in ("summary", "by", "decided by"):
        table.add_column(name, overflow="fold")
    for change in changes:
        told = (change.tool, change.summary, change.by, change.decided_by or "")
        table.add_row(change.id, moment(change.at), change.state, *(Text(clean(each, SUMMARY)) for each in told))
    return table
