from collections.abc import AsyncIterator

import httpx
import pytest

from cio_mcp.sandbox import Sandbox, Sending, StillClock
from tests.sandbox.asking import Asking
from tests.sandbox.receiver import Receiver

pytestmark = pytest.mark.anyio

URL = "http://receiver.test/webhooks"
HOUR = 3600.0


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def sending(receiver: Receiver) -> Sending:
    return Sending(app=receiver.app, timeout=0.05)


@pytest.fixture
async def asking(sending: Sending) -> AsyncIterator[Asking]:
    async with Sandbox(seed=7, people=20, clock=StillClock(), webhook_url=URL, sending=sending) as sandbox:
        transport = httpx.ASGITransport(app=sandbox.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as http:
            yield Asking(sandbox, http)


async def test_a_message_is_reported_as_sent_and_then_as_delivered(asking: Asking, receiver: Receiver) -> None:
    number = (await asking.reset_password()).json()["delivery_id"]
    await asking.sandbox.sender.caught_up()
    assert receiver.metrics == []
    for _ in range(2):
        asking.pause(1)
        await asking.sandbox.sender.caught_up()
    assert receiver.metrics == ["email sent", "email delivered"]
    sent, delivered = receiver.events
    assert sent["data"] == {
        "customer_id": "ada",
        "identifiers": {"id": "ada", "email": "ada@example.com", "cio_id": "a3000001"},
        "delivery_id": number,
        "transactional_message_id": 1,
        "recipient": "ada@example.com",
        "subject": "Reset your password",
    }
    assert delivered["timestamp"] == sent["timestamp"] + 1
    assert receiver.signed_by("sandbox-signing-key") == [True, True]


async def test_an_error_inside_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError):
        async with Sandbox(people=1, webhook_url=URL):
            raise KeyError
