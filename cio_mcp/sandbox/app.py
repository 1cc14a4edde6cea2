"""The sandbox: one ASGI app for all of Customer.io's APIs, over one simulated workspace."""

import random
from types import TracebackType
from typing import Any, Self

import anyio
import anyio.abc
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from cio_mcp.sandbox import auth, control, faults
from cio_mcp.sandbox.api.router import ROUTER
from cio_mcp.sandbox.api.routes import Handler
from cio_mcp.sandbox.forms import is_form, parse_form
from cio_mcp.sandbox.http import (
    ApiError,
    ApiRequest,
    ApiResponse,
    Match,
    app_error,
    invalid,
    not_found,
    track_error,
)
from cio_mcp.sandbox.json_body import parse
from cio_mcp.sandbox.limits import limit_of
from cio_mcp.sandbox.state import State
from cio_mcp.sandbox.webhooks.endpoints import initial_webhooks
from cio_mcp.sandbox.webhooks.poster import AsgiApp, PostingOptions
from cio_mcp.sandbox.webhooks.worker import Worker
from cio_mcp.sandbox.world.clock import Clock

IN_PROCESS_URL = "http://localhost/webhooks/customerio"
"""The address of a receiver in this process; nothing is sent to it over the network."""
MAX_BODY_BYTES = 26_000_000
"""Just above the largest documented payload, a broadcast trigger's 25 MB."""


class Sandbox(State):
    """A simulated Customer.io workspace, the same for the same seed.

    `app` is the ASGI callable for all its APIs. `people` are generated in addition to the fixtures, `jitter` is the
    longest delay of a request's arrival in seconds, and `clock` lets tests control the time. While the sandbox is
    entered, it posts events to `webhook_url` and to the reporting webhooks created through the API.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        people: int = 5000,
        jitter: float = 0.0,
        clock: Clock | None = None,
        webhook_url: str = "",
        posting: PostingOptions | None = None,
    ) -> None:
        super().__init__(seed=seed, people=people, clock=clock or Clock(), webhook_url=webhook_url)
        self._jitter = jitter
        self._delays = random.Random(f"{seed}:jitter")
        self.worker = Worker(self, posting or PostingOptions())
        self._tasks: anyio.abc.TaskGroup | None = None
        self.clock.listen(self.worker.wake)

    @property
    def drops(self) -> tuple[type[Exception], ...]:
        """What `app` raises where a network's connection would break."""
        return (faults.Dropped,)

    @property
    def is_entered(self) -> bool:
        """Whether its tasks run."""
        return self._tasks is not None

    async def __aenter__(self) -> Self:
        if self.is_entered:
            raise RuntimeError("this sandbox is already running: `serve_in_background` enters it in its own thread")
        self._tasks = await anyio.create_task_group().__aenter__()
        self.worker.start(self._tasks)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if self._tasks is None:
            return None
        tasks, self._tasks = self._tasks, None
        self.worker.stop()
        tasks.cancel_scope.cancel()
        if isinstance(error, anyio.get_cancelled_exc_class()):
            return await tasks.__aexit__(kind, error, trace)
        # The group would wrap any other error in an exception group, or take it for a failure of its own.
        await tasks.__aexit__(None, None, None)
        return None

    def report_to(self, app: AsgiApp) -> None:
        """Post all events from now on to an ASGI app in this process."""
        self._webhook_url = IN_PROCESS_URL
        self.worker.post_to(app)
        self.workspace.webhooks = initial_webhooks(IN_PROCESS_URL)
        self.worker.wake()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        raw_path = scope.get("raw_path", scope["path"].encode()).decode("ascii", "replace").partition("?")[0]
        if raw_path.startswith(control.PREFIX):
            response = await control.handle(self, request)
        else:
            response = await self._count(request, raw_path)
        self.worker.wake()
        await response(scope, receive, send)

    async def _count(self, request: Request, raw_path: str) -> Response:
        if self._jitter:
            await anyio.sleep(self._delays.uniform(0, self._jitter))
        match = ROUTER.find(request.method, raw_path)
        arrival = self.clock.now()
        entry = {"at": arrival, "method": request.method, "path": raw_path, "status": 0}
        self.requests.append(entry)
        self.routes[f"{request.method} {match.template if match.handler else '(unknown)'}"] += 1
        self.in_flight += 1
        self.max_concurrency = max(self.max_concurrency, self.in_flight)
        try:
            response = await self._respond(request, raw_path, arrival, match)
        except faults.Dropped:
            self.statuses["dropped"] += 1
            raise
        finally:
            self.in_flight -= 1
        entry["status"] = response.status_code
        self.statuses[str(response.status_code)] += 1
        return response

    async def _respond(self, request: Request, raw_path: str, arrival: float, match: Match[Handler]) -> Response:
        template, handler, values = match
        try:
            body = await _read_body(request)
            kind = faults.take_for_request(self.faults, request.method, template, raw_path)
            if kind is not None and faults.replaces_work(kind):
                return faults.replacement_response(kind, self._reference())
            auth.check(template, raw_path, request.headers.get("authorization", ""))
            self.windows.admit(limit_of(request.method, template), arrival, self._reference())
            if handler is None:
                raise _unknown_route(raw_path)
            self.workspace.settle()
            parsed = faults.spoiled(kind, _parse(body, raw_path, request.headers.get("content-type", "")))
            call = ApiRequest(values, dict(request.query_params), parsed, len(body), str(request.base_url))
            result = handler(self.workspace, call)
            response = _response(result if isinstance(result, ApiResponse) else ApiResponse(200, result))
        except ApiError as error:
            return _response(error.response)
        if kind is None:
            return response
        await faults.hang(kind)
        return faults.response_after_work(kind) or response

    def _reference(self) -> str:
        return f"{self._delays.getrandbits(24):06x}"


async def _read_body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise app_error(413, "the body is too large")
    return b"".join(parts)


def _parse(body: bytes, raw_path: str, content_type: str) -> Any:
    try:
        return parse_form(body, content_type) if is_form(content_type) else parse(body)
    except ValueError:
        raise _malformed(raw_path) from None


def _malformed(raw_path: str) -> ApiError:
    reason = "malformed JSON"
    if raw_path.startswith("/api/v2/"):
        return invalid("", reason, "malformed")
    return track_error(reason) if auth.is_track(raw_path) else app_error(400, reason)


def _unknown_route(raw_path: str) -> ApiError:
    return track_error("not found", 404) if auth.is_track(raw_path) else not_found()


def _response(response: ApiResponse) -> Response:
    if response.body is None:
        return Response(status_code=response.status, headers=response.headers)
    if isinstance(response.body, bytes):
        return Response(response.body, response.status, response.headers)
    return JSONResponse(response.body, response.status, response.headers)
