"""The sandbox: one ASGI app in front of one simulated workspace."""

import json
import random
from collections import Counter, deque
from types import TracebackType
from typing import Any, Self

import anyio
import anyio.abc
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from cio_mcp.sandbox import auth, control, faults
from cio_mcp.sandbox.api import (
    account,
    activities,
    broadcasts,
    campaigns,
    customers,
    messages,
    newsletters,
    segments,
    sends,
    track,
    track_events,
    track_v2,
    transactional,
)
from cio_mcp.sandbox.http import Answer, Asked, Found, Refused, Router, app_error, invalid, not_found, track_error
from cio_mcp.sandbox.limits import Windows, limit_of
from cio_mcp.sandbox.webhooks import endpoints as reporting_webhooks
from cio_mcp.sandbox.webhooks.poster import AsgiApp, Sending
from cio_mcp.sandbox.webhooks.worker import Sender
from cio_mcp.sandbox.world.clock import Clock
from cio_mcp.sandbox.world.workspace import Workspace

PARTS = (
    track, track_events, track_v2, customers, activities, messages, segments, campaigns, broadcasts, newsletters,
    transactional, sends, account, reporting_webhooks,
)  # fmt: skip
ROUTER = Router([route for part in PARTS for route in part.ROUTES])
REQUESTS_KEPT = 100_000
IN_PROCESS = "http://localhost/webhooks/customerio"
"""Where an app that is posted to in process would be."""
BODY_BYTES = 26_000_000
"""Just above the largest documented payload, a broadcast trigger's 25 MB."""


class Sandbox:
    """A simulated Customer.io workspace, the same for the same seed.

    `app` is the ASGI callable for all its APIs. `people` are generated besides the fixed cast, `jitter` is the most
    that a request's arrival is delayed by, in seconds, and `clock` lets tests hold the time. While it is entered,
    everything that happens is posted to `webhook_url` and to the reporting webhooks that were created.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        people: int = 5000,
        jitter: float = 0.0,
        clock: Clock | None = None,
        webhook_url: str = "",
        sending: Sending | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self._seed, self._people, self._jitter, self._webhook_url = seed, people, jitter, webhook_url
        self._delays = random.Random(f"{seed}:jitter")
        self.sender = Sender(self, sending or Sending())
        self._tasks: anyio.abc.TaskGroup | None = None
        self.clock.listen(self.sender.ring)
        self.reset()

    @property
    def is_entered(self) -> bool:
        """Whether its tasks run."""
        return self._tasks is not None

    async def __aenter__(self) -> Self:
        if self.is_entered:
            raise RuntimeError("this sandbox runs already: `served` enters it in a thread of its own")
        self._tasks = await anyio.create_task_group().__aenter__()
        self._tasks.start_soon(self.sender.run, self._tasks)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if self._tasks is None:
            return None
        tasks, self._tasks = self._tasks, None
        tasks.cancel_scope.cancel()
        if isinstance(error, anyio.get_cancelled_exc_class()):
            return await tasks.__aexit__(kind, error, trace)
        # Any other error is none of the tasks' business: the group would wrap it, or take it for its own end.
        await tasks.__aexit__(None, None, None)
        return None

    def reset(self) -> None:
        """Start again with the workspace as it was made, at the clock's time; faults and counters are gone."""
        self.workspace = Workspace(self._seed, self._people, self.clock, self._webhook_url)
        self.windows = Windows()
        self.faults: list[faults.Fault] = []
        self.requests: deque[dict[str, Any]] = deque(maxlen=REQUESTS_KEPT)
        self.routes: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.in_flight = self.max_concurrency = 0
        self.sender.ring()

    def report_to(self, app: AsgiApp) -> None:
        """Post everything that happens from now on to an ASGI app in this process."""
        self._webhook_url = IN_PROCESS
        self.sender.post_to(app)
        self.workspace.webhooks = reporting_webhooks.first_webhooks(IN_PROCESS)
        self.sender.ring()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        raw_path = scope.get("raw_path", scope["path"].encode()).decode("ascii", "replace").partition("?")[0]
        if raw_path.startswith("/_sandbox/"):
            response = await control.answer(self, request)
        else:
            response = await self._counted(request, raw_path)
        self.sender.ring()
        await response(scope, receive, send)

    async def _counted(self, request: Request, raw_path: str) -> Response:
        if self._jitter:
            await anyio.sleep(self._delays.uniform(0, self._jitter))
        found = ROUTER.find(request.method, raw_path)
        arrived = self.clock.now()
        entry = {"at": arrived, "method": request.method, "path": raw_path, "status": 0}
        self.requests.append(entry)
        self.routes[f"{request.method} {found.template if found.handler else '(unknown)'}"] += 1
        self.in_flight += 1
        self.max_concurrency = max(self.max_concurrency, self.in_flight)
        try:
            response = await self._answered(request, raw_path, arrived, found)
        except faults.Dropped:
            self.statuses["dropped"] += 1
            raise
        finally:
            self.in_flight -= 1
        entry["status"] = response.status_code
        self.statuses[str(response.status_code)] += 1
        return response

    async def _answered(self, request: Request, raw_path: str, arrived: float, found: Found) -> Response:
        template, handler, values = found
        try:
            body = await _body(request)
            kind = faults.take(self.faults, request.method, template, raw_path)
            if kind is not None and faults.comes_first(kind):
                return faults.instead(kind, self._reference())
            auth.check(raw_path, request.headers.get("authorization", ""))
            self.windows.admit(limit_of(request.method, template), arrived, self._reference())
            if handler is None:
                raise not_found()
            self.workspace.settle()
            asked = Asked(values, dict(request.query_params), _parsed(body, raw_path), len(body))
            made = handler(self.workspace, asked)
            response = _response(made if isinstance(made, Answer) else Answer(200, made))
        except Refused as refused:
            return _response(refused.answer)
        if kind is None:
            return response
        await faults.hang(kind)
        return faults.afterwards(kind) or response

    def _reference(self) -> str:
        return f"{self._delays.getrandbits(24):06x}"


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > BODY_BYTES:
            raise app_error(413, "the body is too large")
    return b"".join(parts)


def _parsed(body: bytes, raw_path: str) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        raise _malformed(raw_path) from None


def _malformed(raw_path: str) -> Refused:
    reason = "malformed JSON"
    if raw_path.startswith("/api/v2/"):
        return invalid("", reason, "malformed")
    return track_error(reason) if raw_path.startswith("/api/") else app_error(400, reason)


def _response(answer: Answer) -> Response:
    if answer.body is None:
        return Response(status_code=answer.status, headers=answer.headers)
    return JSONResponse(answer.body, answer.status, answer.headers)
