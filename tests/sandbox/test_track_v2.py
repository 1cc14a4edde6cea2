from typing import Any

import httpx
import jsonschema
import pytest

from tests.published import MISSING, document, is_here
from tests.sandbox.sandbox_client import TRACK, SandboxClient

pytestmark = pytest.mark.anyio

ADA = {"type": "person", "identifiers": {"id": "ada"}}
ACME = {"type": "object", "identifiers": {"object_type_id": "1", "object_id": "acme"}}


def identify(person: str, **attributes: Any) -> dict[str, Any]:
    return {"type": "person", "action": "identify", "identifiers": {"id": person}, "attributes": attributes}


async def entity(client: SandboxClient, **operation: Any) -> httpx.Response:
    return await client.http.post("/api/v2/entity", json=operation, auth=TRACK)


async def batch(client: SandboxClient, *operations: Any) -> httpx.Response:
    return await client.http.post("/api/v2/batch", json={"batch": operations}, auth=TRACK)


async def test_a_person_is_identified_later_than_accepted(client: SandboxClient) -> None:
    answer = await entity(client, **identify("ada", plan="pro", seats=3))
    assert (answer.status_code, answer.json()) == (200, {})
    assert (await client.state())["pending"] == 1
    attributes = await client.attributes("ada")
    assert (attributes["plan"], attributes["seats"]) == ("pro", "3")


async def test_a_cio_id_has_its_prefix_in_paths_only(client: SandboxClient) -> None:
    prefixed = {"cio_id": "cio_a3000002"}
    await entity(client, **{**identify("", colour="teal"), "identifiers": prefixed})
    await client.track("POST", "/segments/3/add_customers", {"ids": ["cio_a3000002"]}, id_type="cio_id")
    await client.track("POST", "/merge_customers", {"primary": {"id": "ada"}, "secondary": prefixed})
    assert "colour" not in await client.attributes("bob")
    segments = (await client.get_json("/v1/customers/bob/segments"))["segments"]
    assert 3 not in [segment["id"] for segment in segments]


async def test_a_person_is_named_by_email_and_cio_id_too(client: SandboxClient) -> None:
    for identifiers in ({"email": "bob@example.com"}, {"cio_id": "a3000002"}):
        answer = await entity(client, **{**identify("", town="Bonn"), "identifiers": identifiers})
        assert answer.status_code == 200
        assert (await client.attributes("bob"))["town"] == "Bonn"
        await entity(client, **{**identify("", town=""), "identifiers": identifiers})


@pytest.mark.parametrize("id_", ["ada@example.com", "cio_a3000001"])
async def test_an_id_stays_an_id_in_any_form(id_: str, client: SandboxClient) -> None:
    await batch(client, identify(id_, town="Bonn"), identify(id_, street="Main St"))
    attributes = await client.attributes(id_)
    assert (attributes["id"], attributes["town"], attributes["street"]) == (id_, "Bonn", "Main St")
    assert "town" not in await client.attributes("ada")


async def test_an_event_holds_its_data_in_attributes_and_counts_once(client: SandboxClient) -> None:
    order = {**ADA, "action": "event", "name": "looked", "id": "01J8ZZZZZZZZZZZZZZZZZZZZZZ", "attributes": {"sku": "a"}}
    assert (await batch(client, order, order)).status_code == 200
    client.pause()
    [event] = (await client.http.get("/_sandbox/events")).json()
    assert (event["customer"], event["name"], event["data"]) == ("ada", "looked", {"sku": "a"})


async def test_people_are_merged_suppressed_freed_and_deleted(client: SandboxClient) -> None:
    merge = {"type": "person", "action": "merge", "primary": {"id": "two-1"}, "secondary": {"id": "two-2"}}
    assert (await entity(client, **merge)).status_code == 200
    client.pause()
    bob = {"type": "person", "identifiers": {"id": "bob"}}
    assert (await batch(client, {**bob, "action": "suppress"}, {**ADA, "action": "delete"})).status_code == 200
    for gone in ("two-2", "bob", "ada"):
        assert (await client.app(f"/v1/customers/{gone}/attributes")).status_code == 404
    assert "bob" in client.sandbox.workspace.people.suppressed
    await entity(client, **bob, action="unsuppress")
    client.pause()
    client.sandbox.workspace.settle()
    assert "bob" not in client.sandbox.workspace.people.suppressed


async def test_a_device_comes_and_goes(client: SandboxClient) -> None:
    def tokens() -> set[str]:
        client.pause()
        client.sandbox.workspace.settle()
        person = client.sandbox.workspace.people.get("id", "bob")
        return {str(device["id"]) for device in person.devices} if person else set()

    bob = {"type": "person", "identifiers": {"id": "bob"}}
    await entity(client, **bob, action="add_device", device={"token": "t-1", "platform": "ios"})
    assert tokens() == {"t-1"}
    await entity(client, **bob, action="delete_device", device={"token": "t-1"})
    assert tokens() == set()


async def test_a_person_and_an_object_are_related_from_either_side(client: SandboxClient) -> None:
    async def companies(person: str) -> list[str]:
        found = await client.get_json(f"/v1/customers/{person}/relationships")
        return [one["identifiers"]["object_id"] for one in found["cio_relationships"]]

    people = [{"identifiers": {"id": "bob"}, "relationship_attributes": {"role": "admin"}}]
    await entity(client, **ACME, action="add_relationships", cio_relationships=people)
    assert await companies("bob") == ["acme"]
    own = [{"identifiers": ACME["identifiers"]}]
    bob = {"type": "person", "identifiers": {"id": "bob"}}
    await entity(client, **bob, action="delete_relationships", cio_relationships=own)
    assert await companies("bob") == []
    await entity(client, **identify("bob"), cio_relationships=own)
    assert await companies("bob") == ["acme"]
    await entity(client, **ACME, action="delete")
    assert await companies("bob") == await companies("ada") == []
    assert ("1", "acme") not in client.sandbox.workspace.objects


