"""Builds and runs the tools, after the handshake: listing them needs none of this."""

import json
from collections.abc import Collection, Mapping
from typing import Any

import anyio
import anyio.to_thread
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp_types import CallToolResult, InputRequiredResult
from pydantic import ValidationError

from cio_mcp.clock import Clock
from cio_mcp.errors import UserError
from cio_mcp.gate.approvals import APPROVAL_SECONDS
from cio_mcp.server.elicitation import WriteCall, digest_of
from cio_mcp.server.faults import refusal
from cio_mcp.server.input import Input, Schema, read_input
from cio_mcp.server.result import result
from cio_mcp.server.tool import Arguments, WorkspaceForCaller, add_note, as_tool
from cio_mcp.text.render import Answer
from cio_mcp.text.timestamps import from_unix
from cio_mcp.tools.catalog import TOOLS
from cio_mcp.tools.common.completions import completions
from cio_mcp.tools.core.event_filters import listed_events
from cio_mcp.workspace import CallContext


class Toolbox:
    """The tools that a server offers; each is built at its first call, or by `build`, in about 10 ms."""

    def __init__(self, names: Collection[str], workspace_for_caller: WorkspaceForCaller, clock: Clock) -> None:
        self._specs = {spec.name: spec for spec in TOOLS if spec.name in names}
        self._workspace_for_caller, self._clock = workspace_for_caller, clock
        self._tools: dict[str, Tool] = {}

    @property
    def writes(self) -> frozenset[str]:
        """The names of the tools that write."""
        return frozenset(name for name, spec in self._specs.items() if spec.is_write)

    async def build(self) -> None:
        """Build every tool in a worker thread, so that no first call waits for it."""
        for name in self._specs:
            await anyio.to_thread.run_sync(self._tool, name)

    def call_again(self, ws: CallContext, name: str, arguments_json: str) -> WriteCall:
        """A call of a write tool, recreated from its arguments (JSON).

        Raises:
            ValueError: the tool does not take them.
        """
        arguments = self._tool(name).fn_metadata.validate_arguments(json.loads(arguments_json))
        return WriteCall(self._specs[name], ws, arguments, anyio.current_time())

    def read(self, name: str, arguments: dict[str, Any]) -> Input:
        """Read the arguments of a call.

        Raises:
            UserError: some are not acceptable; the text lists all of them.
        """
        metadata = self._tool(name).fn_metadata
        schema = self._schema(name)
        read = read_input(arguments, schema, from_unix(self._clock.now()))
        declared = {key: value for key, value in read.arguments.items() if key in schema["properties"]}
        invalid = None
        try:
            metadata.validate_arguments(declared)
        except ValidationError as error:
            invalid = error
        writes = self._specs[name].is_write
        if refused := refusal(name, schema, arguments, read.faults, invalid, writes=writes):
            raise UserError(refused)
        return read

    async def call(self, name: str, read: Input, context: Context[Any, Any]) -> CallToolResult | InputRequiredResult:
        """Run a tool; its result states the assumptions about the arguments."""
        answered: CallToolResult | InputRequiredResult = await self._tool(name).run(
            read.arguments, context, convert_result=True
        )
        return add_note(answered, read.note) if isinstance(answered, CallToolResult) else answered

    async def answer(self, name: str, arguments: Mapping[str, Any]) -> Answer:
        """Run a read tool for a resource; `name` must be one."""
        answer = await self._specs[name].function(await self._workspace_for_caller(), **arguments)
        assert isinstance(answer, Answer)  # noqa: S101 - a declaration's promise, not input
        return answer

    async def completions(self, ws: CallContext, kinds: Collection[str], typed: str) -> list[str]:
        """Words, or IDs and names of some kinds, that match what was typed."""
        return await completions(ws, kinds, typed)

    async def events_query(self, arguments: Mapping[str, str]) -> object:
        """What a resource of recent events shows, for comparing it with an event."""
        return await listed_events(await self._workspace_for_caller(), arguments)

    def _tool(self, name: str) -> Tool:
        if name not in self._tools:
            self._tools[name] = as_tool(self._specs[name], self._workspace_for_caller)
        return self._tools[name]

    def _schema(self, name: str) -> Schema:
        metadata = self._tool(name).fn_metadata
        assert isinstance(metadata, Arguments)  # noqa: S101 - `as_tool` made it
        return metadata.whole_schema

    def longest(self, name: str, max_wait: float) -> float:
        """Seconds a call may take: a write may wait for a person."""
        return APPROVAL_SECONDS + 2 * max_wait if self._specs[name].is_write else max_wait

    async def give_up(self, ws: CallContext, name: str, read: Input) -> CallToolResult | None:
        """Withdraw the unanswered question of a write, or return its outcome; None for any other tool."""
        if not self._specs[name].is_write:
            return None
        meant = self._tool(name).fn_metadata.validate_arguments(read.arguments)
        since = ws.clock.now() - self.longest(name, ws.settings.max_wait)
        late = await ws.gate.give_up(ws.caller.id, name, digest_of(meant), since)
        return result(late, mask=ws.settings.mask_pii)
