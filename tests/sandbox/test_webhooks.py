"""Posting: signed, in order, again and again; and what can be ordered to go wrong."""

import json
import queue
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import httpx
import pytest

from cio_mcp.sandbox import Sandbox, StillClock
from cio_mcp.sandbox.server import serve_in_background
from cio_mcp.sandbox.webhooks.payloads import WebhookEvent
from cio_mcp.sandbox.webhooks.policy import SLOW_RETRY_STATUSES, retry_delay, signature
from tests.sandbox.receiver import URL, Receiver, WebhookClient, webhook_client_for

pytestmark = pytest.mark.anyio

HOUR, DAY = 3600.0, 86_400.0


async def test_a_message_is_reported_as_sent_and_then_as_delivered(webhook_client: WebhookClient) -> None:
    number = (await webhook_client.reset_password()).json()["delivery_id"]
    assert await webhook_client.advance() == []
    assert await webhook_client.advance(1) == ["email sent"]
    assert await webhook_client.advance(1) == ["email sent", "email delivered"]
    sent, delivered = webhook_client.receiver.events
    assert sent["data"] == {
        "customer_id": "ada",
        "identifiers": {"id": "ada", "email": "ada@example.com", "cio_id": "a3000001"},
        "delivery_id": number,
        "transactional_message_id": 1,
        "recipient": "ada@example.com",
        "subject": "Reset your password",
    }
    assert delivered["timestamp"] == sent["timestamp"] + 1


async def test_every_post_is_signed_over_its_timestamp_and_body(webhook_client: WebhookClient) -> None:
    await webhook_client.emit(3)
    assert webhook_client.receiver.signed_by("sandbox-signing-key") == [True] * 3
    assert webhook_client.receiver.signed_by("another-key") == [False] * 3


def test_a_signature_is_what_openssl_makes_of_the_same() -> None:
    expected = "2352144c95f7ac6accde94315ab20cfd8196eed167d22d39c0f04a9109a3046e"
    assert signature("sandbox-signing-key", 1_613_063_089, b'{"a":1}') == expected


async def test_a_failed_event_holds_back_all_that_come_after_it(webhook_client: WebhookClient) -> None:
    webhook_client.receiver.answers = [503]
    await webhook_client.emit(3)
    [first] = webhook_client.receiver.ids
    assert (await webhook_client.webhook_status())["queued"] == 3
    await webhook_client.advance(10)
    assert webhook_client.receiver.ids[1] == first
    assert len(set(webhook_client.receiver.ids)) == 3
    assert (await webhook_client.webhook_status())["delivered"] == 3


async def test_a_retry_keeps_event_and_timestamp(webhook_client: WebhookClient) -> None:
    webhook_client.receiver.answers = [503]
    await webhook_client.emit()
    await webhook_client.advance(10)
    first, second = webhook_client.receiver.contents
    assert first == second
    assert webhook_client.receiver.timestamps[0] == webhook_client.receiver.timestamps[1]


async def test_a_retry_gets_a_new_timestamp_with_restamp(receiver: Receiver) -> None:
    receiver.answers = [503]
    async with webhook_client_for(receiver, restamp=True) as webhook_client:
        await webhook_client.emit()
        await webhook_client.advance(10)
    assert receiver.contents[0] == receiver.contents[1]
    assert receiver.timestamps[1] == receiver.timestamps[0] + 10
    assert receiver.signed_by("sandbox-signing-key") == [True, True]


async def test_waits_double_from_ten_seconds(webhook_client: WebhookClient) -> None:
    webhook_client.receiver.answers = [503] * 3
    await webhook_client.emit()
    for attempts, wait in ((1, 10), (2, 20), (3, 40)):
        assert len(await webhook_client.advance(wait - 0.5)) == attempts
        assert len(await webhook_client.advance(0.5)) == attempts + 1
    assert (await webhook_client.webhook_status())["last_status"] == 200


@pytest.mark.parametrize("status", sorted(SLOW_RETRY_STATUSES))
async def test_after_some_statuses_it_waits_for_an_hour(webhook_client: WebhookClient, status: int) -> None:
    webhook_client.receiver.answers = [status]
    await webhook_client.emit()
    assert len(await webhook_client.advance(HOUR - 1)) == 1
    assert (await webhook_client.webhook_status())["last_status"] == status
    assert len(await webhook_client.advance(1)) == 2


