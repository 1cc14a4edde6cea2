"""Subscriptions in both eras: who hears, how often, and that nothing is kept for those who went away."""

import gc
import weakref
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from mcp import Client
from mcp.server import MCPServer
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ResourceUpdated
from mcp_types import (
    EmptyResult,
    ResourceUpdatedNotification,
    SubscribeRequest,
    SubscribeRequestParams,
    UnsubscribeRequest,
    UnsubscribeRequestParams,
)

from cio_mcp.errors import StorageFailed
from cio_mcp.server.subscriptions import (
    INTERVAL_SECONDS,
    MAX_RESOURCES,
    MAX_URI_CHARACTERS,
    RETRY_SECONDS,
    SEND_SECONDS,
    Pace,
    Subscriptions,
)
from tests.clock import ManualClock
from tests.eras import Era

pytestmark = pytest.mark.anyio

URI = "cio://events/recent"
BOUNCED = f"{URI}?metric=bounced"
OTHER = "cio://changes"


@dataclass
class Source:
    """What a feed is to subscriptions; `lost` fails the next watching."""

    callbacks: list[Callable[[], None]] = field(default_factory=list)
    begun: int = 0
    lost: bool = False

    @property
    def watching(self) -> int:
        return len(self.callbacks)

    async def watch(self, notify: Callable[[], None]) -> None:
        if self.lost:
            self.lost = False
            raise StorageFailed("The database is away.")
        self.callbacks.append(notify)
        self.begun += 1
        try:
            await anyio.sleep_forever()
        finally:
            self.callbacks.remove(notify)

    def happens(self) -> None:
        for notify in self.callbacks:
            notify()


@dataclass
class Serving:
    """A server with subscriptions and nothing else, on a clock that stands still; `reads` says how a query reads."""

    clock: ManualClock
    source: Source
    subscriptions: Subscriptions
    server: MCPServer[Any]
    reads: dict[str, object]

    async def calm(self) -> None:
        await self.clock.calm()
        for _ in range(50):
            await anyio.lowlevel.checkpoint()


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    clock, source, reads = ManualClock(), Source(), dict[str, object]()

    async def read(uri: str) -> object:
        await anyio.lowlevel.checkpoint()
        if isinstance(failure := reads.get(uri), Exception):
            raise failure
        return reads.get(uri)

    subscriptions = Subscriptions(URI, read, clock)
    server: MCPServer[Any] = MCPServer(
        "test", subscriptions=subscriptions.bus, middleware=[subscriptions.listen], log_level="WARNING"
    )
    subscriptions.serve(server)

    async def opened() -> Source:
        await anyio.lowlevel.checkpoint()
        return source

    async with anyio.create_task_group() as group:
        group.start_soon(subscriptions.run, opened)
        yield Serving(clock, source, subscriptions, server, reads)
        group.cancel_scope.cancel()


async def subscribe(client: Client, uri: str) -> None:
    await client.session.send_request(SubscribeRequest(params=SubscribeRequestParams(uri=uri)), EmptyResult)


async def unsubscribe(client: Client, uri: str) -> None:
    await client.session.send_request(UnsubscribeRequest(params=UnsubscribeRequestParams(uri=uri)), EmptyResult)


@asynccontextmanager
async def listener(serving: Serving, era: Era, uris: Iterable[str]) -> AsyncIterator[list[str]]:
    """A client that listens; the list holds what was announced to it."""
    announcements: list[str] = []

    async def heard(message: object) -> None:
        await anyio.lowlevel.checkpoint()
        if isinstance(message, ResourceUpdatedNotification):
            announcements.append(message.params.uri)

    handler = heard if era == "legacy" else None
    async with Client(serving.server, mode=era, message_handler=handler) as client, AsyncExitStack() as stack:
        if era == "legacy":
            for uri in uris:
                await subscribe(client, uri)
        else:
            await stack.enter_async_context(_listening(client, list(uris), announcements))
        await serving.calm()
        yield announcements


@asynccontextmanager
async def _listening(client: Client, uris: list[str], announcements: list[str]) -> AsyncIterator[None]:
    async def hear(started: Callable[[], None]) -> None:
        async with client.listen(resource_subscriptions=uris) as stream:
            started()
            async for event in stream:
                assert isinstance(event, ResourceUpdated)
                announcements.append(event.uri)

    async with anyio.create_task_group() as group:
        ready = anyio.Event()
        group.start_soon(hear, ready.set)
        await ready.wait()
        yield
        group.cancel_scope.cancel()


