import logging
import tracemalloc
from collections.abc import Callable
from email.utils import formatdate

import anyio
import anyio.lowlevel
import pytest

from cio_mcp.customerio.call import Call, read
from cio_mcp.customerio.caller import MAX_RETRIES
from cio_mcp.customerio.client import Client, Work
from cio_mcp.errors import (
    BadAnswer,
    CioError,
    KeyRefused,
    NotFound,
    RateLimited,
    Rejected,
    SettingError,
    TimeError,
    Unavailable,
)
from tests.callers import caller_named
from tests.clock import ManualClock
from tests.customerio.peer import MEBIBYTE, Peer, Reply, drops, floods, hangs, reply_with, sends, time_passes

pytestmark = pytest.mark.anyio

SEGMENTS = read("list_segments")
ADA = read("find_customers_by_email", query={"email": "ada+test@example.com"})
BODY = read("get_archived_message", message_id="a1")


async def test_a_read_carries_the_key_and_answers_an_object(client: Client, peer: Peer, work: Work) -> None:
    peer.script = [reply_with(200, b'{"segments": []}')]
    assert await client.reader(work).read(SEGMENTS) == {"segments": []}
    assert peer.targets == ["GET /v1/segments"]
    assert "authorization: bearer app-secret" in peer.heads[0].lower()
    assert "user-agent: cio-mcp/" in peer.heads[0].lower()


async def test_a_plus_in_an_address_and_a_slash_in_an_id_are_encoded(client: Client, peer: Peer, work: Work) -> None:
    reader = client.reader(work)
    await reader.read(ADA)
    await reader.read(read("get_customer_attributes", customer_id="a/b ?#é"))
    assert peer.targets == [
        "GET /v1/customers?email=ada%2Btest%40example.com",
        "GET /v1/customers/a%2Fb%20%3F%23%C3%A9/attributes",
    ]


async def test_a_search_posts_json(client: Client, peer: Peer, work: Work) -> None:
    await client.reader(work).read(read("search_customers", body={"filter": {"segment": {"id": 1}}}))
    assert peer.targets == ["POST /v1/customers"]
    assert peer.bodies == [b'{"filter":{"segment":{"id":1}}}']
    assert "content-type: application/json" in peer.heads[0].lower()


PASSING = {
    "429": reply_with(429),
    "429 with Retry-After": reply_with(429, retry_after="1"),
    "500": reply_with(500),
    "503 as a web page": reply_with(503, b"<html>"),
    "dropped line": drops,
}


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING)
async def test_a_read_is_made_again_after_passing_trouble(
    client: Client, peer: Peer, work: Work, trouble: Reply
) -> None:
    peer.script = [trouble, trouble, reply_with(200, b'{"ok": 1}')]
    assert await client.reader(work).read(SEGMENTS) == {"ok": 1}
    assert len(peer.heads) == 3


async def test_a_read_whose_line_breaks_in_the_body_is_made_again(client: Client, peer: Peer, work: Work) -> None:
    peer.script = [sends(b'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"half'), reply_with(200, b'{"ok": 1}')]
    assert await client.reader(work).read(SEGMENTS) == {"ok": 1}


async def test_a_retry_after_in_seconds_or_as_a_date_is_waited_for(
    client: Client, peer: Peer, clock: ManualClock
) -> None:
    # The first of the two waits is over by then.
    date = formatdate(clock.now() + 7 + 9, usegmt=True)
    peer.script = [reply_with(429, retry_after="7"), reply_with(503, retry_after=date), reply_with(200)]
    await client.reader(Work(caller_named("local:ada"), clock.steady() + 60)).read(SEGMENTS)
    assert [wait for wait in clock.waits if wait in (7, 9)] == [7, 9]


@pytest.mark.parametrize("unit", [1, 1000], ids=["seconds", "milliseconds"])
async def test_a_retry_after_that_is_a_unix_time_is_waited_for(
    client: Client, peer: Peer, clock: ManualClock, unit: int
) -> None:
    peer.script = [reply_with(429, retry_after=str(int((clock.now() + 90) * unit))), reply_with(200)]
    await client.reader(Work(caller_named("local:ada"), clock.steady() + 300)).read(SEGMENTS)
    assert any(30 < wait <= 90 for wait in clock.waits)


@pytest.mark.parametrize("header", ["3600", "99999999999", "Fri, 31 Dec 2100 23:59:59 GMT"])
async def test_an_implausible_retry_after_does_not_close_the_lane(
    client: Client, peer: Peer, clock: ManualClock, header: str
) -> None:
    peer.script = [reply_with(429, retry_after=header), reply_with(200)]
    await client.reader(Work(caller_named("local:ada"), clock.steady() + 60)).read(SEGMENTS)
    assert max(clock.waits) < 10
    app = next(lane for lane in client.limiter.state() if lane.lane == "app")
    assert app.paused < 10