@pytest.mark.parametrize("status", [302, 409, 418, 503, 504])
async def test_other_failures_are_tried_again_soon(webhook_client: WebhookClient, status: int) -> None:
    webhook_client.receiver.answers = [status]
    await webhook_client.emit()
    assert len(await webhook_client.advance(10)) == 2


async def test_an_answer_that_does_not_come_in_time_is_a_failure(receiver: Receiver) -> None:
    receiver.answers = [None]
    async with webhook_client_for(receiver, wait=0.05) as webhook_client:
        await webhook_client.emit()
        assert (await webhook_client.webhook_status())["last_status"] == "timeout"
        assert len(await webhook_client.advance(10)) == 2


async def test_a_refused_connection_waits_for_an_hour() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with (
        Sandbox(people=1, clock=StillClock(), webhook_url=f"http://127.0.0.1:{port}/") as sandbox,
        httpx.AsyncClient(transport=httpx.ASGITransport(sandbox.app), base_url="http://sandbox") as http,
    ):
        await http.post("/_sandbox/emit", json={})
        await sandbox.worker.wait_until_idle()
        state = (await http.get("/_sandbox/webhooks")).json()[1]
    assert state["last_status"] == "refused"
    assert state["head"]["next_attempt"] == sandbox.clock.now() + HOUR


def test_waits_grow_and_never_shrink() -> None:
    for outcome in (503, 500, "timeout", "refused", "cut"):
        waits = [retry_delay(outcome, attempts) for attempts in range(1, 40)]
        assert waits == sorted(waits)
    assert (retry_delay("cut", 1), retry_delay("timeout", 1), retry_delay(500, 2)) == (HOUR, 10, 2 * HOUR)


async def test_after_seven_days_it_gives_up_and_goes_on(webhook_client: WebhookClient) -> None:
    webhook_client.receiver.answers = [500] * 8
    await webhook_client.emit(2)
    for _ in range(7 * 24):
        await webhook_client.advance(HOUR)
    lost, *_ = ids = webhook_client.receiver.ids
    assert ids[:-1] == [lost] * 8
    assert ids[-1] != lost
    state = await webhook_client.webhook_status()
    assert (state["expired"], state["delivered"], state["queued"]) == (1, 1, 0)


async def test_a_jump_of_the_clock_leaves_an_event_its_next_attempt(webhook_client: WebhookClient) -> None:
    webhook_client.receiver.answers = [500]
    await webhook_client.emit()
    await webhook_client.advance(30 * DAY)
    first, again, *_ = webhook_client.receiver.ids
    assert first == again
    assert (await webhook_client.webhook_status())["expired"] == 0


async def test_an_endpoint_in_trouble_holds_back_no_other(webhook_client: WebhookClient) -> None:
    body = {"name": "Second", "endpoint": "http://second.test/", "events": ["email_delivered"]}
    await webhook_client.app("/v1/reporting_webhooks", method="POST", json=body)
    webhook_client.receiver.answers = [500]
    await webhook_client.emit(4)
    states = [await webhook_client.webhook_status(number) for number in (2, 3)]
    assert sorted((state["queued"], state["delivered"]) for state in states) == [(0, 4), (4, 0)]


async def test_more_than_fits_is_counted_and_dropped(webhook_client: WebhookClient) -> None:
    webhook_client.sandbox.workspace.webhooks[2].max_queued = 3
    await webhook_client.emit(5)
    state = await webhook_client.webhook_status()
    assert (state["overflowed"], state["delivered"]) == (2, 3)


async def test_a_storm_goes_out_together_and_a_failure_still_holds_back_the_rest(receiver: Receiver) -> None:
    receiver.answers = [200, 503, 200, 503]
    async with webhook_client_for(receiver, concurrency=4) as webhook_client:
        await webhook_client.emit(10)
        assert [len(receiver.ids), len(set(receiver.ids))] == [4, 4]
        assert receiver.most_at_once == 4
        await webhook_client.advance(10)
    assert [len(receiver.ids), len(set(receiver.ids))] == [12, 10]


