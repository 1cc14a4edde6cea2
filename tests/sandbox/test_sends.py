import base64
from typing import Any

import pytest

from tests.sandbox.sandbox_client import SandboxClient

pytestmark = pytest.mark.anyio


async def delivery_of(client: SandboxClient, number: str, after: float = 60) -> Any:
    client.pause(after)
    return (await client.get_json(f"/v1/messages/{number}"))["message"]


async def test_an_accepted_message_becomes_a_delivery_that_progresses(client: SandboxClient) -> None:
    answer = (await client.reset_password()).json()
    first = (await client.get_json(f"/v1/messages/{answer['delivery_id']}"))["message"]
    assert first["created"] == answer["queued_at"]
    later = await delivery_of(client, answer["delivery_id"])
    assert {"sent"} <= later["metrics"].keys()
    assert (later["recipient"], later["customer_id"], later["subject"]) == (
        "ada@example.com",
        "ada",
        "Reset your password",
    )
    assert later["transactional_message_id"] == 1
    listed = (await client.get_json("/v1/customers/ada/messages", limit=1))["messages"]
    assert listed[0]["id"] == answer["delivery_id"]


async def test_a_message_is_named_by_id_or_by_trigger_name_in_any_case(client: SandboxClient) -> None:
    for name in (1, "1", "PASSWORD reset"):
        assert (await client.reset_password(transactional_message_id=name)).status_code == 200
    assert (await client.state())["sends"] == 3


async def test_templates_name_the_data_they_need(client: SandboxClient) -> None:
    [content] = (await client.get_json("/v1/transactional/1/contents"))["contents"]
    assert "{{data.reset_url}}" in content["body"]
    [content] = (await client.get_json("/v1/transactional/3/contents"))["contents"]
    assert (content["type"], "{{data.code}}" in content["body"]) == ("twilio", True)


async def test_data_that_the_template_lacks_fails_the_delivery_later(client: SandboxClient) -> None:
    answer = await client.reset_password(message_data={})
    message = await delivery_of(client, answer.json()["delivery_id"])
    assert "failed" in message["metrics"]
    assert "reset_url" in message["failure_message"]


async def test_an_unsubscribed_person_gets_it_unless_that_is_forbidden(client: SandboxClient) -> None:
    to_bob = {"to": "bob@example.com", "identifiers": {"id": "bob"}}
    sent = await delivery_of(client, (await client.reset_password(**to_bob)).json()["delivery_id"])
    assert "sent" in sent["metrics"]
    forbidden = await client.reset_password(**to_bob, send_to_unsubscribed=False)
    assert forbidden.status_code == 200
    message = await delivery_of(client, forbidden.json()["delivery_id"])
    assert "undeliverable" in message["metrics"]
    assert "sent" not in message["metrics"]


async def test_suppressed_people_and_bounced_addresses_get_nothing(client: SandboxClient) -> None:
    gone = await client.reset_password(to="gone@example.com", identifiers={"email": "gone@example.com"})
    assert "undeliverable" in (await delivery_of(client, gone.json()["delivery_id"]))["metrics"]
    eve = await client.reset_password(to="eve@example.com", identifiers={"id": "eve"})
    assert "dropped" in (await delivery_of(client, eve.json()["delivery_id"]))["metrics"]


async def test_a_scheduled_message_is_created_at_once_and_sent_at_its_time(client: SandboxClient) -> None:
    now = client.sandbox.workspace.now
    answer = (await client.reset_password(send_at=now + 3600)).json()
    assert answer["send_at"] == now + 3600
    waiting = await delivery_of(client, answer["delivery_id"], after=3590)
    assert waiting["metrics"] == {"created": answer["queued_at"]}
    assert waiting["recipient"] == "ada@example.com"
    await client.http.post("/_sandbox/advance", json={"seconds": 30})
    metrics = (await client.get_json(f"/v1/messages/{answer['delivery_id']}"))["message"]["metrics"]
    assert metrics["created"] == answer["queued_at"]
    assert now + 3600 < metrics["sent"] <= now + 3603


async def test_a_scheduled_message_meets_the_world_of_its_time(client: SandboxClient) -> None:
    to_ada = {"send_at": client.sandbox.workspace.now + 3600, "send_to_unsubscribed": False}
    answer = (await client.reset_password(**to_ada)).json()
    await client.track("PUT", "/customers/ada", {"unsubscribed": True})
    assert "undeliverable" in (await delivery_of(client, answer["delivery_id"], after=3700))["metrics"]


async def test_a_message_for_the_past_is_sent_at_once(client: SandboxClient) -> None:
    answer = (await client.reset_password(send_at=client.sandbox.workspace.now - 60)).json()
    assert "send_at" not in answer
    assert "sent" in (await delivery_of(client, answer["delivery_id"]))["metrics"]


