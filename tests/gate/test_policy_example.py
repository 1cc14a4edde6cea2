"""The policy file that the documentation offers, as it stands, against an assistant that is on its own."""

from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from cio_mcp.customerio import batches
from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.call import Call
from cio_mcp.errors import UserError
from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import Plan, arguments_digest
from cio_mcp.gate.policy import Entry, Policy, Recipients
from cio_mcp.gate.policy_file import policy_of
from cio_mcp.sandbox import Sandbox
from cio_mcp.settings import Settings
from cio_mcp.tools.core.send_transactional import send_transactional
from cio_mcp.tools.core.update_customer import update_customer
from cio_mcp.workspace import CallContext, open_workspace
from tests.callers import caller_named

pytestmark = pytest.mark.anyio

EXAMPLE = Path(__file__).parents[2] / "docs" / "policy.example.toml"
HIJACK: dict[str, JsonValue] = {"email": "x1@test.example.com", "plan": "hijacked", "unsubscribed": True}
ALLOWS_ALL = Policy(
    classes={risk: Entry("allow") for risk in ("data", "send", "destroy")},
    recipients=Recipients(frozenset({"qa@example.com"}), frozenset({"test.example.com"})),
)


@pytest.fixture
async def example(settings: Settings, sandbox: Sandbox) -> AsyncIterator[CallContext]:
    policy = policy_of(settings.model_copy(update={"policy_file": EXAMPLE}))
    async with open_workspace(settings, sandbox=sandbox, policy=policy) as opened:
        yield opened.acting(caller_named("local:assistant"))


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize(
    ("customer", "id_type", "attributes"),
    [
        ("cio_a3000001", "id", HIJACK),
        ("ada@example.com", "id", HIJACK),
        ("ada@example.com", "id", {"unsubscribed": True}),
        ("ada@example.com", "id", {"plan": "x"}),
        ("cio_a3000001", "id", {"plan": "x"}),
        ("ADA@example.com", "id", HIJACK),
        ("cio_a3000001", None, HIJACK),
        ("ada@example.com", None, HIJACK),
        ("ada", None, HIJACK),
        ("nobody-yet", None, HIJACK),
        ("nobody-yet", "id", {"email": "qa@example.com"}),
        ("nobody@example.org", None, HIJACK),
        ("nobody@example.org", "id", HIJACK),
        ("cio_nobody", "id", HIJACK),
        ("+14155550100", "id", HIJACK),
        ("{{customer.email}}@test.example.com", None, {"plan": "x"}),
        ("x1@test.example.com", None, {"id": "ada"}),
        ("x1@test.example.com", None, {"email": "ada@example.com"}),
        ("x1@test.example.com", None, {"Email": "x2@test.example.com"}),
        ("x1@test.example.com", None, {"phone": "+14155550100"}),
        ("ada", None, {"email ": "x1@test.example.com"}),
        ("ada", None, {"\uff45mail": "x1@test.example.com"}),
        ("ada", None, {"cio_subscription_preferences[topics][topic_1]": False}),
        ("ada", None, {"_cio_subscription_preferences_computed": {"topics": {"topic_1": False}}}),
    ],
)
@pytest.mark.sampled(6)
async def test_nobody_is_taken_over_without_a_person(
    example: CallContext, sandbox: Sandbox, customer: str, id_type: Any, attributes: dict[str, JsonValue], create: bool
) -> None:
    plan = partial(update_customer, example, customer, attributes=dict(attributes), create=create, id_type=id_type)
    with suppress(UserError):  # what is refused is not done either
        row = await example.gate.propose(example.caller.id, "update_customer", arguments_digest({}), plan)
        assert isinstance(row, Change)
        assert row.state == "planned"
    assert not [request for request in sandbox.requests if request["method"] != "GET"]


@pytest.mark.parametrize("to", ["{{customer.email}}@test.example.com", "a|b@test.example.com", "a%b@test.example.com"])
async def test_nothing_is_sent_to_an_address_that_is_a_template(example: CallContext, to: str) -> None:
    recipients = Recipients(domains=frozenset({"test.example.com"}))
    assert not recipients.covers_all((to,), ())
    with pytest.raises(Exception, match="to: expected one email address"):
        await send_transactional(example, "2", "ada", to=to)


async def test_a_customer_of_an_allowed_address_may_be_created_without_a_person(example: CallContext) -> None:
    plan = partial(update_customer, example, "x1@test.example.com", attributes={"plan": "x"}, create=True)
    row = await example.gate.propose(example.caller.id, "update_customer", arguments_digest({}), plan)
    assert isinstance(row, Change)
    assert row.state == "approved"


NOBODY: dict[str, JsonValue] = {"type": "person", "identifiers": {"id": "nobody"}}
CREATING: dict[str, Call] = {
    "a path": tracking.identify(Reference("nobody"), {"plan": "x"}, at=1, create=True),
    "an operation": tracking.identify(Reference("nobody@x.org"), {"plan": "x"}, at=1, create=True),
    "an event": tracking.event(Reference("nobody"), "x", {}, ulid="1", at=None),
    "an address": tracking.identify(Reference("eve@example.com", "email"), {}, at=1, create=True),
    "a batch": batches.batch([{**NOBODY, "action": "identify", "attributes": {"_update": "false"}}]),
    "a device": batches.batch([{**NOBODY, "action": "add_device", "device": {"token": "t", "platform": "ios"}}]),
}


@pytest.mark.parametrize("risk", ["data", "send", "destroy"])
@pytest.mark.parametrize("written", CREATING)
def test_no_plan_that_creates_somebody_else_is_allowed_whatever_it_says_of_itself(written: str, risk: Any) -> None:
    plan = Plan(risk=risk, summary="Set.", recipients=("qa@example.com",), calls=(CREATING[written],))
    assert ALLOWS_ALL.rule_of("a_tool", plan) == "confirm"


def test_a_change_that_creates_only_allowed_people_or_none_is_allowed() -> None:
    for person, create in (
        (Reference("qa@example.com", "email"), True),
        (Reference("x@test.example.com", "email"), True),
        (Reference("nobody"), False),
        (Reference("cio_a3000001", "cio_id"), True),
    ):
        call = tracking.identify(person, {"plan": "x"}, at=1, create=create)
        plan = Plan(risk="send", summary="Set.", recipients=("qa@example.com",), calls=(call,))
        assert ALLOWS_ALL.rule_of("a_tool", plan) == "allow"
