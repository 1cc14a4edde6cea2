"""Campaigns that start when a person joins a segment."""

from dataclasses import replace
from typing import Any

import pytest

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
