"""Requests of the official clients and of the published specifications that the sandbox must accept."""

from typing import Any

import httpx
import pytest

from cio_mcp.sandbox.http import ApiRequest
from tests.sandbox.sandbox_client import TRACK, SandboxClient

pytestmark = pytest.mark.anyio

CDP = httpx.BasicAuth("sandbox-cdp-key", "")


async def message_of(client: SandboxClient, answer: httpx.Response, after: float = 60) -> Any:
    assert answer.status_code == 200, answer.text
    client.pause(after)
    return (await client.get_json(f"/v1/messages/{answer.json()['delivery_id']}"))["message"]


@pytest.mark.parametrize("headers", [{}, "", [], None, '[{"name": "X-A", "value": "b"}]'])
async def test_empty_headers_count_as_absent(client: SandboxClient, headers: Any) -> None:
    assert (await client.reset_password(headers=headers)).status_code == 200


@pytest.mark.parametrize("headers", [{"X-A": "b"}, [{"name": "X-A"}], "X-A: b", 5, True])
async def test_headers_that_are_not_a_json_string_are_refused(client: SandboxClient, headers: Any) -> None:
    assert (await client.reset_password(headers=headers)).status_code == 400


async def test_a_null_message_without_content_is_refused(client: SandboxClient) -> None:
    for content in ({}, {"body": "", "subject": "", "from": ""}):
        answer = await client.reset_password(transactional_message_id=None, **content)
        assert (answer.status_code, "body, subject and from" in answer.text) == (400, True)


async def test_a_push_message_reaches_the_last_used_device(client: SandboxClient) -> None:
    push = {"channel": "push", "transactional_message_id": "delivery UPDATE", "message_data": {"order_id": "A-1"}}
    for to in (None, "all", "last_used", "device-ada-1"):
        message = await message_of(client, await client.send(**push, to=to))
        assert (message["type"], message["recipient"], message["transactional_message_id"]) == (
            "push",
            "device-ada-1",
            4,
        )
        assert "A-1" in message["subject"]
        assert "sent" in message["metrics"]


async def test_a_push_message_overrides_its_title_and_body(client: SandboxClient) -> None:
    answer = await client.send(channel="push", transactional_message_id=4, to="all", title="Hello", message="There")
    message = await message_of(client, answer)
    assert message["subject"] == "Hello"
    archived = (await client.get_json(f"/v1/messages/{message['id']}/archived_message"))["archived_message"]
    assert archived["body"] == "There"


async def test_a_push_message_to_a_foreign_device_or_to_none_fails_later(client: SandboxClient) -> None:
    data = {"message_data": {"order_id": 1}, "channel": "push", "transactional_message_id": 4}
    foreign = await message_of(client, await client.send(**data, to="device-of-somebody-else"))
    nobody = await message_of(client, await client.send(**data, to="all", identifiers={"id": "bob"}))
    assert "undeliverable" in foreign["metrics"].keys() & nobody["metrics"].keys()


async def test_a_push_message_adds_its_custom_device(client: SandboxClient) -> None:
    device = {"token": "new-phone", "platform": "android"}
    answer = await client.send(
        channel="push", transactional_message_id=4, to="all", identifiers={"id": "bob"},
        message_data={"order_id": 1}, custom_device=device,
    )  # fmt: skip
    assert (await message_of(client, answer))["recipient"] == "new-phone"


async def test_auto_create_makes_an_empty_message_for_an_unknown_name(client: SandboxClient) -> None:
    unknown = {"transactional_message_id": "Invoice paid", "subject": "Paid", "body": "Thanks"}
    assert (await client.reset_password(**unknown)).status_code == 400
    message = await message_of(client, await client.reset_password(**unknown, auto_create=True))
    listed = (await client.get_json("/v1/transactional"))["messages"]
    assert {each["id"]: each["name"] for each in listed}[message["transactional_message_id"]] == "Invoice paid"
    again = await message_of(
        client, await client.reset_password(**{**unknown, "transactional_message_id": "INVOICE paid"})
    )
    assert again["transactional_message_id"] == message["transactional_message_id"]
    other = await client.send(transactional_message_id="invoice paid", auto_create=True, channel="sms")
    assert (other.status_code, "another channel" in other.text) == (400, True)
    assert (await client.reset_password(transactional_message_id=99, auto_create=True)).status_code == 400


