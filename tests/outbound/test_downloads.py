"""Downloads from a host on this machine, which a setting names as a sandbox."""

import socket
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from cio_mcp.clock import Clock
from cio_mcp.customerio.transport import Transport
from cio_mcp.errors import BadAnswer, CioError, Refused, SettingError, Unavailable
from cio_mcp.outbound import downloads
from cio_mcp.outbound.downloads import Downloads
from tests.customerio.peer import Peer, drops, listen, nobody, reply_with, sends

pytestmark = pytest.mark.anyio

PUBLIC = "https://files.customer.io/exports/1.csv"


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async with listen() as peer:
        yield peer


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport(Clock(), environ={})
    yield made
    await made.close()


async def fetch(transport: Transport, link: str, own: str | None) -> bytes:
    async with Downloads(transport, own).open(link) as download:
        return b"".join([piece async for piece in download.pieces()])


async def test_a_file_is_requested_without_a_key(peer: Peer, transport: Transport) -> None:
    peer.script = [reply_with(200, b"id\n1\n", set_cookie="a=b")]
    for _ in range(2):
        assert await fetch(transport, f"{peer.url}/exports/1.csv", peer.url) == b"id\n1\n"
    assert peer.targets == ["GET /exports/1.csv"] * 2
    assert not any(word in head.lower() for head in peer.heads for word in ("authorization", "cookie"))


async def test_a_redirect_within_the_host_is_followed(peer: Peer, transport: Transport) -> None:
    peer.script = [reply_with(302, location="/elsewhere.csv"), reply_with(200, b"id\n")]
    assert await fetch(transport, f"{peer.url}/1.csv", peer.url) == b"id\n"
    assert peer.targets == ["GET /1.csv", "GET /elsewhere.csv"]


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1:9/1.csv", "https://169.254.169.254/", "file:///etc/passwd", "http://files.customer.io/1.csv"],
)
async def test_a_redirect_into_a_local_network_is_not_followed(peer: Peer, transport: Transport, location: str) -> None:
    peer.script = [reply_with(302, location=location)]
    with pytest.raises(Refused, match="doesn't open the link"):
        await fetch(transport, f"{peer.url}/1.csv", peer.url)
    assert peer.connections == 1


async def test_redirects_end(peer: Peer, transport: Transport) -> None:
    peer.script = [reply_with(302, location="/1.csv")]
    with pytest.raises(Unavailable, match="redirects too often"):
        await fetch(transport, f"{peer.url}/1.csv", peer.url)
    assert len(peer.heads) == 1 + downloads.MAX_REDIRECTS


@pytest.mark.parametrize(
    ("head", "error", "sentence"),
    [
        (b"HTTP/1.1 403 -\r\ncontent-length: 0\r\n\r\n", Unavailable, "answered 403"),
        (
            b"HTTP/1.1 302 -\r\ncontent-length: 0\r\nlocation: http://x:port/\r\n\r\n",
            Unavailable,
            "could not be reached",
        ),
        (b"HTTP/1.1 200 -\r\ncontent-length: 9\r\n\r\nid\n", Unavailable, "broke off"),
        (b"HTTP/1.1 200 -\r\ntransfer-encoding: chunked\r\n\r\n3\r\nid\n\r\n", Unavailable, "broke off"),
        (b"HTTP/1.1 200 -\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nid\n", Unavailable, "broke off"),
    ],
)
async def test_a_file_that_does_not_arrive_whole_is_one_sentence(
    peer: Peer, transport: Transport, head: bytes, error: type[CioError], sentence: str
) -> None:
    peer.script = [sends(head)]
    with pytest.raises(error, match=sentence):
        await fetch(transport, f"{peer.url}/1.csv", peer.url)


async def test_a_host_that_cannot_be_reached_is_one_sentence(peer: Peer, transport: Transport) -> None:
    peer.script = [drops]
    with pytest.raises(Unavailable, match="could not be reached"):
        await fetch(transport, f"{peer.url}/1.csv", peer.url)
    with nobody() as url, pytest.raises(Unavailable, match="could not be reached"):
        await fetch(transport, f"{url}/1.csv", url)


@pytest.mark.parametrize(("address", "sentence"), [("10.0.0.1", "local network"), (None, "could not be found")])
async def test_a_name_that_leads_into_a_local_network_is_not_connected_to(
    transport: Transport, monkeypatch: pytest.MonkeyPatch, address: str | None, sentence: str
) -> None:
    async def look_up(host: str, port: int) -> list[Any]:
        await anyio.lowlevel.checkpoint()
        assert (host, port) == ("files.customer.io", 443)
        if address is None:
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(anyio, "getaddrinfo", look_up)
    with pytest.raises(CioError, match=sentence):
        await fetch(transport, PUBLIC, None)


async def test_a_download_goes_through_the_proxy_which_looks_up_the_name(peer: Peer) -> None:
    peer.script = [reply_with(403)]
    transport = Transport(Clock(), environ={"HTTPS_PROXY": peer.url})
    with pytest.raises(Unavailable, match="could not be reached"):
        await fetch(transport, PUBLIC, None)
    await transport.close()
    assert peer.targets == ["CONNECT files.customer.io:443"]


async def test_a_proxy_that_cannot_be_used_is_named() -> None:
    transport = Transport(Clock(), environ={"HTTPS_PROXY": "gopher://proxy"})
    with pytest.raises(SettingError, match="HTTPS_PROXY: the host of the file could not be reached"):
        await fetch(transport, PUBLIC, None)
    await transport.close()


async def test_a_file_that_ends_early_without_an_error_is_noticed() -> None:
    class Short:
        num_bytes_downloaded = 2

        async def aiter_bytes(self) -> AsyncIterator[bytes]:
            await anyio.lowlevel.checkpoint()
            yield b"id"

    download = downloads.Download(9, Short())  # type: ignore[arg-type]
    with pytest.raises(BadAnswer, match="before its stated length"):
        [piece async for piece in download.pieces()]
