from datetime import UTC, datetime
from typing import Any

import pytest

from tests.sandbox.sandbox_client import SandboxClient

pytestmark = pytest.mark.anyio

MONTH = 30 * 86_400


async def series(client: SandboxClient, path: str, **query: Any) -> dict[str, list[int]]:
    body = await client.get_json(path, **query)
    found: dict[str, list[int]] = body["metric"]["series"]
    return found


@pytest.mark.parametrize(
    ("query", "length"),
    [
        ({}, 45),
        ({"steps": 1}, 2),
        ({"steps": 0}, 45),
        ({"steps": 7}, 7),
        ({"period": "hours"}, 24),
        ({"period": "weeks"}, 12),
        ({"period": "months"}, 12),
        ({"period": "months", "steps": 0}, 121),
    ],
)
async def test_steps_say_how_many_buckets_come_and_two_are_the_least(
    client: SandboxClient, query: dict[str, Any], length: int
) -> None:
    counted = await series(client, "/v1/newsletters/31/metrics", **query)
    assert {len(values) for values in counted.values()} == {length}


@pytest.mark.parametrize(
    "query", [{"steps": 46}, {"period": "hours", "steps": 25}, {"period": "years"}, {"type": "fax"}]
)
async def test_steps_beyond_the_maximum_are_refused(client: SandboxClient, query: dict[str, Any]) -> None:
    assert (await client.app("/v1/newsletters/31/metrics", **query)).status_code == 400


@pytest.mark.parametrize("missing", ["res", "start", "end"])
async def test_version_two_needs_resolution_start_and_end(client: SandboxClient, missing: str) -> None:
    now = client.sandbox.workspace.now
    query: dict[str, Any] = {"version": 2, "res": "days", "start": now - MONTH, "end": now}
    assert (await client.app("/v1/campaigns/1/metrics", **query)).status_code == 200
    query.pop(missing)
    assert (await client.app("/v1/campaigns/1/metrics", **query)).status_code == 400


@pytest.mark.parametrize("wrong", [{"tz": "Mars/Olympus"}, {"end": 1}, {"start": 1}, {"res": "years"}])
async def test_version_two_refuses_what_makes_no_sense(client: SandboxClient, wrong: dict[str, Any]) -> None:
    now = client.sandbox.workspace.now
    query: dict[str, Any] = {"version": 2, "res": "days", "start": now - MONTH, "end": now, **wrong}
    assert (await client.app("/v1/campaigns/1/metrics", **query)).status_code == 400


async def test_version_two_buckets_start_at_midnight_of_the_requested_zone(client: SandboxClient) -> None:
    midnight = int(datetime(2026, 6, 10, tzinfo=UTC).timestamp())
    query: dict[str, Any] = {"version": 2, "res": "days", "start": midnight, "end": midnight + 2 * 86_400}
    body = await client.get_json("/v1/campaigns/1/metrics", **query)
    assert len(body["metric"]["series"]["sent"]) == 2
    assert (body["start"], body["res"]) == ("2026-06-10T00:00:00+00:00", "days")
    shifted = await client.get_json("/v1/campaigns/1/metrics", **query, tz="Asia/Tokyo")
    assert len(shifted["metric"]["series"]["sent"]) == 3
    assert shifted["start"] == "2026-06-10T09:00:00+09:00"


async def test_series_count_the_deliveries_that_are_listed(client: SandboxClient) -> None:
    end = client.sandbox.workspace.now
    messages = (await client.get_json("/v1/campaigns/2/messages", limit=1000, start_ts=end - 5 * MONTH))["messages"]
    query: dict[str, Any] = {"version": 2, "res": "months", "start": end - 36 * MONTH, "end": end + 60}
    counted = await series(client, "/v1/campaigns/2/metrics", **query)
    for name in ("sent", "delivered", "opened", "human_opened", "bounced"):
        listed = sum(message["metrics"].get(name, 0) > end - 5 * MONTH for message in messages)
        assert 0 < listed <= sum(counted[name]) or name == "bounced"
    assert sum(counted["opened"]) >= max(sum(counted["human_opened"]), sum(counted["prefetch_opened"]))
    assert sum(counted["sent"]) >= sum(counted["delivered"]) >= sum(counted["opened"])


