from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from cio_mcp.customerio.call import Call, read
from cio_mcp.customerio.client import Client, Work
from cio_mcp.customerio.writer import Failed, Result, Sent, Unknown, Writer
from tests.callers import caller_named
from tests.clock import ManualClock
from tests.customerio.peer import Peer, Reply, drops, hangs, reply_with, sends, time_passes

pytestmark = pytest.mark.anyio

SEND = Call(
    operation="send_email",
    body={"transactional_message_id": "1", "to": "ada@example.com", "identifiers": {"email": "ada@example.com"}},
)
IDENTIFY = Call(
    operation="identify_customer",
    path={"identifier": "ada+1@example.com"},
    body={"plan": "pro", "_timestamp": 1764000000, "_update": True},
)
DELETE = Call(operation="delete_segment", path={"segment_id": "7"})
CREATE = Call(operation="create_segment", body={"segment": {"name": "Friends"}})
DELIVERED = b'{"delivery_id": "d1", "queued_at": 1764000000}'


async def test_an_accepted_write_is_sent_with_its_answer(client: Client, peer: Peer, work: Work) -> None:
    peer.script = [reply_with(200, DELIVERED)]
    assert await Writer(client).send(SEND, work) == Sent(200, {"delivery_id": "d1", "queued_at": 1764000000})
    assert peer.bodies == [
        b'{"transactional_message_id":"1","to":"ada@example.com","identifiers":{"email":"ada@example.com"}}'
    ]


async def test_a_track_write_carries_the_track_keys_and_an_encoded_identifier(
    client: Client, peer: Peer, work: Work
) -> None:
    assert await Writer(client).send(IDENTIFY, work) == Sent(200)
    assert peer.targets == ["PUT /api/v1/customers/ada%2B1%40example.com"]
    assert "authorization: basic yS1zaXRlOnRyYWNrLXNlY3JldA==".lower() in peer.heads[0].lower()


async def test_an_empty_answer_is_accepted_where_customerio_documents_one(
    client: Client, peer: Peer, work: Work
) -> None:
    peer.script = [reply_with(204, b"")]
    assert await Writer(client).send(DELETE, work) == Sent(204)


async def test_the_id_of_what_was_made_may_stand_deeper_in_the_answer(client: Client, peer: Peer, work: Work) -> None:
    peer.script = [reply_with(200, b'{"segment": {"id": 7}}')]
    assert await Writer(client).send(CREATE, work) == Sent(200, {"segment": {"id": 7}})


NO_EVIDENCE: dict[str, tuple[Call, Reply]] = {
    "a send, an empty 200": (SEND, reply_with(200, b"")),
    "a send, an empty 202": (SEND, reply_with(202, b"")),
    "a send, an empty 204": (SEND, reply_with(204, b"")),
    "a send, an empty object": (SEND, reply_with(200, b"{}")),
    "a send, no delivery": (SEND, reply_with(200, b'{"delivery_id": "", "queued_at": 1764000000}')),
    "a send, an object": (SEND, reply_with(200, b'{"delivery_id": {"a": 1}}')),
    "a send, false": (SEND, reply_with(200, b'{"delivery_id": false}')),
    "a send, blank": (SEND, reply_with(200, b'{"delivery_id": " "}')),
    "a send, null": (SEND, reply_with(200, b'{"delivery_id": null}')),
    "a send, a list": (SEND, reply_with(200, b'["delivery_id"]')),
    "a Track write, an empty 200": (IDENTIFY, reply_with(200, b"")),
    "a Track write, an empty 204": (IDENTIFY, reply_with(204, b"")),
    "a Track write, a web page": (IDENTIFY, reply_with(200, b"<html>Welcome to the guest network</html>")),
    "a write without an answer, a web page": (DELETE, reply_with(200, b"<html>Welcome to the guest network</html>")),
    "a new segment, no id": (CREATE, reply_with(200, b'{"segment": {"name": "Friends"}}')),
}


@pytest.mark.sampled(6)
@pytest.mark.parametrize(("call", "reply"), NO_EVIDENCE.values(), ids=NO_EVIDENCE)
async def test_a_success_without_the_evidence_that_customerio_documents_is_unknown(
    client: Client, peer: Peer, work: Work, call: Call, reply: Reply
) -> None:
    peer.script = [reply]
    result = await Writer(client).send(call, work)
    assert isinstance(result, Unknown)
    assert "not as documented by Customer.io" in result.reason
    assert len(peer.heads) == 1


