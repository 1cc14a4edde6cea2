"""A database that is full, locked or damaged: writes are refused with the reason, reads go on, nothing is lost."""

import resource
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from cio_mcp.errors import StorageFailed
from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import Plan, arguments_digest
from cio_mcp.gate.receipt import Receipt
from cio_mcp.gate.service import Gate
from cio_mcp.sandbox import Sandbox
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.engine import Database
from cio_mcp.storage.pauses import Pauses
from cio_mcp.tools.core.send_event import send_event
from cio_mcp.workspace import CallContext
from tests.carrying_out import approve

pytestmark = pytest.mark.anyio

BUSY = 0.05


def impatient(ws: CallContext) -> Gate:
    """The same gate on the same file, through a database that does not wait long."""
    database = Database(ws.settings.storage_url, busy=BUSY)
    return replace(ws.gate, journal=Journal(database, "sandbox"), pauses=Pauses(database, "sandbox"))


@contextmanager
def locked(file: Path) -> Iterator[None]:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.close()


@contextmanager
def full(file: Path) -> Iterator[None]:
    """No file of this process may grow: what a full disk is to SQLite."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (min(file.stat().st_size, 4096), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def read_only(file: Path) -> Iterator[None]:
    """Triggers that refuse every change stand for a file that may not be written, also for root."""
    refused = "SELECT RAISE(ABORT, 'attempt to write a readonly database')"
    with sqlite3.connect(file) as other:
        other.execute(f"CREATE TRIGGER t BEFORE INSERT ON changes BEGIN {refused}; END")
    try:
        yield
    finally:
        with sqlite3.connect(file) as other:
            other.execute("DROP TRIGGER t")


def planner(ws: CallContext, name: str) -> Callable[[], Awaitable[Plan]]:
    return partial(send_event, ws, "ada", name)


@pytest.mark.parametrize(("trouble", "message"), [(locked, "locked"), (full, "full"), (read_only, "read-only")])
@pytest.mark.slow
async def test_writes_are_refused_with_the_reason_and_what_was_there_is_there_afterwards(
    trouble: Callable[[Path], Iterator[None]], message: str, ws: CallContext, sandbox: Sandbox
) -> None:
    gate, hasty = ws.gate, impatient(ws)
    before = await gate.propose("local:tester", "send_event", arguments_digest({"n": 1}), planner(ws, "signed_up"))
    assert isinstance(before, Change)
    with trouble(ws.settings.data_dir / "cio-mcp.db"):  # type: ignore[attr-defined]  # they are context managers
        with pytest.raises(StorageFailed, match=rf"{message}.*\. Nothing was sent\.$"):
            await hasty.propose("local:tester", "send_event", arguments_digest({"n": 2}), planner(ws, "order_placed"))
        assert (await ws.people.resolve("ada")).id == "ada"
    assert not any(request["method"] == "POST" for request in sandbox.requests)
    assert [change.id for change in (await gate.recent()).changes] == [before.id]
    await approve(gate, before)


async def test_a_read_that_fails_says_nothing_about_sending(ws: CallContext, tmp_path: Path) -> None:
    (tmp_path / "damaged.db").write_text("this is not a database" * 100)
    journal = Journal(Database(f"sqlite:///{tmp_path / 'damaged.db'}"), "sandbox")
    with pytest.raises(StorageFailed) as failed:
        await replace(ws.gate, journal=journal).recent()
    assert "sent" not in str(failed.value)


async def test_a_call_that_took_too_long_does_not_state_that_nothing_was_sent_where_it_cannot_know(
    ws: CallContext,
) -> None:
    digest = arguments_digest({})
    await ws.gate.propose("local:tester", "send_event", digest, planner(ws, "signed_up"))
    with locked(ws.settings.data_dir / "cio-mcp.db"), pytest.raises(StorageFailed) as failed:
        await impatient(ws).give_up("local:tester", "send_event", digest, 0.0)
    assert "sent" not in str(failed.value)


async def test_an_outcome_is_reported_although_it_cannot_be_recorded_that_it_was(ws: CallContext) -> None:
    digest = arguments_digest({})
    change = await ws.gate.propose("local:tester", "send_event", digest, planner(ws, "signed_up"))
    assert isinstance(change, Change)
    assert await ws.gate.approvals.withdraw(change, by="person", how="denied in a terminal")
    with locked(ws.settings.data_dir / "cio-mcp.db"):
        receipts = [
            await impatient(ws).propose("local:tester", "send_event", digest, planner(ws, "signed_up"))
            for _ in range(2)
        ]
    assert [(receipt.status, receipt.change) for receipt in receipts if isinstance(receipt, Receipt)] == [
        ("declined", change.id)
    ] * 2
