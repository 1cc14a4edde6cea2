"""Subscribers hear of each burst, whichever process received it: over HTTP, and over stdio beside a receiver."""

import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL

import anyio
import anyio.lowlevel
import httpx
import pytest
from anyio.streams.text import TextReceiveStream
from mcp import Client, StdioServerParameters
from mcp.shared.subscriptions import ResourceUpdated
from mcp_types import (
    EmptyResult,
    ResourceUpdatedNotification,
    SubscribeRequest,
    SubscribeRequestParams,
    TextResourceContents,
)
from pydantic import SecretStr

from cio_mcp.server.app import CioServer, build_server
from cio_mcp.server.http import http_app
from cio_mcp.server.resources import RECENT_EVENTS
from cio_mcp.settings import Settings
from cio_mcp.web.server import http_server
from tests.cli.command_line import CommandLine
from tests.eras import Era
from tests.web.posting import KEY, signed
from tests.web.sender import event, name

pytestmark = pytest.mark.anyio

BURST = 20
SERVERS = 3


@dataclass
class Ear:
    """The notifications of one subscriber; `heard` waits for the next one."""

    count: int = 0
    _news: anyio.Event = field(default_factory=anyio.Event)

    def notify(self) -> None:
        self.count += 1
        self._news.set()
        self._news = anyio.Event()

    async def heard(self, more_than: int) -> None:
        while self.count <= more_than:
            await self._news.wait()


@asynccontextmanager
async def subscribe(server: str | StdioServerParameters, era: Era) -> AsyncIterator[tuple[Ear, Client]]:
    ear = Ear()

    async def heard(message: object) -> None:
        await anyio.lowlevel.checkpoint()
        if isinstance(message, ResourceUpdatedNotification) and era == "legacy":
            assert message.params.uri == RECENT_EVENTS
            ear.notify()

    async def listen(client: Client, listening: anyio.Event) -> None:
        async with client.listen(resource_subscriptions=[RECENT_EVENTS]) as stream:
            listening.set()
            async for news in stream:
                assert isinstance(news, ResourceUpdated)
                ear.notify()

    async with Client(server, mode=era, message_handler=heard) as client, anyio.create_task_group() as group:
        if era == "legacy":
            request = SubscribeRequest(params=SubscribeRequestParams(uri=RECENT_EVENTS))
            await client.session.send_request(request, EmptyResult)
        else:
            listening = anyio.Event()
            group.start_soon(listen, client, listening)
            await listening.wait()
        yield ear, client
        group.cancel_scope.cancel()


@asynccontextmanager
async def over_http(server: CioServer) -> AsyncIterator[str]:
    serving = http_server(http_app(server))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        async with anyio.create_task_group() as group:
            group.start_soon(serving.serve, [listening])
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
            serving.should_exit = True
            serving.force_exit = True


@asynccontextmanager
async def receiver(cio_mcp: CommandLine, environment: dict[str, str]) -> AsyncIterator[str]:
    """`cio-mcp webhooks serve` as a process; yields where it receives."""
    command = [sys.executable, "-m", "cio_mcp", "webhooks", "serve", "--port", "0"]
    process = await anyio.open_process(command, env=cio_mcp.environment | environment, stdin=DEVNULL, stdout=DEVNULL)
    try:
        assert process.stderr
        output = ""
        async for text in TextReceiveStream(process.stderr):
            output += text
            if found := re.search(r"(http://\S+)/webhooks/customerio\n", output):
                yield found[1]
                break
        else:
            raise AssertionError(output)
    finally:
        process.kill()
        await process.aclose()


async def follows(ear: Ear, client: Client, newest: int) -> None:
    """Read the resource at each notification, until an event is in it."""
    count = ear.count
    while True:
        await ear.heard(count)
        count = ear.count
        (content,) = (await client.read_resource(RECENT_EVENTS)).contents
        assert isinstance(content, TextResourceContents)
        if name(newest) in content.text:
            return


async def post(url: str, first: int) -> None:
    """Post a burst of new events, one after another as Customer.io does."""
    async with httpx.AsyncClient() as client:
        for number in range(first, first + BURST):
            body = event(number)
            answer = await client.post(f"{url}/webhooks/customerio", content=body, headers=signed(body))
            assert answer.status_code == httpx.codes.OK


@pytest.mark.slow
async def test_over_http_each_subscriber_of_three_servers_hears_of_each_burst(settings: Settings) -> None:
    alone = settings.model_copy(update={"app_api_key": None, "webhook_signing_keys": SecretStr(KEY.decode())})
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(over_http(build_server(alone))) for _ in range(SERVERS)]
        eras: list[Era] = ["auto", "legacy"]
        subscribers = [await stack.enter_async_context(subscribe(f"{url}/mcp", era)) for url in urls for era in eras]
        for burst, url in enumerate(urls):
            async with anyio.create_task_group() as group:
                for ear, client in subscribers:
                    group.start_soon(follows, ear, client, (burst + 1) * BURST - 1)
                await post(url, burst * BURST)


async def test_over_http_nothing_is_kept_for_a_client_that_went_away(settings: Settings, era: Era) -> None:
    server = build_server(settings.model_copy(update={"webhook_signing_keys": SecretStr(KEY.decode())}))
    async with over_http(server) as url:
        async with subscribe(f"{url}/mcp", era):
            assert server.runtime.subscriptions.watched == {RECENT_EVENTS}
        while server.runtime.subscriptions.watched:
            await anyio.lowlevel.checkpoint()


@pytest.mark.slow
async def test_over_stdio_a_subscriber_hears_of_what_a_second_process_received(tmp_path: Path, era: Era) -> None:
    cio_mcp = CommandLine(tmp_path / "data")
    keys = {"CIO_SITE_ID": "site", "CIO_TRACK_API_KEY": "secret", "CIO_WEBHOOK_SIGNING_KEYS": KEY.decode()}
    server = StdioServerParameters(command=sys.executable, args=["-m", "cio_mcp"], env=cio_mcp.environment | keys)
    async with receiver(cio_mcp, keys) as url, subscribe(server, era) as (ear, client):
        for burst in range(2):
            async with anyio.create_task_group() as group:
                group.start_soon(follows, ear, client, (burst + 1) * BURST - 1)
                await post(url, burst * BURST)