ONCE: dict[str, tuple[Reply, type[Result], str]] = {
    "429": (reply_with(429), Failed, "rate limit"),
    "429 with Retry-After": (reply_with(429, retry_after="1"), Failed, "Try again in 1 s"),
    "400": (reply_with(400, b'{"meta": {"error": "ada@example.com"}}'), Failed, "did not accept the request (400)"),
    "401": (reply_with(401), Failed, "CIO_APP_API_KEY"),
    "403": (reply_with(403), Failed, "(403)"),
    "404": (reply_with(404), Failed, "(404, "),
    "402": (reply_with(402), Unknown, "answered 402"),
    "405": (reply_with(405), Unknown, "answered 405"),
    "407": (reply_with(407), Unknown, "answered 407"),
    "408": (reply_with(408), Unknown, "answered 408"),
    "409": (reply_with(409), Unknown, "answered 409"),
    "413": (reply_with(413), Failed, "too large"),
    "421": (reply_with(421), Unknown, "answered 421"),
    "422": (reply_with(422), Failed, "(422)"),
    "425": (reply_with(425), Unknown, "answered 425"),
    "499": (reply_with(499), Unknown, "answered 499"),
    "500": (reply_with(500), Unknown, "answered 500"),
    "503": (reply_with(503, b"<html>ada@example.com"), Unknown, "answered 503"),
    "503 with Retry-After": (reply_with(503, retry_after="1"), Unknown, "answered 503"),
    "redirect": (reply_with(307, location="https://ada@example.com/"), Unknown, "answered 307"),
    "dropped line": (drops, Unknown, "broke the connection"),
    "half an answer": (sends(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"), Unknown, "broke the connection"),
    "no HTTP": (sends(b"ada@example.com\r\n\r\n"), Unknown, "broke the connection"),
    "web page": (reply_with(200, b"<html>ada@example.com</html>"), Unknown, "not as documented by Customer.io"),
}


@pytest.mark.sampled(8)
@pytest.mark.parametrize(("reply", "kind", "message"), ONCE.values(), ids=ONCE)
async def test_a_once_call_leaves_exactly_once_whatever_its_outcome(
    client: Client, peer: Peer, work: Work, reply: Reply, kind: type[Failed | Unknown], message: str
) -> None:
    peer.script = [reply]
    result = await Writer(client).send(SEND, work)
    assert isinstance(result, kind)
    assert message in result.reason
    assert not any(part in result.reason for part in ("ada", "secret", "127.0.0.1"))
    assert len(peer.heads) == 1


async def test_no_answer_in_time_leaves_a_write_unknown(client: Client, peer: Peer, clock: ManualClock) -> None:
    peer.script = [hangs]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(time_passes, clock, peer, 0.7)
        result = await Writer(client).send(SEND, Work(caller_named("local:ada"), clock.steady() + 0.7))
    assert isinstance(result, Unknown)
    assert "did not answer" in result.reason
    assert len(peer.heads) == 1


@pytest.mark.parametrize("call", [SEND, IDENTIFY], ids=["once", "repeatable"])
async def test_a_connection_that_fails_is_failed_and_nothing_was_sent(unheard: Client, work: Work, call: Call) -> None:
    result = await Writer(unheard).send(call, work)
    assert isinstance(result, Failed)
    assert "nothing was sent" in result.reason
    assert result.status is None


@pytest.mark.parametrize("call", [SEND, IDENTIFY], ids=["once", "repeatable"])
@pytest.mark.parametrize("status", [302, 403, 407])
async def test_a_proxy_that_refuses_is_failed_at_once_and_nothing_was_sent(
    opening: Callable[[str], Client],
    peer: Peer,
    work: Work,
    monkeypatch: pytest.MonkeyPatch,
    call: Call,
    status: int,
) -> None:
    monkeypatch.setenv("https_proxy", peer.url)
    peer.script = [reply_with(status)]
    async with opening("https://customer.test") as client:
        result = await Writer(client).send(call, work)
    assert isinstance(result, Failed)
    assert result.reason.startswith("https_proxy: Customer.io could not be reached: the proxy in https_proxy ")
    assert result.reason.endswith("nothing was sent.")
    assert peer.targets == ["CONNECT customer.test:443"]


@pytest.mark.parametrize(
    ("variable", "value"), [("https_proxy", "ftp://127.0.0.1:7890"), ("SSL_CERT_FILE", "/nonexistent/ca.pem")]
)
async def test_a_client_that_cannot_be_built_is_failed_and_nothing_was_sent(
    opening: Callable[[str], Client], work: Work, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    async with opening("https://customer.test") as client:
        result = await Writer(client).send(SEND, work)
    assert isinstance(result, Failed)
    assert result.reason.startswith(f"{variable}: ")
    assert result.reason.endswith("nothing was sent.")


@pytest.mark.parametrize("trouble", [reply_with(429), reply_with(503), drops], ids=["429", "503", "dropped line"])
async def test_a_repeatable_write_is_made_again_after_passing_trouble(
    client: Client, peer: Peer, work: Work, trouble: Reply
) -> None:
    peer.script = [trouble, trouble, reply_with(200)]
    assert await Writer(client).send(IDENTIFY, work) == Sent(200)
    assert len(set(peer.bodies)) == 1
    assert len(peer.heads) == 3


async def test_a_repeatable_write_that_is_rate_limited_to_the_end_is_failed(
    client: Client, peer: Peer, work: Work
) -> None:
    peer.script = [reply_with(429)]
    result = await Writer(client).send(IDENTIFY, work)
    assert isinstance(result, Failed)
    assert "rate limit" in result.reason
    assert len(peer.heads) > 1


DOUBTED = {
    "503 to the end": [reply_with(503)],
    "408 to the end": [reply_with(408)],
    "dropped, then refused": [drops, reply_with(404)],
    "dropped, then rate limited for long": [drops, reply_with(429, retry_after="250")],
}


@pytest.mark.parametrize("script", DOUBTED.values(), ids=DOUBTED)
async def test_a_repeatable_write_that_may_have_been_carried_out_is_unknown(
    client: Client, peer: Peer, work: Work, script: list[Reply]
) -> None:
    peer.script = list(script)
    result = await Writer(client).send(IDENTIFY, work)
    assert isinstance(result, Unknown)
    assert len(peer.heads) > 1


async def test_a_mistake_in_the_client_is_unknown_and_says_nothing_of_it(
    client: Client, work: Work, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(*_: object, **__: object) -> None:
        await anyio.lowlevel.checkpoint()
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(client.limiter, "acquire", fails)
    result = await Writer(client).send(SEND, work)
    assert isinstance(result, Unknown)
    assert "RuntimeError" in caplog.text
    assert "secret" not in result.reason + caplog.text


async def test_a_write_for_which_there_is_no_time_is_failed_and_does_not_leave(
    client: Client, peer: Peer, clock: ManualClock
) -> None:
    result = await Writer(client).send(SEND, Work(caller_named("local:ada"), clock.steady() + 0.1))
    assert isinstance(result, Failed)
    assert "nothing was sent" in result.reason
    assert peer.heads == []


async def test_after_a_write_what_it_touches_is_read_afresh(client: Client, peer: Peer, work: Work) -> None:
    reader = client.reader(work)
    attributes = read("get_customer_attributes", customer_id="ada")
    await reader.read(attributes, cache=60)
    peer.script = [reply_with(503)]
    await Writer(client).send(SEND, work)
    peer.script = [reply_with(200)]
    await reader.read(attributes, cache=60)
    assert peer.targets.count("GET /v1/customers/ada/attributes") == 2


async def test_while_the_database_fails_writes_are_refused_and_reads_go_on(
    opening: Callable[[str], Client], peer: Peer, work: Work, tmp_path: Path
) -> None:
    (tmp_path / "claims.db").mkdir()
    async with opening(peer.url) as client:
        result = await Writer(client).send(SEND, work)
        await client.reader(work).read(read("list_segments"))
    assert isinstance(result, Failed)
    assert "database is unavailable" in result.reason
    assert peer.targets == ["GET /v1/segments"]
