"""Objects through a real client: found, read, and changed, with the customers who are related to them."""

from collections.abc import Callable
from typing import Any

import pytest
from mcp.client.context import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.world.profiles import relate
from cio_mcp.settings import Settings
from tests.clients import APPROVE, Person, connect, effects, structured, text
from tests.eras import Era

pytestmark = pytest.mark.anyio

NAME_IS_ACME = {"attribute": {"field": "name", "operator": "eq", "value": "Acme"}}


def settle(sandbox: Sandbox) -> None:
    sandbox.workspace.schedule.run_until(sandbox.clock.now() + 2)


def related(sandbox: Sandbox, object_id: str) -> dict[str | None, Any]:
    return {
        person.id: relation["attributes"]
        for person in sandbox.workspace.people
        for relation in person.relationships
        if relation["identifiers"]["object_id"] == object_id
    }


def add(sandbox: Sandbox, object_id: str, *people: str, **attributes: Any) -> None:
    sandbox.workspace.objects["1", object_id] = attributes
    for id_ in people:
        person = sandbox.workspace.people.get("id", id_)
        assert person
        one = {"identifiers": {"object_type_id": "1", "object_id": object_id}, "relationship_attributes": {}}
        relate(person, {"action": "add_relationships", "relationships": [one]})


@pytest.fixture(autouse=True)
def objects(sandbox: Sandbox) -> None:
    sandbox.workspace.objects.clear()
    for person in sandbox.workspace.people:
        person.relationships = []
    add(sandbox, "acme", "ada", "bob", name="Acme", seats=40)
    add(sandbox, "zeta", name="Zeta")
    add(sandbox, "alone")


@pytest.mark.parametrize("kind", ["1", "Companies", "company", "COMPANIES"])
async def test_a_type_is_known_by_its_id_and_its_names(kind: str, settings: Settings, sandbox: Sandbox) -> None:
    async with connect(settings, sandbox, "auto", None) as client:
        found = structured(await client.call_tool("find_objects", {"type": kind}))
    assert [each["object_id"] for each in found["objects"]] == ["acme", "zeta", "alone"]
    assert found["total"] == 3


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        (NAME_IS_ACME, ["acme"]),
        ({"not": NAME_IS_ACME}, ["zeta", "alone"]),
        ({"and": [{"attribute": {"field": "name", "operator": "exists"}}, {"not": NAME_IS_ACME}]}, ["zeta"]),
        ({"or": [{"and": [NAME_IS_ACME, {"attribute": {"field": "seats", "operator": "eq", "value": 40}}]}]}, ["acme"]),
    ],
)
async def test_objects_are_found_by_a_filter_of_any_depth(
    condition: dict[str, Any], ids: list[str], settings: Settings, sandbox: Sandbox
) -> None:
    async with connect(settings, sandbox, "auto", None) as client:
        found = structured(await client.call_tool("find_objects", {"type": "1", "filter": condition}))
    assert [each["object_id"] for each in found["objects"]] == ids


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"type": "1", "filter": {"segment": {"id": 1}}}, "filter: objects are in no segment"),
        ({"type": "1", "filter": {"not": {"or": [{"segment": {"id": 1}}]}}}, "filter: objects are in no segment"),
        ({"type": "1", "filter": {"attribut": {}}}, "filter: unknown key “attribut” (did you mean attribute?)"),
        ({"type": "1", "ids": ["a"], "filter": NAME_IS_ACME}, "ids: omit filter and cursor"),
        ({"ids": ["acme"]}, "type: is required with other arguments; there are “Companies” (id 1)"),
        ({"type": "planets"}, "type: no object type is “planets”; there are “Companies” (id 1)"),
    ],
)
async def test_a_search_that_cannot_be_meant_is_refused(
    arguments: dict[str, Any], fault: str, settings: Settings, sandbox: Sandbox
) -> None:
    async with connect(settings, sandbox, "auto", None) as client:
        refused = await client.call_tool("find_objects", arguments)
    assert refused.is_error
    assert fault in text(refused)


