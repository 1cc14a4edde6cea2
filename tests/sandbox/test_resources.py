"""Resources that are kept without being modelled, exports, and the answers to requests that are not valid."""

import csv
from typing import Any

import pytest

from tests.sandbox.sandbox_client import APP, SandboxClient

pytestmark = pytest.mark.anyio

STUDIO = "/v1/design_studio"
CONTENT = {"subject": "Hi {{customer.first_name}}", "html": "<p>Hi</p>"}
NOWHERE = "00000000-0000-4000-8000-000000000000"


async def create(client: SandboxClient, path: str, **body: Any) -> Any:
    answer = await client.app(path, method="POST", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_what_was_written_is_read_listed_changed_and_removed(client: SandboxClient) -> None:
    folder = (await create(client, f"{STUDIO}/folders", name="Spring"))["folder"]
    email = (await create(client, f"{STUDIO}/emails", name="Sale", parent_folder_id=folder["id"]))["email"]
    path = f"{STUDIO}/emails/{email['id']}"
    assert (await client.get_json(path))["email"] == email
    listed = await client.get_json(f"{STUDIO}/emails", parent_folder_id=folder["id"])
    assert [each["name"] for each in listed["emails"]] == ["Sale"]
    assert [each["name"] for each in listed["folders"]] == ["Spring"]
    assert listed["meta"]["pagination"] == {"limit": 1000, "page": 1, "total": 1}
    assert (await client.get_json(f"{STUDIO}/emails", parent_folder_id=NOWHERE))["emails"] == []
    changed = await client.app(path, method="PUT", json={"name": "Sale!", "id": NOWHERE})
    assert (changed.status_code, changed.content) == (204, b"")
    after = (await client.get_json(path))["email"]
    assert (after["id"], after["name"]) == (email["id"], "Sale!")
    assert after["updated"] > email["updated"]
    assert (await client.app(path, method="DELETE")).status_code == 204
    assert [
        (await client.app(path, method=method, json={"name": "x"})).status_code for method in ("GET", "PUT", "DELETE")
    ] == [404] * 3


async def test_languages_and_versions_end_with_their_email(client: SandboxClient) -> None:
    email = (await create(client, f"{STUDIO}/emails", name="Sale", content=CONTENT))["email"]
    path = f"{STUDIO}/emails/{email['id']}"
    await create(client, f"{path}/languages", language="fr", content={"subject": "Salut"})
    assert (await client.get_json(f"{path}/languages/fr"))["email_translation"]["content"] == {"subject": "Salut"}
    assert (await client.app(f"{path}/languages/de")).status_code == 404
    await client.app(path, method="DELETE")
    assert (await client.app(f"{path}/languages")).status_code == 404
    assert (await client.app(f"{path}/languages/fr")).status_code == 404


async def test_an_email_is_linked_published_and_restored(client: SandboxClient) -> None:
    email = (await create(client, f"{STUDIO}/emails", name="Sale", content=CONTENT))["email"]
    path = f"{STUDIO}/emails/{email['id']}"
    assert (await client.app(f"{path}/publish", method="POST")).status_code == 400
    target = {"type": "newsletter", "newsletter_id": 31}
    assert (await create(client, f"{path}/link", target=target))["template_id"] == 5031
    assert (
        await client.app(f"{path}/link", method="POST", json={"target": {**target, "newsletter_id": 30}})
    ).status_code == 400
    assert (await create(client, f"{path}/publish"))["status"] == "done"
    assert await client.get_json(f"{path}/unpublished_changes") == {"has_unpublished_changes": False}
    version = (await create(client, f"{path}/versions", name="First"))["version"]
    await client.app(path, method="PUT", json={"content": {"subject": "Other"}})
    assert await client.get_json(f"{path}/unpublished_changes") == {"has_unpublished_changes": True}
    await create(client, f"{path}/versions/{version['id']}/restore")
    assert (await client.get_json(path))["email"]["content"] == CONTENT
    preview = await create(client, f"{path}/preview", customer={"first_name": "Ada"})
    assert (preview["subject"], len(preview["errors"])) == ("Hi Ada", 15)


async def test_an_inbox_preview_of_the_same_content_costs_nothing(client: SandboxClient) -> None:
    email = (await create(client, f"{STUDIO}/emails", name="Sale", content=CONTENT))["email"]
    path = f"{STUDIO}/emails/{email['id']}/inbox_previews"
    first = await create(client, path, client_ids=["gmail_web"])
    again = await create(client, path, client_ids=["gmail_web"])
    assert (first["run_id"], first["replayed"], again["replayed"]) == (again["run_id"], False, True)
    [pool] = (await client.get_json(f"{STUDIO}/inbox_previews/credits"))["credits"]
    assert pool["credits_original"] - pool["credits_remaining"] == 1
    picture = await client.app(f"{path}/{first['run_id']}/captures/gmail_web")
    assert (picture.headers["content-type"], picture.content[:3]) == ("image/gif", b"GIF")


async def test_a_file_is_uploaded(client: SandboxClient) -> None:
    async def upload(name: str, kind: str, size: int = 10) -> Any:
        client.pause()
        files = {"file": (name, b"x" * size, kind)}
        return await client.http.post("/v1/assets/files", files=files, data={"name": "Logo"}, headers=APP)

    asset = (await upload("logo.png", "image/png")).json()["asset"]
    assert (asset["name"], asset["size"]) == ("Logo", 10)
    assert (await client.get_json("/v1/assets"))["assets"] == [asset]
    assert (await upload("logo.svg", "image/svg+xml")).status_code == 400
    assert (await upload("logo.png", "image/png", 2_000_001)).status_code == 400
    assert (await client.app("/v1/assets/files", method="POST", json={"name": "Logo"})).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "word"),
    [
        ("POST", f"{STUDIO}/folders", {}, 400, "name"),
        ("POST", f"{STUDIO}/folders", ["Spring"], 400, "JSON object"),
        ("PUT", f"{STUDIO}/folders/{NOWHERE}", {"name": "x"}, 404, "not found"),
        ("GET", f"{STUDIO}/folders/5", None, 400, "UUID"),
        ("GET", "/v1/assets/files/logo", None, 404, "not found"),
        ("GET", f"{STUDIO}/emails?limit=0", None, 400, "limit"),
        ("POST", "/v1/exports/customers", {}, 400, "filters"),
        ("POST", "/v1/exports/deliveries", {"newsletter_id": 31, "campaign_id": 1}, 400, "exactly one"),
        ("POST", "/v1/imports", {"import": {"name": "x", "type": "people"}}, 400, "data_file_url, identifier"),
        ("GET", "/v1/imports/99", None, 404, "not found"),
        ("POST", "/v1/data_index/events", {"events": []}, 422, "At least one event"),
        ("POST", "/v1/data_index/events", {"events": [{}]}, 400, "Invalid request format"),
        ("POST", "/v1/live_notifications/update", {"instance_id": "x", "content_state": {"a": 1}}, 400, "ULID"),
        ("GET", "/v1/subscription_center/nobody/token", None, 400, "person"),
        ("PUT", "/v1/customers/ada/optouts", {"optouts": [{"from": "", "optout": True}]}, 400, "optouts"),
        ("GET", "/v1/sender_identities/9/used_by", None, 404, "not found"),
    ],
)
async def test_a_request_that_is_not_valid_says_why(
    client: SandboxClient, method: str, path: str, body: Any, status: int, word: str
) -> None:
    answer = await client.app(path, method=method, json=body)
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["status"]) == (status, str(status))
    assert word in error["detail"]


