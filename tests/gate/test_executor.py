"""Requests in a row, batches that are accepted in part, and values that are read back."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import anyio
import pytest
from pydantic import JsonValue

from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.batches import batch
from cio_mcp.customerio.call import Call
from cio_mcp.customerio.caller import Work
from cio_mcp.customerio.client import Client
from cio_mcp.customerio.operations import OPERATIONS
from cio_mcp.customerio.writer import Result, Writer
from cio_mcp.gate.change import Change
from cio_mcp.gate.executor import NOUNS, Executor
from cio_mcp.gate.plan import Plan, arguments_digest
from cio_mcp.gate.receipt import Receipt
from cio_mcp.gate.values import same
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.tools.core.update_customer import update_customer
from cio_mcp.workspace import CallContext
from tests.callers import work_of
from tests.carrying_out import approve

pytestmark = pytest.mark.anyio

Planner = Callable[[], Awaitable[Plan]]
EVENTS, BATCH = "/api/v1/customers/{identifier}/events", "/api/v2/batch"
PROFILE = "/v1/customers/{customer_id}/attributes"


class FaultAfterFirst(Writer):
    """The first request meets no fault, the second does."""

    def __init__(self, client: Client, sandbox: Sandbox, fault: Fault) -> None:
        super().__init__(client)
        self._sandbox, self._fault = sandbox, fault

    async def send(self, call: Call, work: Work) -> Result:
        result = await super().send(call, work)
        self._sandbox.faults.append(self._fault)
        return result


def with_execution(ws: CallContext, executor: Executor) -> CallContext:
    return replace(ws, gate=replace(ws.gate, executor=executor))


def with_fault_after_first(ws: CallContext, sandbox: Sandbox, fault: Fault) -> CallContext:
    executor = ws.gate.executor
    return with_execution(ws, replace(executor, writer=FaultAfterFirst(executor.client, sandbox, fault)))


async def carry_out(ws: CallContext, plan: Planner) -> Receipt:
    row = await ws.gate.propose(ws.caller.id, "a tool", arguments_digest({}), plan)
    assert isinstance(row, Change), row
    await approve(ws.gate, row)
    return await ws.gate.make(row, plan, work_of(ws.caller))


def planner(*calls: Call) -> Planner:
    async def plan() -> Plan:
        await anyio.lowlevel.checkpoint()
        return Plan(risk="send", summary="Write.", calls=calls)

    return plan


def event(number: int) -> Call:
    return tracking.event(Reference("ada"), "signed_up", {}, ulid=f"01HZZZZZZZZZZZZZZZZZZZZZZ{number}", at=None)


@pytest.mark.parametrize("kind", ["status:400", "status:403"])
async def test_requests_of_which_a_later_one_is_refused_have_happened_in_part(
    kind: str, ws: CallContext, sandbox: Sandbox
) -> None:
    faulty = with_fault_after_first(ws, sandbox, Fault("POST", EVENTS, kind))
    receipt = await carry_out(faulty, planner(event(1), event(2), event(3)))
    assert receipt.status == "unknown"
    assert "1 of 3 requests were accepted, then one failed" in receipt.message
    assert sum(request["path"].endswith("/events") for request in sandbox.requests) == 2


async def test_a_batch_whose_second_try_fails_names_all_that_was_refused(ws: CallContext, sandbox: Sandbox) -> None:
    faulty = with_fault_after_first(ws, sandbox, Fault("POST", BATCH, "status:400"))
    person: dict[str, JsonValue] = {"type": "person", "identifiers": {"id": "ada"}}
    wrong = person | {"action": "event"}  # without a name
    fine = person | {"action": "identify", "attributes": {"shoe": "42"}}
    receipt = await carry_out(faulty, planner(batch([wrong, fine, wrong])))
    assert receipt.status == "partly_done"
    assert "2 of 3 operations were not accepted" in receipt.message
    assert "0 (name), 2 (name)" in receipt.message


async def test_a_look_that_fails_does_not_end_the_read_back(ws: CallContext, sandbox: Sandbox) -> None:
    async def sleep(seconds: float) -> None:
        sandbox.workspace.clock.advance(seconds)
        await anyio.lowlevel.checkpoint()
        if not looks:
            sandbox.faults.append(Fault("GET", PROFILE, "status:404"))
        looks.append(seconds)

    looks: list[float] = []
    patient = with_execution(ws, replace(ws.gate.executor, sleep=sleep))
    receipt = await carry_out(
        patient, partial(update_customer, patient, "ada", attributes={"favourite_colour": "teal"})
    )
    assert (receipt.status, receipt.verified) == ("done", True)
    assert len(looks) > 1


@pytest.mark.parametrize(
    "value",
    ["teal", "", "007", 10, True, 1.5, ["a", "é"], {"b": 1, "a": ["x"]}, [], None],
)
@pytest.mark.sampled(3)
async def test_a_value_of_any_kind_is_read_back_and_then_is_so_already(value: JsonValue, ws: CallContext) -> None:
    plan = partial(update_customer, ws, "ada", attributes={"favourite": value})
    await carry_out(ws, partial(update_customer, ws, "ada", attributes={"favourite": "red"}))
    assert (await carry_out(ws, plan)).verified is True
    again = await ws.gate.propose(ws.caller.id, "a tool", arguments_digest({}), plan)
    assert isinstance(again, Receipt)
    assert again.status == "already_done"


def test_the_receipt_has_the_id_of_everything_that_a_request_makes() -> None:
    made = {
        row.id for row in OPERATIONS.values() if row.answer_id and row.evidence != "delivery" and row.method == "POST"
    }
    assert NOUNS.keys() == made


def test_json_is_the_same_however_it_is_spaced_and_ordered() -> None:
    assert same('{"a": [1, "é"],"b":2}', {"b": 2, "a": [1, "é"]})


@pytest.mark.parametrize(
    ("read", "wanted"),
    [
        ("Gold", "gold"),
        ("null", None),
        ("True", True),
        ("[1, 2", [1, 2]),
        ("[2, 1]", [1, 2]),
        ("a", ["a"]),
        ("[1, 2]", "[1,2]"),
        (None, []),
    ],
)
def test_another_value_is_not_taken_for_the_one_that_was_written(read: JsonValue, wanted: JsonValue) -> None:
    assert not same(read, wanted)
