"""What runs behind a sandbox: its future unfolds, and a task for each webhook posts what that is to hear."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import anyio.abc

from cio_mcp.sandbox.webhooks.endpoints import ReportingWebhook
from cio_mcp.sandbox.webhooks.poster import AsgiApp, Poster, Sending

if TYPE_CHECKING:
    from cio_mcp.sandbox.app import Sandbox

LONGEST_SLEEP = 1.0
"""Seconds of the machine; whoever moved the clock from another thread is noticed by then."""


class Sender:
    """Watches the clock and the workspace; does nothing while no webhook is there to hear of it.

    `run` starts its tasks and ends with its task group. `ring` tells it that something may have changed.
    """

    def __init__(self, sandbox: "Sandbox", sending: Sending) -> None:
        self._sandbox, self._sending = sandbox, sending
        self._bell = anyio.Event()
        self._settled = anyio.Event()
        self._served: set[ReportingWebhook] = set()

    def post_to(self, app: AsgiApp) -> None:
        """Post to an ASGI app, whatever the address; to be said before anything is posted."""
        self._sending = replace(self._sending, app=app)

    def ring(self) -> None:
        """Wake whoever waits."""
        bell, self._bell = self._bell, anyio.Event()
        bell.set()

    async def run(self, tasks: anyio.abc.TaskGroup) -> None:
        """Watch the workspace until cancelled; each webhook gets a task."""
        while not self._sandbox.workspace.is_heard:
            await self._pause(math.inf)
        poster = Poster(self._sandbox, self._sending)
        try:
            while True:
                await self._pause(self._unfold(tasks, poster))
        finally:
            self._served.clear()
            self._tell_settled()
            with anyio.CancelScope(shield=True):
                await poster.close()

    async def caught_up(self) -> None:
        """Wait until nothing that is due is unposted, or the sandbox ends; what waits to be tried again is not due."""
        while self._sandbox.is_entered and self._is_behind():
            await self._settled.wait()

    def _unfold(self, tasks: anyio.abc.TaskGroup, poster: Poster) -> float:
        """Let happen what is due, and say when the next of it is."""
        workspace = self._sandbox.workspace
        if not workspace.is_heard:
            return math.inf
        if workspace.agenda.next_at <= self._sandbox.clock.now():
            workspace.settle()
            self.ring()
        for webhook in workspace.webhooks.values():
            if not webhook.made_up and webhook not in self._served:
                self._served.add(webhook)
                tasks.start_soon(self._serve, webhook, poster)
        return workspace.agenda.next_at

    async def _pause(self, until: float) -> None:
        with anyio.move_on_after(min(self._sandbox.clock.wait(until), LONGEST_SLEEP)):
            await self._bell.wait()

    async def _serve(self, webhook: ReportingWebhook, poster: Poster) -> None:
        """Work off the line of one webhook for as long as it exists."""
        while self._sandbox.workspace.webhooks.get(webhook.id) is webhook:
            if webhook.has_work(self._sandbox.clock.now()):
                await poster.turn(webhook)
            else:
                self._tell_settled()
                await self._pause(webhook.line[0].due if webhook.line and not webhook.disabled else math.inf)
        self._served.discard(webhook)
        self._tell_settled()

    def _is_behind(self) -> bool:
        workspace, now = self._sandbox.workspace, self._sandbox.clock.now()
        due = any(webhook.has_work(now) for webhook in workspace.webhooks.values())
        return due or (workspace.is_heard and workspace.agenda.next_at <= now)

    def _tell_settled(self) -> None:
        told, self._settled = self._settled, anyio.Event()
        told.set()
