"""An answer as the result of a tool call."""

from mcp_types import CallToolResult, TextContent

from cio_mcp.gate.receipt import Receipt
from cio_mcp.text.render import Answer, render


def result(answer: Answer, *, mask: bool) -> CallToolResult:
    """An answer as it leaves: short text, complete structured content."""
    rendered = render(answer, mask=mask)
    return CallToolResult(
        content=[TextContent(type="text", text=rendered.text)],
        structured_content=rendered.structured,
        is_error=isinstance(answer, Receipt) and answer.is_error,
    )
