import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpcore
import pytest
import trustme

from cio_mcp.customerio.call import read
from cio_mcp.customerio.client import Caller, Client
from cio_mcp.customerio.outcome import Answered, Unsent
from cio_mcp.customerio.transport import RequestTiming, Transport
from cio_mcp.errors import NotFound, Unavailable
from tests.customerio.peer import Peer, listening

pytestmark = pytest.mark.anyio

SEGMENTS = read("/v1/segments")


def test_what_the_start_loads_does_not_load_httpx() -> None:
    script = "import sys, cio_mcp.customerio.writer, cio_mcp.customerio.pages; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


async def test_what_ends_the_block_is_not_wrapped(opening: Callable[[str], Client]) -> None:
    with pytest.raises(NotFound):
        await fail_within(opening("http://127.0.0.1:9"))


async def fail_within(opened: Client) -> None:
    async with opened as client:
        await client.warm()
        raise NotFound("nothing there")


async def test_a_request_to_this_machine_takes_no_proxy(
    client: Client, peer: Peer, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    await client.reader(caller).read(SEGMENTS)
    assert peer.targets == ["GET /v1/segments"]


async def test_a_certificate_that_is_not_trusted_is_said_to_be_so(
    opening: Callable[[str], Client], caller: Caller, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with listening(context) as peer:
        async with opening(peer.url) as client:
            with pytest.raises(Unavailable, match="certificate is not trusted"):
                await client.reader(caller).read(SEGMENTS)
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        async with opening(peer.url) as client:
            assert await client.reader(caller).read(SEGMENTS) == {}


async def test_an_address_that_is_none_names_the_settings() -> None:
    wire = Transport()
    departure = RequestTiming(lambda: 0.0)
    outcome = await wire.request(
        "GET", "http://127.0.0.1:port/v1", authorization="Bearer x", body=None, within=1, departure=departure
    )
    await wire.close()
    assert isinstance(outcome, Unsent)
    assert "CIO_APP_URL" in outcome.why


async def test_a_departure_knows_its_connection_and_its_round_trip(peer: Peer) -> None:
    wire = Transport()
    departures = [RequestTiming(iter([1.0, 1.25]).__next__) for _ in range(2)]
    for departure in departures:
        outcome = await wire.request(
            "GET", f"{peer.url}/v1", authorization="Bearer x", body=None, within=5, departure=departure
        )
        assert isinstance(outcome, Answered)
    await wire.close()
    assert [(one.left, one.cold, one.round_trip) for one in departures] == [(True, True, 0.25), (True, False, 0.25)]


async def test_asking_a_proxy_for_a_tunnel_is_not_yet_leaving() -> None:
    departure = RequestTiming(lambda: 0.0)
    asking = httpcore.Request("CONNECT", "http://proxy.test", headers=[])
    await departure.trace("http11.send_request_headers.started", {"request": asking})
    assert not departure.left
    await departure.trace("http11.send_request_headers.started", {"request": httpcore.Request("GET", "http://a.test")})
    assert departure.left
