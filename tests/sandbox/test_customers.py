from typing import Any

import pytest

from tests.sandbox.sandbox_client import SandboxClient

pytestmark = pytest.mark.anyio


async def search(client: SandboxClient, condition: Any, **query: Any) -> Any:
    path = "/v1/customers?" + "&".join(f"{name}={value}" for name, value in query.items())
    answer = await client.app(path, method="POST", json={"filter": condition})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_search_by_email_finds_all_people_who_share_it(client: SandboxClient) -> None:
    found = (await client.get_json("/v1/customers", email="TWO@example.com"))["results"]
    assert [person["id"] for person in found] == ["two-1", "two-2"]


async def test_an_unencoded_plus_finds_nobody_without_an_error(client: SandboxClient) -> None:
    await client.track("PUT", "/customers/plus", {"email": "a+b@example.com"})
    assert (await client.app("/v1/customers?email=a+b@example.com")).json() == {"results": []}
    assert len((await client.app("/v1/customers?email=a%2Bb%40example.com")).json()["results"]) == 1


async def test_attributes_come_back_as_strings(client: SandboxClient) -> None:
    await client.track("PUT", "/customers/ada", {"n": 1, "f": 1.5, "b": True, "l": [1], "s": "x"})
    held = await client.attributes("ada")
    assert (held["n"], held["f"], held["b"], held["l"], held["s"]) == ("1", "1.5", "true", "[1]", "x")


async def test_an_id_type_that_the_workspace_does_not_use_is_refused(client: SandboxClient) -> None:
    assert (await client.app("/v1/customers/ada/attributes", id_type="phone")).status_code == 400
    assert (await client.app("/v1/customers/nobody/attributes")).status_code == 404


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"attribute": {"field": "email", "operator": "eq", "value": "two@example.com"}}, {"two-1", "two-2"}),
        ({"attribute": {"field": "note", "operator": "exists"}}, {"mallory"}),
        ({"attribute": {"field": "orders", "operator": "eq", "value": "6"}}, {"ada"}),
        (
            {
                "and": [
                    {"segment": {"id": 2}},
                    {"not": {"attribute": {"field": "id", "operator": "eq", "value": "bob"}}},
                ]
            },
            {"ada"},
        ),
        ({"or": [{"attribute": {"field": "unsubscribed", "operator": "eq", "value": True}}]}, {"bob"}),
        ({"not": {"segment": {"id": 4}}}, {"bob"}),
        ({"segment": {"id": 99}}, set()),
    ],
)
async def test_a_filter_finds_the_people_who_match(client: SandboxClient, condition: Any, expected: set[str]) -> None:
    found = await search(client, condition, limit=1000)
    assert {one["id"] for one in found["identifiers"] if not one["id"].startswith("p-")} == expected


@pytest.mark.parametrize(
    "condition",
    [
        None,
        {},
        {"and": []},
        {"and": [{}], "or": [{}]},
        {"not": [{"segment": {"id": 1}}]},
        {"attribute": {"field": "n", "operator": "gt", "value": 1}},
        {"attribute": {"field": "n", "operator": "eq"}},
        {"segment": {"id": "VIP"}},
        {"contains": "x"},
    ],
)
async def test_an_invalid_filter_is_refused(client: SandboxClient, condition: Any) -> None:
    answer = await client.app("/v1/customers", method="POST", json={"filter": condition})
    assert answer.status_code == 400


async def test_pages_join_to_everybody_once(client: SandboxClient) -> None:
    everybody = {"attribute": {"field": "cio_id", "operator": "exists"}}
    seen, start, pages = [], "", 0
    while True:
        answer = await search(client, everybody, limit=25, **({"start": start} if start else {}))
        seen += [one["cio_id"] for one in answer["identifiers"]]
        start, pages = answer["next"], pages + 1
        if not start:
            break
    assert pages == 3
    assert len(seen) == len(set(seen)) == (await client.state())["people"] == 66


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 1001}, {"limit": "ten"}, {"start": "nonsense"}])
async def test_an_invalid_page_is_refused(client: SandboxClient, query: dict[str, Any]) -> None:
    assert (await client.app("/v1/messages", **query)).status_code == 400