LASTING: dict[str, tuple[Reply, type[CioError], str, int]] = {
    "429": (reply_with(429), RateLimited, "Try again in", 4),
    "429 for a minute": (reply_with(429, retry_after="60"), RateLimited, "Try again in 60 s", 1),
    "503": (reply_with(503), Unavailable, "answered 503. Try again in 5 s", 4),
    "503 for a while": (reply_with(503, retry_after="90"), Unavailable, "Try again in 90 s", 1),
    "dropped line": (drops, Unavailable, "broke the connection", 4),
    "400 in an odd shape": (reply_with(400, b'{"meta": {"error": "ada@example.com"}}'), Rejected, "did not accept", 1),
    "404 without a body": (reply_with(404, b""), NotFound, "Not found in Customer.io (404, /v1/customers", 1),
    "401": (reply_with(401, b'{"errors": "ada@example.com"}'), KeyRefused, "CIO_APP_API_KEY", 1),
    "403 as a web page": (reply_with(403, b"<html>ada@example.com</html>"), KeyRefused, "scope", 1),
    "redirect": (reply_with(302, location="https://ada@example.com/"), SettingError, "CIO_APP_URL", 1),
    "web page": (reply_with(200, b"<html>ada@example.com</html>"), BadAnswer, "web page", 1),
    "empty": (reply_with(200, b""), BadAnswer, "empty", 1),
    "garbled": (reply_with(200, b"ada@example.com", content_encoding="gzip"), BadAnswer, "garbled", 1),
    "no HTTP": (sends(b"ada@example.com\r\n\r\n"), Unavailable, "broke the connection", 4),
}


@pytest.mark.parametrize(("reply", "kind", "message", "requests"), LASTING.values(), ids=LASTING)
async def test_trouble_that_stays_is_one_sentence_without_key_address_or_body(
    client: Client, peer: Peer, work: Work, reply: Reply, kind: type[CioError], message: str, requests: int
) -> None:
    peer.script = [reply]
    with pytest.raises(kind) as caught:
        await client.reader(work).read(ADA)
    assert message in str(caught.value)
    assert len(peer.heads) == requests
    assert not any(part in str(caught.value) for part in ("ada", "%40", "secret", "127.0.0.1"))
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("trouble", [reply_with(503), reply_with(429), drops], ids=["503", "429", "dropped line"])
async def test_many_reads_of_one_call_repeat_few_requests_to_a_service_that_is_down(
    client: Client, peer: Peer, clock: ManualClock, trouble: Reply
) -> None:
    peer.script = [trouble]
    reader = client.reader(Work(caller_named("local:ada"), clock.steady() + 60))
    failed = 0
    for number in range(20):
        try:
            await reader.read(read("get_segment", segment_id=str(number)))
        except TimeError:
            failed += 1
    # After a 429 some of the reads do not get their turn at all.
    assert failed == 20
    assert len(peer.heads) <= 20 + MAX_RETRIES
    peer.script = [trouble, reply_with(200, b'{"ok": 1}')]
    assert await client.reader(Work(caller_named("local:ada"), clock.steady() + 60)).read(SEGMENTS) == {"ok": 1}


async def test_a_host_that_hangs_is_given_up_by_the_deadline(client: Client, peer: Peer, clock: ManualClock) -> None:
    peer.script = [hangs]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(time_passes, clock, peer, 0.7)
        with pytest.raises(Unavailable, match="did not answer"):
            await client.reader(Work(caller_named("local:ada"), clock.steady() + 0.7)).read(SEGMENTS)
    assert len(peer.heads) == 1


async def test_a_host_that_nobody_listens_on_is_unreachable(unheard: Client, work: Work) -> None:
    with pytest.raises(Unavailable, match="could not be reached; nothing was sent"):
        await unheard.reader(work).read(SEGMENTS)


async def test_no_request_begins_after_the_deadline(client: Client, peer: Peer, clock: ManualClock) -> None:
    with pytest.raises(Unavailable, match="No time is left"):
        await client.reader(Work(caller_named("local:ada"), clock.steady())).read(SEGMENTS)
    assert peer.heads == []


async def test_a_spent_daily_quota_is_requested_once(client: Client, peer: Peer, work: Work) -> None:
    peer.script = [reply_with(429)]
    with pytest.raises(RateLimited, match="archived_message"):
        await client.reader(work).read(BODY)
    assert len(peer.heads) == 1


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_of_50_megabytes_never_enters_memory(
    client: Client, peer: Peer, work: Work, declared: bool
) -> None:
    reader = client.reader(work)
    await reader.read(SEGMENTS)
    peer.script = [floods(50, declared=declared), reply_with(200, b'{"ok": 1}')]
    tracemalloc.start()
    try:
        with pytest.raises(BadAnswer, match="larger than 16 MiB"):
            await reader.read(SEGMENTS)
        assert tracemalloc.get_traced_memory()[1] < 40 * MEBIBYTE
    finally:
        tracemalloc.stop()
    assert await reader.read(SEGMENTS) == {"ok": 1}


