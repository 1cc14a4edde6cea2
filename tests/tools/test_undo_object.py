"""The way back from changes of objects and devices, through a real client."""

from typing import Any

import pytest
from mcp import Client

from cio_mcp.sandbox import Sandbox
from cio_mcp.settings import Settings
from tests.clients import APPROVE, Person, connect, structured, text

pytestmark = pytest.mark.anyio

ACME = {"type": "1", "id": "acme"}


def settle(sandbox: Sandbox) -> None:
    sandbox.workspace.schedule.run_until(sandbox.clock.now() + 2)


def related(sandbox: Sandbox) -> set[str | None]:
    return {
        person.id
        for person in sandbox.workspace.people
        for relation in person.relationships
        if relation["identifiers"]["object_id"] == "acme"
    }


def devices(sandbox: Sandbox) -> dict[str, str]:
    ada = sandbox.workspace.people.get("id", "ada")
    assert ada
    return {device["id"]: device["platform"] for device in ada.devices}


async def change(client: Client, tool: str, **arguments: Any) -> str:
    done = structured(await client.call_tool(tool, arguments))
    assert done["status"] == "done", done
    return str(done["change"])


async def undo(client: Client, change_id: str) -> dict[str, Any]:
    return structured(await client.call_tool("undo_change", {"change": change_id}))


@pytest.fixture(autouse=True)
def acme(sandbox: Sandbox) -> None:
    sandbox.workspace.objects["1", "acme"] = {"name": "Acme", "seats": 40}


async def test_attributes_of_an_object_are_restored(settings: Settings, sandbox: Sandbox) -> None:
    person = Person(APPROVE)
    async with connect(settings, sandbox, "auto", person) as client:
        made = await change(client, "update_object", **ACME, action="set", attributes={"seats": 41, "tier": "gold"})
        assert (await undo(client, made))["status"] == "done"
    settle(sandbox)
    assert sandbox.workspace.objects["1", "acme"] == {"name": "Acme", "seats": "40"}
    assert "may be restored as text" in person.prompts[1].message


async def test_an_attribute_that_changed_since_is_not_restored(settings: Settings, sandbox: Sandbox) -> None:
    async with connect(settings, sandbox, "auto", Person(APPROVE)) as client:
        made = await change(client, "update_object", **ACME, action="set", attributes={"seats": 41})
        sandbox.workspace.objects["1", "acme"]["seats"] = 42
        refused = await client.call_tool("undo_change", {"change": made})
    assert refused.is_error
    assert "“seats” changed since then" in text(refused)


async def test_an_object_that_was_created_is_not_deleted(settings: Settings, sandbox: Sandbox) -> None:
    async with connect(settings, sandbox, "auto", Person(APPROVE)) as client:
        made = await change(
            client, "update_object", type="1", id="new", action="set", attributes={"name": "New"}, create=True
        )
        refused = await client.call_tool("undo_change", {"change": made})
    assert "it created the object, and an undo never deletes one" in text(refused)


async def test_only_relationships_that_a_change_added_are_removed(settings: Settings, sandbox: Sandbox) -> None:
    before = related(sandbox)
    assert "ada" in before
    async with connect(settings, sandbox, "auto", Person(APPROVE)) as client:
        made = await change(
            client, "update_object", **ACME, action="relate", customers=["ada", "two-1"], attributes={"role": "buyer"}
        )
        assert related(sandbox) == before | {"two-1"}
        assert (await undo(client, made))["status"] == "done"
    settle(sandbox)
    assert related(sandbox) == before


async def test_relationships_that_a_change_removed_are_added_again(settings: Settings, sandbox: Sandbox) -> None:
    before = related(sandbox)
    person = Person(APPROVE)
    async with connect(settings, sandbox, "auto", person) as client:
        made = await change(client, "update_object", **ACME, action="unrelate", customers=["ada"])
        assert (await undo(client, made))["status"] == "done"
    settle(sandbox)
    assert related(sandbox) == before
    assert "Attributes of the relationships don't come back." in person.prompts[1].message


@pytest.mark.parametrize(
    "arguments",
    [
        {"action": "add", "device": "token", "platform": "ios"},
        {"action": "add", "device": "device-ada-1", "platform": "android"},
        {"action": "remove", "device": "device-ada-1"},
    ],
)
async def test_a_device_is_as_it_was(arguments: dict[str, str], settings: Settings, sandbox: Sandbox) -> None:
    before = devices(sandbox)
    async with connect(settings, sandbox, "auto", Person(APPROVE)) as client:
        made = await change(client, "manage_device", customer="ada", **arguments)
        assert devices(sandbox) != before
        assert (await undo(client, made))["status"] == "done"
    settle(sandbox)
    assert devices(sandbox) == before


@pytest.mark.parametrize(
    ("tool", "arguments", "reason"),
    [
        ("remove_customer", {"customer": "eve", "action": "delete"}, "deletions can't be undone"),
        ("remove_customer", {"customer": "eve", "action": "suppress"}, "deletions can't be undone"),
        ("merge_customers", {"primary": "two-1", "secondary": "two-2"}, "merges can't be undone"),
        ("update_object", {**ACME, "action": "delete"}, "deletions can't be undone"),
    ],
)
async def test_what_cannot_come_back_says_so(
    tool: str, arguments: dict[str, str], reason: str, settings: Settings, sandbox: Sandbox
) -> None:
    async with connect(settings, sandbox, "auto", Person(APPROVE)) as client:
        made = await change(client, tool, **arguments)
        refused = await client.call_tool("undo_change", {"change": made})
    assert refused.is_error
    assert reason in text(refused)
