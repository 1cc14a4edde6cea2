"""The write tool for snippets."""

from typing import Annotated, Literal

from pydantic import Field

from cio_mcp.customerio.api.snippets import Snippet
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.plan import Plan
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.arguments import Name, max_bytes
from cio_mcp.tools.common.name_checks import check_visible
from cio_mcp.tools.common.snippet_edit import plan_deletion, plan_text
from cio_mcp.tools.data.list_snippets import find_snippet
from cio_mcp.workspace import CallContext

MAX_TEXT_BYTES = 500_000
"""Of a snippet. Chosen: as much of a template as is checked."""


async def update_snippet(
    ws: CallContext,
    name: Name,
    action: Literal["create", "set", "delete"] = "set",
    text: Annotated[str | None, Field(description="Whole new text"), max_bytes(MAX_TEXT_BYTES)] = None,
) -> Plan:
    """Create, change, or delete a snippet. Changes every message that uses it. Requires approval."""
    snippets = await ws.snippets.all()
    if action == "delete":
        if text is not None:
            raise InvalidArgument("text", "must be omitted to delete a snippet")
        return await plan_deletion(ws, find_snippet(snippets, name), snippets)
    if text is None:
        raise InvalidArgument("text", f"is required to {action} a snippet")
    if action == "set":
        return await plan_text(ws, find_snippet(snippets, name), text, snippets)
    existing = next((each for each in snippets if each.name == name.strip()), None)
    if existing and existing.value == text:  # such as when the call is repeated for its outcome
        return await plan_text(ws, existing, text, snippets)
    if existing:
        raise InvalidArgument("action", f"there is a snippet {quoted(name)} already; to change its text, pass set")
    check_visible("name", name.strip())
    if not name.strip():
        raise InvalidArgument("name", "expected the snippet's name")
    return await plan_text(ws, Snippet(name=name.strip()), text, snippets, new=True)
