"""The tools themselves: made after the handshake, since a client's list of them needs none of this."""

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp_types import CallToolResult, InputRequiredResult

from cio_mcp.gate.approvals import APPROVAL_SECONDS
from cio_mcp.server.elicitation import digest_of
from cio_mcp.server.result import result
from cio_mcp.server.tool import WorkspaceFor, as_tool
from cio_mcp.text.render import Answer
from cio_mcp.tools.catalog import TOOLS
from cio_mcp.workspace import CallContext


class Toolbox:
    """The tools that a server offers; each is made when it is first called, which takes some 5 ms."""

    def __init__(self, names: Collection[str], workspace_for: WorkspaceFor) -> None:
        self._specs = {spec.name: spec for spec in TOOLS if spec.name in names}
        self._workspace_for = workspace_for
        self._made: dict[str, Tool] = {}

    async def call(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any]
    ) -> CallToolResult | InputRequiredResult:
        """Run a tool."""
        answered: CallToolResult | InputRequiredResult = await self._tool(name).run(
            arguments, context, convert_result=True
        )
        return answered

    def _tool(self, name: str) -> Tool:
        if name not in self._made:
            self._made[name] = as_tool(self._specs[name], self._workspace_for)
        return self._made[name]

    def longest(self, name: str, max_wait: float) -> float:
        """Seconds a call may take: a write may wait for a person."""
        return max_wait if self._specs[name].hints.read_only else APPROVAL_SECONDS + 2 * max_wait

    async def give_up(self, ws: CallContext, name: str, arguments: dict[str, Any]) -> CallToolResult | None:
        """Withdraw the question of a write that nobody answered in time, or say what it did; None for a read."""
        if self._specs[name].hints.read_only:
            return None
        meant = self._tool(name).fn_metadata.validate_arguments(arguments)
        since = ws.gate.clock.now() - self.longest(name, ws.settings.max_wait)
        late = await ws.gate.give_up(ws.principal, name, digest_of(meant), since)
        return result(late, mask=ws.settings.mask_pii)


def read_tool(name: str) -> Callable[..., Awaitable[Answer]]:
    """The function of a read tool; `name` must be one."""
    return next(spec.function for spec in TOOLS if spec.name == name and spec.hints.read_only)  # type: ignore[return-value]  # of a spec whose hints say that it reads