async def test_an_export_can_be_downloaded_for_fifteen_minutes(client: SandboxClient) -> None:
    export = (await create(client, "/v1/exports/customers", filters={"segment": {"id": 2}}, attributes=["plan"]))[
        "export"
    ]
    assert (export["status"], export["total"]) == ("pending", 0)
    path = f"/v1/exports/{export['id']}"
    assert (await client.app(f"{path}/download")).status_code == 404
    client.pause(5)
    url = (await client.get_json(f"{path}/download"))["url"]
    assert url.startswith("http://sandbox/exports/")
    file = await client.http.get(url)
    rows = list(csv.DictReader(file.text.splitlines()))
    done = (await client.get_json(path))["export"]
    assert (done["status"], done["total"], done["downloads"]) == ("done", len(rows), 1)
    assert {row["plan"] for row in rows} == {"vip"}
    assert (await client.http.get(url.replace(".csv", "x.csv"))).status_code == 404
    client.pause(15 * 60)
    assert (await client.http.get(url)).status_code == 404


async def test_an_export_of_deliveries_holds_those_with_the_metric(client: SandboxClient) -> None:
    export = (await create(client, "/v1/exports/deliveries", newsletter_id=31, metric="delivered"))["export"]
    client.pause(5)
    url = (await client.get_json(f"/v1/exports/{export['id']}/download"))["url"]
    rows = list(csv.DictReader((await client.http.get(url)).text.splitlines()))
    messages = (await client.get_json("/v1/newsletters/31/messages", limit=1000, metric="delivered"))["messages"]
    assert {row["delivery_id"] for row in rows} == {message["id"] for message in messages}