async def test_one_connection_serves_reads_in_a_row(client: Client, peer: Peer, work: Work) -> None:
    for _ in range(3):
        await client.reader(work).read(SEGMENTS)
    assert peer.connections == 1


async def test_a_list_is_read_again_only_when_it_is_older_than_allowed(
    client: Client, peer: Peer, work: Work, clock: ManualClock
) -> None:
    reader = client.reader(work)
    for _ in range(3):
        await reader.read(SEGMENTS, cache=5)
    assert len(peer.heads) == 1
    clock.time += 6
    await reader.read(SEGMENTS, cache=5)
    assert len(peer.heads) == 2
    await reader.read(SEGMENTS)
    assert len(peer.heads) == 3


async def test_another_principal_is_not_answered_from_the_cache(client: Client, peer: Peer, work: Work) -> None:
    await client.reader(work).read(SEGMENTS, cache=5)
    await client.reader(Work(caller_named("loopback:other"), work.deadline)).read(SEGMENTS, cache=5)
    assert len(peer.heads) == 2


async def test_many_reads_of_one_caller_do_not_hold_up_another(client: Client, peer: Peer, clock: ManualClock) -> None:
    async def ask(name: str, number: int) -> None:
        work = Work(caller_named(name), clock.steady() + 60)
        await client.reader(work).read(read("get_segment", segment_id=f"{name.removeprefix('local:')}-{number}"))

    async with anyio.create_task_group() as tasks:
        for number in range(40):
            tasks.start_soon(ask, "local:ada", number)
        tasks.start_soon(ask, "local:bob", 0)
    (place,) = [place for place, head in enumerate(peer.heads) if "/bob-" in head]
    assert place < 20


async def test_identical_reads_in_flight_are_one_request(client: Client, peer: Peer, work: Work) -> None:
    answers: list[object] = []

    async def ask() -> None:
        answers.append(await client.reader(work).read(SEGMENTS))

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(ask)
    assert answers == [{}] * 20
    assert len(peer.heads) == 1


@pytest.mark.parametrize("named", ["httpx", "httpcore"])
async def test_the_http_library_logs_no_address(
    client: Client, work: Work, caplog: pytest.LogCaptureFixture, named: str
) -> None:
    caplog.set_level(logging.DEBUG)
    await client.reader(work).read(ADA)
    assert not [record for record in caplog.records if record.name.startswith(named)]


async def test_a_429_pauses_the_lane_for_everybody(client: Client, peer: Peer, work: Work, clock: ManualClock) -> None:
    peer.script = [reply_with(429, retry_after="60")]
    with pytest.raises(RateLimited):
        await client.reader(work).read(SEGMENTS)
    with pytest.raises(RateLimited):
        await client.reader(Work(caller_named("local:bob"), clock.steady() + 5)).read(ADA)
    assert len(peer.heads) == 1


async def test_a_call_that_never_left_gives_its_turn_back(unheard: Client, work: Work) -> None:
    with pytest.raises(Unavailable):
        await unheard.reader(work).read(SEGMENTS)
    await until(lambda: _used(unheard) == 0)


async def test_a_first_read_on_a_cold_connection_costs_one_turn(client: Client, work: Work) -> None:
    await client.reader(work).read(SEGMENTS)
    assert _used(client) == 1


def _used(client: Client) -> int:
    return next(lane.used for lane in client.limiter.state() if lane.lane == "app")


async def test_fifty_concurrent_reads_all_answer(client: Client, peer: Peer, clock: ManualClock) -> None:
    reader = client.reader(Work(caller_named("local:ada"), clock.steady() + 60))
    async with anyio.create_task_group() as tasks:
        for number in range(50):
            tasks.start_soon(reader.read, read("get_segment", segment_id=number))
    assert len(peer.heads) == 50


async def test_a_cancelled_read_leaves_the_client_usable(client: Client, peer: Peer, work: Work) -> None:
    peer.script = [hangs, reply_with(200, b'{"ok": 1}')]
    reader = client.reader(work)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reader.read, SEGMENTS)
        await until(lambda: len(peer.heads) == 1)
        tasks.cancel_scope.cancel()
    assert await reader.read(SEGMENTS) == {"ok": 1}


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await anyio.lowlevel.checkpoint()


async def test_a_write_cannot_be_made_as_a_read(client: Client, peer: Peer, work: Work) -> None:
    with pytest.raises(ValueError, match="writes"):
        await client.reader(work).read(Call(operation="delete_segment", path={"segment_id": "7"}))
    assert not peer.targets


async def test_a_write_drops_what_it_touches_and_leaves_the_rest(client: Client, peer: Peer, work: Work) -> None:
    reader = client.reader(work)
    campaigns = read("list_campaigns")
    await reader.read(SEGMENTS, cache=60)
    await reader.read(campaigns, cache=60)
    client.drop_cached(frozenset({"segments"}))
    await reader.read(SEGMENTS, cache=60)
    await reader.read(campaigns, cache=60)
    assert peer.targets == ["GET /v1/segments", "GET /v1/campaigns", "GET /v1/segments"]
