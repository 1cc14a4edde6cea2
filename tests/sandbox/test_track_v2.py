import json
import os
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from tests.sandbox.asking import TRACK, Asking

pytestmark = pytest.mark.anyio

PUBLISHED = Path(os.environ.get("SPECS_DIR", "/nowhere")) / "customer-io-track-api-openapi.json"
ADA = {"type": "person", "identifiers": {"id": "ada"}}
ACME = {"type": "object", "identifiers": {"object_type_id": "1", "object_id": "acme"}}


def identify(person: str, **attributes: Any) -> dict[str, Any]:
    return {"type": "person", "action": "identify", "identifiers": {"id": person}, "attributes": attributes}


async def entity(asking: Asking, **operation: Any) -> httpx.Response:
    return await asking.http.post("/api/v2/entity", json=operation, auth=TRACK)


async def batch(asking: Asking, *operations: Any) -> httpx.Response:
    return await asking.http.post("/api/v2/batch", json={"batch": operations}, auth=TRACK)


async def test_a_person_is_identified_later_than_accepted(asking: Asking) -> None:
    answer = await entity(asking, **identify("ada", plan="pro", seats=3))
    assert (answer.status_code, answer.json()) == (200, {})
    assert (await asking.state())["pending"] == 1
    attributes = await asking.attributes("ada")
    assert (attributes["plan"], attributes["seats"]) == ("pro", "3")


async def test_a_person_is_named_by_email_and_cio_id_too(asking: Asking) -> None:
    for identifiers in ({"email": "bob@example.com"}, {"cio_id": "a3000002"}):
        answer = await entity(asking, **{**identify("", town="Bonn"), "identifiers": identifiers})
        assert answer.status_code == 200
        assert (await asking.attributes("bob"))["town"] == "Bonn"
        await entity(asking, **{**identify("", town=""), "identifiers": identifiers})


@pytest.mark.parametrize("id_", ["ada@example.com", "cio_a3000001"])
async def test_an_id_is_an_id_whatever_it_looks_like(id_: str, asking: Asking) -> None:
    await batch(asking, identify(id_, town="Bonn"), identify(id_, street="Main St"))
    attributes = await asking.attributes(id_)
    assert (attributes["id"], attributes["town"], attributes["street"]) == (id_, "Bonn", "Main St")
    assert "town" not in await asking.attributes("ada")


async def test_an_event_holds_its_data_in_attributes_and_counts_once(asking: Asking) -> None:
    order = {**ADA, "action": "event", "name": "looked", "id": "01J8ZZZZZZZZZZZZZZZZZZZZZZ", "attributes": {"sku": "a"}}
    assert (await batch(asking, order, order)).status_code == 200
    asking.pause()
    [event] = (await asking.http.get("/_sandbox/events")).json()
    assert (event["customer"], event["name"], event["data"]) == ("ada", "looked", {"sku": "a"})


async def test_people_are_merged_suppressed_freed_and_deleted(asking: Asking) -> None:
    merge = {"type": "person", "action": "merge", "primary": {"id": "two-1"}, "secondary": {"id": "two-2"}}
    assert (await entity(asking, **merge)).status_code == 200
    asking.pause()
    bob = {"type": "person", "identifiers": {"id": "bob"}}
    assert (await batch(asking, {**bob, "action": "suppress"}, {**ADA, "action": "delete"})).status_code == 200
    for gone in ("two-2", "bob", "ada"):
        assert (await asking.app(f"/v1/customers/{gone}/attributes")).status_code == 404
    assert "bob" in asking.sandbox.workspace.people.suppressed
    await entity(asking, **bob, action="unsuppress")
    asking.pause()
    asking.sandbox.workspace.settle()
    assert "bob" not in asking.sandbox.workspace.people.suppressed


async def test_a_device_comes_and_goes(asking: Asking) -> None:
    def tokens() -> set[str]:
        asking.pause()
        asking.sandbox.workspace.settle()
        person = asking.sandbox.workspace.people.get("id", "bob")
        return {str(device["id"]) for device in person.devices} if person else set()

    bob = {"type": "person", "identifiers": {"id": "bob"}}
    await entity(asking, **bob, action="add_device", device={"token": "t-1", "platform": "ios"})
    assert tokens() == {"t-1"}
    await entity(asking, **bob, action="delete_device", device={"token": "t-1"})
    assert tokens() == set()