async def test_a_text_message_takes_its_number_from_an_attribute(client: SandboxClient) -> None:
    answer = await client.send(to="{{customer.phone}}", message_data={"code": 1}, channel="sms")
    assert (await message_of(client, answer))["recipient"] == "+447700900001"
    answer = await client.send(
        to="{{customer.phone}}", message_data={"code": 1}, channel="sms", identifiers={"id": "bob"}
    )
    assert "undeliverable" in (await message_of(client, answer))["metrics"]


@pytest.mark.parametrize(
    "to",
    ['"Byron, Ada" <ada@example.com>', "Ada <ada@example.com>", '"A \\" B" <ada@example.com>, "C, D" <c@example.com>'],
)
async def test_a_display_name_may_contain_a_comma_in_quotation_marks(client: SandboxClient, to: str) -> None:
    message = await message_of(client, await client.reset_password(to=to))
    assert message["recipient"] == "ada@example.com"


@pytest.mark.parametrize(
    "to", ['"Byron, Ada <ada@example.com>', "Byron, Ada <ada@example.com>", '"Ada" ada@example.com']
)
async def test_an_unquoted_comma_separates_addresses(client: SandboxClient, to: str) -> None:
    assert (await client.reset_password(to=to)).status_code == 400


@pytest.mark.parametrize(
    ("query", "key", "value"),
    [
        ({"transactional_id": 2}, "transactional_message_id", 2),
        ({"trigger_id": 2}, "trigger_id", 2),
        ({"template_id": 5101}, "message_template_id", 5101),
        ({"content_id": 311}, "content_id", 311),
        ({"action_id": 101}, "action_id", 101),
        ({"newsletter_id": 31}, "newsletter_id", 31),
        ({"campaign_id": 2, "action_id": 202}, "action_id", 202),
    ],
)
async def test_messages_are_filtered_by_what_sent_them(client: SandboxClient, query: Any, key: str, value: int) -> None:
    messages = (await client.get_json("/v1/messages", **query))["messages"]
    assert messages
    assert {message[key] for message in messages} == {value}


async def test_filters_exclude_one_another(client: SandboxClient) -> None:
    assert (await client.get_json("/v1/messages", campaign_id=1, newsletter_id=31))["messages"] == []


async def test_suppressions_are_filtered_by_address_and_domain(client: SandboxClient) -> None:
    async def addresses(**query: str) -> list[str]:
        listed = (await client.get_json("/v1/esp/suppression/bounces", **query))["suppressions"]
        return [each["email"] for each in listed or []]

    assert await addresses(email="EVE@example.com") == await addresses(domain="example.com") == ["eve@example.com"]
    assert await addresses(email="ada@example.com") == await addresses(domain="example.net") == []


async def test_senders_are_sorted(client: SandboxClient) -> None:
    ascending = (await client.get_json("/v1/sender_identities"))["sender_identities"]
    descending = (await client.get_json("/v1/sender_identities", sort="desc"))["sender_identities"]
    assert [each["id"] for each in ascending] == [1, 2]
    assert [each["id"] for each in descending] == [2, 1]
    assert (await client.app("/v1/sender_identities", sort="up")).status_code == 400


async def test_newsletters_have_inbox_messages_too(client: SandboxClient) -> None:
    assert (await client.get_json("/v1/newsletters/31/messages", type="inbox"))["messages"] == []
    assert (await client.app("/v1/newsletters/31/metrics", type="inbox")).status_code == 200
    assert (await client.app("/v1/campaigns/1/messages", type="inbox")).status_code == 400


async def test_a_message_names_its_template_by_both_keys(client: SandboxClient) -> None:
    [message] = (await client.get_json("/v1/messages", limit=1))["messages"]
    assert message["message_template_id"] == message["msg_template_id"] > 5000