async def test_an_update_is_announced_at_once(serving: Serving, era: Era) -> None:
    async with listener(serving, era, [URI]) as announcements:
        serving.source.happens()
        await serving.calm()
        assert announcements == [URI]


async def test_a_burst_is_announced_once_a_second_and_its_end_is_not_lost(serving: Serving, era: Era) -> None:
    async with listener(serving, era, [URI]) as announcements:
        for _ in range(35):
            serving.source.happens()
            await serving.clock.advance(0.1)
            await serving.calm()
        assert len(announcements) == 4
        await serving.clock.advance(INTERVAL_SECONDS)
        await serving.calm()
        assert len(announcements) == 5
        await serving.clock.advance(10 * INTERVAL_SECONDS)
        await serving.calm()
        assert len(announcements) == 5


async def test_every_subscriber_is_notified_in_either_era(serving: Serving) -> None:
    async with listener(serving, "auto", [URI]) as newer, listener(serving, "legacy", [URI]) as older:
        serving.source.happens()
        await serving.calm()
        assert (newer, older) == ([URI], [URI])


async def test_another_resource_is_not_announced(serving: Serving, era: Era) -> None:
    async with listener(serving, era, [OTHER]) as announcements:
        assert serving.source.begun == 0
        serving.source.happens()
        serving.subscriptions.heard(URI)
        await serving.calm()
        assert announcements == []
        serving.subscriptions.heard(OTHER)
        await serving.calm()
        assert announcements == [OTHER]


async def test_a_query_is_announced_when_its_answer_changes(serving: Serving, era: Era) -> None:
    async with listener(serving, era, [BOUNCED]) as announcements:
        for reads in (["e1"], ["e1"], ["e2", "e1"], ["e2", "e1"]):
            serving.reads[BOUNCED] = reads
            serving.source.happens()
            await serving.clock.advance(INTERVAL_SECONDS)
            await serving.calm()
        assert announcements == [BOUNCED, BOUNCED]


async def test_a_query_unchanged_since_its_subscription_is_not_announced(serving: Serving, era: Era) -> None:
    serving.reads[BOUNCED] = ["e1"]
    async with listener(serving, era, [BOUNCED]) as announcements:
        serving.source.happens()
        await serving.calm()
        assert announcements == []
        await serving.clock.advance(INTERVAL_SECONDS)
        serving.reads[BOUNCED] = ["e2", "e1"]
        serving.source.happens()
        await serving.calm()
        assert announcements == [BOUNCED]
    serving.reads[BOUNCED] = ["e3", "e2", "e1"]
    async with listener(serving, era, [BOUNCED]) as announcements:
        await serving.clock.advance(INTERVAL_SECONDS)
        serving.source.happens()
        await serving.calm()
        assert announcements == []


async def test_the_source_is_watched_only_while_somebody_listens(serving: Serving, era: Era) -> None:
    source = serving.source
    for begun in (1, 2):
        async with listener(serving, era, [URI]):
            assert (source.watching, source.begun) == (1, begun)
        await serving.calm()
        assert source.watching == 0


async def test_nothing_is_kept_for_clients_that_went_away(serving: Serving, era: Era) -> None:
    gone: list[weakref.ref[Any]] = []
    for _ in range(5):
        async with listener(serving, era, [URI, BOUNCED]):
            gone.extend(weakref.ref(client) for client in serving.subscriptions._older)
        await serving.calm()
    serving.source.happens()
    await serving.calm()
    assert serving.subscriptions.watched == frozenset()
    assert not serving.subscriptions._older
    assert not serving.subscriptions._newer
    gc.collect()
    assert [client() for client in gone] == [None] * len(gone)


async def test_a_query_that_cannot_be_read_keeps_nobody_from_hearing(serving: Serving, era: Era) -> None:
    async with listener(serving, era, [URI, BOUNCED]) as announcements:
        serving.reads[BOUNCED] = RuntimeError()
        serving.source.happens()
        await serving.calm()
        await serving.clock.advance(INTERVAL_SECONDS)
        serving.source.happens()
        await serving.calm()
    assert sorted(announcements) == [URI, URI, BOUNCED, BOUNCED]


