"""The adapter: a tool's declaration becomes an MCP tool.

No `from __future__ import annotations` here: the SDK reads these, and strings cannot name a closure's variables.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import cache
from typing import Any

import anyio
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp_types import CallToolResult, TextContent, ToolAnnotations

from cio_mcp.customerio.left_out import count_left_out
from cio_mcp.errors import InvalidArgument, Rejected
from cio_mcp.server.elicitation import WriteCall, with_parameters, write_function
from cio_mcp.server.output_schemas import outline
from cio_mcp.server.result import result
from cio_mcp.server.schemas import slim_input
from cio_mcp.text.render import Answer
from cio_mcp.tools.spec import ToolSpec
from cio_mcp.workspace import CallContext

WorkspaceForCaller = Callable[[], Awaitable[CallContext]]
"""Opens the workspace as the caller of the request in progress sees it."""

BAD_REQUEST = 400
"""Customer.io's answer to an invalid cursor. No source: observed."""


NOTE = "input_note"
"""The key of a structured answer that says what was assumed about the arguments.

Output schemas accept it without declaring it, which saves a model some 12 tokens a tool.
"""


class Arguments(FuncMetadata):
    """The model of arguments and its whole schema.

    It leaves out the SDK's own reading of JSON, which would make a segment named `null` no segment.
    """

    whole_schema: dict[str, Any]
    """The schema of the arguments, of which clients are shown a shorter one."""

    def pre_parse_json(self, data: dict[str, Any]) -> dict[str, Any]:
        """Leave the arguments as `server/input.py` read them."""
        return data


def as_tool(spec: ToolSpec, workspace_for_caller: WorkspaceForCaller) -> Tool:
    """The MCP tool of a declaration."""
    make = _write if spec.is_write else _answer
    tool = Tool.from_function(
        make(spec, workspace_for_caller),
        name=spec.name,
        title=spec.title,
        description=spec.description,
        meta={"toolset": spec.toolset},
        annotations=ToolAnnotations(
            read_only_hint=spec.hints.read_only,
            destructive_hint=spec.hints.destructive,
            idempotent_hint=spec.hints.idempotent,
            open_world_hint=spec.hints.open_world,
        ),
        structured_output=False,
    )
    tool.fn_metadata = Arguments(
        arg_model=tool.fn_metadata.arg_model,
        output_schema=_answer_schema(spec.answers_with()),
        whole_schema=tool.parameters,
    )
    tool.parameters = slim_input(tool.parameters)
    return tool


@cache
def _answer_schema(answer: type[Answer]) -> dict[str, Any]:
    return outline(answer.model_json_schema(mode="serialization"))


UNREAD = "unread_note"
"""The key of one that says how many records could not be read; undeclared for the same reason."""


def add_note(answered: CallToolResult, note: str | None, key: str = NOTE) -> CallToolResult:
    """Add a note to both parts of a result."""
    if note is None:
        return answered
    first, *others = answered.content
    assert isinstance(first, TextContent)  # noqa: S101 - `result` made it
    return answered.model_copy(
        update={
            "content": [first.model_copy(update={"text": f"{first.text}\n{note}"}), *others],
            "structured_content": (answered.structured_content or {}) | {key: note},
        }
    )


def _answer(spec: ToolSpec, workspace_for_caller: WorkspaceForCaller) -> Callable[..., Awaitable[CallToolResult]]:
    async def answer(*, ctx: Context[Any, Any], **arguments: Any) -> CallToolResult:
        ws = replace(await workspace_for_caller(), progress=ctx.report_progress)
        try:
            with count_left_out() as left_out:
                answered = await spec.function(ws, **arguments)
        except Rejected as rejected:
            if rejected.status == BAD_REQUEST and arguments.get("cursor"):
                raise InvalidArgument("cursor", "expected the cursor from the previous page, unchanged") from rejected
            raise
        assert isinstance(answered, Answer)  # noqa: S101 - a declaration's promise, not input
        return add_note(result(answered, mask=ws.settings.mask_pii), left_out.note, UNREAD)

    answering: Callable[..., Awaitable[CallToolResult]] = with_parameters(answer, spec.parameters())
    return answering


def _write(spec: ToolSpec, workspace_for_caller: WorkspaceForCaller) -> Callable[..., Awaitable[CallToolResult]]:
    async def begin(arguments: dict[str, Any]) -> WriteCall:
        arrived = anyio.current_time()
        return WriteCall(spec, await workspace_for_caller(), arguments, arrived)

    return write_function(spec, begin)
