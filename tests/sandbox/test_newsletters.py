"""Newsletters created through the API: sent to their recipients at once or at their time, and only once."""

from typing import Any

import pytest

from tests.sandbox.sandbox_client import SandboxClient

pytestmark = pytest.mark.anyio

DRAFT: dict[str, Any] = {
    "name": "Spring", "type": "email", "recipients": {"segment": {"id": 2}}, "subscription_topic_id": 2, "from_id": 1,
    "subject": "Hello {{customer.first_name}}", "body": "<p>There</p>",
}  # fmt: skip


async def create(client: SandboxClient, **fields: Any) -> Any:
    answer = await client.app("/v1/newsletters", method="POST", json=DRAFT | fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["newsletter"]


async def messages(client: SandboxClient, number: int) -> list[Any]:
    client.pause(60)
    listed: list[Any] = (await client.get_json(f"/v1/newsletters/{number}/messages", limit=1000))["messages"]
    return listed


async def members(client: SandboxClient, segment: int) -> set[str]:
    return set((await client.get_json(f"/v1/segments/{segment}/membership"))["ids"])


async def test_a_draft_reaches_nobody_until_it_is_sent(client: SandboxClient) -> None:
    draft = await create(client)
    number = draft["id"]
    assert (draft["sent_at"], draft["recipient_segment_ids"], draft["type"]) == (None, [2], "email")
    assert await messages(client, number) == []
    assert (await client.get_json("/v1/segments/2/used_by"))["used_by"]["draft_newsletters"] == [number]
    sent = await client.app(f"/v1/newsletters/{number}/send", method="POST", json={})
    assert sent.json()["newsletter"]["sent_at"] == int(client.sandbox.clock.now())
    delivered = await messages(client, number)
    assert {"ada"} <= {one["customer_id"] for one in delivered} <= await members(client, 2)
    assert "Hello Ada" in {one["subject"] for one in delivered}
    again = await client.app(f"/v1/newsletters/{number}/send", method="POST")
    assert (again.status_code, "already" in again.text) == (400, True)


async def test_people_without_the_topic_or_any_subscription_are_left_out(client: SandboxClient) -> None:
    await client.track("PUT", "/customers/ada", {"cio_subscription_preferences": {"topics": {"topic_1": False}}})
    client.pause()
    everybody = {"attribute": {"field": "id", "operator": "exists"}}
    number = (await create(client, recipients=everybody, subscription_topic_id=1, send_now=True))["id"]
    assert not {"ada", "bob"} & {one["customer_id"] for one in await messages(client, number)}


async def test_a_scheduled_newsletter_is_sent_at_its_time(client: SandboxClient) -> None:
    number = (await create(client))["id"]
    at = int(client.sandbox.clock.now()) + 3600

    async def schedule(at: int) -> Any:
        body = {"scheduled_at": at, "timezone": "Europe/London"}
        return await client.app(f"/v1/newsletters/{number}/schedule", method="POST", json=body)

    assert (await schedule(0)).status_code == 400
    assert (await schedule(at)).status_code == 200
    assert (await schedule(at + 3600)).status_code == 200
    client.pause(3700)
    assert await messages(client, number) == []
    client.pause(3600)
    assert await messages(client, number)
    assert (await client.get_json(f"/v1/newsletters/{number}"))["newsletter"]["sent_at"] == at + 3600


async def test_a_schedule_can_be_removed(client: SandboxClient) -> None:
    at = int(client.sandbox.clock.now()) + 3600
    number = (await create(client, scheduled_at=at, timezone="UTC"))["id"]
    answer = await client.app(f"/v1/newsletters/{number}/schedule", method="POST", json={"scheduled_at": 0})
    assert answer.status_code == 200
    client.pause(7200)
    assert await messages(client, number) == []


async def test_a_deleted_newsletter_is_never_sent_and_its_number_not_used_again(client: SandboxClient) -> None:
    at = int(client.sandbox.clock.now()) + 3600
    number = (await create(client, scheduled_at=at, timezone="UTC"))["id"]
    assert (await client.app(f"/v1/newsletters/{number}", method="DELETE")).status_code == 204
    client.pause(7200)
    assert (await client.app(f"/v1/newsletters/{number}")).status_code == 404
    assert (await create(client))["id"] == number + 1


FRENCH = {"language": "fr", "subject": "Bonjour", "body": "<p>Salut</p>"}


async def test_a_language_is_added_edited_and_removed(client: SandboxClient) -> None:
    draft = await create(client)
    path = f"/v1/newsletters/{draft['id']}/language"
    added = (await client.app(path, method="POST", json=FRENCH)).json()["newsletter"]
    [number] = set(added["content_ids"]) - set(draft["content_ids"])
    assert (await client.get_json(f"{path}/fr"))["content"]["id"] == number
    await client.app(f"{path}/fr", method="PUT", json={"subject": "Coucou"})
    content = (await client.get_json(f"{path}/fr"))["content"]
    assert (content["language"], content["subject"], content["body"]) == ("fr", "Coucou", "<p>Salut</p>")
    assert (await client.app(path, method="POST", json=FRENCH)).status_code == 422
    assert (await client.app(f"{path}/fr", method="DELETE")).status_code == 204
    assert (await client.app(f"{path}/fr")).status_code == 404
    after = (await client.get_json(f"/v1/newsletters/{draft['id']}"))["newsletter"]
    assert after["content_ids"] == draft["content_ids"]


async def test_test_groups_share_the_recipients(client: SandboxClient) -> None:
    number = (await create(client, recipients={"segment": {"id": 4}}))["id"]
    path = f"/v1/newsletters/{number}"
    assert await client.get_json(f"{path}/test_groups") == {"test_groups": []}
    await client.app(f"{path}/test_groups", method="POST")
    first, second = (await client.get_json(f"{path}/test_groups"))["test_groups"]
    assert [first["label"], second["label"]] == ["A", "B"]
    await client.app(f"{path}/contents/{second['content_ids'][0]}", method="PUT", json={"subject": "Other"})
    await client.app(f"{path}/send", method="POST")
    subjects = [one["subject"] for one in await messages(client, number)]
    assert abs(2 * subjects.count("Other") - len(subjects)) <= 1


async def test_a_test_group_has_languages_of_its_own(client: SandboxClient) -> None:
    path = f"/v1/newsletters/{(await create(client))['id']}"
    await client.app(f"{path}/test_groups", method="POST")
    assert (await client.app(f"{path}/test_group/2/language", method="POST", json=FRENCH)).status_code == 200
    assert (await client.get_json(f"{path}/test_group/2/language/fr"))["content"]["subject"] == "Bonjour"
    assert (await client.app(f"{path}/test_group/1/language/fr")).status_code == 404
    assert (await client.app(f"{path}/test_group/3/language", method="POST", json=FRENCH)).status_code == 400
    assert (await client.app(f"{path}/test_group/2/language/fr", method="DELETE")).status_code == 204
    _, second = (await client.get_json(f"{path}/test_groups"))["test_groups"]
    assert len(second["content_ids"]) == 1


async def test_a_sent_newsletter_gets_no_variants(client: SandboxClient) -> None:
    for path, body in (("language", FRENCH), ("test_groups", None)):
        answer = await client.app(f"/v1/newsletters/31/{path}", method="POST", json=body)
        assert (answer.status_code, "already been sent" in answer.text) == (400, True)


@pytest.mark.parametrize(
    ("change", "status", "word"),
    [
        ({"name": ""}, 400, "name"),
        ({"recipients": None}, 400, "recipients"),
        ({"recipients": {"segment": 2}}, 400, "segment"),
        ({"type": "fax"}, 422, "type"),
        ({"subscription_topic_id": None}, 422, "subscription_topic_id"),
        ({"subject": ""}, 422, "subject"),
        ({"from_id": 9}, 422, "from_id"),
        ({"from": "a@acme.example"}, 422, "exactly one"),
        ({"send_now": True, "scheduled_at": 4_000_000_000}, 422, "only one"),
        ({"scheduled_at": 4_000_000_000}, 422, "timezone"),
        ({"scheduled_at": 5, "timezone": "UTC"}, 422, "future"),
        ({"rate_limit_email_rate": 5}, 422, "rate limit"),
    ],
)
async def test_a_newsletter_that_is_not_valid_is_refused(
    client: SandboxClient, change: dict[str, Any], status: int, word: str
) -> None:
    answer = await client.app("/v1/newsletters", method="POST", json=DRAFT | change)
    assert (answer.status_code, word in answer.json()["errors"][0]["detail"]) == (status, True)