async def test_a_new_delivery_is_counted_in_the_last_bucket(client: SandboxClient) -> None:
    before = await series(client, "/v1/transactional/1/metrics", period="hours")
    await client.reset_password()
    client.pause(30)
    after = await series(client, "/v1/transactional/1/metrics", period="hours")
    assert after["sent"][-1] == before["sent"][-1] + 1


async def test_links_count_each_reader_once_only_with_unique(client: SandboxClient) -> None:
    every = (await client.get_json("/v1/newsletters/31/metrics/links"))["links"]
    once = (await client.get_json("/v1/newsletters/31/metrics/links", unique="true"))["links"]
    assert [link["link"]["href"] for link in every] == [link["link"]["href"] for link in once]
    clicks, readers = (sum(sum(one["metric"]["series"]["clicked"]) for one in links) for links in (every, once))
    assert readers > 0
    assert clicks >= readers


async def test_journeys_need_a_range_and_are_counted_by_their_start(client: SandboxClient) -> None:
    now = client.sandbox.workspace.now
    query: dict[str, Any] = {"res": "months", "start": now - 12 * MONTH, "end": now}
    body = (await client.get_json("/v1/campaigns/1/journey_metrics", **query))["journey_metric"]
    assert 0 < sum(body["finished"]) <= sum(body["started"])
    assert (await client.app("/v1/campaigns/1/journey_metrics")).status_code == 400
    query["start"] = now + 1
    assert (await client.app("/v1/campaigns/1/journey_metrics", **query)).status_code == 400


async def test_newsletters_are_paged_in_the_requested_order(client: SandboxClient) -> None:
    first = await client.get_json("/v1/newsletters", limit=8)
    rest = await client.get_json("/v1/newsletters", limit=8, start=first["next"])
    ids = [newsletter["id"] for newsletter in first["newsletters"] + rest["newsletters"]]
    assert ids == list(range(20, 32))
    assert rest["next"] == ""
    newest = await client.get_json("/v1/newsletters", limit=1, sort="desc")
    assert newest["newsletters"][0]["id"] == 31
    assert newest["newsletters"][0]["sent_at"] < client.sandbox.workspace.now


async def test_action_ids_are_strings_in_lists_of_actions_and_numbers_in_campaigns(client: SandboxClient) -> None:
    actions = (await client.get_json("/v1/campaigns/1/actions"))["actions"]
    campaign = (await client.get_json("/v1/campaigns/1"))["campaign"]
    assert [action["id"] for action in actions] == ["101", "102"]
    assert [action["id"] for action in campaign["actions"]] == [101, 102]
    assert (campaign["state"], campaign["event_name"]) == ("running", "signed_up")
    assert (await client.get_json("/v1/campaigns/3"))["campaign"]["state"] == "stopped"


async def test_messages_are_narrowed_by_metric_channel_parent_and_time(client: SandboxClient) -> None:
    bounced = (await client.get_json("/v1/messages", metric="bounced", type="email", limit=1000))["messages"]
    assert bounced
    assert all("bounced" in message["metrics"] and message["type"] == "email" for message in bounced)
    of_newsletter = (await client.get_json("/v1/messages", newsletter_id=31))["messages"]
    assert {message["newsletter_id"] for message in of_newsletter} == {31}
    now = client.sandbox.workspace.now
    recent = (await client.get_json("/v1/messages", start_ts=now - 5 * 86_400, limit=1000))["messages"]
    assert min(message["created"] for message in recent) >= now - 5 * 86_400
    oldest = (await client.get_json("/v1/messages", start_ts=1, limit=1000))["messages"][-1]
    assert oldest["created"] >= now - 184 * 86_400 - 60


async def test_a_message_bounces_for_a_reason_of_its_channel(client: SandboxClient) -> None:
    for channel, reason in (("email", "email account"), ("push", "device token")):
        answer = await client.get_json("/v1/messages", metric="bounced", type=channel, limit=1000)
        assert answer["messages"]
        assert all(reason in message["failure_message"] for message in answer["messages"])
