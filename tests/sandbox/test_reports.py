"""What is posted, held against the published specification of reporting webhooks."""

from typing import Any

import jsonschema
import pytest
from ulid import ULID

from tests.published import MISSING, document, is_here
from tests.sandbox.receiver import Receiver, WebhookClient, webhook_client_for

pytestmark = pytest.mark.anyio

PUSH = "drafted sent delivered opened clicked converted bounced dropped failed undeliverable"
BURSTS = {
    "email": f"{PUSH} spammed unsubscribed",
    "push": PUSH,
    "sms": "drafted sent delivered clicked converted bounced failed undeliverable",
    "customer": "subscribed unsubscribed",
}
EVERY = [(kind, metric) for kind, metrics in BURSTS.items() for metric in metrics.split()]
PARENTS = {"broadcast_id", "campaign_id", "newsletter_id", "transactional_message_id"}
NEWS = {"data": {"headline": "h", "text": "t"}}


@pytest.fixture(scope="module")
def published() -> Any:
    if not is_here("webhooks"):
        pytest.skip(MISSING)
    return document("webhooks")


def check(published: Any, event: dict[str, Any]) -> None:
    """Validate an event against the schema of its kind and metric."""
    if event["object_type"] == "sms" and "transactional_message_id" in event["data"]:
        # The published schemas of text messages know no transactional parent, though such messages exist.
        data = {name: value for name, value in event["data"].items() if name != "transactional_message_id"}
        event = {**event, "data": {**data, "newsletter_id": 1}}
    if (event["object_type"], event["metric"]) == ("push", "drafted"):
        event = {**event, "metric": "attempted", "data": {"failure_message": "", **event["data"]}}
    name = f"{event['object_type'].replace('customer', 'person')}_{event['metric']}"
    jsonschema.validate(event, {**published, "$ref": f"#/components/schemas/{name}"}, jsonschema.Draft202012Validator)


@pytest.mark.parametrize(("kind", "metric"), EVERY)
@pytest.mark.sampled(12)
async def test_every_event_of_a_burst_has_the_published_shape(
    webhook_client: WebhookClient, published: Any, kind: str, metric: str
) -> None:
    await webhook_client.emit(8, object_type=kind, metric=metric)
    for event in webhook_client.receiver.events:
        check(published, event)


@pytest.mark.parametrize(
    ("kind", "parents"),
    [("email", PARENTS), ("push", {"campaign_id", "transactional_message_id"}), ("customer", set())],
)
async def test_a_burst_comes_from_every_kind_of_parent(
    webhook_client: WebhookClient, kind: str, parents: set[str]
) -> None:
    await webhook_client.emit(8, object_type=kind, metric="unsubscribed" if kind == "customer" else "delivered")
    assert {name for event in webhook_client.receiver.events for name in event["data"] if name in PARENTS} == parents


@pytest.mark.slow
async def test_a_broadcast_lives_its_life_in_published_shapes(receiver: Receiver, published: Any) -> None:
    async with webhook_client_for(receiver, people=300) as webhook_client:
        answer = await webhook_client.app("/v1/campaigns/10/triggers", method="POST", json=NEWS)
        assert answer.status_code == 200
        for _ in range(20):
            await webhook_client.advance(3 * 3600)
    for event in receiver.events:
        check(published, event)
    assert {"email sent", "email delivered", "email opened", "email clicked", "email bounced"} <= set(receiver.metrics)
    opens = [event["data"]["prefetched"] for event in receiver.events if event["metric"] == "opened"]
    clicks = [event["data"]["machine"] for event in receiver.events if event["metric"] == "clicked"]
    assert set(opens) == {True, False}
    assert set(clicks) == {True, False}
    assert {event["data"]["broadcast_id"] for event in receiver.events if event["object_type"] == "email"} == {10}


async def test_events_come_in_the_order_of_time_with_ids_of_their_own(receiver: Receiver) -> None:
    async with webhook_client_for(receiver, people=100) as webhook_client:
        await webhook_client.app("/v1/campaigns/10/triggers", method="POST", json=NEWS)
        for _ in range(10):
            await webhook_client.advance(3600)
    times = [event["timestamp"] for event in receiver.events]
    assert times == sorted(times)
    assert len(set(receiver.ids)) == len(receiver.ids) > 100
    assert all(ULID.from_str(event["event_id"]).timestamp == event["timestamp"] for event in receiver.events)


