"""Reporting webhooks: requests follow what Customer.io publishes."""

from typing import Any

import pytest

from cio_mcp.customerio.api.webhooks import NAMES, Webhook, Webhooks, create, update
from cio_mcp.customerio.call import Call
from cio_mcp.text.urls import without_credentials
from tests.customerio.published_requests import assert_published, body_of

pytestmark = pytest.mark.anyio

KNOWN = ("email_sent", "email_delivered")
ANSWERED = {
    "reporting_webhooks": [{"id": 4, "name": "x", "endpoint": "https://a.example", "events": ["email_sent"], "new": 1}]
}


class Reader:
    def __init__(self) -> None:
        self.calls: list[Call] = []

    async def read(self, call: Call, *, cache: float = 0.0) -> dict[str, Any]:
        assert cache == 0.0
        self.calls.append(call)
        return ANSWERED


async def test_the_list_is_read_as_published_and_leniently() -> None:
    reader: Any = Reader()
    (found,) = await Webhooks(reader).all()
    assert (found.id, found.events, found.disabled) == ("4", ("email_sent",), False)
    assert_published(*reader.calls)


def test_creating_and_updating_are_published() -> None:
    assert_published(create("cio-mcp", "https://a.example/x", KNOWN))
    assert_published(update(Webhook.of({"id": 4, "name": "x", "endpoint": "https://a.example", "events": [*KNOWN]})))


def test_creating_is_never_retried_and_updating_may_be() -> None:
    assert create("cio-mcp", "https://a.example/x", KNOWN).retry == "once"
    assert update(Webhook.of({"id": 4})).retry == "repeatable"


def test_every_published_event_is_requested() -> None:
    body = body_of(create("cio-mcp", "https://a.example/x", NAMES))
    assert set(body["properties"]["events"]["items"]["enum"]) <= set(NAMES)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pass@hooks.example.com:8443/in?token=x#y", "https://…@hooks.example.com:8443/in?…"),
        ("https://a:b@c@hooks.example.com/in", "https://…@hooks.example.com/in"),
        ("https://hooks.example.com/in", "https://hooks.example.com/in"),
        ("user:pass@hooks.example.com/in", "…"),
        ("https://[::1", "…"),
    ],
)
def test_an_endpoint_is_shown_without_credentials(url: str, shown: str) -> None:
    assert without_credentials(url) == shown
