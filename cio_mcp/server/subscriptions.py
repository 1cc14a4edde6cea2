"""Subscriptions to resources in both protocol eras: who listens to what, and how often they are notified."""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from typing import Any, Protocol

import anyio
from anyio.abc import TaskGroup
from mcp.server import MCPServer
from mcp.server.connection import Connection
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, EmptyResult, SubscribeRequestParams, UnsubscribeRequestParams

from cio_mcp.clock import Clock
from cio_mcp.errors import CioError

INTERVAL_SECONDS = 1.0
"""Seconds between two notifications about one resource."""
MAX_CLIENTS = 1024
"""Older clients that may listen at once: as many as the SDK lets newer ones."""
MAX_RESOURCES = 64
"""Resources that one client may listen to. Chosen: six times what there is."""
MAX_URI_CHARACTERS = 2_000
"""Characters of a resource's URI. Chosen: more than any filter needs."""
SEND_SECONDS = 5.0
"""Seconds an older client may take to accept a notification before it is taken for gone. Chosen."""
RETRY_SECONDS = 30.0
"""Seconds until a source that failed is tried again. Chosen."""

_NEVER = object()

log = logging.getLogger(__name__)


class Source(Protocol):
    """Where changes are noticed."""

    async def watch(self, notify: Callable[[], None]) -> None:
        """Call `notify` after each change, whichever process made it, until canceled."""


@dataclass(slots=True)
class Pace:
    """When each resource may be notified: the first time at once, then once per interval; the last is never lost."""

    interval: float = INTERVAL_SECONDS
    _notified: dict[str, float] = field(default_factory=dict)
    _due: dict[str, float] = field(default_factory=dict)

    def hear(self, uri: str, now: float) -> None:
        """Record a change of a resource."""
        self._due.setdefault(uri, max(now, self._notified.get(uri, -inf) + self.interval))

    def wait(self, now: float) -> float | None:
        """Seconds until something is due, None while nothing is."""
        return max(0.0, min(self._due.values()) - now) if self._due else None

    def due(self, now: float) -> list[str]:
        """The resources to notify now; marks them as notified."""
        ready = [uri for uri, at in self._due.items() if at <= now]
        for uri in ready:
            del self._due[uri]
        recent = {uri: at for uri, at in self._notified.items() if at + self.interval > now}
        self._notified = recent | dict.fromkeys(ready, now)
        return ready


