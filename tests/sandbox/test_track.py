from typing import Any

import pytest

from cio_mcp.sandbox import Sandbox, StillClock
from cio_mcp.sandbox.world.deliveries import Delivery
from tests.sandbox.sandbox_client import SandboxClient

pytestmark = pytest.mark.anyio


async def test_an_accepted_write_shows_only_a_little_later(client: SandboxClient) -> None:
    assert (await client.track("PUT", "/customers/ada", {"plan": "pro"})).json() == {}
    seen = client.sandbox.workspace.people.get("id", "ada")
    assert seen is not None
    assert seen.attributes["plan"] == "vip"
    assert (await client.attributes("ada"))["plan"] == "pro"


async def test_the_later_timestamp_of_two_close_writes_wins_in_either_order(
    client: SandboxClient,
) -> None:
    now = client.sandbox.workspace.now
    for number in range(20):
        await client.track("PUT", "/customers/ada", {"step": f"new {number}", "_timestamp": now + number + 1})
        await client.track("PUT", "/customers/ada", {"step": "old", "_timestamp": now + number})
        assert (await client.attributes("ada"))["step"] == f"new {number}"


async def test_update_only_never_creates(client: SandboxClient) -> None:
    await client.track("PUT", "/customers/nobody", {"plan": "pro", "_update": True})
    assert (await client.app("/v1/customers/nobody/attributes")).status_code == 404
    await client.track("PUT", "/customers/somebody", {"plan": "pro"})
    assert (await client.attributes("somebody"))["plan"] == "pro"


async def test_a_person_is_reached_by_id_email_and_cio_id(client: SandboxClient) -> None:
    cio_id = (await client.attributes("ada"))["cio_id"]
    await client.track("PUT", "/customers/ada", {"a": 1})
    await client.track("PUT", "/customers/ada%40example.com", {"b": True})
    await client.track("PUT", f"/customers/cio_{cio_id}", {"c": {"d": 1}})
    held = await client.attributes(f"cio_{cio_id}", "cio_id")
    assert (held["a"], held["b"], held["c"]) == ("1", "true", '{"d": 1}')
    assert held == await client.attributes("ada%40example.com", "email")


async def test_an_unknown_cio_id_is_dropped_without_a_word(client: SandboxClient) -> None:
    before = len(client.sandbox.workspace.people)
    assert (await client.track("PUT", "/customers/cio_ffffffff", {"plan": "pro"})).status_code == 200
    client.pause()
    assert (await client.state())["people"] == before


@pytest.mark.parametrize("body", [{"id": "bob"}, {"email": "bob@example.com"}])
async def test_path_and_body_of_two_people_are_accepted_and_fail(client: SandboxClient, body: dict[str, Any]) -> None:
    assert (await client.track("PUT", "/customers/ada", {**body, "plan": "pro"})).status_code == 200
    assert (await client.attributes("ada"))["plan"] == "vip"
    failed = await client.get_json("/v1/customers/ada/activities", type="failed_attribute_change")
    assert len(failed["activities"]) == 1


async def test_an_id_changes_by_cio_id_and_an_email_by_id(client: SandboxClient) -> None:
    cio_id = (await client.attributes("ada"))["cio_id"]
    await client.track("PUT", f"/customers/cio_{cio_id}", {"id": "ada-2"})
    client.pause()
    await client.track("PUT", "/customers/ada-2", {"email": "ada@new.example"})
    assert (await client.attributes("ada-2"))["email"] == "ada@new.example"
    assert (await client.get_json("/v1/customers", email="ada@example.com"))["results"] == []


async def test_an_empty_value_clears_an_attribute(client: SandboxClient) -> None:
    await client.track("PUT", "/customers/ada", {"plan": "", "country": None})
    assert {"plan", "country"}.isdisjoint(await client.attributes("ada"))


@pytest.mark.parametrize(
    "body",
    [
        {f"a{number}": 1 for number in range(301)},
        {"n" * 151: 1},
        {"note": "x" * 1001},
        {"_timestamp": "yesterday"},
        ["not", "an", "object"],
        {"cio_relationships": {"action": "add_relationships", "relationships": ["acme"]}},
        {"cio_relationships": {"action": "relate", "relationships": []}},
        {"cio_subscription_preferences": "none"},
        {"cio_subscription_preferences": {"topics": ["topic_1"]}},
    ],
)
async def test_a_profile_beyond_the_documented_sizes_is_refused(client: SandboxClient, body: Any) -> None:
    answer = await client.track("PUT", "/customers/ada", body)
    assert answer.status_code == 400
    assert answer.json()["meta"]["errors"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "  "},
        {"name": "n" * 101},
        {"name": "n", "data": {"x": "y" * 100_000}},
        {"name": "n", "data": []},
        {"name": "n", "timestamp": "2026-01-01"},
        {"name": "n", "type": "click"},
    ],
)
async def test_a_malformed_event_is_refused(client: SandboxClient, body: Any) -> None:
    answer = await client.track("POST", "/customers/ada/events", body)
    assert answer.status_code == 400
    assert (await client.state())["events"] == 0


