"""The live list of what waits for a decision: it refreshes itself until `q` or Ctrl-C."""

import os
import select
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import anyio
import anyio.to_thread
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cio_mcp.cli.common import SUMMARY, age, settings
from cio_mcp.storage import change_queries
from cio_mcp.storage.engine import Database
from cio_mcp.storage.pauses import Pause, all_pauses
from cio_mcp.storage.rows import ChangePage
from cio_mcp.text.sanitize import clean

EVERY = 1.0
"""Seconds between looks at the database."""
NOTHING = "Nothing waits for a decision."
HELP = "In another shell: cio-mcp approvals show ID, approve ID or deny ID.  q ends."


def watch(console: Console) -> None:
    """Show what waits on the terminal, until the person there has seen enough."""
    try:
        anyio.run(_watch, console)
    except KeyboardInterrupt:
        return


def paused(pause: Pause) -> str:
    """One line about stopped writes."""
    where = "" if pause.workspace == "*" else f" of {clean(pause.workspace, SUMMARY)}"
    because = f": {clean(pause.reason, SUMMARY)}" if pause.reason else ""
    return f"All writes{where} were stopped {age(pause.at)} by {clean(pause.by, SUMMARY)}{because}"


async def _watch(console: Console) -> None:
    database = Database(settings().storage_url)
    try:
        with _keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                page, pauses = await change_queries.pending(database, time.time()), await all_pauses(database)
                live.update(_screen(page, pauses, console.height), refresh=True)
                if (await anyio.to_thread.run_sync(pressed, EVERY)).lower() in ("q", "\x04"):
                    return
    finally:
        await database.close()


def _screen(page: ChangePage, pauses: Sequence[Pause], height: int) -> Group:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name, folds in (("id", False), ("expires", False), ("tool", False), ("by", False), ("what", True)):
        table.add_column(name, no_wrap=not folds, overflow="ellipsis", ratio=1 if folds else None)
    room = max(1, height - len(pauses) - 5)
    for row in page.rows[:room]:
        by, tool, what = (clean(told, SUMMARY) for told in (row.principal, row.tool, row.summary))
        table.add_row(Text(row.id, style="bold"), Text(age(row.expires_at)), Text(tool), Text(by), Text(what))
    hidden = page.total - min(room, len(page.rows))
    more = [Text(f"and {hidden} more")] if hidden else []
    head = [Text(paused(each), style="bold red") for each in pauses]
    return Group(*head, table if page.rows else Text(NOTHING), *more, Text(""), Text(HELP, style="dim"))


@contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """Have single keys read from the terminal as they are pressed; it is as before afterwards."""
    import termios  # noqa: PLC0415 - there is none on Windows
    import tty  # noqa: PLC0415 - there is none on Windows

    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)

    def pressed(seconds: float) -> str:
        ready, _, _ = select.select([handle], [], [], seconds)
        return os.read(handle, 1).decode(errors="replace") if ready else ""

    tty.setcbreak(handle)
    try:
        yield pressed
    finally:
        termios.tcsetattr(handle, termios.TCSADRAIN, before)