async def test_the_same_seed_gives_the_same_reports() -> None:
    stories = []
    for _ in range(2):
        async with webhook_client_for(Receiver(), people=30) as webhook_client:
            await webhook_client.app("/v1/campaigns/10/triggers", method="POST", json=NEWS)
            await webhook_client.advance(86_400)
            stories.append(webhook_client.receiver.contents)
    assert stories[0] == stories[1]


async def test_without_full_resolution_only_first_opens_and_clicks_are_posted(receiver: Receiver) -> None:
    events = ["email_opened", "email_clicked"]
    body = {"name": "First", "endpoint": "http://first.test", "events": events, "full_resolution": False}
    async with webhook_client_for(receiver, people=300) as webhook_client:
        await webhook_client.app("/v1/reporting_webhooks/2", method="PUT", json=body)
        await webhook_client.app("/v1/campaigns/10/triggers", method="POST", json=NEWS)
        for _ in range(20):
            await webhook_client.advance(3 * 3600)
    firsts = [(event["metric"], event["data"]["delivery_id"]) for event in receiver.events]
    assert len(firsts) == len(set(firsts)) > 50


async def test_an_event_that_starts_a_campaign_is_named_by_its_emails(webhook_client: WebhookClient) -> None:
    event = {"name": "order_placed", "id": "01J8ZZZZZZZZZZZZZZZZZZZZZZ", "data": {"order_id": "A-1"}}
    await webhook_client.track("POST", "/customers/ada/events", event)
    await webhook_client.advance(1)
    await webhook_client.advance(10)
    sent, _ = webhook_client.receiver.events
    assert (sent["data"]["campaign_id"], sent["data"]["trigger_event_id"]) == (2, event["id"])
    await webhook_client.advance(3 * 86_400)
    pushed = next(one for one in webhook_client.receiver.events if one["object_type"] == "push")
    assert pushed["data"]["recipients"] == [{"device_id": "device-ada-1", "device_platform": "ios"}]
    assert pushed["data"]["journey_id"] == sent["data"]["journey_id"]


async def test_obstacles_to_a_message_are_reported_with_their_reason(webhook_client: WebhookClient) -> None:
    await webhook_client.reset_password(message_data={})
    await webhook_client.reset_password(to="eve@example.com", identifiers={"id": "eve"})
    await webhook_client.reset_password(queue_draft=True)
    assert sorted(await webhook_client.advance(5)) == ["email drafted", "email dropped", "email failed"]
    failures = {event["metric"]: event["data"].get("failure_message") for event in webhook_client.receiver.events}
    assert "reset_url" in str(failures["failed"])
    assert "bounced" in str(failures["dropped"])
    assert failures["drafted"] is None


async def test_a_person_who_leaves_and_returns_is_reported_once_each(webhook_client: WebhookClient) -> None:
    for unsubscribed in (True, True, False):
        await webhook_client.track("PUT", "/customers/ada", {"unsubscribed": unsubscribed})
        await webhook_client.advance(1)
    assert webhook_client.receiver.metrics == ["customer unsubscribed", "customer subscribed"]
    assert webhook_client.receiver.events[0]["data"]["email_address"] == "ada@example.com"


async def test_a_person_who_unsubscribes_by_an_email_stays_unsubscribed(receiver: Receiver) -> None:
    async with webhook_client_for(receiver, people=600) as webhook_client:
        await webhook_client.app("/v1/campaigns/10/triggers", method="POST", json=NEWS)
        for _ in range(16):
            await webhook_client.advance(3 * 3600)
        left = [event for event in receiver.events if event["metric"] == "unsubscribed"]
        by_kind = {event["object_type"]: event["data"]["identifiers"]["cio_id"] for event in left}
        person = webhook_client.sandbox.workspace.people.get("cio_id", by_kind["email"])
    assert by_kind["email"] == by_kind["customer"]
    assert person
    assert person.unsubscribed
