import gzip
import json
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from cio_mcp.clock import Clock
from cio_mcp.events.log import EventLog, EventQuery
from cio_mcp.events.models import MAX_TEXT_CHARACTERS
from cio_mcp.settings import WEBHOOK_PATH
from cio_mcp.storage.engine import Database
from cio_mcp.storage.webhook_stats import webhook_stats
from cio_mcp.tools.core.events import recent_events
from cio_mcp.web.webhooks import LOG_INTERVAL_SECONDS, MAX_BODY_BYTES, MAX_REQUESTS, SENTENCES, STATUS
from cio_mcp.workspace import CallContext
from tests.clock import FunctionClock
from tests.events.payloads import examples, payloads
from tests.published import MISSING
from tests.web.posting import KEY, Answer, Poster, signed

pytestmark = pytest.mark.anyio

EVENT = {"event_id": "E1", "object_type": "email", "metric": "sent", "timestamp": 1_700_000_000, "data": {}}
BODY = json.dumps(EVENT).encode()
DAY = 86_400.0
DOCUMENTED = {200, 401, 403, 408, 413, 503}


async def count_stored(feed: EventLog) -> int:
    return sum((await feed.summary(EventQuery())).by_metric.values())


async def refusals(feed: EventLog) -> dict[str, int]:
    await feed.close()
    stats = await webhook_stats(feed.database, feed.workspace, feed.clock.now())
    return {each.reason: each.count for each in stats.refused}


def is_bare(answer: Answer) -> bool:
    return answer.body == b"" and set(answer.headers) <= {"content-length", "connection"}


@pytest.mark.parametrize("prefix", ["", "v0="])
async def test_a_signed_event_is_stored_and_answered_with_a_bare_200(feed: EventLog, prefix: str) -> None:
    answer = await Poster(feed).post_signed(BODY, prefix=prefix)
    assert answer.status == 200
    assert is_bare(answer)
    assert [each.id for each in (await feed.recent(EventQuery())).events] == ["E1"]


async def test_a_redelivered_event_is_answered_alike_and_stored_once(feed: EventLog) -> None:
    poster = Poster(feed)
    assert [(await poster.post_signed(BODY)).status for _ in range(3)] == [200, 200, 200]
    assert await count_stored(feed) == 1


async def test_a_retry_of_a_week_ago_is_taken(feed: EventLog) -> None:
    assert (await Poster(feed).post_signed(BODY, age=7.5 * DAY)).status == 200


async def test_while_a_key_is_replaced_both_are_taken(feed: EventLog) -> None:
    poster = Poster(feed, (b"old", b"new"))
    assert {(await poster.post_signed(BODY, key=key)).status for key in (b"old", b"new")} == {200}
    assert (await poster.post_signed(BODY, key=b"older")).status == 401


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "unsigned"),
        ({"X-CIO-Timestamp": "1700000000"}, "unsigned"),
        ({"X-CIO-Signature": "0" * 64}, "unsigned"),
        ({"X-CIO-Timestamp": "soon", "X-CIO-Signature": "0" * 64}, "unsigned"),
        ({"X-CIO-Timestamp": "1000000000", "X-CIO-Signature": "0" * 64}, "stale"),
        (signed(BODY, age=8.1 * DAY), "stale"),
        (signed(BODY + b" "), "wrong signature"),
        (signed(BODY, key=b"another"), "wrong signature"),
    ],
)
async def test_requests_that_customer_io_did_not_sign_are_refused_and_counted(
    feed: EventLog, headers: dict[str, str], reason: str
) -> None:
    answer = await Poster(feed).post(BODY, headers)
    assert answer.status == 401
    assert is_bare(answer)
    assert await count_stored(feed) == 0
    assert await refusals(feed) == {reason: 1}


async def test_a_body_of_the_largest_size_is_taken(feed: EventLog) -> None:
    frame = len(json.dumps(EVENT | {"data": {"content": ""}}).encode())
    body = json.dumps(EVENT | {"data": {"content": "x" * (MAX_BODY_BYTES - frame)}}).encode()
    assert len(body) == MAX_BODY_BYTES
    assert (await Poster(feed).post_signed(body)).status == 200


