"""The runtime: opens the workspace and the tools after the handshake.

This is where what is heavy is loaded: every tool, the API's models, httpx and SQLAlchemy. Nothing else waits to import.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
from mcp.server import MCPServer
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from cio_mcp.clock import SYSTEM_CLOCK, Clock
from cio_mcp.customerio.simulated import SimulatedApi
from cio_mcp.errors import CioError, OperatorError, Unavailable
from cio_mcp.gate.policy import Policy
from cio_mcp.server import resources
from cio_mcp.server.callers import Callers
from cio_mcp.server.definitions import Definition
from cio_mcp.server.errors import where
from cio_mcp.server.subscriptions import Subscriptions
from cio_mcp.settings import Settings
from cio_mcp.text.render import Answer

if TYPE_CHECKING:
    from cio_mcp.events.log import EventLog
    from cio_mcp.server.toolbox import Toolbox
    from cio_mcp.workspace import CallContext, Workspace

log = logging.getLogger(__name__)

HANDSHAKE = frozenset({"initialize", "notifications/initialized", "server/discover", "tools/list", "ping"})
"""Requests that a client makes first; no heavy module is loaded before they are answered."""


STARTING = "The server is still opening its database. Nothing was sent. Try again in a few seconds."
STOPPING = "The server is stopping. Nothing was sent."


class Runtime:
    """Opens the workspace and builds the tools once, after the handshake or when they are first needed."""

    def __init__(
        self,
        settings: Settings,
        offered: list[Definition],
        policy: Policy,
        sandbox: SimulatedApi | None,
        clock: Clock | None = None,
    ) -> None:
        self.settings, self.clock = settings, clock or SYSTEM_CLOCK
        self._policy = policy
        self.tools = {each.name: each for each in offered}
        self.callers = Callers(settings.local_principal)
        self._sandbox = sandbox
        self.subscriptions = Subscriptions(resources.RECENT_EVENTS, self._as_read, self.clock)
        self._toolbox: Toolbox | None = None
        self._requested = anyio.Event()
        self._opened = anyio.Event()
        self._workspaces: dict[str, Workspace] = {}
        """The open workspaces by id; one for now, that of the settings."""
        self._failure: CioError | None = None
        self.when_open: list[Callable[[Workspace], Awaitable[None]]] = []
        """Work in the background that begins once a client has connected and the workspace is open."""

    def warm(self) -> None:
        """Start to open, without waiting."""
        self._requested.set()

    async def workspace_for_caller(self) -> "CallContext":
        """The workspace as the caller of the request in progress sees it.

        Raises:
            OperatorError: it could not be opened.
            Unavailable: it is not open within `CIO_MAX_WAIT`.
        """
        return (await self._workspace(self.settings.workspace_key)).acting(self.callers.current)

    async def events(self) -> "EventLog":
        """The events of the workspace.

        Raises:
            OperatorError: the workspace could not be opened.
            Unavailable: it is not open within `CIO_MAX_WAIT`.
        """
        return (await self._workspace(self.settings.workspace_key)).events

    async def toolbox(self) -> "Toolbox":
        """The tools, ready to run.

        Raises:
            OperatorError: the workspace could not be opened.
            Unavailable: it is not open within `CIO_MAX_WAIT`.
        """
        if self._toolbox is None or not self._workspaces:
            await self._wait_until_open()
        assert self._toolbox is not None  # noqa: S101 - there from before the first workspace is open
        return self._toolbox

    async def answer(self, tool: str, arguments: Mapping[str, Any]) -> Answer:
        """Run a read tool for the caller of the request in progress.

        Raises:
            OperatorError: the workspace could not be opened.
            Unavailable: it is not open within `CIO_MAX_WAIT`.
        """
        return await (await self.toolbox()).answer(tool, arguments)

    async def completions(self, kinds: Collection[str], typed: str) -> list[str]:
        """Complete what a person types; none while the workspace opens, so that typing never waits for it."""
        workspace = self._workspaces.get(self.settings.workspace_key)
        if workspace is None or self._toolbox is None:
            self.warm()
            return []
        return await self._toolbox.completions(workspace.acting(self.callers.current), kinds, typed)

    async def _workspace(self, id_: str) -> "Workspace":
        if id_ not in self._workspaces:
            await self._wait_until_open()
        return self._workspaces[id_]

    async def _wait_until_open(self) -> None:
        self.warm()
        with self.clock.move_on_after(self.settings.max_wait) as scope:
            await self._opened.wait()
        if scope.cancelled_caught:
            raise Unavailable(STARTING)
        if not self._workspaces:
            raise self._failure or Unavailable(STOPPING)

    @asynccontextmanager
    async def lifespan(self, _server: MCPServer[None]) -> AsyncIterator[None]:
        """Own the task that holds the workspace open while the server runs."""
        self._requested, self._opened = anyio.Event(), anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(self._hold)
            group.start_soon(self.subscriptions.run, self.events)
            yield
            group.cancel_scope.cancel()

    async def _hold(self) -> None:
        await self._requested.wait()
        try:
            toolbox, open_workspace = await anyio.to_thread.run_sync(_load)
            self._toolbox = self._toolbox or toolbox(self.tools, self.workspace_for_caller, self.clock)
            async with open_workspace(
                self.settings, sandbox=self._sandbox, policy=self._policy, clock=self.clock
            ) as workspace:
                self._workspaces[self.settings.workspace_key] = workspace
                self._opened.set()
                async with anyio.create_task_group() as group:
                    group.start_soon(_in_background, self._carry_out_approved, workspace)
                    for work in self.when_open:
                        group.start_soon(_in_background, work, workspace)
                    await anyio.sleep_forever()
        except CioError as failure:
            self._failure = failure
        except Exception as failure:  # noqa: BLE001 - every call that waits for the workspace must be notified
            self._failure = _unforeseen(failure)
        finally:
            self._workspaces.clear()
            self._opened.set()

    async def _carry_out_approved(self, workspace: "Workspace") -> None:
        from cio_mcp.server.approved_changes import ApprovedChanges  # noqa: PLC0415 - the boundary

        heard = partial(self.subscriptions.heard, resources.CHANGES)
        await ApprovedChanges(workspace, await self.toolbox(), self.callers, heard).run()

    async def _as_read(self, uri: str) -> object:
        return await (await self.toolbox()).events_query(resources.query_of(uri))

    async def after_handshake(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Middleware: warm up as soon as the client has its list of tools."""
        answered = await call_next(ctx)
        if not self._workspaces and (ctx.method == "tools/list" or ctx.method not in HANDSHAKE):
            self.warm()
        return answered


def _load() -> "tuple[type[Toolbox], Callable[..., AbstractAsyncContextManager[Workspace]]]":
    """Load heavy modules; for a worker thread, so that the event loop goes on."""
    from cio_mcp.server.toolbox import Toolbox  # noqa: PLC0415 - the boundary
    from cio_mcp.workspace import open_workspace  # noqa: PLC0415 - the boundary

    return Toolbox, open_workspace


async def _in_background(work: "Callable[[Workspace], Awaitable[None]]", workspace: "Workspace") -> None:
    try:
        await work(workspace)
    except Exception as failure:  # noqa: BLE001 - it must not end what it runs beside
        log.error("work in the background failed: %s", where(failure))  # noqa: TRY400 - a trace shows data


def _unforeseen(failure: Exception) -> OperatorError:
    log.error("the workspace could not be opened: %s", where(failure))
    return OperatorError("The workspace could not be opened. Details are in the server log.")