async def test_a_person_and_an_object_are_related_from_either_side(asking: Asking) -> None:
    async def companies(person: str) -> list[str]:
        found = await asking.found(f"/v1/customers/{person}/relationships")
        return [one["identifiers"]["object_id"] for one in found["cio_relationships"]]

    people = [{"identifiers": {"id": "bob"}, "relationship_attributes": {"role": "admin"}}]
    await entity(asking, **ACME, action="add_relationships", cio_relationships=people)
    assert await companies("bob") == ["acme"]
    own = [{"identifiers": ACME["identifiers"]}]
    bob = {"type": "person", "identifiers": {"id": "bob"}}
    await entity(asking, **bob, action="delete_relationships", cio_relationships=own)
    assert await companies("bob") == []
    await entity(asking, **identify("bob"), cio_relationships=own)
    assert await companies("bob") == ["acme"]
    await entity(asking, **ACME, action="delete")
    assert await companies("bob") == await companies("ada") == []
    assert asking.sandbox.workspace.objects == {}


async def test_an_object_keeps_its_attributes_until_they_are_cleared(asking: Asking) -> None:
    await entity(asking, **ACME, action="identify", attributes={"name": "Acme Corp", "plan": "big"})
    asking.pause()
    await entity(asking, **ACME, action="identify", attributes={"plan": ""})
    asking.pause()
    asking.sandbox.workspace.settle()
    assert asking.sandbox.workspace.objects["1", "acme"] == {"name": "Acme Corp"}


async def test_a_device_reports_that_a_message_was_opened(asking: Asking) -> None:
    number = (await asking.reset_password()).json()["delivery_id"]
    asking.pause(5)
    attributes = {"device_token": "device-ada-1"}
    answer = await entity(
        asking, type="delivery", action="event", name="opened", identifiers={"id": number}, attributes=attributes
    )
    assert answer.status_code == 200
    assert "opened" in (await asking.found(f"/v1/messages/{number}"))["message"]["metrics"]


async def test_a_batch_takes_the_good_and_names_each_bad_one(asking: Asking) -> None:
    answer = await batch(
        asking,
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
    assert (await asking.attributes("ada"))["plan"] == "pro"
    assert (await asking.attributes("bob"))["plan"] == "basic"


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"batch": []}', b'{"batch": {}}'])
async def test_what_is_no_batch_is_refused_whole(asking: Asking, body: bytes) -> None:
    answer = await asking.http.post("/api/v2/batch", content=body, auth=TRACK)
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
        ({"type": "object", "action": "identify", "identifiers": {"object_id": "acme"}}, "identifiers"),
        ({**ACME, "identifiers": {"object_type_id": "9", "object_id": "a"}, "action": "delete"},
         "identifiers.object_type_id"),
        ({"type": "delivery", "action": "event", "identifiers": {"id": "x"}, "name": "read"}, "name"),
    ],
)  # fmt: skip
async def test_an_operation_that_cannot_be_says_which_field_is_wrong(
    asking: Asking, operation: Any, field: str
) -> None:
    answer = await entity(asking, **operation)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)
    assert (await asking.state())["pending"] == 0


async def test_sizes_are_limited_for_each_and_for_all(asking: Asking) -> None:
    large = {f"a{number}": "x" * 900 for number in range(40)}
    assert (await entity(asking, **identify("ada", **large))).status_code == 400
    told = await batch(asking, identify("ada", **large), identify("bob", plan="pro"))
    assert (told.status_code, [one["batch_index"] for one in told.json()["errors"]]) == (207, [0])
    half = {f"a{number}": "x" * 900 for number in range(30)}
    assert (await batch(asking, *[identify("ada", **half)] * 20)).status_code == 400


async def test_a_wrong_key_gets_in_nowhere(asking: Asking) -> None:
    for path in ("/api/v2/entity", "/api/v2/batch"):
        assert (await asking.http.post(path, json=identify("ada"))).status_code == 401


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published specifications are not here (SPECS_DIR)")
async def test_the_published_examples_of_operations_are_accepted(asking: Asking) -> None:
    schemas = json.loads(PUBLISHED.read_text())["components"]["schemas"]
    names = [name for name in schemas if name.startswith(("person_", "object_")) and "example" in schemas[name]]
    names += ["identify_person", "delivery_operations"]
    examples = [schemas[name]["example"] for name in names if "action" in schemas[name]["example"]]
    assert len(examples) > 10
    answer = await batch(asking, *examples)
    assert answer.status_code == 200, answer.text
    failed = (await batch(asking, *examples, "bad")).json()
    shape = {"type": "object", "required": ["batch_index", "reason", "field", "message"]}
    jsonschema.validate(failed["errors"], {"type": "array", "minItems": 1, "items": shape})