async def test_an_event_is_trimmed_recorded_once_and_shown(client: SandboxClient) -> None:
    for _ in range(3):
        event = {"name": "  looked ", "id": "01J8ZZZZZZZZZZZZZZZZZZZZZZ", "data": {"page": 1}}
        await client.track("POST", "/customers/ada/events", event)
    shown = (await client.get_json("/v1/customers/ada/activities", name="looked"))["activities"]
    assert [(one["type"], one["data"]) for one in shown] == [("event", {"page": 1})]
    state = await client.state()
    assert (state["events"], state["duplicate_events"]) == (1, 2)


async def test_an_event_without_an_id_counts_each_time(client: SandboxClient) -> None:
    for _ in range(2):
        await client.track("POST", "/customers/ada/events", {"name": "looked"})
    client.pause()
    assert (await client.state())["events"] == 2


def new_deliveries(client: SandboxClient, campaign: int) -> list[Delivery]:
    workspace = client.sandbox.workspace
    client.pause(60)
    workspace.settle()
    return [one for one in workspace.deliveries.of("campaign", campaign) if one.created >= workspace.started_at]


@pytest.mark.parametrize(("name", "campaign"), [("signed_up", 1), ("order_placed", 2)])
async def test_an_event_starts_the_campaign_that_waits_for_it(client: SandboxClient, name: str, campaign: int) -> None:
    await client.track("POST", "/customers/ada/events", {"name": name, "data": {"order_id": "A-1"}})
    assert [one.recipient for one in new_deliveries(client, campaign)] == ["ada@example.com"]
    client.pause(4 * 86_400)
    assert len(new_deliveries(client, campaign)) == 2


async def test_an_event_of_four_days_ago_starts_nothing(client: SandboxClient) -> None:
    at = client.sandbox.workspace.now - 4 * 86_400
    await client.track("POST", "/customers/ada/events", {"name": "signed_up", "timestamp": at})
    assert new_deliveries(client, 1) == []


async def test_reserved_keys_of_an_event_redirect_what_it_starts(client: SandboxClient) -> None:
    data = {"recipient": "elsewhere@example.org", "from_address": "other@acme.example", "reply_to": "r@acme.example"}
    await client.track("POST", "/customers/ada/events", {"name": "order_placed", "data": data})
    [delivery] = new_deliveries(client, 2)
    assert delivery.recipient == "elsewhere@example.org"
    archived = (await client.get_json(f"/v1/messages/{delivery.id}/archived_message"))["archived_message"]
    assert (archived["from"], archived["reply_to"]) == ("other@acme.example", "r@acme.example")


async def test_a_suppressed_person_is_ignored_until_freed(client: SandboxClient) -> None:
    await client.track("POST", "/customers/ada/suppress")
    assert (await client.app("/v1/customers/ada/attributes")).status_code == 404
    await client.track("PUT", "/customers/ada%40example.com", {"plan": "pro"})
    await client.track("PUT", "/customers/gone", {"plan": "pro"})
    assert (await client.get_json("/v1/customers", email="ada@example.com"))["results"] == []
    assert (await client.app("/v1/customers/gone/attributes")).status_code == 404
    await client.track("POST", "/customers/gone/unsuppress")
    client.pause()
    await client.track("PUT", "/customers/gone", {"plan": "pro", "email": "gone@example.com"})
    assert (await client.attributes("gone"))["plan"] == "pro"


async def test_a_deleted_person_comes_back_as_somebody_new(client: SandboxClient) -> None:
    before = await client.attributes("ada")
    await client.track("DELETE", "/customers/ada")
    assert (await client.app("/v1/customers/ada/attributes")).status_code == 404
    await client.track("PUT", "/customers/ada", {"plan": "pro"})
    after = await client.attributes("ada")
    assert after["cio_id"] != before["cio_id"]
    assert "first_name" not in after


async def test_manual_segments_take_and_lose_people_and_ignore_strangers(client: SandboxClient) -> None:
    before = (await client.get_json("/v1/segments/3/customer_count"))["count"]
    await client.track("POST", "/segments/3/add_customers", {"ids": ["bob", "nobody"]})
    assert (await client.get_json("/v1/segments/3/customer_count"))["count"] == before + 1
    await client.track("POST", "/segments/3/remove_customers", {"ids": ["bob@example.com"]}, id_type="email")
    assert (await client.get_json("/v1/segments/3/customer_count"))["count"] == before