async def test_an_unsubscribe_request_needs_no_key_and_unsubscribes(client: SandboxClient) -> None:
    sent = await message_of(client, await client.reset_password())
    answer = await client.http.post(f"/unsubscribe/{sent['id']}", json={"unsubscribe": True})
    assert (answer.status_code, answer.json()) == (200, {})
    assert (await client.attributes("ada"))["unsubscribed"] == "true"
    metrics = (await client.get_json(f"/v1/messages/{sent['id']}"))["message"]["metrics"]
    assert "unsubscribed" in metrics
    assert (await client.http.post(f"/unsubscribe/{sent['id']}", json={"unsubscribe": False})).status_code == 200
    assert (await client.attributes("ada"))["unsubscribed"] == "false"
    assert (await client.http.post("/unsubscribe/%20", json={"unsubscribe": True})).status_code == 400
    assert (await client.http.post(f"/unsubscribe/{sent['id']}", json={"unsubscribe": "yes"})).status_code == 400


@pytest.mark.parametrize("auth", [TRACK, httpx.BasicAuth("sandbox-cdp-key", "x"), httpx.BasicAuth("wrong", "")])
async def test_pipelines_need_their_own_key(client: SandboxClient, auth: httpx.BasicAuth) -> None:
    answer = await client.http.post("/v1/identify", json={"userId": "ada"}, auth=auth)
    assert answer.status_code == 401
    assert (await client.http.post("/v1/identify", json={"userId": "ada"})).status_code == 401


async def test_pipelines_identify_track_and_group(client: SandboxClient) -> None:
    async def call(kind: str, **body: Any) -> None:
        answer = await client.http.post(f"/v1/{kind}", json={"userId": "ada", **body}, auth=CDP)
        assert (answer.status_code, answer.json()) == (200, {})
        client.pause()

    await call("identify", traits={"town": "Bonn"})
    await call("track", event="looked", properties={"sku": 1})
    await call("page", name="Home", properties={"path": "/"})
    await call("group", groupId="acme-2", traits={"name": "Acme Two"})
    await call("batch", batch=[{"type": "track", "userId": "bob", "event": "batched"}])
    assert (await client.attributes("ada"))["town"] == "Bonn"
    names = [(event["customer"], event["name"]) for event in (await client.http.get("/_sandbox/events")).json()]
    assert names == [("ada", "looked"), ("ada", "Home"), ("bob", "batched")]
    related = (await client.get_json("/v1/customers/ada/relationships"))["cio_relationships"]
    assert [each["identifiers"]["object_id"] for each in related] == ["acme", "acme-2"]


async def test_pipelines_accept_and_discard_a_call_that_is_too_large(client: SandboxClient) -> None:
    body = {"userId": "ada", "traits": {"town": "x" * 40_000}}
    assert (await client.http.post("/v1/identify", json=body, auth=CDP)).status_code == 200
    assert "town" not in await client.attributes("ada")


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/nothing", "/api/v3/entity"])
async def test_an_unknown_track_route_answers_in_tracks_error_shape(client: SandboxClient, path: str) -> None:
    answer = await client.http.post(path, json={}, auth=TRACK)
    assert (answer.status_code, answer.json()) == (404, {"meta": {"errors": ["not found"]}})


async def test_a_form_identifies_a_person(client: SandboxClient) -> None:
    path = "/api/v1/forms/signup/submit"
    answer = await client.http.post(path, json={"data": {"email": "ada@example.com", "town": "Bonn"}}, auth=TRACK)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await client.attributes("ada"))["town"] == "Bonn"
    for data in ({}, {"town": "Bonn"}, {"id": "ada", "email": "ada@example.com"}, {"id": "ada", "town": 5}):
        assert (await client.http.post(path, json={"data": data}, auth=TRACK)).status_code == 400


