import re

import anyio.to_thread
import pytest
from mcp import Client

from cio_mcp.sandbox import Sandbox
from cio_mcp.server.app import build_server
from cio_mcp.settings import Settings
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


async def test_a_client_that_cannot_ask_waits_for_the_terminal_and_then_sends_once(
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
        done = (await client.call_tool("send_event", EVENT)).structured_content
        again = (await client.call_tool("send_event", EVENT)).structured_content
    assert done
    assert again
    assert (done["status"], done["change"]) == ("done", waiting["change"])
    assert (again["status"], again["change"]) == ("already_done", waiting["change"])
