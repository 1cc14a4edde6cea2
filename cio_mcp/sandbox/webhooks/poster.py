"""Posts events to reporting webhooks as Customer.io does: signed, one event a request, in order, with retries."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import anyio
import httpx

from cio_mcp.sandbox import faults
from cio_mcp.sandbox.state import State
from cio_mcp.sandbox.webhooks.endpoints import QueuedEvent, ReportingWebhook
from cio_mcp.sandbox.webhooks.policy import (
    MAX_RETRY_SECONDS,
    SIGNING_KEY,
    TIMEOUT_SECONDS,
    Outcome,
    is_success,
    retry_delay,
    signature,
)

Message = MutableMapping[str, Any]
AsgiApp = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class PostingOptions:
    """How webhooks are posted.

    With `app`, to that ASGI app whatever the address. With `restamp`, each attempt gets its own timestamp: whether
    Customer.io does so is not published. `concurrency` is the number of simultaneous requests to one endpoint (more
    than one only for load tests), `timeout` is in real seconds.
    """

    key: str = SIGNING_KEY
    timeout: float = TIMEOUT_SECONDS
    restamp: bool = False
    concurrency: int = 1
    app: AsgiApp | None = None


class Poster:
    """Makes the attempts that are due, and decides whether an event is delivered, retried or expired."""

    def __init__(self, state: State, options: PostingOptions) -> None:
        self._state, self._options = state, options
        transport = httpx.ASGITransport(options.app, raise_app_exceptions=False) if options.app else None
        self._http = httpx.AsyncClient(transport=transport, timeout=options.timeout, trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def post_next(self, webhook: ReportingWebhook) -> None:
        """Attempt the head of the queue; while it fails, all events behind it wait."""
        async with anyio.create_task_group() as attempts:
            for event in self._next_batch(webhook):
                attempts.start_soon(self._attempt, webhook, event)

    def _next_batch(self, webhook: ReportingWebhook) -> list[QueuedEvent]:
        """The events to attempt now: a retry goes alone, and an injected fault may delay or reorder them."""
        queue, now = webhook.queue, self._state.clock.now()
        if queue[0].attempts:
            if queue[0].due < queue[0].first + MAX_RETRY_SECONDS:
                return [queue[0]]
            queue.popleft()
            webhook.expired += 1
            return []
        if len(queue) > 1 and not queue[0].overtaken and self._fault(webhook, "webhook_reorder"):
            queue[0].overtaken = True
            queue[0], queue[1] = queue[1], queue[0]
        slow = None if queue[0].slowed else self._fault(webhook, "webhook_slow")
        if slow:
            queue[0].slowed = True
            queue[0].due = now + float(slow.partition(":")[2])
            return []
        return [event for event in islice(queue, self._options.concurrency) if not event.attempts]

    async def _attempt(self, webhook: ReportingWebhook, event: QueuedEvent) -> None:
        now = self._state.clock.now()
        event.first = event.first or now
        event.stamp = int(now) if self._options.restamp or not event.stamp else event.stamp
        event.attempts += 1
        outcome = await self._post(webhook, event)
        if self._fault(webhook, "webhook_twice"):
            await self._post(webhook, event)
        if self._fault(webhook, "webhook_lost"):
            outcome = "timeout"
        webhook.last = outcome
        if is_success(outcome):
            webhook.queue.remove(event)
            webhook.delivered += 1
        else:
            wait = retry_delay(outcome, event.attempts)
            event.due = min(self._state.clock.now() + wait, event.first + MAX_RETRY_SECONDS)

    def _fault(self, webhook: ReportingWebhook, word: str) -> str | None:
        return faults.take_for_webhook(self._state.faults, webhook.endpoint, word)

    async def _post(self, webhook: ReportingWebhook, event: QueuedEvent) -> Outcome:
        webhook.attempts += 1
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Customer.io Webhooks (sandbox)",
            "X-CIO-Timestamp": str(event.stamp),
            "X-CIO-Signature": signature(self._options.key, event.stamp, event.body),
        }
        try:
            with anyio.fail_after(self._options.timeout):
                response = await self._http.post(webhook.endpoint, content=event.body, headers=headers)
        except (TimeoutError, httpx.TimeoutException):
            return "timeout"
        except (httpx.ConnectError, httpx.InvalidURL):
            return "refused"
        except httpx.HTTPError:
            return "cut"
        return response.status_code