async def test_a_client_that_reads_nothing_does_not_block_others(serving: Serving) -> None:
    class Stuck:
        async def send_resource_updated(self, _: str) -> None:
            await anyio.sleep_forever()

    stuck: Any = Stuck()
    async with listener(serving, "legacy", [OTHER]) as announcements:
        serving.subscriptions._older[stuck] = {URI}
        serving.subscriptions.heard(URI)
        await serving.calm()
        for number in range(1, 4):
            serving.subscriptions.heard(OTHER)
            await serving.calm()
            assert len(announcements) == number
            await serving.clock.advance(INTERVAL_SECONDS)


async def test_updates_are_announced_in_order(serving: Serving) -> None:
    async with listener(serving, "legacy", [URI, OTHER]) as announcements:
        serving.subscriptions.heard(URI)
        await serving.calm()
        serving.subscriptions.heard(URI)
        await serving.calm()
        serving.subscriptions.heard(OTHER)
        await serving.calm()
        assert announcements == [URI, OTHER]


@pytest.mark.parametrize(
    "notifications", [None, 5, "x", {"resourceSubscriptions": 5}, {"resourceSubscriptions": [5, {}]}]
)
async def test_an_invalid_subscription_is_left_for_the_sdk_to_refuse(serving: Serving, notifications: Any) -> None:
    refused = EmptyResult()
    context: Any = SimpleNamespace(method="subscriptions/listen", params={"notifications": notifications})

    async def refuse(_: object) -> EmptyResult:
        await anyio.lowlevel.checkpoint()
        assert serving.subscriptions.watched == frozenset()
        return refused

    assert await serving.subscriptions.listen(context, refuse) is refused


async def test_a_newer_client_may_listen_to_no_more_either(serving: Serving) -> None:
    async with Client(serving.server) as client:
        for uris in (
            [f"{URI}?since={number}" for number in range(MAX_RESOURCES + 1)],
            [f"{URI}?metric={'x' * MAX_URI_CHARACTERS}"],
        ):
            with pytest.raises(MCPError):
                async with client.listen(resource_subscriptions=uris):
                    pass
    assert serving.subscriptions.watched == frozenset()


async def test_a_client_that_unsubscribed_is_no_longer_notified(serving: Serving) -> None:
    announcements: list[str] = []

    async def heard(message: object) -> None:
        await anyio.lowlevel.checkpoint()
        if isinstance(message, ResourceUpdatedNotification):
            announcements.append(message.params.uri)

    async with Client(serving.server, mode="legacy", message_handler=heard) as client:
        assert client.server_capabilities.resources
        assert client.server_capabilities.resources.subscribe
        await subscribe(client, URI)
        await unsubscribe(client, URI)
        await unsubscribe(client, OTHER)
        serving.source.happens()
        await serving.calm()
        assert announcements == []
        assert serving.source.watching == 0


async def test_a_client_may_listen_to_so_many_resources_and_no_more(serving: Serving) -> None:
    async with Client(serving.server, mode="legacy") as client:
        for number in range(MAX_RESOURCES):
            await subscribe(client, f"cio://segments/{number}")
        await subscribe(client, "cio://segments/0")
        with pytest.raises(MCPError, match="Unsubscribe"):
            await subscribe(client, "cio://segments/99999")


async def test_a_source_that_failed_is_tried_again(serving: Serving, era: Era) -> None:
    serving.source.lost = True
    async with listener(serving, era, [URI]) as announcements:
        assert serving.source.watching == 0
        await serving.clock.advance(RETRY_SECONDS)
        await serving.calm()
        assert serving.source.watching == 1
        assert announcements == [URI], "something may have happened meanwhile"
        await serving.clock.advance(INTERVAL_SECONDS)
        serving.source.happens()
        await serving.calm()
        assert announcements == [URI, URI]


async def test_an_older_client_that_takes_nothing_any_more_is_dropped(serving: Serving) -> None:
    class Stuck:
        async def send_resource_updated(self, _: str) -> None:
            await anyio.sleep_forever()

    stuck: Any = Stuck()
    async with listener(serving, "legacy", [URI]) as announcements:
        serving.subscriptions._older[stuck] = {URI}
        serving.source.happens()
        await serving.calm()
        assert announcements == [URI]
        await serving.clock.advance(SEND_SECONDS)
        assert stuck not in serving.subscriptions._older
        serving.source.happens()
        await serving.calm()
        assert announcements == [URI, URI]


def test_pace_forgets_announcements_of_long_ago() -> None:
    pace = Pace()
    for number in range(1000):
        pace.hear(f"cio://{number}", float(number))
        assert pace.due(float(number)) == [f"cio://{number}"]
    assert len(pace._notified) <= 2
    assert pace.wait(1000.0) is None
