"""Whom a long list names: as few requests as possible, in the background where they take longer than a call."""

import anyio
import anyio.lowlevel
import pytest

from cio_mcp.customerio.api.base import Reference
from cio_mcp.errors import CioError, Unavailable
from cio_mcp.jobs.lookups import KEPT_SECONDS, Lookups
from cio_mcp.jobs.segment_list import PersonKey
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.sandbox.world.people import Person
from cio_mcp.tools.common import list_lookup
from cio_mcp.tools.common.list_lookup import look_up
from cio_mcp.tools.common.people_lookup import NO_CUSTOMER
from cio_mcp.workspace import CallContext
from tests.clock import ManualClock

pytestmark = pytest.mark.anyio

IDS = [Reference(f"n{number}") for number in range(250)]
EMAILS = [Reference(f"n{number}@example.com", "email") for number in range(250)]
PROFILES = "/v1/customers/attributes"


def add_people(sandbox: Sandbox) -> None:
    """Add two hundred people: half of the last hundred references are known, and as many are not."""
    people = sandbox.workspace.people
    for number in range(200):
        people.add(Person(people.new_cio_id(), f"n{number}", f"n{number}@example.com", 1_700_000_000))


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every list is long, and no call waits for it."""
    monkeypatch.setattr(list_lookup, "MAX_AT_ONCE", 0)
    monkeypatch.setattr(list_lookup, "WAIT_SECONDS", 0.0)


async def finish(lookups: Lookups) -> None:
    while lookups.pending:
        await lookups.moved.wait()


async def test_a_hundred_people_take_one_request(ws: CallContext, sandbox: Sandbox) -> None:
    add_people(sandbox)
    found = await look_up(ws, IDS)
    assert [found[one] for one in IDS[200:]] == [NO_CUSTOMER] * 50
    assert all(isinstance(found[one], PersonKey) for one in IDS[:200])
    assert len(sandbox.requests) == 3


async def test_known_addresses_take_one_request_for_a_hundred_and_unknown_ones_two(
    ws: CallContext, sandbox: Sandbox
) -> None:
    add_people(sandbox)
    found = await look_up(ws, EMAILS)
    assert [found[one] for one in EMAILS[200:]] == [NO_CUSTOMER] * 50
    assert found[EMAILS[7]] == PersonKey(id="n7", email="n7@example.com", cio_id=_cio_id(sandbox, "n7"))
    assert len(sandbox.requests) == 4


def _cio_id(sandbox: Sandbox, id_: str) -> str:
    person = sandbox.workspace.people.get("id", id_)
    assert person
    return person.cio_id


async def test_every_kind_is_found_and_a_shared_address_names_nobody(ws: CallContext) -> None:
    shared = Reference("TWO@example.com", "email")
    references = [Reference("ada"), Reference("cio_a3000002", "cio_id"), Reference("EVE@example.com", "email"), shared]
    found = await look_up(ws, references)
    assert [person.id for person in found.values() if isinstance(person, PersonKey)] == ["ada", "bob", "eve"]
    assert "2 customers share it (cio_a3000003, cio_a3000004)" in str(found[shared])


async def test_unknown_addresses_are_not_looked_up_one_by_one_where_they_identify_nobody(
    ws: CallContext, sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault("POST", PROFILES, "status:400", times=-1))
    found = await look_up(ws, [*EMAILS[:99], Reference("ada@example.com", "email")])
    assert sum(isinstance(person, PersonKey) for person in found.values()) == 1
    assert len(sandbox.requests) == 2


@pytest.mark.usefixtures("slow")
async def test_a_long_list_is_found_in_the_background_and_once(ws: CallContext, sandbox: Sandbox) -> None:
    add_people(sandbox)
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"0 of 250 are done. Nothing was sent. Call again .* in about 3 s"):
            await look_up(ws, IDS)
    await finish(ws.lookups)
    found = await look_up(ws, IDS)
    assert sum(isinstance(person, PersonKey) for person in found.values()) == 200
    assert len(sandbox.requests) == 3


@pytest.mark.usefixtures("slow")
async def test_a_failure_in_the_background_is_reported_and_the_rest_is_found_later(
    ws: CallContext, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_lookup, "AT_ONCE", 1)
    add_people(sandbox)
    with pytest.raises(Unavailable):
        await look_up(ws, IDS)
    sandbox.faults.append(Fault("POST", PROFILES, "status:403", times=-1))
    await finish(ws.lookups)
    done = len(ws.lookups.found)
    assert done < 250
    with pytest.raises(Unavailable, match=f"{done} of 250"):
        await look_up(ws, IDS)
    await finish(ws.lookups)
    assert isinstance(ws.lookups.failure, CioError)
    sandbox.faults.clear()
    with pytest.raises(Unavailable, match=f"{done} of 250"):
        await look_up(ws, IDS)
    await finish(ws.lookups)
    assert len(await look_up(ws, IDS)) == 250


async def test_an_unforeseen_failure_in_the_background_ends_nothing_else(
    ws: CallContext, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object) -> None:
        await anyio.lowlevel.checkpoint()
        raise RuntimeError("ada@example.com")

    monkeypatch.setattr(list_lookup, "MAX_AT_ONCE", 0)
    monkeypatch.setattr(list_lookup, "_find", fail)
    with pytest.raises(Unavailable, match="for a reason that this server did not foresee"):
        await look_up(ws, IDS)
    assert not ws.lookups.pending
    assert "ada@example.com" not in caplog.text


async def test_results_are_forgotten_half_an_hour_after_their_last_use() -> None:
    clock = ManualClock()
    lookups = Lookups(clock)
    async with anyio.create_task_group() as tasks:
        assert lookups.claim(IDS[:2]) == IDS[:2]
        lookups.keep(dict.fromkeys(IDS[:2], NO_CUSTOMER))
        tasks.start_soon(lookups.expire)
        tasks.start_soon(lookups.expire)
        await clock.advance(KEPT_SECONDS - 1)
        assert lookups.claim(IDS[:2]) == []
        await clock.advance(KEPT_SECONDS - 1)
        assert len(lookups.found) == 2
        await clock.advance(KEPT_SECONDS)
        assert not lookups.found
    assert lookups.claim(IDS[:2]) == IDS[:2]


def test_only_so_many_results_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cio_mcp.jobs.lookups.MAX_KEPT", 5)
    lookups = Lookups(ManualClock())
    lookups.keep(dict.fromkeys(lookups.claim(IDS[:4]), NO_CUSTOMER))
    assert lookups.claim(IDS[3:6]) == IDS[3:6]
    assert not lookups.found
