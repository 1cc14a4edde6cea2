"""The adapter: a tool's declaration becomes an MCP tool.

No `from __future__ import annotations` here: the SDK reads these, and strings cannot name a closure's variables.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import anyio
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp_types import CallToolResult, ToolAnnotations

from cio_mcp.errors import InvalidArgument, Rejected
from cio_mcp.server.elicitation import WriteCall, with_parameters, write_function
from cio_mcp.server.result import result
from cio_mcp.server.schemas import slim
from cio_mcp.text.render import Answer
from cio_mcp.tools.spec import ToolSpec
from cio_mcp.workspace import CallContext

WorkspaceFor = Callable[[Context[Any, Any]], Awaitable[CallContext]]
"""Opens the workspace for the caller of a request."""

BAD_REQUEST = 400
"""What Customer.io answers to a cursor that is none of its own; all else it took for the page before."""


def as_tool(spec: ToolSpec, workspace_for: WorkspaceFor) -> Tool:
    """The MCP tool of a declaration."""
    make = _read if spec.hints.read_only else _write
    tool = Tool.from_function(
        make(spec, workspace_for),
        name=spec.name,
        title=spec.title,
        description=spec.description,
        meta={"toolset": spec.toolset},
        annotations=ToolAnnotations(
            title=spec.title,
            read_only_hint=spec.hints.read_only,
            destructive_hint=spec.hints.destructive,
            idempotent_hint=spec.hints.idempotent,
            open_world_hint=spec.hints.open_world,
        ),
        structured_output=False,
    )
    tool.parameters = slim(tool.parameters)
    tool.fn_metadata.output_schema = slim(spec.answers_with().model_json_schema())
    return tool


def _read(spec: ToolSpec, workspace_for: WorkspaceFor) -> Callable[..., Awaitable[CallToolResult]]:
    async def read(*, ctx: Context[Any, Any], **arguments: Any) -> CallToolResult:
        ws = replace(await workspace_for(ctx), progress=ctx.report_progress)
        try:
            answer = await spec.function(ws, **arguments)
        except Rejected as rejected:
            if rejected.status == BAD_REQUEST and arguments.get("cursor"):
                raise InvalidArgument("cursor", "expected the cursor of the page before, unchanged") from rejected
            raise
        assert isinstance(answer, Answer)  # noqa: S101 - a declaration's promise, not input
        return result(answer, mask=ws.settings.mask_pii)

    reading: Callable[..., Awaitable[CallToolResult]] = with_parameters(read, spec.parameters())
    return reading


def _write(spec: ToolSpec, workspace_for: WorkspaceFor) -> Callable[..., Awaitable[CallToolResult]]:
    async def begin(ctx: Context[Any, Any], arguments: dict[str, Any]) -> WriteCall:
        arrived = anyio.current_time()
        return WriteCall(spec, await workspace_for(ctx), arguments, over_http(ctx), arrived)

    return write_function(spec, begin)


def over_http(ctx: Context[Any, Any]) -> bool:
    """Whether a request came over HTTP."""
    return ctx.request_context.request is not None
