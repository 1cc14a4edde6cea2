"""Objects: found by their attributes, and read with the people who are related to them."""

from typing import Any

import pytest

from tests.sandbox.sandbox_client import TRACK, SandboxClient

pytestmark = pytest.mark.anyio


async def identify(client: SandboxClient, object_id: str, **attributes: Any) -> None:
    body = {
        "type": "object",
        "action": "identify",
        "identifiers": {"object_type_id": "1", "object_id": object_id},
        "attributes": attributes,
    }
    assert (await client.http.post("/api/v2/entity", json=body, auth=TRACK)).status_code == 200
    client.pause()


async def search(client: SandboxClient, condition: Any, query: str = "") -> Any:
    body = {"object_type_id": "1", "filter": condition}
    return await client.app(f"/v1/objects{query}", method="POST", json=body)


def attribute(field: str, value: str | None = None, type_id: str = "1") -> dict[str, Any]:
    compare = {"operator": "exists"} if value is None else {"operator": "eq", "value": value}
    return {"object_attribute": {"field": field, "type_id": type_id, **compare}}


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (attribute("seats", "3"), ["zeta"]),
        (attribute("seats"), ["zeta"]),
        ({"not": attribute("seats")}, ["acme"]),
        ({"or": [attribute("seats"), {"not": attribute("seats")}]}, ["acme", "zeta"]),
        ({"and": [attribute("name", "Zeta"), attribute("seats", "4")]}, []),
    ],
)
async def test_objects_are_found_by_their_attributes(client: SandboxClient, condition: Any, found: list[str]) -> None:
    objects = client.sandbox.workspace.objects
    objects.clear()
    objects["1", "acme"] = {"name": "Acme"}
    await identify(client, "zeta", name="Zeta", seats=3)
    answer = (await search(client, condition)).json()
    assert answer["ids"] == found
    assert [each["object_id"] for each in answer["identifiers"]] == found


async def test_a_page_of_objects_leads_to_the_next(client: SandboxClient) -> None:
    client.sandbox.workspace.objects.clear()
    for name in ("a", "b", "c"):
        await identify(client, name, name=name)
    first = (await search(client, attribute("name"), "?limit=2")).json()
    rest = (await search(client, attribute("name"), f"?limit=2&start={first['next']}")).json()
    assert (first["ids"], rest["ids"], rest["next"]) == (["a", "b"], ["c"], "")


@pytest.mark.parametrize(
    "condition",
    [None, {}, [], {"and": []}, {"attribute": {"field": "x", "operator": "exists"}}, attribute("x", type_id="2")],
)
async def test_a_filter_that_is_not_one_is_refused(client: SandboxClient, condition: Any) -> None:
    assert (await search(client, condition)).status_code == 400


async def test_an_object_is_read_with_the_people_who_are_related_to_it(client: SandboxClient) -> None:
    await identify(client, "acme", seats=3)
    record = (await client.get_json("/v1/objects/1/acme/attributes"))["object"]
    assert record["attributes"]["seats"] == "3"
    assert record["identifiers"] == {"object_id": "acme", "cio_object_id": "ob_acme"}
    same = await client.get_json("/v1/objects/1/ob_acme/attributes", id_type="cio_object_id")
    assert same["object"] == record
    related = (await client.get_json("/v1/objects/1/acme/relationships"))["cio_relationships"]
    assert "ada" in [each["identifiers"]["id"] for each in related]
    assert (await client.app("/v1/objects/1/nothing/attributes")).status_code == 404
    assert (await client.app("/v1/objects/9/acme/relationships")).status_code == 404


async def test_a_merge_fills_what_is_empty_and_moves_recent_events(client: SandboxClient) -> None:
    await client.track("PUT", "/customers/two-2", {"plan": "lost", "only_two": "kept"})
    await client.track("POST", "/customers/two-2/events", {"name": "viewed"})
    client.pause()
    client.sandbox.workspace.settle()
    await client.track("POST", "/merge_customers", {"primary": {"id": "two-1"}, "secondary": {"id": "two-2"}})
    client.pause()
    attributes = await client.attributes("two-1")
    assert (attributes["plan"], attributes["only_two"]) == ("pro", "kept")
    activities = (await client.get_json("/v1/customers/two-1/activities", type="event"))["activities"]
    assert "viewed" in [activity["name"] for activity in activities]