async def test_an_import_fails_since_nothing_is_downloaded(client: SandboxClient) -> None:
    fields = {"name": "People", "type": "people", "identifier": "id", "data_file_url": "https://acme.example/p.csv"}
    created = (await create(client, "/v1/imports", **{"import": fields}))["import"]
    client.pause(5)
    after = (await client.get_json(f"/v1/imports/{created['id']}"))["import"]
    assert (created["state"], after["state"], after["error"]) == (
        "preprocessing", "failed", "data_file_url could not be downloaded",
    )  # fmt: skip


async def test_a_live_notification_ends_or_expires(client: SandboxClient) -> None:
    start = {
        "identifiers": {"id": "ada"}, "notification_type": "io.acme.x", "attributes": {"a": 1},
        "content_state": {"eta": 5}, "platform": "android",
    }  # fmt: skip
    numbers = [(await create(client, "/v1/live_notifications/start", **start))["instance_id"] for _ in range(2)]
    await create(client, "/v1/live_notifications/end", instance_id=numbers[0])
    ended = await client.get_json(f"/v1/live_notifications/{numbers[0]}")
    assert (ended["state"], ended["last_delivery"]["operation"]) == ("ended", "end")
    client.pause(6 * 3600 + 1)
    assert (await client.get_json(f"/v1/live_notifications/{numbers[1]}"))["state"] == "expired"


async def test_opt_outs_are_kept_by_sender(client: SandboxClient) -> None:
    changes = [{"from": "+1", "optout": True}, {"from": "+2", "optout": True, "channel": "whatsapp"}]
    assert (await client.app("/v1/customers/ada/optouts", method="PUT", json={"optouts": changes})).status_code == 204
    await client.app("/v1/customers/ada/optouts", method="PUT", json={"optouts": [{"from": "+1", "optout": False}]})
    [listed] = (await client.get_json("/v1/optouts"))["optouts"]
    assert (listed["customer_id"], listed["optouts"]) == ("ada", [{"channel": "whatsapp", "from": "+2"}])
    assert (await client.get_json("/v1/optouts", **{"from": "+1"}))["optouts"] == []


async def test_a_reset_removes_what_was_written(client: SandboxClient) -> None:
    await create(client, f"{STUDIO}/folders", name="Spring")
    await client.http.post("/_sandbox/reset")
    assert (await client.get_json(f"{STUDIO}/folders"))["folders"] == []