async def test_pages_of_objects_and_of_related_customers_lead_to_the_rest(settings: Settings, sandbox: Sandbox) -> None:
    async with connect(settings, sandbox, "auto", None) as client:
        first = structured(await client.call_tool("find_objects", {"type": "1", "limit": 2}))
        rest = structured(await client.call_tool("find_objects", {"type": "1", "limit": 2, "cursor": first["cursor"]}))
        acme = {"type": "1", "id": "acme", "customers": True, "limit": 1}
        one = structured(await client.call_tool("get_object", acme))
        two = structured(await client.call_tool("get_object", {**acme, "cursor": one["cursor"]}))
    assert [each["object_id"] for each in [*first["objects"], *rest["objects"]]] == ["acme", "zeta", "alone"]
    assert [each["id"] for each in [*one["customers"], *two["customers"]]] == ["ada", "bob"]
    assert one["attributes"]["seats"] == {"untrusted": "40"}


async def test_ids_are_read_with_their_attributes_and_missing_ones_are_named(
    settings: Settings, sandbox: Sandbox
) -> None:
    arguments = {"type": "1", "ids": ["acme", "nothing", "alone", "acme"]}
    async with connect(settings, sandbox, "auto", None) as client:
        result = await client.call_tool("find_objects", arguments)
    found = structured(result)
    assert [each["object_id"] for each in found["objects"]] == ["acme", "alone"]
    assert found["missing"] == ["nothing"]
    assert "No object has these IDs: “nothing”." in text(result)


async def test_attributes_are_set_with_the_number_of_related_customers(
    era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    arguments = {"type": "1", "id": "acme", "action": "set", "attributes": {"seats": 41, "name": "Acme"}}
    person = Person(APPROVE)
    async with connect(settings, sandbox, era, person) as client:
        done = structured(await client.call_tool("update_object", arguments))
        again = structured(await client.call_tool("update_object", arguments))
    [prompt] = person.prompts
    assert "2 customers are related to it." in prompt.message
    assert "Recipients: 2 people." in prompt.message
    assert "“ada” (cio_a3000001)" in prompt.message
    assert "Object attributes.seats: “40” → 41." in prompt.message
    assert "Object attributes.name" not in prompt.message
    assert (done["status"], done["verified"], again["status"]) == ("done", True, "already_done")
    assert sandbox.workspace.objects["1", "acme"] == {"name": "Acme", "seats": 41}


async def test_an_object_is_created_only_on_request(settings: Settings, sandbox: Sandbox) -> None:
    arguments = {"type": "1", "id": "new", "action": "set", "attributes": {"name": "New"}}
    person = Person(APPROVE)
    async with connect(settings, sandbox, "auto", person) as client:
        refused = await client.call_tool("update_object", arguments)
        assert "id: no object of type 1 has the ID “new”. For a new object, pass create=true." in text(refused)
        assert not person.prompts
        done = structured(await client.call_tool("update_object", {**arguments, "create": True}))
    assert "Create the object “new”" in person.prompts[0].message
    assert done["verified"] is True
    assert sandbox.workspace.objects["1", "new"] == {"name": "New"}


async def test_customers_are_related_and_those_who_are_already_are_left_out(
    settings: Settings, sandbox: Sandbox
) -> None:
    arguments = {"type": "1", "id": "acme", "action": "relate", "customers": ["ada", "eve", "eve", "two-1"]}
    person = Person(APPROVE)
    async with connect(settings, sandbox, "auto", person) as client:
        done = structured(await client.call_tool("update_object", arguments))
        again = structured(await client.call_tool("update_object", arguments))
    [prompt] = person.prompts
    for part in ("to 3 customers", "Left out, because already related: “ada”.", "“eve” (cio_", "“two@example.com”"):
        assert part in prompt.message
    assert (done["verified"], again["status"]) == (True, "already_done")
    assert related(sandbox, "acme").keys() == {"ada", "bob", "eve", "two-1"}


async def test_attributes_of_a_relationship_can_be_set(settings: Settings, sandbox: Sandbox) -> None:
    arguments = {"type": "1", "id": "acme", "action": "relate", "customers": ["ada"], "attributes": {"role": "buyer"}}
    person = Person(APPROVE)
    async with connect(settings, sandbox, "auto", person) as client:
        assert structured(await client.call_tool("update_object", arguments))["status"] == "done"
    assert "relationship_attributes.role: “buyer”" in person.prompts[0].message
    settle(sandbox)
    assert related(sandbox, "acme")["ada"] == {"role": "buyer"}


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ({"action": "unrelate", "customers": ["bob", "eve"]}, {"ada"}),
        ({"action": "delete"}, set()),
    ],
)
async def test_what_destroys_needs_the_id_of_the_object_typed(
    arguments: dict[str, Any], left: set[str], settings: Settings, sandbox: Sandbox
) -> None:
    wrong = Person(ElicitResult(action="accept", content={"decision": "approve", "confirmation": "Acme"}))
    full = {"type": "1", "id": "acme", **arguments}
    async with connect(settings, sandbox, "auto", wrong) as client:
        declined = structured(await client.call_tool("update_object", full))
        assert (declined["status"], effects(sandbox)) == ("declined", 0)
        wrong.answer = APPROVE
        done = structured(await client.call_tool("update_object", full))
        again = structured(await client.call_tool("update_object", full))
    assert "type “acme”, in the same case" in wrong.prompts[0].message
    assert (done["verified"], again["status"]) == (True, "already_done")
    assert related(sandbox, "acme").keys() == left
    assert (("1", "acme") in sandbox.workspace.objects) == bool(left)


