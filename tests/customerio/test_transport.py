import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import anyio
import anyio.lowlevel
import httpcore
import httpx
import pytest
import trustme
from anyio.abc import ByteStream, SocketAttribute, SocketStream
from anyio.streams.tls import TLSStream

from cio_mcp.clock import Clock
from cio_mcp.customerio.call import read
from cio_mcp.customerio.client import Client, Work
from cio_mcp.customerio.outcome import Answered, Lost, Outcome, Unsent
from cio_mcp.customerio.transport import RequestTiming, Transport
from cio_mcp.errors import NotFound, Unavailable
from tests.customerio.peer import Peer, Reply, drops, listen, nobody, reply_with

pytestmark = pytest.mark.anyio

SEGMENTS = read("list_segments")


async def test_an_exception_inside_the_block_is_not_wrapped(opening: Callable[[str], Client]) -> None:
    with pytest.raises(NotFound):
        await fail_within(opening("http://127.0.0.1:9"))


async def fail_within(opened: Client) -> None:
    async with opened as client:
        await client.warm()
        raise NotFound("nothing there")


async def test_a_request_to_this_machine_takes_no_proxy(
    client: Client, peer: Peer, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    await client.reader(work).read(SEGMENTS)
    assert peer.targets == ["GET /v1/segments"]


async def test_an_untrusted_certificate_is_reported(
    opening: Callable[[str], Client], work: Work, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with listen(context) as peer:
        async with opening(peer.url) as client:
            with pytest.raises(Unavailable, match="certificate is not trusted"):
                await client.reader(work).read(SEGMENTS)
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        async with opening(peer.url) as client:
            assert await client.reader(work).read(SEGMENTS) == {}


async def test_an_address_that_is_none_names_the_settings() -> None:
    wire = Transport(Clock())
    departure = RequestTiming(lambda: 0.0)
    outcome = await wire.request(
        "GET", "http://127.0.0.1:port/v1", authorization="Bearer x", body=None, within=1, departure=departure
    )
    await wire.close()
    assert isinstance(outcome, Unsent)
    assert "CIO_APP_URL" in outcome.why


async def test_a_departure_knows_its_connection_and_its_round_trip(peer: Peer) -> None:
    wire = Transport(Clock())
    departures = [RequestTiming(iter([1.0, 1.25]).__next__) for _ in range(2)]
    for departure in departures:
        outcome = await wire.request(
            "GET", f"{peer.url}/v1", authorization="Bearer x", body=None, within=5, departure=departure
        )
        assert isinstance(outcome, Answered)
    await wire.close()
    assert [(one.left, one.cold, one.round_trip) for one in departures] == [(True, True, 0.25), (True, False, 0.25)]


APP = "https://api.customer.io/v1/segments"


async def send_through(proxy: Peer, departure: RequestTiming, **environ: str) -> Outcome:
    """One request to Customer.io through a proxy."""
    wire = Transport(Clock(), environ={"HTTPS_PROXY": proxy.url, **environ})
    outcome = await wire.request("GET", APP, authorization="Bearer x", body=None, within=5, departure=departure)
    await wire.close()
    return outcome


def count_requests() -> tuple[RequestTiming, list[RequestTiming]]:
    """A departure and what it reported as leaving."""
    leaving: list[RequestTiming] = []

    async def note(departure: RequestTiming) -> None:
        await anyio.lowlevel.checkpoint()
        leaving.append(departure)

    return RequestTiming(lambda: 0.0, note), leaving


def tunnel(context: ssl.SSLContext, answer: Reply) -> Reply:
    """Opens a tunnel, at whose end a host with a certificate answers."""

    async def reply(stream: ByteStream) -> None:
        await stream.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with suppress(anyio.BrokenResourceError, anyio.EndOfStream, ssl.SSLError):
            inside = await TLSStream.wrap(stream, server_side=True, ssl_context=context)
            while b"\r\n\r\n" not in await inside.receive():
                pass
            await answer(inside)

    return reply


@pytest.fixture
def authority(tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    """The certificate of the App API's host by an authority of our own, and the authority's file."""
    own = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.issue_cert("api.customer.io").configure_cert(context)
    own.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return context, str(tmp_path / "ca.pem")


@pytest.mark.parametrize(
    ("status", "message", "setting"),
    [
        (407, "requires a user name and password (407)", "HTTPS_PROXY"),
        (403, "answered 403", "HTTPS_PROXY"),
        (404, "answered 404", "HTTPS_PROXY"),
        (302, "answered 302", "HTTPS_PROXY"),
        (503, "answered 503", None),
    ],
)
async def test_a_tunnel_that_the_proxy_refuses_is_nothing_sent_and_names_the_proxy(
    peer: Peer, status: int, message: str, setting: str | None
) -> None:
    peer.script = [reply_with(status)]
    departure, leaving = count_requests()
    outcome = await send_through(peer, departure)
    assert isinstance(outcome, Unsent)
    assert outcome.why == f"could not be reached: the proxy in HTTPS_PROXY {message}"
    assert outcome.setting == setting
    assert (departure.left, leaving) == (False, [])


async def test_a_certificate_that_is_not_trusted_behind_a_proxy_is_nothing_sent(
    peer: Peer, authority: tuple[ssl.SSLContext, str]
) -> None:
    peer.script = [tunnel(authority[0], reply_with(200))]
    departure, leaving = count_requests()
    outcome = await send_through(peer, departure)
    assert isinstance(outcome, Unsent)
    assert "through the proxy in HTTPS_PROXY (its certificate is not trusted" in outcome.why
    assert "SSL_CERT_FILE" in outcome.why
    assert (departure.left, leaving) == (False, [])


async def test_a_request_through_a_proxy_leaves_once(peer: Peer, authority: tuple[ssl.SSLContext, str]) -> None:
    context, file = authority
    peer.script = [tunnel(context, reply_with(200))]
    departure, leaving = count_requests()
    assert await send_through(peer, departure, SSL_CERT_FILE=file) == Answered(200, b"{}")
    assert (departure.left, leaving) == (True, [departure])
    assert peer.targets == ["CONNECT api.customer.io:443"]


async def test_a_proxy_with_a_certificate_of_the_company_is_trusted(tmp_path: Path) -> None:
    company, context = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    company.issue_cert("127.0.0.1").configure_cert(context)
    company.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with listen(context) as proxy:
        proxy.script = [reply_with(407)]
        departure, _ = count_requests()
        outcome = await send_through(proxy, departure, SSL_CERT_FILE=str(tmp_path / "ca.pem"))
    assert isinstance(outcome, Unsent)
    assert "(407)" in outcome.why


async def test_a_line_that_breaks_in_the_tunnel_is_lost(peer: Peer, authority: tuple[ssl.SSLContext, str]) -> None:
    context, file = authority
    peer.script = [tunnel(context, drops)]
    departure, _ = count_requests()
    assert isinstance(await send_through(peer, departure, SSL_CERT_FILE=file), Lost)


def socks(answer: Callable[[SocketStream], Awaitable[None]]) -> Callable[[SocketStream], Awaitable[None]]:
    """A SOCKS 5 proxy without a login, whose tunnel ends at `answer`."""

    async def serve(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(b"\x05\x00")
            await stream.receive()
            await stream.send(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
            await answer(stream)

    return serve


async def test_a_socks_proxy_is_used(authority: tuple[ssl.SSLContext, str]) -> None:
    pytest.importorskip("socksio", reason="it comes with the extra `socks`")
    context, file = authority

    async def host(stream: SocketStream) -> None:
        inside = await TLSStream.wrap(stream, server_side=True, ssl_context=context)
        assert b"GET /v1/segments" in await inside.receive()
        await reply_with(200)(inside)

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, socks(host))
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - a socket's attribute, no query's
        wire = Transport(Clock(), environ={"ALL_PROXY": f"socks5://127.0.0.1:{port}", "SSL_CERT_FILE": file})
        departure, leaving = count_requests()
        outcome = await wire.request("GET", APP, authorization="Bearer x", body=None, within=5, departure=departure)
        await wire.close()
        tasks.cancel_scope.cancel()
    assert outcome == Answered(200, b"{}")
    assert (departure.left, departure.cold, leaving) == (True, True, [departure])


async def test_a_proxy_that_is_not_there_is_named() -> None:
    with nobody() as url:
        wire = Transport(Clock(), environ={"ALL_PROXY": url})
        departure = RequestTiming(lambda: 0.0)
        outcome = await wire.request("GET", APP, authorization="Bearer x", body=None, within=5, departure=departure)
        await wire.close()
    assert outcome == Unsent("could not be reached through the proxy in ALL_PROXY")


UNUSABLE: dict[str, dict[str, str]] = {
    "ALL_PROXY": {"ALL_PROXY": "ftp://127.0.0.1:7890"},
    "HTTPS_PROXY": {"HTTPS_PROXY": "http://127.0.0.1:port"},
    "SSL_CERT_FILE": {"SSL_CERT_FILE": "/nonexistent/ca.pem"},
    "SSL_CERT_DIR": {"SSL_CERT_DIR": "/nonexistent"},
}


@pytest.mark.parametrize("variable", UNUSABLE)
async def test_a_network_variable_that_cannot_be_used_is_nothing_sent_and_is_named(variable: str) -> None:
    wire = Transport(Clock(), environ=UNUSABLE[variable])
    departure = RequestTiming(lambda: 0.0)
    outcome = await wire.request("GET", APP, authorization="Bearer x", body=None, within=5, departure=departure)
    await wire.close()
    assert isinstance(outcome, Unsent)
    assert outcome.setting == variable
    assert "127.0.0.1" not in outcome.why


@pytest.mark.parametrize(
    "environ",
    [
        {"NO_PROXY": "localhost,127.0.0.1,::1,[::1]"},
        {"NO_PROXY": "localhost,10.0.0.0/8,fd00::/8"},
        {"ALL_PROXY": "socks5://127.0.0.1:7890"},
        {"HTTP_PROXY": "http://127.0.0.1:port"},
    ],
)
async def test_loopback_is_reached_with_any_proxy_variables(peer: Peer, environ: dict[str, str]) -> None:
    wire = Transport(Clock(), environ=environ)
    departure = RequestTiming(lambda: 0.0)
    outcome = await wire.request(
        "GET", f"{peer.url}/v1", authorization="Bearer x", body=None, within=5, departure=departure
    )
    await wire.close()
    assert outcome == Answered(200, b"{}")


class Breaks(httpx.AsyncBaseTransport):
    """A transport that raises what no transport should, before or after the request has left."""

    def __init__(self, *, leaves: bool) -> None:
        self._leaves = leaves

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._leaves:
            await request.extensions["trace"]("http11.send_request_headers.started", {"request": request})
        raise RuntimeError("ada@example.com")


@pytest.mark.parametrize(("leaves", "kind"), [(False, Unsent), (True, Lost)])
async def test_an_unforeseen_exception_says_whether_anything_was_sent(
    leaves: bool,
    kind: type[Unsent | Lost],
    caplog: pytest.LogCaptureFixture,
) -> None:
    wire = Transport(Clock(), Breaks(leaves=leaves))
    departure = RequestTiming(lambda: 0.0)
    outcome = await wire.request("GET", APP, authorization="Bearer x", body=None, within=5, departure=departure)
    await wire.close()
    assert isinstance(outcome, kind)
    assert "RuntimeError" in caplog.text
    assert "ada" not in caplog.text + outcome.why


async def test_requesting_a_tunnel_from_a_proxy_does_not_count_as_sent() -> None:
    departure, leaving = count_requests()
    request = httpcore.Request("CONNECT", "http://proxy.test", headers=[])
    await departure.trace("http11.send_request_headers.started", {"request": request})
    await departure.trace("http11.send_request_headers.complete", {"return_value": None})
    await departure.trace("http11.receive_response_headers.complete", {"return_value": ()})
    assert (departure.left, departure.round_trip, leaving) == (False, None, [])
    await departure.trace("http11.send_request_headers.started", {"request": httpcore.Request("GET", "http://a.test")})
    assert (departure.left, leaving) == (True, [departure])
