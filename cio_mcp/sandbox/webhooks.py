"""Posts what reporting webhooks are to hear, as Customer.io does: signed, one at a time, in order, again and again."""

import math
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import anyio.abc
import httpx

from cio_mcp.sandbox import faults
from cio_mcp.sandbox.reporting_webhooks import Pending, ReportingWebhook
from cio_mcp.sandbox.sender_rules import GIVES_UP, SIGNING_KEY, TIMEOUT, Outcome, is_success, signature, wait_after

if TYPE_CHECKING:
    from cio_mcp.sandbox.app import Sandbox

Message = MutableMapping[str, Any]
AsgiApp = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]
LONGEST_SLEEP = 1.0
"""Seconds of the machine; whoever moved the clock from another thread is noticed by then."""


@dataclass(frozen=True, slots=True)
class Sending:
    """How webhooks are posted: with `app`, to that ASGI app whatever the address; with `restamp`, each attempt stamped.

    Whether Customer.io renews the timestamp for a retry is not published. `timeout` is in seconds of the machine.
    """

    key: str = SIGNING_KEY
    timeout: float = TIMEOUT
    restamp: bool = False
    app: AsgiApp | None = None


class Sender:
    """Lets a sandbox's future unfold and posts it; does nothing while no webhook is there to hear of it.

    `run` starts its tasks and ends with its task group. `ring` tells it that something may have changed.
    """

    def __init__(self, sandbox: "Sandbox", sending: Sending) -> None:
        self._sandbox, self._sending = sandbox, sending
        self._bell = anyio.Event()
        self._served: set[ReportingWebhook] = set()
        self._settled = anyio.Event()

    def ring(self) -> None:
        """Wake whoever waits."""
        bell, self._bell = self._bell, anyio.Event()
        bell.set()

    async def run(self, tasks: anyio.abc.TaskGroup) -> None:
        """Watch the workspace until cancelled; each webhook gets a task."""
        while not self._sandbox.workspace.is_heard:
            await self._pause(math.inf)
        transport = httpx.ASGITransport(self._sending.app, raise_app_exceptions=False) if self._sending.app else None
        http = httpx.AsyncClient(transport=transport, timeout=self._sending.timeout, trust_env=False)
        try:
            while True:
                await self._pause(self._unfold(tasks, http))
        finally:
            self._served.clear()
            self._tell_settled()
            with anyio.CancelScope(shield=True):
                await http.aclose()

    async def caught_up(self) -> None:
        """Wait until nothing that is due is unposted, or the sandbox ends; what waits to be tried again is not due."""
        while self._sandbox.is_entered and self._is_behind():
            await self._settled.wait()

    def _unfold(self, tasks: anyio.abc.TaskGroup, http: httpx.AsyncClient) -> float:
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
                tasks.start_soon(self._serve, webhook, http)
        return workspace.agenda.next_at

    async def _pause(self, until: float) -> None:
        with anyio.move_on_after(min(self._sandbox.clock.wait(until), LONGEST_SLEEP)):
            await self._bell.wait()

    async def _serve(self, webhook: ReportingWebhook, http: httpx.AsyncClient) -> None:
        """Work off the line of one webhook for as long as it exists."""
        while self._sandbox.workspace.webhooks.get(webhook.id) is webhook:
            if self._has_work(webhook):
                await self._attempt(webhook, http)
            else:
                self._tell_settled()
                await self._pause(webhook.line[0].due if webhook.line and not webhook.disabled else math.inf)
        self._served.discard(webhook)
        self._tell_settled()

    def _has_work(self, webhook: ReportingWebhook) -> bool:
        return bool(webhook.line) and not webhook.disabled and webhook.line[0].due <= self._sandbox.clock.now()

    def _is_behind(self) -> bool:
        workspace = self._sandbox.workspace
        due = any(self._has_work(webhook) for webhook in workspace.webhooks.values())
        return due or (workspace.is_heard and workspace.agenda.next_at <= self._sandbox.clock.now())

    def _tell_settled(self) -> None:
        told, self._settled = self._settled, anyio.Event()
        told.set()

    async def _attempt(self, webhook: ReportingWebhook, http: httpx.AsyncClient) -> None:
        """Make one attempt for the head of the line; while it fails, everything behind it waits."""
        head, now = self._head(webhook), self._sandbox.clock.now()
        if head is None:
            return
        if head.attempts and head.due >= head.first + GIVES_UP:
            webhook.line.remove(head)
            webhook.expired += 1
            return
        head.first = head.first or now
        head.stamp = int(now) if self._sending.restamp or not head.stamp else head.stamp
        head.attempts += 1
        outcome = await self._post(webhook, head, http)
        if self._fault(webhook, "webhook_twice"):
            await self._post(webhook, head, http)
        if self._fault(webhook, "webhook_lost"):
            outcome = "timeout"
        webhook.last = outcome
        if is_success(outcome):
            webhook.line.remove(head)
            webhook.delivered += 1
        else:
            head.due = min(self._sandbox.clock.now() + wait_after(outcome, head.attempts), head.first + GIVES_UP)

    def _head(self, webhook: ReportingWebhook) -> Pending | None:
        """The event whose turn it is; None when an ordered fault makes it wait."""
        line = webhook.line
        if line[0].attempts:
            return line[0]
        if len(line) > 1 and not line[0].overtaken and self._fault(webhook, "webhook_reorder"):
            line[0].overtaken = True
            line[0], line[1] = line[1], line[0]
        slow = None if line[0].slowed else self._fault(webhook, "webhook_slow")
        if slow:
            line[0].slowed = True
            line[0].due = self._sandbox.clock.now() + float(slow.partition(":")[2])
            return None
        return line[0]

    def _fault(self, webhook: ReportingWebhook, word: str) -> str | None:
        return faults.take_for_webhook(self._sandbox.faults, webhook.endpoint, word)

    async def _post(self, webhook: ReportingWebhook, pending: Pending, http: httpx.AsyncClient) -> Outcome:
        webhook.attempts += 1
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Customer.io Webhooks (sandbox)",
            "X-CIO-Timestamp": str(pending.stamp),
            "X-CIO-Signature": signature(self._sending.key, pending.stamp, pending.body),
        }
        try:
            with anyio.fail_after(self._sending.timeout):
                answer = await http.post(webhook.endpoint, content=pending.body, headers=headers)
        except (TimeoutError, httpx.TimeoutException):
            return "timeout"
        except httpx.ConnectError:
            return "refused"
        except httpx.HTTPError:
            return "cut"
        return answer.status_code
