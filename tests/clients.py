"""What tests of the server share: people who answer its questions, clients, and the two parts of an answer."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio.lowlevel
from mcp import Client
from mcp.client.session import ClientRequestContext, ElicitationFnT
from mcp_types import CallToolResult, ElicitRequestFormParams, ElicitRequestParams, ElicitResult, TextContent

from cio_mcp.sandbox import Sandbox
from cio_mcp.server.app import build_server
from cio_mcp.settings import Settings
from tests.eras import Era

APPROVE = ElicitResult(action="accept", content={"decision": "approve"})
REJECT = ElicitResult(action="accept", content={"decision": "reject"})


TO_TYPE = re.compile("To approve, also type “([^”]*)”")


def confirm(answer: ElicitResult, params: ElicitRequestFormParams) -> ElicitResult:
    """The same answer with what an approval must type, as the question shows it."""
    wanted = TO_TYPE.search(params.message)
    if wanted is None or answer.content is None or answer.content.get("decision") != "approve":
        return answer
    return answer.model_copy(update={"content": {"confirmation": wanted[1], **answer.content}})


class Person:
    """A person in front of a client, who answers every question the same way and records it."""

    def __init__(self, answer: ElicitResult) -> None:
        self.answer = answer
        self.prompts: list[ElicitRequestFormParams] = []

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        await anyio.lowlevel.checkpoint()
        assert context is not None
        assert isinstance(params, ElicitRequestFormParams)
        self.prompts.append(params)
        return confirm(self.answer, params)


async def approve(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    """Approve whatever the server asks."""
    await anyio.lowlevel.checkpoint()
    assert context is not None
    assert isinstance(params, ElicitRequestFormParams)
    assert "Change" in params.message
    return confirm(APPROVE, params)


def structured(result: CallToolResult) -> dict[str, Any]:
    """The structured content, which must be there."""
    assert result.structured_content is not None, result.content
    return dict(result.structured_content)


def text(result: CallToolResult) -> str:
    """The text, as a model reads it."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


@asynccontextmanager
async def connect(
    settings: Settings, sandbox: Sandbox, era: Era, person: ElicitationFnT | None
) -> AsyncIterator[Client]:
    async with Client(build_server(settings, sandbox=sandbox), mode=era, elicitation_callback=person) as client:
        yield client


def effects(sandbox: Sandbox) -> int:
    """Writes that reached the sandbox."""
    return sum(request["method"] != "GET" for request in sandbox.requests if "attributes" not in request["path"])
