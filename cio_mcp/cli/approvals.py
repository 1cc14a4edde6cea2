"""`cio-mcp approvals`: a person decides about proposed changes, outside the client."""

import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import anyio
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from cio_mcp.cli.terminal import controlling_terminal
from cio_mcp.errors import NotFound, Refused
from cio_mcp.gate.history import change_of
from cio_mcp.gate.plan import Plan
from cio_mcp.http.call import Call
from cio_mcp.settings import Settings, load_settings
from cio_mcp.storage import desk
from cio_mcp.storage.database import Database
from cio_mcp.storage.journal import ChangeRow, Journal
from cio_mcp.text.endpoint import without_credentials
from cio_mcp.text.foreign import clean, revealed
from cio_mcp.text.moment import ago, from_unix

T = TypeVar("T")

SUMMARY = 200
ENDPOINT = "endpoint"
"""The key of a body that may hold a user name and password, which are sent and never shown."""


def list_waiting() -> None:
    """Print a line per change that waits for a decision, oldest first."""
    rows = _with_database(lambda database: desk.waiting(database, time.time()))
    console = _plain_console()
    for row in rows:
        said = f"{row.id}  {_age(row)}  {row.workspace}  {row.tool}  {row.summary}"
        console.print(clean(said, SUMMARY), soft_wrap=True)
    if not rows:
        console.print("Nothing waits for a decision.")


def show(change: str) -> None:
    """Print a change in full.

    Raises:
        NotFound: there is none of that id.
    """
    present(_plain_console(), _found(change))


def approve(change: str) -> None:
    """Show a change on the controlling terminal and record an approval if what is asked for is typed there.

    Raises:
        Refused: there is nobody at a terminal, something else was typed, or the change waits no longer.
        NotFound: there is none of that id.
    """
    with controlling_terminal() as terminal:
        row = _waiting(change)
        present(terminal.console, row)
        wanted = Plan.model_validate_json(row.plan).typed
        if not terminal.approved(wanted):
            raise Refused("That was not it; nothing was approved, and the change still waits.")
        _decide(row)
        terminal.console.print("Approved. It counts once, within ten minutes, when the assistant calls again.")


def deny(change: str) -> None:
    """Record that a change shall not be made.

    Raises:
        Refused: the change waits no longer.
        NotFound: there is none of that id.
    """
    row = _found(change)
    by = _settings().local_principal

    async def withdraw(database: Database) -> bool:
        return await Journal(database, row.workspace).withdraw(row.id, by=by, how="in a shell", now=time.time())

    if not _with_database(withdraw):
        raise _settled(row)
    _plain_console().print(f"Denied. Nothing of change {row.id} is sent.")


def _decide(row: ChangeRow) -> None:
    by = _settings().local_principal

    async def decide(database: Database) -> bool:
        journal = Journal(database, row.workspace)
        return await journal.decide(row, "approved", by=by, how="on a terminal", now=time.time())

    if not _with_database(decide):
        raise _settled(_found(row.id))


def _waiting(change: str) -> ChangeRow:
    row = _found(change)
    if row.state != "planned" or row.expires_at <= time.time():
        raise _settled(row)
    return row


def _found(change: str) -> ChangeRow:
    row = _with_database(lambda database: desk.find(database, change))
    if row is None:
        raise NotFound(f"There is no change {clean(change, 40)}; `cio-mcp approvals list` lists those that wait.")
    return row


def _settled(row: ChangeRow) -> Refused:
    state = change_of(row, time.time()).state
    meanwhile = "has changed since it was shown; look again" if state == "planned" else f"is already {state}"
    return Refused(f"Change {row.id} {meanwhile}. Nothing was decided.")


def present(console: Console, row: ChangeRow) -> None:
    """Show a change in full: what it is, who proposed it, and the exact requests."""
    plan = Plan.model_validate_json(row.plan)
    state = change_of(row, time.time()).state
    console.print(Panel(Text(revealed(row.question)), title=f"Change {row.id}: {state}", title_align="left"))
    console.print(
        Text(f"Proposed {_age(row)} by {clean(row.principal, SUMMARY)} through {row.tool}, in {row.workspace}.")
    )
    for number, call in enumerate(plan.calls, start=1):
        console.print(Text(f"\nRequest {number} of {len(plan.calls)}:\n{_request(call)}"))


def _request(call: Call) -> str:
    told = call.body
    if isinstance(told, dict) and isinstance(endpoint := told.get(ENDPOINT), str):
        told = told | {ENDPOINT: without_credentials(endpoint)}
    body = "" if told is None else "\n" + json.dumps(told, indent=2, ensure_ascii=False)
    return revealed(f"{call.method} {call.target}{body}")


def _age(row: ChangeRow) -> str:
    return ago(from_unix(row.planned_at), datetime.now(UTC))


def _settings() -> Settings:
    return load_settings(keys_needed=False)


def _with_database(work: Callable[[Database], Awaitable[T]]) -> T:
    async def run() -> T:
        database = Database(_settings().storage_url)
        try:
            return await work(database)
        finally:
            await database.close()

    return anyio.run(run)


def _plain_console() -> Console:
    return Console(markup=False, highlight=False)