async def test_reported_metrics_count_once(client: SandboxClient) -> None:
    number = (await client.reset_password()).json()["delivery_id"]
    client.pause(5)
    opened = {"delivery_id": number, "metric": "opened", "recipient": "ada@example.com"}
    assert (await client.http.post("/api/v1/metrics", json=opened)).status_code == 200
    pushed = {"delivery_id": number, "event": "converted", "device_id": "device-ada-1"}
    assert (await client.http.post("/api/v1/push/events", json=pushed)).status_code == 200
    metrics = (await client.get_json(f"/v1/messages/{number}"))["message"]["metrics"]
    assert {"opened", "human_opened", "converted"} <= metrics.keys()


async def test_a_data_file_that_cannot_be_downloaded_fails_the_trigger_later(client: SandboxClient) -> None:
    body = {"data_file_url": "https://files.acme.example/people.json", "data": {"headline": "h", "text": "t"}}
    answer = await client.app("/v1/campaigns/10/triggers", method="POST", json=body)
    assert answer.status_code == 200
    client.pause(10)
    errors = (await client.get_json(f"/v1/campaigns/10/triggers/{answer.json()['id']}/errors"))["errors"]
    assert errors == ["data_file_url could not be downloaded"]
    refused: tuple[Any, ...] = ("people.json", 5, {})
    for wrong in refused:
        answer = await client.app("/v1/campaigns/10/triggers", method="POST", json={"data_file_url": wrong})
        assert answer.status_code == 422
        client.pause(10)


async def test_a_device_has_only_the_documented_keys(client: SandboxClient) -> None:
    operation = {
        "type": "person", "action": "add_device", "identifiers": {"id": "bob"},
        "device": {"token": "t-1", "platform": "ios", "attributes": {"app_version": "1"}, "color": "red"},
    }  # fmt: skip
    assert (await client.http.post("/api/v2/entity", json=operation, auth=TRACK)).status_code == 200
    [device] = (await client.get_json("/v1/customers/bob/attributes"))["customer"]["devices"]
    assert device.keys() == {"id", "platform", "last_used", "attributes"}
    assert (device["id"], device["attributes"]) == ("t-1", {"app_version": "1"})


async def test_one_odd_element_leaves_the_rest_of_a_batch_accepted(client: SandboxClient) -> None:
    person = {"type": "person", "identifiers": {"id": "ada"}}
    odd: list[Any] = [
        {**person, "action": "add_device", "device": {"token": "t", "platform": ["ios"]}},
        {**person, "action": "identify", "attributes": {}, "cio_relationships": [[]]},
        {**person, "action": "event", "name": {"a": 1}},
        {**person, "action": "event", "name": "x", "timestamp": 10**30},
        {**person, "action": "add_relationships", "cio_relationships": [{"identifiers": {"object_id": "a"}}, 5]},
        {"type": ["person"], "action": "identify"},
        None,
    ]
    good = {**person, "action": "identify", "attributes": {"town": "Bonn"}}
    answer = await client.http.post("/api/v2/batch", json={"batch": [*odd, good]}, auth=TRACK)
    assert answer.status_code == 207
    errors = answer.json()["errors"]
    assert {error["batch_index"] for error in errors} == set(range(len(odd)))
    assert all(error.keys() == {"batch_index", "reason", "field", "message"} for error in errors)
    assert (await client.attributes("ada"))["town"] == "Bonn"


async def test_a_webhook_is_updated_in_part(client: SandboxClient) -> None:
    answer = await client.app("/v1/reporting_webhooks/1", method="PUT", json={"disabled": True})
    assert (answer.status_code, answer.json()["disabled"], answer.json()["name"]) == (200, True, "Data warehouse")


def test_a_number_of_any_length_is_read_or_refused() -> None:
    request = ApiRequest({}, {"limit": "9" * 5000})
    with pytest.raises(Exception, match="400"):
        request.integer("limit", 10)


@pytest.mark.parametrize(("kind", "status"), [("page", 200), ("screen", 200), ("event", 400), (None, 400)])
async def test_only_event_names_are_limited_to_100_bytes(client: SandboxClient, kind: str | None, status: int) -> None:
    answer = await client.track("POST", "/customers/ada/events", {"type": kind, "name": "https://" + "x" * 200})
    assert answer.status_code == status
