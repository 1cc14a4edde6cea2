"""What tests of the server share: a person who approves, and the two parts of an answer."""

from typing import Any

import anyio.lowlevel
from mcp.client.session import ClientRequestContext
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult, TextContent


async def approve(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    """Approve whatever the server asks."""
    await anyio.lowlevel.checkpoint()
    assert context is not None
    assert "Change" in params.message
    return ElicitResult(action="accept", content={"decision": "approve"})


def structured(result: CallToolResult) -> dict[str, Any]:
    """The structured content, which must be there."""
    assert result.structured_content is not None, result.content
    return dict(result.structured_content)


def text(result: CallToolResult) -> str:
    """The text, as a model reads it."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))
