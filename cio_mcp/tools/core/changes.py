"""The tool that reads the journal of changes."""

from typing import Annotated

from pydantic import Field

from cio_mcp.gate.change_list import ChangeList
from cio_mcp.storage.rows import ChangeState
from cio_mcp.tools.common.arguments import Cursor, Limit, Name
from cio_mcp.workspace import CallContext


async def list_changes(
    ws: CallContext,
    change: Annotated[Name | None, Field(description="Change ID")] = None,
    state: ChangeState | None = None,
    limit: Limit = 10,
    cursor: Cursor = None,
) -> ChangeList:
    """List what you changed or proposed to change, with approval and outcome, newest first."""
    return await ws.gate.recent(change=change, state=state, limit=limit, cursor=cursor)
