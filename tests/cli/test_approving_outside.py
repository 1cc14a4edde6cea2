import re

import anyio.to_thread
import pytest
from mcp import Client

from cio_mcp.clock import Clock
from cio_mcp.gate.approvals import Approvals
from cio_mcp.gate.change import Change
from cio_mcp.sandbox import Sandbox
from cio_mcp.server.app import build_server
from cio_mcp.settings import Settings
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.engine import Database
from cio_mcp.storage.rows import StoredState
from tests.cli.command_line import CommandLine
from tests.eras import Era

pytestmark = pytest.mark.anyio

EVENT = {"customer": "ada", "name": "order_placed", "data": {"order": 7}}


def approved_on_a_terminal(cio_mcp: CommandLine, change: str) -> str:
    with cio_mcp.on_a_terminal("approvals", "approve", change) as session:
        code = session.wait_for(r"To approve, type ([A-Z2-9]{4}):")[1]
        session.type(code)
        session.wait_for("Approved")
        session.ends_with(0)
        return session.seen


async def wait_until_carried_out(settings: Settings, change: str) -> Change:
    """The change once it needs no further action."""
    database = Database(settings.storage_url)
    approvals = Approvals(Journal(database, settings.workspace_key), Clock())
    row = await approvals.journal.get(change)
    assert row
    states: tuple[StoredState, ...] = ("approved", "sending")
    ended = Change.of(row)
    for state in states:
        ended = await approvals.wait(ended, 60, state=state)
    await database.close()
    return ended


async def test_a_change_approved_on_a_terminal_is_sent_once_and_the_next_call_gets_the_receipt(
    cio_mcp: CommandLine, settings: Settings, sandbox: Sandbox, era: Era
) -> None:
    server = build_server(settings.model_copy(update={"max_wait": 5.0}), sandbox=sandbox)
    async with Client(server, mode=era) as client:
        waiting = (await client.call_tool("send_event", EVENT)).structured_content
        assert waiting
        assert waiting["status"] == "approval_required"
        assert not re.search(r"cio-mcp approvals|`|http", waiting["message"])
        seen = await anyio.to_thread.run_sync(approved_on_a_terminal, cio_mcp, waiting["change"])
        assert "Order follow-up" in seen
        assert "A running server applies it now" in seen
        # Nobody calls: the server sees the decision by itself.
        change = await wait_until_carried_out(settings, waiting["change"])
        assert change.state == "sent"
        done = (await client.call_tool("send_event", EVENT)).structured_content
        again = (await client.call_tool("send_event", EVENT)).structured_content
    assert done
    assert again
    assert sum(request["path"].endswith("/events") for request in sandbox.requests) == 1
    assert (done["status"], done["change"]) == ("done", waiting["change"])
    assert (again["status"], again["change"]) == ("already_done", waiting["change"])