async def test_a_draft_is_held_for_a_person(client: SandboxClient) -> None:
    answer = (await client.reset_password(queue_draft=True)).json()
    message = await delivery_of(client, answer["delivery_id"])
    assert message["metrics"].keys() == {"created", "drafted"}
    drafts = (await client.get_json("/v1/messages", drafts="true"))["messages"]
    assert [draft["id"] for draft in drafts] == [answer["delivery_id"]]


async def test_the_archived_body_is_what_was_sent_unless_retention_was_off(client: SandboxClient) -> None:
    kept = (await client.reset_password()).json()["delivery_id"]
    body = (await client.get_json(f"/v1/messages/{kept}/archived_message"))["archived_message"]["body"]
    assert "Hi Ada, set a new password: https://acme.example/r/1 (valid 30 minutes)" in body
    lost = (await client.reset_password(disable_message_retention=True)).json()["delivery_id"]
    archived = (await client.get_json(f"/v1/messages/{lost}/archived_message"))["archived_message"]
    assert (archived["body"], archived["forgotten"]) == ("", True)


async def test_an_email_without_a_template_needs_body_subject_and_from(client: SandboxClient) -> None:
    own = {
        "to": "ada@example.com",
        "identifiers": {"id": "ada"},
        "body": "<p>x</p>",
        "subject": "Hello",
        "from": "a@b.c",
    }
    answer = await client.app("/v1/send/email", method="POST", json=own)
    assert (await delivery_of(client, answer.json()["delivery_id"]))["subject"] == "Hello"
    own.pop("subject")
    assert (await client.app("/v1/send/email", method="POST", json=own)).status_code == 400


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"identifiers": {"id": "ada", "email": "ada@example.com"}}, 400),
        ({"identifiers": {}}, 400),
        ({"identifiers": {"id": " "}}, 400),
        ({"to": ""}, 400),
        ({"to": "not an address"}, 400),
        ({"to": ",".join(["ada@example.com"] * 15), "bcc": "x@example.com"}, 400),
        ({"transactional_message_id": 99}, 400),
        ({"transactional_message_id": 3}, 400),
        ({"message_data": []}, 400),
        ({"send_at": "tomorrow"}, 400),
        ({"send_at": 4_000_000_000}, 400),
        ({"headers": {"X": "1"}}, 400),
        ({"attachments": {"a.pdf": "not base64!"}}, 400),
        ({"attachments": ["a.pdf"]}, 400),
        ({"attachments": {"a.exe": "eA=="}}, 403),
        ({"attachments": {"a.pdf": base64.b64encode(b"x" * 2_000_001).decode()}}, 413),
        ({"message_data": {"x": "y" * 1_000_001}}, 413),
    ],
)
async def test_an_invalid_message_is_refused_and_leaves_nothing(
    client: SandboxClient, wrong: dict[str, Any], status: int
) -> None:
    answer = await client.reset_password(**{"channel": "email", **wrong})
    assert (answer.status_code, list(answer.json()["meta"])) == (status, ["error"])
    assert (await client.state())["sends"] == 0


async def test_a_text_message_needs_a_phone_number(client: SandboxClient) -> None:
    data = {"code": "1234"}
    answer = await client.send(message_data=data)
    assert (await delivery_of(client, answer.json()["delivery_id"]))["type"] == "twilio"
    assert (await client.send(message_data=data, to="12345", channel="sms")).status_code == 400


async def test_sends_are_listed_for_tests_to_count(client: SandboxClient) -> None:
    await client.reset_password()
    [send] = (await client.http.get("/_sandbox/sends")).json()
    assert (send["to"], send["identifiers"], send["transactional_message_id"]) == ("ada@example.com", {"id": "ada"}, 1)
    assert send["data"]["minutes"] == 30


TRIGGERS = "/v1/campaigns/10/triggers"
NEWS = {"headline": "h", "text": "t"}


async def newest_triggers(client: SandboxClient, limit: int = 1) -> list[int]:
    """The triggers of the newest deliveries of the broadcast."""
    messages = (await client.get_json("/v1/broadcasts/10/messages", limit=limit))["messages"]
    return [message["trigger_id"] for message in messages]


async def test_a_trigger_is_processed_and_reaches_its_audience(client: SandboxClient) -> None:
    body = {"emails": ["two@example.com"], "data": NEWS, "email_add_duplicates": True}
    number = (await client.app(TRIGGERS, method="POST", json=body)).json()["id"]
    assert (await client.get_json(f"{TRIGGERS}/{number}"))["processed_at"] is None
    client.pause(10)
    assert (await client.get_json(f"{TRIGGERS}/{number}"))["processed_at"]
    assert [each == number for each in await newest_triggers(client, 3)] == [True, True, False]


