"""A rule of the policy about a tool binds the same operation by whatever tool it is requested."""

from dataclasses import replace

import pytest
from pydantic import JsonValue

from cio_mcp.customerio.call import Call
from cio_mcp.customerio.operations import OPERATIONS
from cio_mcp.errors import Refused
from cio_mcp.gate.plan import Plan, arguments_digest
from cio_mcp.gate.policy import Entry, Policy, Recipients
from cio_mcp.gate.typed_tools import PREFERRED_TOOLS, TYPED_TOOLS
from cio_mcp.sandbox import Sandbox
from cio_mcp.settings import Settings
from cio_mcp.tools.api.read_api import read_api
from cio_mcp.tools.api.write_api import write_api
from cio_mcp.tools.catalog import TOOLS
from cio_mcp.workspace import CallContext
from tests.examples import WRITES

SPECS = {spec.name: spec for spec in TOOLS}
GENERIC = {"undo_change", "write_api", "read_api", "search_api"}
Body = dict[str, JsonValue]
EVENT: Body = {"type": "person", "action": "event", "identifiers": {"id": "ada"}, "name": "signed_up"}

OPERATIONS_OF_EVENTS: tuple[tuple[str, Body, Body], ...] = (
    ("track_event", {"name": "signed_up"}, {"identifier": "ada"}),
    ("person_event", EVENT, {}),
    ("apply_batch", {"batch": [EVENT]}, {}),
    ("pipelines_event", {"event": "signed_up", "userId": "ada"}, {}),
    ("track_anonymous_event", {"name": "signed_up", "anonymous_id": "x"}, {}),
)


def test_the_table_names_operations_and_typed_tools_that_exist_and_that_do_what_they_do() -> None:
    assert TYPED_TOOLS.keys() <= OPERATIONS.keys()
    for id_, tools in TYPED_TOOLS.items():
        assert not GENERIC & {*tools}
        assert len(tools) == len({*tools})
        assert all(OPERATIONS[id_].writes == SPECS[name].is_write for name in tools), id_
    assert all(tool in TYPED_TOOLS[id_] for id_, tool in PREFERRED_TOOLS.items())


@pytest.mark.anyio
@pytest.mark.parametrize("tool", sorted(WRITES.keys() - GENERIC))
async def test_the_table_knows_the_operations_that_a_typed_tool_plans(tool: str, ws: CallContext) -> None:
    plan = await SPECS[tool].function(ws, **WRITES[tool].arguments(1))
    assert isinstance(plan, Plan)
    assert plan.operations
    assert all(tool in TYPED_TOOLS[operation] for operation in plan.operations)


@pytest.mark.anyio
@pytest.mark.parametrize(("operation", "body", "arguments"), OPERATIONS_OF_EVENTS)
async def test_a_hidden_tool_hides_its_operations_from_every_other_one(
    operation: str, body: Body, arguments: Body, ws: CallContext
) -> None:
    gate = replace(ws.gate, policy=Policy(tools={"send_event": Entry("hide")}))

    async def plan() -> Plan:
        return await write_api(ws, operation, arguments, body)

    with pytest.raises(Refused, match="doesn't allow this kind of change"):
        await gate.propose(ws.caller.id, "write_api", arguments_digest({"operation": operation}), plan)


def written() -> Plan:
    attributes: Body = {"plan": "pro", "_update": True}
    body: Body = {"type": "person", "action": "identify", "identifiers": {"id": "ada"}, "attributes": attributes}
    call = Call(operation="person_identify", body=body)
    return Plan(risk="data", summary="Set.", recipients=("ada@example.com",), calls=(call,))


EVERYTHING = Policy(
    classes={"data": Entry("allow"), "send": Entry("allow")}, recipients=Recipients(frozenset({"ada@example.com"}))
)


@pytest.mark.parametrize("tool", ["write_api", "undo_change"])
def test_the_stricter_of_both_rules_wins(tool: str) -> None:
    assert EVERYTHING.rule_of(tool, written()) == "allow"
    confirmed = replace(EVERYTHING, tools={"update_customer": Entry("confirm")})
    assert confirmed.rule_of(tool, written()) == "confirm"
    both = replace(EVERYTHING, tools={"update_customer": Entry("hide"), tool: Entry("allow")})
    assert both.rule_of(tool, written()) == "hide"


def test_what_is_allowed_for_a_typed_tool_is_not_allowed_for_another_one() -> None:
    policy = Policy(tools={"update_customer": Entry("allow")}, recipients=EVERYTHING.recipients)
    assert policy.rule_of("update_customer", written()) == "allow"
    assert policy.rule_of("write_api", written()) == "confirm"


def test_a_rule_of_another_tool_for_the_same_operation_does_not_bind_a_typed_tool() -> None:
    policy = replace(EVERYTHING, tools={"write_api": Entry("hide"), "send_event": Entry("hide")})
    assert policy.rule_of("update_customer", written()) == "allow"


def test_what_is_only_decided_outside_is_also_decided_there_when_another_tool_requests_it() -> None:
    policy = Policy(tools={"update_customer": Entry(approval="outside")})
    for tool, asks in (("write_api", False), ("undo_change", False), ("update_customer", False), ("send_event", True)):
        plan = Plan(risk="send", summary="Send.") if asks else written()
        assert policy.asks_here(tool, plan, Settings(), may_be_asked=True) is asks
    assert Policy().asks_here("write_api", written(), Settings(), may_be_asked=True)


@pytest.mark.anyio
async def test_a_read_of_a_hidden_tool_is_refused_before_it_is_made(ws: CallContext, sandbox: Sandbox) -> None:
    hiding = replace(ws, gate=replace(ws.gate, policy=Policy(tools={"get_message": Entry("hide")})))
    with pytest.raises(Refused, match="doesn't allow get_message"):
        await read_api(hiding, "get_archived_message", {"message_id": "x"})
    assert not sandbox.requests
    assert (await read_api(hiding, "list_segments")).records


def test_a_cap_counts_every_request_of_a_batch_whose_people_are_unknown() -> None:
    batch = Call(operation="pipelines_batch", body={"batch": [{"type": "track", "event": "x", "anonymousId": "a"}] * 7})
    assert Plan(risk="send", summary="Send.", affected=None, calls=(batch,)).people_reached == 7
    broadcast = Call(operation="trigger_broadcast", path={"broadcast_id": "1"}, body={})
    assert Plan(risk="send", summary="Send.", affected=None, calls=(broadcast,)).people_reached == 1


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("export_customers", {"filters": {"segment": {"id": 1}}}),
        ("export_deliveries", {"newsletter_id": 31}),
    ],
)
async def test_no_policy_allows_an_export_without_a_person(operation: str, body: Body, ws: CallContext) -> None:
    plan = await write_api(ws, operation, {}, body)
    allows = replace(EVERYTHING, tools={"write_api": Entry("allow")}, large_audience=10**9)
    assert allows.rule_of("write_api", plan) == "confirm"
    named = plan.model_copy(update={"risk": "data", "affected": 1, "recipients": ("ada@example.com",)})
    assert allows.rule_of("write_api", named) == "confirm"
    assert plan.affected == 0
    assert "personal data" in plan.why
