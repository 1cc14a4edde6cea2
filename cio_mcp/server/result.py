"""An answer as the result of a tool call."""

from mcp_types import CallToolResult, TextContent

from cio_mcp.gate.receipt import Receipt
from cio_mcp.text.bidi import isolate
from cio_mcp.text.render import Answer, render

CONTENT = "cio-mcp/content"
"""The key in `_meta` under which a result states whether it holds free text from outside, and personal data."""


def result(answer: Answer, *, mask: bool) -> CallToolResult:
    """Convert an answer to a result: text and structured content, each complete, and the kind of data in them."""
    rendered = render(answer, mask=mask)
    # A receipt lists old and new values side by side; elsewhere the isolates would be copied with an ID.
    text = isolate(rendered.text) if isinstance(answer, Receipt) else rendered.text
    return CallToolResult(
        _meta={CONTENT: {"untrusted": rendered.untrusted, "personal": rendered.personal}},
        content=[TextContent(type="text", text=text)],
        structured_content=rendered.structured,
        is_error=isinstance(answer, Receipt) and answer.is_error,
    )