@pytest.mark.parametrize("length", [None, "10", str(MAX_BODY_BYTES + 1), "9" * 30, "-1", "many"])
async def test_a_larger_body_is_refused_whatever_its_headers_say(feed: EventLog, length: str | None) -> None:
    body = b"x" * (MAX_BODY_BYTES + 1)
    chunks = (body[begin : begin + 65_536] for begin in range(0, len(body), 65_536))
    headers = signed(body) | ({"Content-Length": length} if length else {})
    answer = await Poster(feed).post(chunks, headers)
    assert answer.status == 413
    assert is_bare(answer)
    assert await count_stored(feed) == 0
    assert await refusals(feed) == {"too big": 1}


async def test_no_more_is_read_of_a_body_than_is_allowed(feed: EventLog) -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 65_536
            yield b"x" * 65_536

    assert (await Poster(feed).post(endless(), signed(b""))).status == 413
    assert read <= MAX_BODY_BYTES + 65_536


@pytest.mark.parametrize(
    ("keys", "headers", "status"),
    [((KEY,), {}, 401), ((KEY,), signed(BODY, age=8.1 * DAY), 401), ((), {"Host": "evil.example"}, 403)],
)
async def test_nothing_is_read_of_a_body_whose_headers_are_refused(
    feed: EventLog, keys: tuple[bytes, ...], headers: dict[str, str], status: int
) -> None:
    chunks = iter([BODY])
    assert (await Poster(feed, keys).post(chunks, headers)).status == status
    assert next(chunks, None) == BODY


async def test_a_body_that_does_not_come_in_time_is_refused_and_the_line_closed(feed: EventLog) -> None:
    answer = await Poster(feed, reading=0.01).post(BODY, signed(BODY), held=anyio.Event())
    assert answer.status == 408
    assert answer.headers["connection"] == "close"
    assert is_bare(answer)
    assert await count_stored(feed) == 0
    assert await refusals(feed) == {"too slow": 1}


async def test_so_many_requests_at_once_and_no_more_until_they_end(feed: EventLog) -> None:
    poster, held, statuses = Poster(feed), anyio.Event(), []

    async def post() -> None:
        statuses.append((await poster.post(BODY, signed(BODY), held=held)).status)

    async with anyio.create_task_group() as group:
        for _ in range(MAX_REQUESTS):
            group.start_soon(post)
        while poster.under_way < MAX_REQUESTS:
            await anyio.lowlevel.checkpoint()
        assert [(await poster.post_signed(BODY)).status for _ in range(2)] == [503, 503]
        held.set()
    assert statuses == [200] * MAX_REQUESTS
    assert (await poster.post_signed(BODY)).status == 200
    assert await refusals(feed) == {"not available": 2}


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b"<html>", BODY[:-1]])
async def test_a_signed_body_of_unknown_shape_is_kept(feed: EventLog, body: bytes) -> None:
    poster = Poster(feed)
    assert [(await poster.post_signed(body)).status for _ in range(2)] == [200, 200]
    event, *more = (await feed.recent(EventQuery(object_type="unknown"))).events
    assert not more
    text = body.decode(errors="replace")
    assert event.data["body"] == (text if len(text) <= MAX_TEXT_CHARACTERS else text[:MAX_TEXT_CHARACTERS] + "…")