async def test_a_reset_forgets_what_waits(webhook_client: WebhookClient) -> None:
    webhook_client.receiver.answers = [500]
    await webhook_client.emit(3)
    await webhook_client.http.post("/_sandbox/reset")
    assert len(await webhook_client.advance(DAY)) == 1
    assert len(await webhook_client.emit()) == 2


async def test_twice_on_order(webhook_client: WebhookClient) -> None:
    await webhook_client.inject("webhook_twice")
    await webhook_client.emit(2)
    first, again, second = webhook_client.receiver.ids
    assert first == again != second
    assert (await webhook_client.webhook_status())["attempts"] == 3


async def test_a_lost_answer_on_order_makes_a_duplicate_later(webhook_client: WebhookClient) -> None:
    await webhook_client.inject("webhook_lost")
    await webhook_client.emit(2)
    assert len(webhook_client.receiver.ids) == 1
    await webhook_client.advance(10)
    first, again, second = webhook_client.receiver.ids
    assert first == again != second


@pytest.mark.parametrize(("times", "order"), [(1, [2, 1, 3, 4]), (-1, [2, 1, 4, 3])])
async def test_out_of_order_on_order(webhook_client: WebhookClient, times: int, order: list[int]) -> None:
    await webhook_client.inject("webhook_reorder", times)
    await webhook_client.emit(4)
    people = [event["data"]["identifiers"]["cio_id"] for event in webhook_client.receiver.events]
    assert people == [f"a300000{number}" for number in order]


async def test_slow_on_order(webhook_client: WebhookClient) -> None:
    await webhook_client.inject("webhook_slow:30")
    assert await webhook_client.emit(2) == []
    assert await webhook_client.advance(29) == []
    assert len(await webhook_client.advance(1)) == 2


async def test_a_webhook_fault_is_aimed_by_how_the_endpoint_begins(webhook_client: WebhookClient) -> None:
    await webhook_client.inject("webhook_twice", path="http://elsewhere.test")
    await webhook_client.inject("webhook_twice", path=URL)
    assert len(await webhook_client.emit(2)) == 3
    assert [fault["times"] for fault in (await webhook_client.http.get("/_sandbox/faults")).json()] == [1, 0]
    assert (await webhook_client.app("/v1/campaigns")).status_code == 200


async def test_an_error_inside_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError):
        async with Sandbox(people=1, webhook_url=URL):
            raise KeyError


@contextmanager
def endpoint() -> Iterator[tuple[str, "queue.Queue[bytes]"]]:
    came: queue.Queue[bytes] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            came.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return None

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/webhooks", came
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.slow
def test_over_a_socket_a_message_made_now_is_reported_within_seconds() -> None:
    data = {"reset_url": "https://acme.example/r", "minutes": 5}
    body = {"transactional_message_id": 1, "to": "ada@example.com", "identifiers": {"id": "ada"}, "message_data": data}
    with endpoint() as (url, came), serve_in_background(Sandbox(people=1, webhook_url=url)) as where:
        key = {"Authorization": "Bearer sandbox-app-key"}
        number = httpx.post(f"{where.url}/v1/send/email", headers=key, json=body).json()["delivery_id"]
        events = [json.loads(came.get(timeout=100)) for _ in range(2)]
    assert [event["metric"] for event in events] == ["sent", "delivered"]
    assert {event["data"]["delivery_id"] for event in events} == {number}


async def test_a_sandbox_that_runs_is_not_entered_again() -> None:
    async with Sandbox(people=1) as sandbox:
        with pytest.raises(RuntimeError, match="already running"):
            await sandbox.__aenter__()


async def test_nobody_waits_for_a_sandbox_that_does_not_run() -> None:
    sandbox = Sandbox(people=1, webhook_url=URL)
    sandbox.workspace.report(lambda event_id: WebhookEvent(event_id, "email", "sent", 0, {}))
    await sandbox.worker.wait_until_idle()
    assert len(sandbox.workspace.webhooks[2].queue) == 1
