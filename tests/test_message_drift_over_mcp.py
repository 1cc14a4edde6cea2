"""What a person approved is a message as it was shown: one that is edited meanwhile is shown again."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from mcp import Client
from mcp.client.context import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.world.sources import Kind
from cio_mcp.server.app import build_server
from cio_mcp.settings import Settings
from tests.approver import Approver
from tests.clients import structured

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SEND = ("send_transactional", {"customer": "ada", "message": "Order shipped"})
EVENT = ("send_event", {"customer": "ada", "name": "order_placed", "data": {"order_id": "A-1"}})


class Editor(Approver):
    """A person who approves the first question, but only after somebody else has edited something."""

    def __init__(self, edit: Callable[[], None]) -> None:
        super().__init__()
        self.edit = edit

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        approval = await super().__call__(context, params)
        if len(self.questions) == 1:
            self.edit()
        return approval


def edit_messages(sandbox: Sandbox, kind: Kind, id_: int, field: str) -> None:
    """Edit every message of a campaign or transactional message."""
    fields: Any = {field: "Pay at https://evil.example"}
    source = sandbox.workspace.sources[kind, id_]
    templates = tuple(replace(template, **fields) for template in source.templates)
    sandbox.workspace.sources[kind, id_] = replace(source, templates=templates)


def writes(sandbox: Sandbox) -> list[str]:
    return [request["path"] for request in sandbox.requests if request["method"] == "POST"]


@pytest.mark.parametrize("field", ["subject", "body"])
@pytest.mark.parametrize(("call", "source"), [(SEND, ("transactional", 2)), (EVENT, ("campaign", 2))])
async def test_a_message_that_is_edited_after_it_was_shown_is_not_sent_and_is_shown_again(
    call: tuple[str, dict[str, Any]], source: tuple[Kind, int], field: str, settings: Settings, sandbox: Sandbox
) -> None:
    person = Editor(lambda: edit_messages(sandbox, *source, field))
    async with Client(build_server(settings, sandbox=sandbox), elicitation_callback=person) as client:
        first = structured(await client.call_tool(*call))
        sent_before = writes(sandbox)
        second = structured(await client.call_tool(*call))
    assert first["status"] == "approval_required"
    assert "changed after approval" in first["message"]
    assert not [path for path in sent_before if "send" in path or "events" in path]
    assert second["status"] == "done"
    assert len(person.questions) == 2
    if field == "subject":
        assert "Pay at https://evil.example" in person.questions[1]
