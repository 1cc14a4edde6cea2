"""The tool that reads the journal of changes."""

from typing import Annotated

from pydantic import Field

from cio_mcp.gate.change import Changes
from cio_mcp.storage.rows import ChangeState
from cio_mcp.tools.common.arguments import Limit, Name
from cio_mcp.workspace import CallContext


async def list_changes(
    ws: CallContext,
    change: Annotated[Name | None, Field(description="Change id")] = None,
    state: ChangeState | None = None,
    limit: Limit = 10,
) -> Changes:
    """What this server was asked to write and what became of it, newest first."""
    return await ws.gate.recent(change=change, state=state, limit=limit)
