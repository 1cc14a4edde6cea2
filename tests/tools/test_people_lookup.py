"""Whom a list of identifiers names: one search for addresses, and no guess where it may have missed somebody."""

import pytest

from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.api.people import Person
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.tools.common import people_lookup
from cio_mcp.tools.common.people_lookup import NO_CUSTOMER, find_people, read_entries
from cio_mcp.workspace import CallContext

pytestmark = pytest.mark.anyio

ADA, TWO = Reference("ada@example.com", "email"), Reference("two@example.com", "email")


def lookups(sandbox: Sandbox) -> int:
    return sum((request["method"], request["path"]) == ("GET", "/v1/customers") for request in sandbox.requests)


async def test_an_address_in_another_case_is_found_although_the_search_minds_case(
    ws: CallContext, sandbox: Sandbox
) -> None:
    ada = sandbox.workspace.people.get("id", "ada")
    assert ada
    sandbox.workspace.people.rename(ada, email="Ada@Example.com")
    found = await find_people(ws, [ADA, Reference("bob@example.com", "email")])
    assert isinstance(found[ADA], Person)
    assert lookups(sandbox) == 1


NEW = [Reference(f"new{number}@example.com", "email") for number in range(50)]


async def test_addresses_that_nobody_has_cost_one_request(ws: CallContext, sandbox: Sandbox) -> None:
    customers = await find_people(ws, [*NEW, ADA])
    assert [customers[one] for one in NEW] == [NO_CUSTOMER] * 50
    assert isinstance(customers[ADA], Person)
    assert lookups(sandbox) == 0
    assert len(sandbox.requests) == 3


async def test_among_addresses_that_nobody_has_one_in_another_case_is_found(ws: CallContext, sandbox: Sandbox) -> None:
    ada = sandbox.workspace.people.get("id", "ada")
    assert ada
    sandbox.workspace.people.rename(ada, email="Ada@Example.com")
    customers = await find_people(ws, [*NEW, ADA])
    assert isinstance(customers[ADA], Person)
    assert lookups(sandbox) == 1


async def test_where_an_address_identifies_nobody_each_is_looked_up(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("POST", "/v1/customers/attributes", "status:400"))
    customers = await find_people(ws, [*NEW[:3], ADA])
    assert [customers[one] for one in NEW[:3]] == [NO_CUSTOMER] * 3
    assert isinstance(customers[ADA], Person)
    assert lookups(sandbox) == 3


async def test_a_search_that_does_not_list_everybody_is_not_taken_for_the_whole(
    ws: CallContext, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_lookup, "MAX_SEARCH_RESULTS", 1)
    found = await find_people(ws, [TWO, ADA])
    assert "2 customers share it" in str(found[TWO])
    assert isinstance(found[ADA], Person)
    assert lookups(sandbox) == 2


async def test_nobody_is_looked_for_where_nobody_is_named(ws: CallContext, sandbox: Sandbox) -> None:
    assert await find_people(ws, []) == {}
    assert not sandbox.requests


async def test_every_kind_of_identifier_is_found_and_unknown_ones_are_reported(ws: CallContext) -> None:
    references = [
        Reference("ada"),
        Reference("cio_a3000002", "cio_id"),
        Reference("nobody"),
        Reference("cio_x", "cio_id"),
    ]
    found = await find_people(ws, references)
    assert [one.id if isinstance(one, Person) else one for one in found.values()] == [
        "ada",
        "bob",
        NO_CUSTOMER,
        NO_CUSTOMER,
    ]


async def test_an_id_that_says_so_and_a_cio_id_without_its_prefix_are_found_too(ws: CallContext) -> None:
    named = [Reference("ada", "id"), Reference("a3000001", "cio_id"), Reference("nobody", "id")]
    found = await find_people(ws, named)
    assert [isinstance(found[one], Person) for one in named] == [True, True, False]
    assert len(found) == len(named)


def test_ids_are_different_in_case_and_addresses_are_not() -> None:
    entries, faults = read_entries(["Ada", "ada", "ADA@x.io", "ada@x.io", " ", "ada"], None)
    assert [entry.text for entry in entries] == ["Ada", "ada", "ADA@x.io"]
    assert list(faults) == [5]