async def test_while_storage_is_down_the_answer_is_503_and_the_event_may_come_again(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("in the way")
    feed = EventLog(Database(f"sqlite:///{tmp_path / 'folder' / 'events.db'}"), "acme", Clock())
    answer = await Poster(feed).post_signed(BODY)
    assert answer.status == 503
    assert is_bare(answer)
    (tmp_path / "folder").unlink()
    assert (await Poster(feed).post_signed(BODY)).status == 200
    assert await count_stored(feed) == 1
    assert await refusals(feed) == {"not available": 1}
    await feed.database.close()


async def test_any_internal_failure_is_a_bare_503(feed: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: object) -> int:
        await anyio.lowlevel.checkpoint()
        raise RuntimeError("secret detail")

    monkeypatch.setattr(feed, "append", broken)
    answer = await Poster(feed).post_signed(BODY)
    assert answer.status == 503
    assert is_bare(answer)


LOCAL = {"Host": "127.0.0.1:8001"}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8001", "[::1]:8001", "LOCALHOST"])
async def test_without_keys_programs_of_this_machine_are_believed(feed: EventLog, host: str) -> None:
    # What Node.js sends of its own accord.
    headers = {"Host": host, "Accept-Language": "*", "Sec-Fetch-Mode": "cors", "User-Agent": "node"}
    assert (await Poster(feed, ()).post(BODY, headers)).status == 200
    assert await count_stored(feed) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "[::1"},
        {"Host": "evil.example:80@localhost"},
        {"Host": "localhost/evil.example"},
        {"Host": "localhost\nX"},
        LOCAL | {"Origin": "https://evil.example"},
        LOCAL | {"Origin": "null"},
        LOCAL | {"Referer": "https://evil.example/"},
        LOCAL | {"Sec-Fetch-Site": "cross-site"},
        LOCAL | {"X-Forwarded-For": "192.0.2.1"},
        LOCAL | {"X-Forwarded-Host": "evil.example"},
        LOCAL | {"X-Forwarded-Proto": "https"},
        LOCAL | {"X-Forwarded-Port": "443"},
        LOCAL | {"X-Real-IP": "192.0.2.1"},
        LOCAL | {"Forwarded": "for=192.0.2.1"},
        LOCAL | {"Via": "1.1 proxy"},
        LOCAL | {"CF-Connecting-IP": "192.0.2.1"},
        LOCAL | {"True-Client-IP": "192.0.2.1"},
        LOCAL | {"X-Client-IP": "192.0.2.1"},
        LOCAL | {"X-Cluster-Client-IP": "192.0.2.1"},
        LOCAL | {"X-Original-Host": "evil.example"},
        LOCAL | {"X-Original-URL": "/webhooks/customerio"},
        LOCAL | {"X-Envoy-External-Address": "192.0.2.1"},
        LOCAL | {"X-Amzn-Trace-Id": "Root=1"},
        LOCAL | {"Fly-Client-IP": "192.0.2.1"},
        LOCAL | {"Fastly-Client-IP": "192.0.2.1"},
        LOCAL | {"CDN-Loop": "cloudflare"},
        LOCAL | {"Tailscale-User-Login": "someone"},
        LOCAL | {"Cookie": "a=b"},
    ],
)
async def test_without_keys_nobody_else_is_believed(feed: EventLog, headers: dict[str, str]) -> None:
    answer = await Poster(feed, ()).post(BODY, headers)
    assert answer.status == 403
    assert is_bare(answer)
    assert await count_stored(feed) == 0


async def test_without_keys_a_request_of_http_1_0_is_not_believed(feed: EventLog) -> None:
    # What nginx sends to the servers behind it by default, with their own address as the host.
    assert (await Poster(feed, ()).post(BODY, LOCAL, http_version="1.0")).status == 403
    assert (await Poster(feed).post(BODY, LOCAL | signed(BODY), http_version="1.0")).status == 200
    assert await refusals(feed) == {"not local": 1}


async def test_a_slash_at_the_end_of_the_path_changes_nothing(feed: EventLog) -> None:
    assert (await Poster(feed).post(BODY, signed(BODY), path=f"{WEBHOOK_PATH}/")).status == 200
    assert await count_stored(feed) == 1


