"""The background work of a sandbox: it completes due steps, and posts each webhook's events in its own task."""

import math
from dataclasses import replace

import anyio
import anyio.abc

from cio_mcp.sandbox.state import State
from cio_mcp.sandbox.webhooks.endpoints import ReportingWebhook
from cio_mcp.sandbox.webhooks.poster import AsgiApp, Poster, PostingOptions

MAX_SLEEP_SECONDS = 1.0
"""Real seconds between two looks at the clock, which another thread may have advanced."""


class Worker:
    """Watches the clock and the workspace; idle while there is no webhook to post to.

    `start` runs it in a task group, which owns it. `wake` makes it look again.
    """

    def __init__(self, state: State, options: PostingOptions) -> None:
        self._state, self._options = state, options
        self._is_running = False
        self._wake_event = anyio.Event()
        self._idle_event = anyio.Event()
        self._active: set[ReportingWebhook] = set()

    def post_to(self, app: AsgiApp) -> None:
        """Post to an ASGI app, whatever the address; call it before anything is posted."""
        self._options = replace(self._options, app=app)

    def start(self, tasks: anyio.abc.TaskGroup) -> None:
        """Run until the task group is canceled."""
        self._is_running = True
        tasks.start_soon(self._run, tasks)

    def stop(self) -> None:
        """Release everything that waits for the worker; the task group must be canceled too."""
        self._is_running = False
        self._notify_idle()

    def wake(self) -> None:
        """Make the worker look at the clock and the workspace again."""
        event, self._wake_event = self._wake_event, anyio.Event()
        event.set()

    async def wait_until_idle(self) -> None:
        """Wait until every due event is posted, or the worker ends; events that wait for a retry are not due."""
        while self._is_running and self._is_behind():
            await self._idle_event.wait()

    async def _run(self, tasks: anyio.abc.TaskGroup) -> None:
        """Watch the workspace until canceled; each webhook gets a task."""
        while not self._state.workspace.has_webhooks:
            await self._pause(math.inf)
        poster = Poster(self._state, self._options)
        try:
            while True:
                await self._pause(self._complete_due_steps(tasks, poster))
        finally:
            self._active.clear()
            self._notify_idle()
            with anyio.CancelScope(shield=True):
                await poster.close()

    def _complete_due_steps(self, tasks: anyio.abc.TaskGroup, poster: Poster) -> float:
        """Run what is due, and return when the next action is due."""
        workspace = self._state.workspace
        if not workspace.has_webhooks:
            return math.inf
        if workspace.schedule.next_at <= self._state.clock.now():
            workspace.settle()
            self.wake()
        for webhook in workspace.webhooks.values():
            if not webhook.is_placeholder and webhook not in self._active:
                self._active.add(webhook)
                tasks.start_soon(self._drain, webhook, poster)
        return workspace.schedule.next_at

    async def _pause(self, until: float) -> None:
        with anyio.move_on_after(min(self._state.clock.wait(until), MAX_SLEEP_SECONDS)):
            await self._wake_event.wait()

    async def _drain(self, webhook: ReportingWebhook, poster: Poster) -> None:
        """Post the events of one webhook for as long as it exists."""
        while self._state.workspace.webhooks.get(webhook.id) is webhook:
            if webhook.is_due(self._state.clock.now()):
                await poster.post_next(webhook)
            else:
                self._notify_idle()
                await self._pause(webhook.queue[0].due if webhook.queue and not webhook.disabled else math.inf)
        self._active.discard(webhook)
        self._notify_idle()

    def _is_behind(self) -> bool:
        workspace, now = self._state.workspace, self._state.clock.now()
        is_due = any(webhook.is_due(now) for webhook in workspace.webhooks.values())
        return is_due or (workspace.has_webhooks and workspace.schedule.next_at <= now)

    def _notify_idle(self) -> None:
        event, self._idle_event = self._idle_event, anyio.Event()
        event.set()