async def test_an_object_keeps_its_attributes_until_they_are_cleared(client: SandboxClient) -> None:
    await entity(client, **ACME, action="identify", attributes={"name": "Acme Corp", "plan": "big"})
    client.pause()
    await entity(client, **ACME, action="identify", attributes={"plan": ""})
    client.pause()
    client.sandbox.workspace.settle()
    assert client.sandbox.workspace.objects["1", "acme"] == {"name": "Acme Corp", "seats": 40}


async def test_a_device_reports_that_a_message_was_opened(client: SandboxClient) -> None:
    number = (await client.reset_password()).json()["delivery_id"]
    client.pause(5)
    attributes = {"device_token": "device-ada-1"}
    answer = await entity(
        client, type="delivery", action="event", name="opened", identifiers={"id": number}, attributes=attributes
    )
    assert answer.status_code == 200
    assert "opened" in (await client.get_json(f"/v1/messages/{number}"))["message"]["metrics"]


async def test_a_batch_takes_the_good_and_names_each_bad_one(client: SandboxClient) -> None:
    answer = await batch(
        client,
        identify("ada", plan="pro"),
        {**ADA, "action": "event"},
        {"type": "person", "action": "identify", "identifiers": {"id": "x", "email": "x@example.com"}},
        {**ADA, "action": "sneeze"},
        "no operation",
        identify("bob", plan="basic"),
    )
    assert answer.status_code == 207
    errors = answer.json()["errors"]
    assert [(one["batch_index"], one["field"]) for one in errors] == [
        (1, "name"), (2, "identifiers"), (3, "action"), (4, ""),
    ]  # fmt: skip
    assert all(one["reason"] and one["message"] for one in errors)
    assert (await client.attributes("ada"))["plan"] == "pro"
    assert (await client.attributes("bob"))["plan"] == "basic"


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"batch": []}', b'{"batch": {}}'])
async def test_a_malformed_batch_is_refused_as_a_whole(client: SandboxClient, body: bytes) -> None:
    answer = await client.http.post("/api/v2/batch", content=body, auth=TRACK)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("operation", "field"),
    [
        ({}, "type"),
        ({"type": "ship"}, "type"),
        ({**ADA}, "action"),
        ({"type": "person", "action": "identify"}, "identifiers"),
        ({**identify("x"), "identifiers": {"phone": "+447700900001"}}, "identifiers"),
        ({**identify("x"), "identifiers": {"email": "nobody"}}, "identifiers.email"),
        ({**identify("x"), "attributes": "plan"}, "attributes"),
        (identify("x", long="y" * 1001), "attribute"),
        ({**ADA, "action": "merge", "primary": {"id": "a"}}, "secondary"),
        ({**ADA, "action": "add_relationships"}, "cio_relationships"),
        ({**ADA, "action": "delete_device"}, "device.token"),
        ({"type": "object", "action": "identify", "identifiers": {"object_id": "acme"}}, "identifiers"),
        ({**ACME, "identifiers": {"object_type_id": "9", "object_id": "a"}, "action": "delete"},
         "identifiers.object_type_id"),
        ({"type": "delivery", "action": "event", "identifiers": {"id": "x"}, "name": "read"}, "name"),
    ],
)  # fmt: skip
async def test_an_invalid_operation_names_the_wrong_field(client: SandboxClient, operation: Any, field: str) -> None:
    answer = await entity(client, **operation)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)
    assert (await client.state())["pending"] == 0


async def test_sizes_are_limited_for_each_and_for_all(client: SandboxClient) -> None:
    large = {f"a{number}": "x" * 900 for number in range(40)}
    assert (await entity(client, **identify("ada", **large))).status_code == 400
    answer = await batch(client, identify("ada", **large), identify("bob", plan="pro"))
    assert (answer.status_code, [one["batch_index"] for one in answer.json()["errors"]]) == (207, [0])
    half = {f"a{number}": "x" * 900 for number in range(30)}
    assert (await batch(client, *[identify("ada", **half)] * 20)).status_code == 400


async def test_a_wrong_key_gets_in_nowhere(client: SandboxClient) -> None:
    for path in ("/api/v2/entity", "/api/v2/batch"):
        assert (await client.http.post(path, json=identify("ada"))).status_code == 401


@pytest.mark.skipif(not is_here("track"), reason=MISSING)
async def test_the_published_examples_of_operations_are_accepted(client: SandboxClient) -> None:
    schemas = document("track")["components"]["schemas"]
    names = [name for name in schemas if name.startswith(("person_", "object_")) and "example" in schemas[name]]
    names += ["identify_person", "delivery_operations"]
    examples = [schemas[name]["example"] for name in names if "action" in schemas[name]["example"]]
    assert len(examples) > 10
    answer = await batch(client, *examples)
    assert answer.status_code == 200, answer.text
    failed = (await batch(client, *examples, "bad")).json()
    shape = {"type": "object", "required": ["batch_index", "reason", "field", "message"]}
    jsonschema.validate(failed["errors"], {"type": "array", "minItems": 1, "items": shape})
