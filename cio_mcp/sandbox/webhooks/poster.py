"""Posts what reporting webhooks are to hear, as Customer.io does: signed, one event a post, in order, until taken."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import anyio
import httpx

from cio_mcp.sandbox import faults
from cio_mcp.sandbox.webhooks.endpoints import Pending, ReportingWebhook
from cio_mcp.sandbox.webhooks.policy import GIVES_UP, SIGNING_KEY, TIMEOUT, Outcome, is_success, signature, wait_after

if TYPE_CHECKING:
    from cio_mcp.sandbox.app import Sandbox

Message = MutableMapping[str, Any]
AsgiApp = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Sending:
    """How webhooks are posted.

    With `app`, to that ASGI app whatever the address. With `restamp`, each attempt gets a timestamp of its own: whether
    Customer.io does so is not published. `at_once` is how many events of one endpoint are under way together (one
    unless a storm is wanted), `timeout` is in seconds of the machine.
    """

    key: str = SIGNING_KEY
    timeout: float = TIMEOUT
    restamp: bool = False
    at_once: int = 1
    app: AsgiApp | None = None


class Poster:
    """Makes the attempts that are due, and decides what becomes of each event."""

    def __init__(self, sandbox: "Sandbox", sending: Sending) -> None:
        self._sandbox, self._sending = sandbox, sending
        transport = httpx.ASGITransport(sending.app, raise_app_exceptions=False) if sending.app else None
        self._http = httpx.AsyncClient(transport=transport, timeout=sending.timeout, trust_env=False)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def turn(self, webhook: ReportingWebhook) -> None:
        """Attempt what stands at the head of the line; while it fails, everything behind it waits."""
        async with anyio.create_task_group() as attempts:
            for pending in self._heads(webhook):
                attempts.start_soon(self._attempt, webhook, pending)

    def _heads(self, webhook: ReportingWebhook) -> list[Pending]:
        """The events whose turn it is: one that failed goes alone, and an ordered fault can make all wait."""
        line, now = webhook.line, self._sandbox.clock.now()
        if line[0].attempts:
            if line[0].due < line[0].first + GIVES_UP:
                return [line[0]]
            line.popleft()
            webhook.expired += 1
            return []
        if len(line) > 1 and not line[0].overtaken and self._fault(webhook, "webhook_reorder"):
            line[0].overtaken = True
            line[0], line[1] = line[1], line[0]
        slow = None if line[0].slowed else self._fault(webhook, "webhook_slow")
        if slow:
            line[0].slowed = True
            line[0].due = now + float(slow.partition(":")[2])
        return [pending for pending in islice(line, self._sending.at_once) if not pending.attempts] if not slow else []

    async def _attempt(self, webhook: ReportingWebhook, pending: Pending) -> None:
        now = self._sandbox.clock.now()
        pending.first = pending.first or now
        pending.stamp = int(now) if self._sending.restamp or not pending.stamp else pending.stamp
        pending.attempts += 1
        outcome = await self._post(webhook, pending)
        if self._fault(webhook, "webhook_twice"):
            await self._post(webhook, pending)
        if self._fault(webhook, "webhook_lost"):
            outcome = "timeout"
        webhook.last = outcome
        if is_success(outcome):
            webhook.line.remove(pending)
            webhook.delivered += 1
        else:
            wait = wait_after(outcome, pending.attempts)
            pending.due = min(self._sandbox.clock.now() + wait, pending.first + GIVES_UP)

    def _fault(self, webhook: ReportingWebhook, word: str) -> str | None:
        return faults.take_for_webhook(self._sandbox.faults, webhook.endpoint, word)

    async def _post(self, webhook: ReportingWebhook, pending: Pending) -> Outcome:
        webhook.attempts += 1
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Customer.io Webhooks (sandbox)",
            "X-CIO-Timestamp": str(pending.stamp),
            "X-CIO-Signature": signature(self._sending.key, pending.stamp, pending.body),
        }
        try:
            with anyio.fail_after(self._sending.timeout):
                answer = await self._http.post(webhook.endpoint, content=pending.body, headers=headers)
        except (TimeoutError, httpx.TimeoutException):
            return "timeout"
        except (httpx.ConnectError, httpx.InvalidURL):
            return "refused"
        except httpx.HTTPError:
            return "cut"
        return answer.status_code