class Subscriptions:
    """The subscribers of each resource: notifies all of them, and drops clients that disconnect.

    Clients of 2026-07-28 listen through the SDK's bus, for as long as their `subscriptions/listen` request lasts; for
    older ones `resources/subscribe` is served here. Their connection's own teardown drops them: the SDK drops what is
    sent to a closed one without a word, so a failing send would not tell. `uri` is what the source tells of; what is
    made of it by a query is notified if its result differs: `read` gives something that is equal as long as
    it reads the same.
    """

    def __init__(self, uri: str, read: Callable[[str], Awaitable[object]], clock: Clock) -> None:
        self.bus = InMemorySubscriptionBus()
        self._uri = uri
        self._reading = read
        self._clock = clock
        self._pace = Pace()
        self._newer: Counter[str] = Counter()
        self._older: dict[Connection, set[str]] = {}
        self._heard, self._wake = anyio.Event(), anyio.Event()
        self._watching: anyio.CancelScope | None = None
        self._read: dict[str, object] = {}

    @property
    def watched(self) -> frozenset[str]:
        """The resources with subscribers."""
        return frozenset(self._newer).union(*self._older.values())

    def serve(self, server: MCPServer[Any]) -> None:
        """Serve `resources/subscribe` to older clients, which `MCPServer` itself does not."""
        lowlevel = server._lowlevel_server  # noqa: SLF001 - the SDK's documented way, and the only one
        lowlevel.add_request_handler("resources/subscribe", SubscribeRequestParams, self._subscribe)
        lowlevel.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, self._unsubscribe)

    async def listen(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Middleware: a newer client listens while its request lasts."""
        if ctx.method != "subscriptions/listen":
            return await call_next(ctx)
        uris = _requested_uris(ctx)
        if refusal := _too_much(uris):
            raise MCPError(INVALID_PARAMS, refusal)
        with self._listens(uris):
            for uri in uris:
                await self._begin(uri)
            return await call_next(ctx)

    def heard(self, uri: str) -> None:
        """Record a change of a resource and of the queries on it, and notify their subscribers in time."""
        now = self._clock.steady()
        for watched in self.watched:
            if _is_part(watched, uri):
                self._pace.hear(watched, now)
                self._heard.set()

    async def run(self, open_source: Callable[[], Awaitable[Source]]) -> None:
        """Notify subscribers; the source is watched only while it has subscribers."""
        self._heard, self._wake = anyio.Event(), anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(self._notify, group)
            while True:
                await self._wake.wait()
                try:
                    await self._watch(await open_source())
                except CioError as failed:
                    log.warning("Subscribers are not being notified: %s", failed)
                    await self._clock.sleep(RETRY_SECONDS)
                    # Changes meanwhile were not noticed.
                    self.heard(self._uri)

    async def _watch(self, source: Source) -> None:
        try:
            with anyio.CancelScope() as self._watching:
                if self._wake.is_set():
                    await source.watch(lambda: self.heard(self._uri))
        finally:
            self._watching = None

    async def _notify(self, group: TaskGroup) -> None:
        """Each resource is notified in its own task: a slow reader or client must not hold up the others."""
        while True:
            await self._heard.wait()
            self._heard = anyio.Event()
            while (seconds := self._pace.wait(self._clock.steady())) is not None:
                if seconds:
                    await self._clock.wait(self._heard, seconds)
                    self._heard = anyio.Event()
                for uri in self._pace.due(self._clock.steady()):
                    group.start_soon(self._notify_of, uri)

    async def _begin(self, uri: str) -> None:
        """Record the result of a query when a client subscribes, to notify it only of differences."""
        if "?" in uri and _is_part(uri, self._uri) and uri not in self._read:
            self._read.setdefault(uri, await self._reads(uri))

    async def _reads_otherwise(self, uri: str) -> bool:
        before, now = self._read.get(uri, _NEVER), await self._reads(uri)
        self._read[uri] = now
        return now != before

    async def _reads(self, uri: str) -> object:
        """Its current result; one that can't be read equals nothing, so it is notified rather than missed."""
        try:
            return await self._reading(uri)
        except CioError:
            return object()
        except Exception as failed:  # noqa: BLE001 - one failing query must not stop the notifications of all others
            log.error("A subscribed query could not be read: %s", type(failed).__name__)  # noqa: TRY400 - a trace shows data
            return object()

    async def _notify_of(self, uri: str) -> None:
        if "?" in uri and not await self._reads_otherwise(uri):
            return
        await self.bus.publish(ResourceUpdated(uri=uri))
        async with anyio.create_task_group() as group:
            for client, uris in list(self._older.items()):
                if uri in uris:
                    group.start_soon(self._send, client, uri)

    async def _send(self, client: Connection, uri: str) -> None:
        taken = anyio.Event()

        async def send() -> None:
            with suppress(Exception):  # a client that can't be notified counts as disconnected
                await client.send_resource_updated(uri)
                taken.set()

        async with anyio.create_task_group() as group:
            group.start_soon(send)
            await self._clock.wait(taken, SEND_SECONDS)
            group.cancel_scope.cancel()
        if not taken.is_set():
            self._gone(client)

    async def _subscribe(self, ctx: ServerRequestContext[Any, Any], params: SubscribeRequestParams) -> EmptyResult:
        if refusal := _too_much([params.uri]):
            raise MCPError(INVALID_PARAMS, refusal)
        client = _connection(ctx)
        if client not in self._older:
            if len(self._older) >= MAX_CLIENTS:
                raise MCPError(INTERNAL_ERROR, "Too many clients are subscribed. Try again later.")
            self._older[client] = set()
            client.exit_stack.callback(self._gone, client)
        uris = self._older[client]
        if len(uris) >= MAX_RESOURCES and params.uri not in uris:
            raise MCPError(
                INTERNAL_ERROR,
                f"A client can subscribe to at most {MAX_RESOURCES} resources. Unsubscribe from one first.",
            )
        uris.add(params.uri)
        self._changed()
        await self._begin(params.uri)
        return EmptyResult()

    async def _unsubscribe(self, ctx: ServerRequestContext[Any, Any], params: UnsubscribeRequestParams) -> EmptyResult:
        self._older.get(_connection(ctx), set()).discard(params.uri)
        self._changed()
        return EmptyResult()

    def _gone(self, client: Connection) -> None:
        self._older.pop(client, None)
        self._changed()

    @contextmanager
    def _listens(self, uris: list[str]) -> Iterator[None]:
        self._newer.update(uris)
        self._changed()
        try:
            yield
        finally:
            self._newer -= Counter(uris)
            self._changed()

    def _changed(self) -> None:
        self._read = {uri: reads for uri, reads in self._read.items() if uri in self.watched}
        if any(_is_part(watched, self._uri) for watched in self.watched):
            self._wake.set()
        elif self._wake.is_set():
            self._wake = anyio.Event()
            if self._watching is not None:
                self._watching.cancel()


def _is_part(watched: str, uri: str) -> bool:
    return watched == uri or watched.startswith(f"{uri}?")


def _connection(ctx: ServerRequestContext[Any, Any]) -> Connection:
    return ctx.session._connection  # noqa: SLF001 - nothing public tells one client from another, and when it goes away


def _requested_uris(ctx: ServerRequestContext[Any, Any]) -> list[str]:
    """The requested URIs, as far as they can be read; the SDK refuses the rest."""
    value: Any = ctx.params or {}
    for name in ("notifications", "resourceSubscriptions"):
        value = value.get(name) if isinstance(value, Mapping) else None
    return sorted({uri for uri in value if isinstance(uri, str)}) if isinstance(value, list) else []


def _too_much(uris: list[str]) -> str | None:
    if len(uris) > MAX_RESOURCES:
        return f"A client can subscribe to at most {MAX_RESOURCES} resources. Requested: {len(uris)}."
    return (
        f"A URI has at most {MAX_URI_CHARACTERS} characters."
        if any(len(uri) > MAX_URI_CHARACTERS for uri in uris)
        else None
    )
