"""Converts failures to the sentences that a model reads."""

import logging
import traceback
from collections.abc import Iterator

from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, TextContent

from cio_mcp.errors import CioError, OperatorError

log = logging.getLogger(__name__)

INVALID_ANSWER = "The approval response was invalid. Nothing was sent. Call the tool again."
FOR_OPERATOR = "The server operator must fix this. Retrying won't help."

ERROR = "error"
"""The key of the structured content of a failed call, which holds the same sentence as the text.

Output schemas accept it (`tool.py`): docs/decisions/structured-errors.md.
"""


def sentence(tool: str, failure: BaseException) -> str:
    """The sentence about a failure; only an error of this project is shown in its own words."""
    for cause in causes(failure):
        if isinstance(cause, CioError):
            return _with_advice(cause)
        if _is_invalid_answer(cause):
            return INVALID_ANSWER
    log.error("tool %s failed unexpectedly: %s\n%s", tool, type(failure).__name__, where(failure))
    return f"{tool} failed unexpectedly. Check list_changes for what was sent; details are in the server log."


def error_result(text: str) -> CallToolResult:
    """Convert the sentence about a failure to a result."""
    return CallToolResult(
        content=[TextContent(type="text", text=text)], structured_content={ERROR: text}, is_error=True
    )


def where(failure: BaseException) -> str:
    """The lines of code that failed; an exception's own text may hold an address, a key or a body."""
    chain = reversed(list(causes(failure)))
    lines = [f"{type(one).__name__}\n{''.join(traceback.format_tb(one.__traceback__))}" for one in chain]
    return "leading to ".join(lines)


def causes(failure: BaseException) -> Iterator[BaseException]:
    """A failure and what led to it, each once: exceptions may form a circle."""
    seen: set[int] = set()
    cause: BaseException | None = failure
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _is_invalid_answer(failure: BaseException) -> bool:
    """Whether the SDK could not read an answer to a question: its error has no type of its own, only this beginning."""
    return isinstance(failure, ToolError) and str(failure).startswith("Resolver ")


def _with_advice(error: CioError) -> str:
    text = str(error) if str(error).endswith((".", "!", "?")) else f"{error}."
    return f"{text} {FOR_OPERATOR}" if isinstance(error, OperatorError) else text