async def test_many_profiles_come_unwrapped_and_without_strangers(client: SandboxClient) -> None:
    answer = await client.app("/v1/customers/attributes", method="POST", json={"ids": ["ada", "nobody", "bob"]})
    assert [person["id"] for person in answer.json()["customers"]] == ["ada", "bob"]
    refused = await client.app("/v1/customers/attributes", method="POST", json={"ids": ["x"] * 101})
    assert refused.status_code == 400


async def test_the_cast_is_as_promised(client: SandboxClient) -> None:
    segments = {
        segment["id"]: (segment["name"], segment["type"])
        for segment in (await client.get_json("/v1/segments"))["segments"]
    }
    assert segments == {
        1: ("Everyone", "dynamic"),
        2: ("VIP", "dynamic"),
        3: ("Beta testers", "manual"),
        4: ("Subscribers", "dynamic"),
    }
    assert (await client.get_json("/v1/customers/bob/attributes"))["customer"]["unsubscribed"] is True
    assert "\u202e" in (await client.attributes("mallory"))["first_name"]
    eve = (await client.get_json("/v1/customers/eve/messages"))["messages"]
    bounced = [message for message in eve if "bounced" in message["metrics"]]
    assert bounced
    assert all(message["failure_message"] for message in bounced)
    ada = (await client.get_json("/v1/customers/ada/segments"))["segments"]
    assert [segment["name"] for segment in ada] == ["Everyone", "VIP", "Beta testers", "Subscribers"]


async def test_activities_come_newest_first_and_can_be_narrowed(client: SandboxClient) -> None:
    await client.track("POST", "/customers/ada/events", {"name": "looked"})
    activities = (await client.get_json("/v1/activities", limit=100))["activities"]
    times = [activity["timestamp"] for activity in activities]
    assert times == sorted(times, reverse=True)
    assert activities[0]["name"] == "looked"
    only = (await client.get_json("/v1/activities", customer_id="ada", type="sent_email"))["activities"]
    assert {activity["customer_id"] for activity in only} == {"ada"}
    assert {activity["type"] for activity in only} == {"sent_email"}
    assert (await client.app("/v1/activities", type="sneezed")).status_code == 400


async def test_a_manual_segment_is_made_listed_and_deleted_and_a_dynamic_one_is_not(client: SandboxClient) -> None:
    segment = (await client.app("/v1/segments", method="POST", json={"segment": {"name": "Picked"}})).json()["segment"]
    assert (segment["type"], (await client.get_json(f"/v1/segments/{segment['id']}/customer_count"))["count"]) == (
        "manual",
        0,
    )
    assert (await client.app(f"/v1/segments/{segment['id']}", method="DELETE")).status_code == 204
    assert (await client.app(f"/v1/segments/{segment['id']}")).status_code == 404
    assert (await client.app("/v1/segments/2", method="DELETE")).status_code == 400
    assert (await client.app("/v1/segments", method="POST", json={"segment": {}})).status_code == 400


async def test_the_list_of_senders_gives_a_next_token_past_its_end(client: SandboxClient) -> None:
    first = await client.get_json("/v1/sender_identities")
    assert len(first["sender_identities"]) == 2
    last = await client.get_json("/v1/sender_identities", start=first["next"])
    assert last == {"sender_identities": [], "next": ""}


async def test_a_webhook_is_listed_with_the_secret_in_its_address(client: SandboxClient) -> None:
    [webhook] = (await client.get_json("/v1/reporting_webhooks"))["reporting_webhooks"]
    assert "do-not-show" in webhook["endpoint"]


async def test_a_missing_object_is_a_404(client: SandboxClient) -> None:
    for path in ("/v1/campaigns/99", "/v1/campaigns/x", "/v1/newsletters/1", "/v1/segments/9", "/v1/nothing", "/other"):
        assert (await client.app(path)).status_code == 404