@pytest.mark.parametrize(("segment", "ids"), [(1, ["ada"]), (99, ["ada"]), (3, []), (3, ["x"] * 1001), (3, "ada")])
async def test_an_invalid_segment_edit_is_refused(client: SandboxClient, segment: int, ids: Any) -> None:
    assert (await client.track("POST", f"/segments/{segment}/add_customers", {"ids": ids})).status_code == 400


async def test_a_merge_moves_what_the_secondary_had_and_deletes_it(client: SandboxClient) -> None:
    await client.track("PUT", "/customers/two-2", {"only_two": "yes"})
    client.pause()
    received = len((await client.get_json("/v1/customers/two-2/messages"))["messages"])
    kept = len((await client.get_json("/v1/customers/two-1/messages"))["messages"])
    await client.track("POST", "/merge_customers", {"primary": {"id": "two-1"}, "secondary": {"id": "two-2"}})
    assert (await client.attributes("two-1"))["only_two"] == "yes"
    assert (await client.app("/v1/customers/two-2/attributes")).status_code == 404
    assert len((await client.get_json("/v1/customers/two-1/messages"))["messages"]) == received + kept


async def test_a_merge_into_nobody_does_nothing_and_two_keys_are_refused(client: SandboxClient) -> None:
    await client.track("POST", "/merge_customers", {"primary": {"id": "nobody"}, "secondary": {"id": "bob"}})
    assert (await client.app("/v1/customers/bob/attributes")).status_code == 200
    keys = {"primary": {"id": "ada", "email": "ada@example.com"}, "secondary": {"id": "bob"}}
    refused = await client.track("POST", "/merge_customers", keys)
    assert refused.status_code == 400
    assert "error" in refused.json()["meta"]


async def test_devices_come_and_go(client: SandboxClient) -> None:
    await client.track("PUT", "/customers/bob/devices", {"device": {"id": "d/1", "platform": "ios"}})
    shown = (await client.get_json("/v1/customers/bob/attributes"))["customer"]["devices"]
    assert [device["id"] for device in shown] == ["d/1"]
    await client.track("DELETE", "/customers/bob/devices/d%2F1")
    assert (await client.get_json("/v1/customers/bob/attributes"))["customer"]["devices"] == []
    assert (await client.track("PUT", "/customers/bob/devices", {"device": {"id": "d"}})).status_code == 400


async def test_subscription_preferences_are_merged_by_topic(client: SandboxClient) -> None:
    await client.track("PUT", "/customers/ada", {"cio_subscription_preferences.topics.topic_1": False})
    client.pause()
    preferences = {"topics": {"topic_3": True}}
    await client.track("PUT", "/customers/ada", {"cio_subscription_preferences": preferences})
    shown = (await client.get_json("/v1/customers/ada/subscription_preferences"))["customer"]["topics"]
    assert [topic["subscribed"] for topic in shown] == [False, True, True]


async def test_relationships_are_made_and_ended(client: SandboxClient) -> None:
    relation = {"identifiers": {"object_type_id": "1", "object_id": "acme"}}
    added = {"action": "add_relationships", "relationships": [relation]}
    await client.track("PUT", "/customers/bob", {"cio_relationships": added})
    shown = (await client.get_json("/v1/customers/bob/relationships"))["cio_relationships"]
    assert [one["identifiers"]["object_id"] for one in shown] == ["acme"]
    ended = {"action": "delete_relationships", "relationships": [relation]}
    await client.track("PUT", "/customers/bob", {"cio_relationships": ended})
    assert (await client.get_json("/v1/customers/bob/relationships"))["cio_relationships"] == []


async def test_malformed_json_is_refused_in_the_words_of_each_api(client: SandboxClient) -> None:
    client.http.headers.update({"Content-Type": "application/json"})
    track = await client.http.put("/api/v1/customers/ada", content="{", auth=("sandbox-site", "sandbox-track-key"))
    app = await client.http.post("/v1/customers", content="{", headers={"Authorization": "Bearer sandbox-app-key"})
    assert (track.status_code, list(track.json())) == (400, ["meta"])
    assert (app.status_code, list(app.json())) == (400, ["errors"])


def test_the_same_seed_and_time_make_the_same_workspace() -> None:
    one, same, other = (Sandbox(seed=seed, people=30, clock=StillClock()).workspace for seed in (7, 7, 8))
    ids = [[delivery.id for delivery in workspace.deliveries] for workspace in (one, same, other)]
    assert ids[0] == ids[1] != ids[2]
    assert [person.email for person in one.people] == [person.email for person in same.people]
