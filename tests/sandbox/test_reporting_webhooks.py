"""Reporting webhooks over the App API, and which events each receives."""

from typing import Any

import pytest

from cio_mcp.sandbox import Sandbox
from tests.sandbox.receiver import WebhookClient
from tests.sandbox.sandbox_client import SandboxClient

pytestmark = pytest.mark.anyio

HOOKS = "/v1/reporting_webhooks"
MINE = {"name": "Mine", "endpoint": "http://mine.test/hook", "events": ["email_sent", "email_delivered"]}


async def create(client: SandboxClient, **body: Any) -> Any:
    answer = await client.app(HOOKS, method="POST", json={**MINE, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def create_only_webhook(webhook_client: WebhookClient, **body: Any) -> int:
    """Have only one webhook that is posted to."""
    await webhook_client.app(f"{HOOKS}/2", method="DELETE")
    number: int = (await create(webhook_client, **body))["id"]
    return number


async def test_a_webhook_is_created_read_changed_and_deleted(client: SandboxClient) -> None:
    webhook = await create(client)
    assert webhook == {
        **MINE, "id": 2, "type": "webhook", "disabled": False, "full_resolution": False, "with_content": False,
        "events": ["email_delivered", "email_sent"],
    }  # fmt: skip
    assert await client.get_json(f"{HOOKS}/2") == webhook
    changed = await client.app(f"{HOOKS}/2", method="PUT", json={**MINE, "disabled": True})
    assert changed.json() == {**webhook, "disabled": True}
    kept = await client.app(f"{HOOKS}/2", method="PUT", json={**MINE, "name": "Other"})
    assert kept.json() == {**webhook, "disabled": True, "name": "Other"}
    assert [one["id"] for one in (await client.get_json(HOOKS))["reporting_webhooks"]] == [1, 2]
    assert (await client.app(f"{HOOKS}/2", method="DELETE")).status_code == 200
    assert (await client.app(f"{HOOKS}/2")).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "}, {"endpoint": ""}, {"endpoint": "ftp://mine.test"}, {"endpoint": "http://"},
        {"endpoint": "http://mine.test:99999"}, {"events": []}, {"events": "email_sent"}, {"events": ["email_eaten"]},
        {"events": [7]}, {"events": [["email_sent"]]}, {"disabled": "yes"}, {"full_resolution": 1},
    ],
)  # fmt: skip
async def test_an_invalid_webhook_is_refused(client: SandboxClient, wrong: Any) -> None:
    assert (await client.app(HOOKS, method="POST", json={**MINE, **wrong})).status_code == 400
    assert (await client.app(f"{HOOKS}/1", method="PUT", json={**MINE, **wrong})).status_code == 400
    assert len((await client.get_json(HOOKS))["reporting_webhooks"]) == 1


async def test_an_invalid_address_ends_the_start() -> None:
    with pytest.raises(ValueError, match="http://"):
        Sandbox(people=1, webhook_url="localhost:8000/webhooks")


async def test_an_address_that_no_client_takes_counts_as_refused(webhook_client: WebhookClient) -> None:
    await create_only_webhook(webhook_client, endpoint="http://\x01/hook")
    await webhook_client.emit()
    assert (await webhook_client.webhook_status())["last_status"] == "refused"


async def test_a_missing_webhook_cannot_be_changed(client: SandboxClient) -> None:
    for method, body in (("GET", None), ("PUT", MINE), ("DELETE", None)):
        assert (await client.app(f"{HOOKS}/77", method=method, json=body)).status_code == 404


async def test_only_subscribed_events_are_posted(webhook_client: WebhookClient) -> None:
    await create_only_webhook(webhook_client, events=["email_delivered", "customer_unsubscribed"])
    await webhook_client.reset_password()
    await webhook_client.advance(5)
    await webhook_client.track("PUT", "/customers/ada", {"unsubscribed": True})
    assert await webhook_client.advance(5) == ["email delivered", "customer unsubscribed"]


async def test_a_disabled_webhook_hears_nothing_and_misses_it_for_good(webhook_client: WebhookClient) -> None:
    number = await create_only_webhook(webhook_client, disabled=True)
    assert await webhook_client.emit(2) == []
    await webhook_client.app(f"{HOOKS}/{number}", method="PUT", json={**MINE, "disabled": False})
    assert await webhook_client.advance() == []
    assert len(await webhook_client.emit()) == 1


async def test_nothing_is_posted_to_a_deleted_webhook(webhook_client: WebhookClient) -> None:
    webhook_client.receiver.answers = [500]
    await webhook_client.emit(2)
    await webhook_client.app(f"{HOOKS}/2", method="DELETE")
    assert len(await webhook_client.advance(7200)) == 1


async def test_the_warehouse_is_a_placeholder_until_its_address_changes(webhook_client: WebhookClient) -> None:
    await webhook_client.app(f"{HOOKS}/2", method="DELETE")
    assert await webhook_client.emit(metric="sent") == []
    await webhook_client.app(f"{HOOKS}/1", method="PUT", json=MINE)
    assert await webhook_client.emit(metric="sent") == ["email sent"]


async def test_with_content_what_was_sent_comes_along(webhook_client: WebhookClient) -> None:
    await create_only_webhook(webhook_client, with_content=True)
    await webhook_client.reset_password()
    await webhook_client.advance(5)
    sent, delivered = webhook_client.receiver.events
    assert "set a new password: https://acme.example/r/1" in sent["data"]["content"]
    assert "content" not in delivered["data"]


async def test_credentials_of_an_endpoint_stay_out_of_the_view(client: SandboxClient) -> None:
    await create(client, endpoint="https://user:secret@mine.test/hook")
    shown = (await client.http.get("/_sandbox/webhooks")).text
    assert "mine.test" in shown
    assert "secret" not in shown
    assert "do-not-show" not in shown


@pytest.mark.parametrize(
    "body",
    [{"count": 0}, {"count": "many"}, {"count": 10**9}, {"metric": "eaten"}, {"object_type": "fax"},
     {"object_type": "sms", "metric": "opened"}, {"object_type": "customer", "metric": "sent"}, []],
)  # fmt: skip
async def test_an_invalid_burst_is_refused(webhook_client: WebhookClient, body: Any) -> None:
    answer = await webhook_client.http.post("/_sandbox/emit", json=body)
    assert (answer.status_code, await webhook_client.advance()) == (400, [])