@pytest.mark.parametrize(
    "path", ["/webhooks", "/webhooks/", "/webhooks/customer.io", f"{WEBHOOK_PATH}//", f"{WEBHOOK_PATH}/x"]
)
async def test_a_request_that_misses_the_path_is_refused_counted_and_explained(
    feed: EventLog, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    answer = await Poster(feed).post(BODY, signed(BODY), path=path)
    assert answer.status == 404
    assert is_bare(answer)
    assert await count_stored(feed) == 0
    assert await refusals(feed) == {"wrong path": 1}
    (sentence,) = logged(caplog)
    assert f"must end in {WEBHOOK_PATH}." in sentence


@pytest.mark.parametrize("path", ["/", "/webhook", "/customerio"])
async def test_a_request_to_a_distant_path_is_not_taken_for_a_webhook(feed: EventLog, path: str) -> None:
    assert (await Poster(feed).post(BODY, signed(BODY), path=path)).status == 404
    assert await refusals(feed) == {}


def gzipped(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def raw_deflate(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(body) + compressor.flush()


COMPRESSED = [
    ("gzip", gzipped(BODY)),
    ("x-gzip", gzipped(BODY)),
    ("GZIP", gzipped(BODY)),
    ("deflate", zlib.compress(BODY)),
    ("deflate", raw_deflate(BODY)),
    ("identity, gzip", gzipped(BODY)),
    ("deflate, gzip", gzipped(zlib.compress(BODY))),
    ("identity", BODY),
    ("gzip", BODY),
]


@pytest.mark.parametrize(("encoding", "body"), COMPRESSED, ids=map(str, range(len(COMPRESSED))))
async def test_a_compressed_body_is_read_after_its_signature_as_sent_is_checked(
    feed: EventLog, encoding: str, body: bytes
) -> None:
    poster, header = Poster(feed), {"Content-Encoding": encoding}
    if body != BODY:
        assert (await poster.post(body, signed(BODY) | header)).status == 401
    assert (await poster.post(body, signed(body) | header)).status == 200
    assert [each.id for each in (await feed.recent(EventQuery())).events] == ["E1"]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("br", b"\x0b\x02\x80{}\x03"),
        ("gzip", gzipped(BODY)[:-4]),
        ("gzip", gzipped(BODY) + b"more"),
        ("gzip, gzip, gzip", gzipped(gzipped(gzipped(BODY)))),
        ("deflate", b"\0"),
    ],
    ids=["other", "cut", "longer", "three times", "not at all"],
)
async def test_a_signed_body_that_cannot_be_decompressed_is_kept_as_unknown(
    feed: EventLog, encoding: str, body: bytes
) -> None:
    assert (await Poster(feed).post(body, signed(body) | {"Content-Encoding": encoding})).status == 200
    assert len((await feed.recent(EventQuery(object_type="unknown"))).events) == 1


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzipped(b"x" * (MAX_BODY_BYTES + 1))),
        ("gzip", gzipped(bytes(20 * MAX_BODY_BYTES))),
        ("deflate", raw_deflate(b"x" * (MAX_BODY_BYTES + 1))),
        ("gzip, gzip", gzipped(gzipped(bytes(20 * MAX_BODY_BYTES)))),
    ],
    ids=["by one byte", "by far", "without a header", "twice"],
)
async def test_a_body_that_is_too_large_once_decompressed_is_refused(
    feed: EventLog, encoding: str, body: bytes
) -> None:
    assert len(body) <= MAX_BODY_BYTES
    assert (await Poster(feed).post(body, signed(body) | {"Content-Encoding": encoding})).status == 413
    assert await refusals(feed) == {"too big": 1}
    largest = gzipped(b"x" * MAX_BODY_BYTES)
    assert (await Poster(feed).post(largest, signed(largest) | {"Content-Encoding": "gzip"})).status == 200


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == "cio_mcp.web.webhooks"]


async def test_the_first_refusal_of_a_kind_within_an_hour_is_logged_with_what_to_do(
    feed: EventLog, caplog: pytest.LogCaptureFixture
) -> None:
    now = time.time()
    poster = Poster(feed, clock=FunctionClock(lambda: now))
    wrong = (
        "A webhook was refused: its signature does not match CIO_WEBHOOK_SIGNING_KEYS. Copy the signing key of this "
        "webhook again from Customer.io (Data & Integrations > Integrations > Reporting Webhooks); an API key does not "
        "work. If the key is right, a proxy in between changes the body. `cio-mcp webhooks status` counts refusals."
    )
    for _ in range(3):
        assert (await poster.post_signed(BODY, key=b"another")).status == 401
    assert logged(caplog) == [wrong]
    assert (await poster.post(BODY)).status == 401
    assert [each.startswith("A webhook was refused: it has no signature. ") for each in logged(caplog)] == [False, True]
    now += LOG_INTERVAL_SECONDS
    for _ in range(3):
        assert (await poster.post_signed(BODY, key=b"another")).status == 401
    assert logged(caplog)[2:] == [wrong]
    assert {each.levelname for each in caplog.records} == {"WARNING"}


def test_every_refusal_has_a_sentence_of_its_own() -> None:
    assert SENTENCES.keys() == STATUS.keys()
    assert len(set(SENTENCES.values())) == len(SENTENCES)


async def test_a_storage_failure_is_logged_once_with_its_cause(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "events.db").write_text("this is not a database, however long one looks at it" * 100)
    feed = EventLog(Database(f"sqlite:///{tmp_path / 'events.db'}"), "acme", Clock())
    poster = Poster(feed)
    assert [(await poster.post_signed(BODY)).status for _ in range(2)] == [503, 503]
    (message,) = logged(caplog)
    assert message == (
        "A webhook could not be stored: The server's database is not a database: set CIO_DATA_DIR or CIO_DATABASE_URL "
        "to another place."
    )
    await feed.database.close()


