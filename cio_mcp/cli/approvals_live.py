"""The list of pending changes, newest first: as lines, or live on a terminal, where one can be selected."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import anyio
import anyio.to_thread
from rich.console import Console
from rich.live import Live
from rich.text import Text

from cio_mcp.cli.change_view import beside_label, with_hanging_indent
from cio_mcp.cli.common import MAX_SUMMARY_CHARACTERS, age, settings, storage_place
from cio_mcp.cli.terminal import Terminal
from cio_mcp.clock import SYSTEM_CLOCK
from cio_mcp.storage import change_queries
from cio_mcp.storage.engine import Database
from cio_mcp.storage.pauses import Pause, all_pauses
from cio_mcp.storage.rows import ChangePage, ChangeSummary
from cio_mcp.text.sanitize import clean

ELSEWHERE = "If the server uses another one, set CIO_DATA_DIR to it; a sandbox names its own in its log."
"""A hint for a person who expects changes where there are none."""
REFRESH_SECONDS = 1.0
MAX_ROWS = 500
"""Pending changes that are read; a database may hold several workspaces."""
MAX_CALLERS = 3
"""Maximum callers named for omitted changes."""
HELP = "Up/Down select   Enter read and decide   q quit"
OMITTED_LINES = 1
"""Lines about omitted changes on the screen."""
PAGE_ROWS = 5
"""Changes that Page Up and Page Down move by."""


async def pending(database: Database) -> ChangePage:
    """The changes that wait for a decision, newest first."""
    return await change_queries.recent(database, state="planned", limit=MAX_ROWS, now=SYSTEM_CLOCK.now())


def heading(count: int) -> str:
    """The number of pending changes, and the data directory."""
    if not count:
        return f"No changes are waiting. Data directory: {storage_place()}\n{ELSEWHERE}"
    return f"{count} pending {'change' if count == 1 else 'changes'} in {storage_place()}"


def details(row: ChangeSummary) -> str:
    """One line about a pending change: tool, time left, caller, workspace."""
    tool, by, workspace = (clean(text, MAX_SUMMARY_CHARACTERS) for text in (row.tool, row.principal, row.workspace))
    return f"{tool}, expires {age(row.expires_at)}, by {by} in {workspace}"


def omission_note(rows: Sequence[ChangeSummary], count: int) -> str:
    """One line for the omitted changes, by caller; empty if there are none. `rows` are the known ones."""
    if count <= 0:
        return ""
    callers = Counter(row.principal for row in rows).most_common(MAX_CALLERS)
    names = [f"{number} by {clean(name, MAX_SUMMARY_CHARACTERS)}" for name, number in callers]
    others = count - sum(number for _, number in callers)
    return f"and {count} more: {', '.join([*names, *([f'{others} by others'] if others else [])])}"


def pause_note(pause: Pause) -> str:
    """One line about paused writes."""
    where = "" if pause.workspace == "*" else f" of {clean(pause.workspace, MAX_SUMMARY_CHARACTERS)}"
    because = f": {clean(pause.reason, MAX_SUMMARY_CHARACTERS)}" if pause.reason else ""
    return f"All writes{where} were paused {age(pause.at)} by {clean(pause.by, MAX_SUMMARY_CHARACTERS)}{because}"


@dataclass(frozen=True, slots=True)
class View:
    """What the screen shows: the pending changes, the id of the selected one, and a line about the last decision."""

    rows: Sequence[ChangeSummary] = ()
    total: int = 0
    pauses: Sequence[Pause] = ()
    selected: str | None = None
    notice: str = ""

    @property
    def index(self) -> int:
        """The place of the selected change in the list; the first if it is gone."""
        return next((place for place, row in enumerate(self.rows) if row.id == self.selected), 0)

    def select(self, key: str) -> str | None:
        """The id that is selected after a key; a change that came meanwhile moves no selection."""
        if not self.rows:
            return None
        last = len(self.rows) - 1
        steps = {"up": -1, "down": 1, "page up": -PAGE_ROWS, "page down": PAGE_ROWS, "home": -last, "end": last}
        return self.rows[min(last, max(0, self.index + steps.get(key, 0)))].id

    def draw(self, console: Console) -> Text:
        """The screen: for each change its ID and summary, of which nothing is cut, and a line of details."""
        head = [with_hanging_indent(Text(pause_note(each), style="bold red"), console) for each in self.pauses]
        head += [with_hanging_indent(Text(self.notice, style="bold"), console)] if self.notice else []
        head += [with_hanging_indent(Text(heading(self.total)), console), Text("")]
        foot = [Text(""), Text(HELP, style="dim")]
        taken = sum(text.plain.count("\n") + 1 for text in [*head, *foot]) + OMITTED_LINES
        first, entries = self._around_selected(console, console.height - taken)
        after = first + len(entries)
        lines = [line for entry in entries for line in entry]
        if left_out := omission_note([*self.rows[:first], *self.rows[after:]], self.total - len(entries)):
            lines.append(Text(left_out, style="dim"))
            lines[-1].truncate(console.width, overflow="ellipsis")
        return Text("\n").join([*head, *lines, *foot])

    def _around_selected(self, console: Console, room: int) -> tuple[int, list[list[Text]]]:
        """The place of the first change on the screen, and the lines of each: the selected one, and what fits."""
        if not self.rows:
            return 0, []
        first, entries = self.index, deque([self._entry(self.rows[self.index], console)])
        room -= len(entries[0])
        fits = True
        while fits:
            fits = False
            after = first + len(entries)
            if after < len(self.rows) and len(entry := self._entry(self.rows[after], console)) <= room:
                entries.append(entry)
                room -= len(entry)
                fits = True
            if first and len(entry := self._entry(self.rows[first - 1], console)) <= room:
                entries.appendleft(entry)
                room -= len(entry)
                first -= 1
                fits = True
        return first, list(entries)

    def _entry(self, row: ChangeSummary, console: Console) -> list[Text]:
        selected = row.id == self.rows[self.index].id
        label = Text(f"{'>' if selected else ' '} {row.id}  ", style="bold")
        style = "reverse" if selected else "not bold"
        summary = beside_label(label, clean(row.summary, MAX_SUMMARY_CHARACTERS), console, style=style)
        line = Text(" " * label.cell_len + details(row), style="dim")
        line.truncate(console.width, overflow="ellipsis")
        return [*summary.split("\n"), line]


def select(terminal: Terminal, selected: str | None, notice: str) -> ChangeSummary | None:
    """Show the pending changes until the person selects one, or None if they quit."""
    return anyio.run(_select, terminal, View(selected=selected, notice=notice))


async def _select(terminal: Terminal, view: View) -> ChangeSummary | None:
    database, console = Database(settings().storage_url), terminal.console
    try:
        with terminal.keyboard.keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                view = await _read(database, view)
                _draw(live, console, view)
                for key in await anyio.to_thread.run_sync(pressed, REFRESH_SECONDS):
                    if key == "quit":
                        return None
                    if key == "enter" and view.rows:
                        return view.rows[view.index]
                    view = replace(view, selected=view.select(key))
                    _draw(live, console, view)
    finally:
        await database.close()


async def _read(database: Database, view: View) -> View:
    page = await pending(database)
    kept = view.selected if any(row.id == view.selected for row in page.rows) else None
    selected = kept or (page.rows[0].id if page.rows else None)
    return View(page.rows, page.total, await all_pauses(database), selected, view.notice)


def _draw(live: Live, console: Console, view: View) -> None:
    live.update(view.draw(console), refresh=True)