async def test_a_deletion_is_shown_again_if_the_object_changed(settings: Settings, sandbox: Sandbox) -> None:
    class Changing(Person):
        async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
            changes.pop(0)()
            return await super().__call__(context, params)

    changes: list[Callable[[], None]] = [
        lambda: add(sandbox, "acme", "eve", name="Acme", seats=40),
        lambda: None,
    ]
    person = Changing(APPROVE)
    arguments = {"type": "1", "id": "acme", "action": "delete"}
    async with connect(settings, sandbox, "auto", person) as client:
        first = structured(await client.call_tool("update_object", arguments))
        assert (first["status"], effects(sandbox)) == ("approval_required", 0)
        assert structured(await client.call_tool("update_object", arguments))["status"] == "done"
    assert "“eve” (cio_" in person.prompts[1].message


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"action": "set"}, "attributes: is required to set"),
        ({"action": "relate"}, "customers: is required to relate"),
        ({"action": "delete", "customers": ["ada"], "attributes": {"x": 1}}, "attributes: omit it to delete"),
        ({"action": "unrelate", "customers": ["ada"], "create": True}, "create: applies only to set"),
        ({"action": "relate", "customers": ["ada", "nobody"]}, "no. 2 “nobody”: no customer has it"),
        ({"action": "relate", "customers": ["ada"] * 51}, "customers: has 51 entries; at most 50 per call"),
        ({"action": "set", "attributes": {"x": "y" * 1001}}, "attributes.x: is 1,001 bytes long"),
        ({"action": "set", "attributes": {" ": 1}}, "attributes: has an empty name"),
        ({"id": "..", "action": "delete"}, "id: must not be or contain the path segments"),
    ],
)
async def test_a_change_that_cannot_be_meant_is_refused_before_any_question(
    arguments: dict[str, Any], fault: str, settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(APPROVE)
    async with connect(settings, sandbox, "auto", person) as client:
        refused = await client.call_tool("update_object", {"type": "1", "id": "acme", **arguments})
    assert refused.is_error
    assert fault in text(refused)
    assert not person.prompts
    assert effects(sandbox) == 0


async def test_an_object_with_too_many_customers_to_count_says_so_and_needs_its_id_typed(
    settings: Settings, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cio_mcp.customerio.api.objects.RELATED_PER_PAGE", 1)
    monkeypatch.setattr("cio_mcp.tools.objects.target.RELATED_PAGES", 1)
    person = Person(APPROVE)
    arguments = {"type": "1", "id": "acme", "action": "set", "attributes": {"seats": 1}}
    async with connect(settings, sandbox, "auto", person) as client:
        await client.call_tool("update_object", arguments)
    [prompt] = person.prompts
    assert "More than 1 customers are related to it." in prompt.message
    assert "Recipients: an unknown number of people." in prompt.message
    assert "type “acme”" in prompt.message
