"""Campaigns that start when a person joins a segment, and workflows with delays and branches."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from cio_mcp.sandbox import Sandbox, StillClock
from tests.sandbox.sandbox_client import SandboxClient

pytestmark = pytest.mark.anyio


async def vip_messages(client: SandboxClient, person: str) -> list[Any]:
    messages = (await client.get_json(f"/v1/customers/{person}/messages"))["messages"]
    return [message for message in messages if message["campaign_id"] == 4]


async def test_an_attribute_that_makes_a_person_join_the_segment_starts_the_campaign(client: SandboxClient) -> None:
    campaign = (await client.get_json("/v1/campaigns/4"))["campaign"]
    assert (campaign["state"], campaign["type"], campaign["trigger_segment_ids"]) == ("running", "segment", [2])
    assert await vip_messages(client, "two-1") == []
    await client.track("PUT", "/customers/two-1", {"plan": "vip"})
    client.pause(10)
    [message] = await vip_messages(client, "two-1")
    assert (message["action_id"], message["trigger_event_id"]) == (401, None)
    assert message["subject"] == "Welcome to the club, Tove"


@pytest.mark.parametrize("change", [{"town": "Bonn"}, {"plan": "team"}, {"plan": "VIP"}])
async def test_another_edit_starts_nothing(client: SandboxClient, change: dict[str, str]) -> None:
    await client.track("PUT", "/customers/two-1", change)
    client.pause(10)
    assert await vip_messages(client, "two-1") == []


async def test_a_person_enters_the_campaign_once(client: SandboxClient) -> None:
    for plan in ("vip", "pro", "vip"):
        await client.track("PUT", "/customers/two-1", {"plan": plan})
        client.pause(10)
    assert len(await vip_messages(client, "two-1")) == 1
    for plan in ("pro", "vip"):
        await client.track("PUT", "/customers/ada", {"plan": plan})
        client.pause(10)
    assert await vip_messages(client, "ada") == []


async def test_a_new_person_in_the_segment_enters_the_campaign(client: SandboxClient) -> None:
    await client.track("PUT", "/customers/newcomer", {"plan": "vip", "email": "new@example.com"})
    client.pause(10)
    assert len(await vip_messages(client, "newcomer")) == 1


async def test_a_stopped_campaign_starts_nothing(client: SandboxClient) -> None:
    await client.track("PUT", "/customers/bob", {"unsubscribed": False})
    client.pause(10)
    messages = (await client.get_json("/v1/customers/bob/messages"))["messages"]
    assert not any(message["campaign_id"] == 3 and message["created"] > 1_781_524_800 for message in messages)


async def test_joining_a_segment_by_hand_or_by_a_merge_starts_its_campaign(client: SandboxClient) -> None:
    sources = client.sandbox.workspace.sources
    sources["campaign", 4] = replace(sources["campaign", 4], trigger_segments=(3,))
    await client.track("POST", "/segments/3/add_customers", {"ids": ["two-2"]})
    client.pause(10)
    assert len(await vip_messages(client, "two-2")) == 1
    await client.track("POST", "/merge_customers", {"primary": {"id": "two-1"}, "secondary": {"id": "two-2"}})
    client.pause(10)
    assert len(await vip_messages(client, "two-1")) == 2  # its own, and that of the merged person
    await client.track("POST", "/segments/3/remove_customers", {"ids": ["two-1"]})
    client.pause(10)
    assert len(await vip_messages(client, "two-1")) == 2


async def test_an_edit_of_a_person_who_is_in_the_segment_already_starts_nothing(client: SandboxClient) -> None:
    sources = client.sandbox.workspace.sources
    sources["campaign", 4] = replace(sources["campaign", 4], trigger_segments=(1,))
    await client.track("PUT", "/customers/two-1", {"town": "Bonn"})
    client.pause(10)
    assert await vip_messages(client, "two-1") == []


async def test_advancing_moves_a_person_through_the_delays_of_a_campaign(client: SandboxClient) -> None:
    async def actions() -> set[int]:
        messages = (await client.get_json("/v1/customers/newcomer/messages"))["messages"]
        return {message["action_id"] for message in messages}

    await client.track("PUT", "/customers/newcomer", {"email": "new@example.com"})
    await client.track("POST", "/customers/newcomer/events", {"name": "signed_up"})
    await client.http.post("/_sandbox/advance", json={"seconds": 60})
    assert await actions() == {101}
    await client.http.post("/_sandbox/advance", json={"seconds": 3 * 86_400})
    assert await actions() == {101, 102}


DAY = 86_400
SPAN = {"res": "months", "start": 1_700_000_000, "end": 1_900_000_000}


async def start_trial(client: SandboxClient, person: str, **attributes: Any) -> None:
    await client.track("PUT", f"/customers/{person}", {"email": f"{person}@example.com", **attributes})
    await client.track("POST", f"/customers/{person}/events", {"name": "trial_started"})
    client.pause(30)


async def trial_actions(client: SandboxClient, person: str) -> list[int]:
    messages = (await client.get_json(f"/v1/customers/{person}/messages"))["messages"]
    return sorted(message["action_id"] for message in messages if message["campaign_id"] == 5)


async def journeys(client: SandboxClient, campaign: int) -> dict[str, int]:
    path = f"/v1/campaigns/{campaign}/journey_metrics"
    return {name: sum(counts) for name, counts in (await client.get_json(path, **SPAN))["journey_metric"].items()}


async def created(client: SandboxClient, campaign: int, action: int) -> int:
    path = f"/v1/campaigns/{campaign}/actions/{action}/metrics"
    return sum((await client.get_json(path, version=2, **SPAN))["metric"]["series"]["created"])


async def test_a_condition_decides_by_the_attributes_at_the_time_the_person_reaches_it(client: SandboxClient) -> None:
    await start_trial(client, "newcomer", plan="pro")
    device = {"id": "phone-1", "platform": "ios"}
    await client.track("PUT", "/customers/newcomer/devices", {"device": device})
    client.pause(6 * DAY)
    assert await trial_actions(client, "newcomer") == [501, 502]
    await start_trial(client, "other", plan="pro")
    await client.track("PUT", "/customers/other", {"plan": "free"})
    client.pause(6 * DAY)
    assert await trial_actions(client, "other") in ([501, 503], [501, 504])


async def test_a_random_split_sends_people_both_ways_and_names_itself_as_their_parent(client: SandboxClient) -> None:
    for number in range(12):
        await start_trial(client, f"newcomer-{number}", plan="free")
    client.pause(6 * DAY)
    ways = {(await trial_actions(client, f"newcomer-{number}"))[1] for number in range(12)}
    assert ways == {503, 504}
    actions = (await client.get_json("/v1/campaigns/5/actions"))["actions"]
    assert {action["id"]: action.get("parent_action_id") for action in actions} == {
        "501": None, "502": None, "503": 510, "504": 510, "505": None,
    }  # fmt: skip


async def test_a_time_window_holds_messages_until_working_hours(client: SandboxClient) -> None:
    await start_trial(client, "newcomer", plan="free")
    client.pause(6 * DAY)
    messages = (await client.get_json("/v1/customers/newcomer/messages"))["messages"]
    [held] = [message for message in messages if message["action_id"] in {503, 504}]
    at = datetime.fromtimestamp(held["created"], UTC)
    assert 9 <= at.hour < 17
    assert at.weekday() < 5


async def test_journeys_that_began_before_the_start_go_on(client: SandboxClient) -> None:
    assert await trial_actions(client, "two-1") == [501]
    client.pause(12 * DAY)
    assert await trial_actions(client, "two-1") == [501, 505]


async def test_a_person_who_is_deleted_leaves_the_journey(client: SandboxClient) -> None:
    await start_trial(client, "newcomer", plan="free")
    before = await journeys(client, 5)
    await client.track("DELETE", "/customers/newcomer")
    client.pause(20 * DAY)
    assert (await journeys(client, 5))["exited_early"] > before["exited_early"]


async def test_a_conversion_ends_a_journey_of_a_campaign_with_a_goal(client: SandboxClient) -> None:
    await start_trial(client, "newcomer", plan="free")
    [message] = (await client.get_json("/v1/customers/newcomer/messages"))["messages"]
    await client.track("POST", "/metrics", {"delivery_id": message["id"], "metric": "converted"})
    client.pause(20 * DAY)
    assert await trial_actions(client, "newcomer") == [501]


@pytest.mark.parametrize("campaign", [1, 2, 4, 5])
async def test_journey_metrics_action_metrics_and_deliveries_agree(client: SandboxClient, campaign: int) -> None:
    for days in (0, 1, 3, 30):
        client.pause(days * DAY)
        counts, every = await journeys(client, campaign), client.sandbox.workspace.journeys_of(campaign)
        waiting = sum(journey.outcome is None for journey in every)
        assert counts["started"] == counts["finished"] + counts["exited_early"] + waiting > 0
        actions = client.sandbox.workspace.sources["campaign", campaign].templates
        sent = {action.id: await created(client, campaign, action.id) for action in actions}
        assert sent[actions[0].id] <= counts["started"]
        assert sum(sent.values()) == sum(len(journey.deliveries) for journey in every)
    assert waiting == 0


async def test_advancing_is_the_same_each_time_however_it_is_cut() -> None:
    async def history(steps: tuple[int, ...]) -> list[Any]:
        sandbox = Sandbox(seed=7, people=60, clock=StillClock())
        for seconds in steps:
            sandbox.clock.advance(seconds)
            sandbox.workspace.settle()
        return [
            (one.id, one.template.id, one.created)
            for one in sandbox.workspace.deliveries
            if one.source.kind == "campaign"
        ]

    once, again, cut = await history((20 * DAY,)), await history((20 * DAY,)), await history((3_600,) * 480)
    assert once == again == cut