@pytest.mark.parametrize(
    ("named", "flag", "error"),
    [
        ({"ids": ["ada", "nobody"]}, "id_ignore_missing", "line 2: no person with this id"),
        (
            {"emails": ["ada@example.com", "x@example.com"]},
            "email_ignore_missing",
            "line 2: no person with this email",
        ),
        ({"emails": ["two@example.com"]}, "email_add_duplicates", "line 1: 2 people have this email"),
        ({"per_user_data": [{"id": "ada"}, {"email": "x@y.z"}]}, "email_ignore_missing", "line 2: no person with this"),
    ],
)
async def test_one_person_who_cannot_be_named_fails_a_whole_trigger(
    client: SandboxClient, named: Any, flag: str, error: str
) -> None:
    refused = await client.app(TRIGGERS, method="POST", json={**named, "data": NEWS})
    assert refused.status_code == 422
    [described] = refused.json()["errors"]
    assert described["detail"].endswith("trigger 4")
    assert described["source"] == {"pointer": f"/data/attributes/{next(iter(named))}"}
    client.pause(10)
    [listed] = (await client.get_json(f"{TRIGGERS}/4/errors"))["errors"]
    assert listed.startswith(error)
    assert await newest_triggers(client) != [4]
    number = (await client.app(TRIGGERS, method="POST", json={**named, "data": NEWS, flag: True})).json()["id"]
    client.pause(10)
    assert await newest_triggers(client) == [number]


async def test_a_sixth_trigger_is_refused_while_five_wait(client: SandboxClient) -> None:
    waiting = {"broadcast_id": 10, "created_at": 0, "processed_at": client.sandbox.workspace.now + 3600, "errors": []}
    client.sandbox.workspace.triggers |= {number: {"id": number, **waiting} for number in range(10, 15)}
    assert (await client.app(TRIGGERS, method="POST", json={"data": NEWS})).status_code == 429
    client.pause(3600)
    assert (await client.app(TRIGGERS, method="POST", json={"data": NEWS})).status_code == 200


async def test_a_data_file_that_the_sandbox_serves_reaches_the_people_in_it(client: SandboxClient) -> None:
    lines = '{"id": "ada", "data": {"headline": "Hi Ada"}}\n{"email": "eve@example.com"}\n'
    stored = await client.http.post("/_sandbox/files", json={"name": "people", "text": lines})
    path = stored.json()["path"]
    assert (await client.http.get(path)).text == lines
    body = {"data_file_url": f"http://sandbox{path}", "data": NEWS}
    number = (await client.app(TRIGGERS, method="POST", json=body)).json()["id"]
    client.pause(10)
    assert (await client.get_json(f"{TRIGGERS}/{number}/errors"))["errors"] == []
    messages = (await client.get_json("/v1/broadcasts/10/messages", limit=3))["messages"]
    assert {message["subject"] for message in messages if message["trigger_id"] == number} == {"Hi Ada", "h"}


@pytest.mark.parametrize(
    ("text", "error"), [("[]", "line 1: expected an object"), ('{"id": "nobody"}', "line 1: no person with this id")]
)
async def test_a_data_file_with_a_wrong_line_fails_the_trigger_later(
    client: SandboxClient, text: str, error: str
) -> None:
    stored = await client.http.post("/_sandbox/files", json={"name": "people", "text": text})
    body = {"data_file_url": f"http://sandbox{stored.json()['path']}", "data": NEWS}
    number = (await client.app(TRIGGERS, method="POST", json=body)).json()["id"]
    client.pause(10)
    [listed] = (await client.get_json(f"{TRIGGERS}/{number}/errors"))["errors"]
    assert listed.startswith(error)
    assert await newest_triggers(client) != [number]


async def test_a_trigger_without_an_audience_goes_to_all_subscribers(client: SandboxClient) -> None:
    subscribers = (await client.get_json("/v1/segments/4/customer_count"))["count"]
    body = {"data": {"headline": "h", "text": "t"}}
    number = (await client.app("/v1/campaigns/10/triggers", method="POST", json=body)).json()["id"]
    client.pause(10)
    messages = (await client.get_json("/v1/broadcasts/10/messages", limit=1000))["messages"]
    assert sum(message["trigger_id"] == number for message in messages) == subscribers


@pytest.mark.parametrize(
    "body", [{"ids": ["a"], "emails": ["b"]}, {"ids": []}, {"per_user_data": ["ada"]}, {"data": {"x": "y" * 50_001}}]
)
async def test_an_invalid_trigger_is_refused(client: SandboxClient, body: Any) -> None:
    assert (await client.app("/v1/campaigns/10/triggers", method="POST", json=body)).status_code == 422
    assert (await client.app("/v1/campaigns/1/triggers", method="POST", json={})).status_code in {404, 429}
    assert (await client.state())["triggers"] == 0