@pytest.mark.skipif(not payloads(), reason=MISSING)
async def test_every_published_payload_goes_through_receiver_store_and_tool(ws: CallContext) -> None:
    poster = Poster(ws.events)
    bodies = {each.body["event_id"]: each.body for each in payloads()}
    for body in bodies.values():
        assert (await poster.post_signed(json.dumps(body).encode())).status == 200
    seen: dict[str, Any] = {}
    cursor = None
    while len(seen) < len(bodies):
        page = await recent_events(ws, limit=50, cursor=cursor)
        seen |= {each.id: each for each in page.events}
        assert "".join(page.lines())
        cursor = page.cursor
        assert cursor or len(seen) == len(bodies)
    for name, body in bodies.items():
        assert (seen[name].metric, int(seen[name].at.timestamp())) == (body["metric"], body["timestamp"])
        if delivery := body["data"].get("delivery_id"):
            found = await ws.events.recent(EventQuery(delivery=delivery))
            assert [each.id for each in found.events] == [name]


@pytest.mark.skipif(not examples(), reason=MISSING)
async def test_every_written_example_is_stored_under_its_name(feed: EventLog) -> None:
    poster = Poster(feed)
    for number, body in enumerate(examples().values()):
        whole = body | {"event_id": str(number)}
        assert (await poster.post_signed(json.dumps(whole).encode())).status == 200
    events = (await feed.recent(EventQuery())).events
    assert {f"{each.object_type}_{each.metric}" for each in events} == set(examples())


names = st.sampled_from(["Host", "Origin", "Content-Length", "Content-Type", "Transfer-Encoding", "X-CIO-Timestamp"])
latin = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=80)
loose = st.dictionaries(names | st.just("X-CIO-Signature"), latin | st.integers().map(str), max_size=5)
fuzzing = hypothesis(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], max_examples=150
)


@fuzzing
@given(body=st.binary(max_size=2000), headers=loose, keyed=st.booleans())
@example(body=b"x", headers={"X-CIO-Timestamp": "1", "X-CIO-Signature": "\xe9"}, keyed=True)
async def test_nothing_unsigned_is_stored_and_no_answer_reveals_anything(
    feed: EventLog, body: bytes, headers: dict[str, str], keyed: bool
) -> None:
    headers = headers if keyed else headers | {"Host": "evil.example"}
    answer = await Poster(feed, (KEY,) if keyed else ()).post(body, headers)
    assert answer.status in DOCUMENTED - {200, 503}
    assert is_bare(answer)
    assert await count_stored(feed) == 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
keys = ["event_id", "object_type", "metric", "timestamp", "data"]
near = st.fixed_dictionaries({}, optional={key: json_values | st.just(EVENT[key]) for key in keys})
inner = ["identifiers", "campaign_id", "delivery_id", "customer_id", "recipient", "trigger_event_id", "content"]
nearer = st.fixed_dictionaries({}, optional=dict.fromkeys(inner, json_values)).map(lambda data: EVENT | {"data": data})


@fuzzing
@given(
    body=st.binary(max_size=2000) | (json_values | near | nearer).map(lambda value: json.dumps(value).encode()),
    extra=st.dictionaries(names.filter(lambda name: not name.startswith("X-")), latin, max_size=3),
)
async def test_any_signed_request_is_stored_once_and_can_be_read(
    feed: EventLog, body: bytes, extra: dict[str, str]
) -> None:
    extra.pop("Content-Length", None)
    for _ in range(2):
        answer = await Poster(feed).post(body, extra | signed(body))
        assert answer.status == 200
        assert is_bare(answer)
    page = await feed.recent(EventQuery(), 1000)
    assert len({each.id for each in page.events}) == len(page.events)
    assert all(each.at.tzinfo and isinstance(each.data, dict) for each in page.events)


@given(stamp=latin | st.integers().map(str) | st.floats().map(str))
@fuzzing
async def test_no_time_is_taken_that_was_not_signed(feed: EventLog, stamp: str) -> None:
    genuine = signed(BODY)
    answer = await Poster(feed).post(BODY, genuine | {"X-CIO-Timestamp": stamp})
    assert answer.status == (200 if stamp == genuine["X-CIO-Timestamp"] else 401)
