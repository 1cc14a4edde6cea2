"""The one place where a failure becomes the sentence a model reads."""

import logging
import traceback
from collections.abc import Collection

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import ValidationError

from cio_mcp.errors import CioError, OperatorError, TimeError, expectation
from cio_mcp.text.sanitize import quoted, word

log = logging.getLogger(__name__)

UNUSABLE = "The answer to the question could not be used; nothing was sent. Call again to be asked anew."


def undeclared(tool: str, given: Collection[str], declared: Collection[str]) -> str | None:
    """The sentence that refuses arguments a tool does not have; the SDK would drop them in silence."""
    unknown = [name for name in given if name not in declared]
    if not unknown:
        return None
    named = ", ".join(quoted(name, 40) for name in unknown[:5])
    accepted = ", ".join(declared) or "none"
    return f"{tool} takes no argument {named}; what it takes: {accepted}. Nothing was done."


def sentence(tool: str, failure: BaseException) -> str:
    """What to say about a failure; only what this project raised on purpose speaks for itself."""
    cause: BaseException | None = failure
    while cause is not None:
        match cause:
            case CioError():
                return _with_advice(cause)
            case ValidationError():
                return UNUSABLE if _in_a_question(failure) else _invalid(cause)
        cause = cause.__cause__ or cause.__context__
    if _in_a_question(failure):
        return UNUSABLE
    log.error("tool %s failed unexpectedly: %s\n%s", tool, type(failure).__name__, where(failure))
    return f"{tool} failed unexpectedly; the server's log tells the operator why, list_changes what was sent."


def where(failure: BaseException) -> str:
    """The lines of code that failed; an exception's own text may hold an address, a key or a body."""
    chain: list[BaseException] = []
    cause: BaseException | None = failure
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = cause.__cause__ or cause.__context__
    told = [f"{type(one).__name__}\n{''.join(traceback.format_tb(one.__traceback__))}" for one in reversed(chain)]
    return "leading to ".join(told)


def _in_a_question(failure: BaseException) -> bool:
    return isinstance(failure, ToolError) and "Resolver" in str(failure)


def _with_advice(error: CioError) -> str:
    text = str(error)
    if isinstance(error, OperatorError):
        return f"{text} Whoever runs this server must mend it; calling again will not help."
    if isinstance(error, TimeError):
        return text
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _invalid(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(word(str(part)) for part in first["loc"] if not str(part).startswith("function-")) or "arguments"
    return f"{field}: {expectation(first)}. Nothing was done."
