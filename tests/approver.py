"""A person who approves what an MCP client shows them."""

import anyio.lowlevel
from mcp.client.context import ClientRequestContext
from mcp_types import ElicitRequestFormParams, ElicitRequestParams, ElicitResult


class Approver:
    """Somebody who approves every question, and remembers the words."""

    def __init__(self) -> None:
        self.questions: list[str] = []

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        await anyio.lowlevel.checkpoint()
        assert context is not None
        assert isinstance(params, ElicitRequestFormParams)
        self.questions.append(params.message)
        return ElicitResult(action="accept", content={"decision": "approve"})
