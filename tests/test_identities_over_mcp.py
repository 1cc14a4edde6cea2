"""Through a real client: the customer who is looked up, shown and reached is one and the same."""

from typing import Any

import pytest

from cio_mcp.sandbox import Sandbox
from cio_mcp.settings import Settings
from tests.clients import APPROVE, REJECT, Person, connect, effects, structured, text
from tests.eras import Era

pytestmark = pytest.mark.anyio

TRACK_ONLY = {"app_api_key": None}


CUSTOMER_TOOLS: dict[str, dict[str, Any]] = {
    "get_customer": {},
    "list_messages": {},
    "send_event": {"name": "probe"},
    "update_customer": {"attributes": {"a": "b"}},
    "send_transactional": {"message": "2"},
    "remove_customer": {"action": "delete"},
    "manage_device": {"action": "add", "device": "probe", "platform": "ios"},
}


@pytest.mark.parametrize("tool", CUSTOMER_TOOLS)
@pytest.mark.parametrize("customer", [".", "..", "../../segments", "x" * 151, "ada\u0007"])
@pytest.mark.parametrize("create", [False, True])
@pytest.mark.sampled(13)
async def test_a_customer_that_would_leave_its_place_in_the_path_is_refused_before_any_question(
    tool: str, customer: str, create: bool, settings: Settings, sandbox: Sandbox
) -> None:
    more = {"create": True} if create and tool == "update_customer" else {}
    person = Person(APPROVE)
    async with connect(settings, sandbox, "auto", person) as client:
        result = await client.call_tool(tool, {"customer": customer, **CUSTOMER_TOOLS[tool], **more})
    assert result.is_error
    assert text(result).startswith("customer: ")
    assert "CIO_" not in text(result)
    assert not person.prompts
    assert not any("/customers" in request["path"] or "/events" in request["path"] for request in sandbox.requests)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("send_event", {"customer": "..", "name": "probe"}),
        ("update_customer", {"customer": ".", "attributes": {"a": "b"}}),
        ("update_customer", {"customer": "..", "attributes": {"a": "b"}, "create": True}),
    ],
)
async def test_a_dot_segment_reaches_no_other_endpoint_where_only_the_track_keys_are_there(
    tool: str, arguments: dict[str, Any], settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(APPROVE)
    async with connect(settings.model_copy(update=TRACK_ONLY), sandbox, "auto", person) as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert text(result).startswith("customer: ")
    assert not person.prompts
    assert not effects(sandbox)


@pytest.mark.parametrize(
    ("tool", "arguments", "field"),
    [
        ("get_customer", {"customer": "9" * 3_000_000}, "customer"),
        ("find_customers", {"email": f"{'x' * 1_000_000}@example.com"}, "email"),
        ("find_customers", {"segment": "x" * 1_000_000}, "segment"),
        ("find_customers", {"segment": "1", "cursor": "x" * 100_000}, "cursor"),
        ("get_message", {"id": "9" * 3_000_000}, "id"),
        ("get_message", {"id": ".."}, "id"),
        ("get_campaign", {"id": "9" * 3_000_000}, "id"),
        ("list_messages", {"since": "2" * 1_000_000}, "since"),
        ("send_transactional", {"message": "x" * 1_000_000, "customer": "ada"}, "message"),
        ("send_transactional", {"message": "2", "customer": "ada", "to": f"{'x' * 2_000_000}@example.com"}, "to"),
        ("send_transactional", {"message": "2", "customer": "ada", "send_at": "2" * 1_000_000}, "send_at"),
        ("send_event", {"customer": "ada", "name": "x", "timestamp": "2" * 1_000_000}, "timestamp"),
    ],
)
async def test_an_argument_longer_than_customer_io_can_hold_is_named_with_its_bound(
    tool: str, arguments: dict[str, Any], field: str, settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(APPROVE)
    async with connect(settings, sandbox, "auto", person) as client:
        result = await client.call_tool(tool, arguments)
    answer = text(result)
    assert result.is_error
    assert answer.startswith(f"{field}: ")
    assert "bytes long" in answer or "cursor" in arguments or ".." in str(arguments)
    assert "CIO_" not in answer
    assert len(answer) < 300
    assert not person.prompts
    assert not effects(sandbox)


def profile_of(sandbox: Sandbox, cio_id: str) -> dict[str, Any]:
    person = sandbox.workspace.people.get("cio_id", cio_id)
    assert person is not None
    return {"id": person.id, "email": person.email, **person.attributes}


def writes(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [request for request in sandbox.requests if request["path"].startswith("/api/")]


def apply_writes(sandbox: Sandbox) -> None:
    """Let the sandbox apply what it has accepted, which it otherwise does within a second."""
    sandbox.workspace.schedule.run_until(sandbox.clock.now() + 2)


TAKEN = [("ada@example.com", "a3000001"), ("cio_a3000001", "a3000001"), ("bob@example.com", "a3000002")]


@pytest.mark.parametrize(("customer", "cio_id"), TAKEN)
@pytest.mark.sampled(3)
async def test_creating_an_id_that_names_a_customer_in_another_way_asks_about_that_customer(
    customer: str, cio_id: str, era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    before, people = profile_of(sandbox, cio_id), len(sandbox.workspace.people)
    person = Person(APPROVE)
    arguments = {"customer": customer, "id_type": "id", "create": True, "attributes": {"plan": "X1"}}
    async with connect(settings, sandbox, era, person) as client:
        result = await client.call_tool("update_customer", arguments)
    [question] = person.prompts
    assert not result.is_error
    assert "Create" not in question.message
    assert f"cio_{cio_id}" in question.message
    assert f"plan: “{before['plan']}” → “X1”" in question.message
    assert "No customer has the id" in question.message
    apply_writes(sandbox)
    assert profile_of(sandbox, cio_id)["plan"] == "X1"
    assert len(sandbox.workspace.people) == people


async def test_creating_an_email_that_is_the_id_of_a_customer_asks_about_that_customer(
    settings: Settings, sandbox: Sandbox
) -> None:
    bob = sandbox.workspace.people.get("id", "bob")
    assert bob
    sandbox.workspace.people.rename(bob, id="robert@example.org")
    person = Person(APPROVE)
    people = len(sandbox.workspace.people)
    arguments = {"customer": "robert@example.org", "create": True, "attributes": {"plan": "X1"}}
    async with connect(settings, sandbox, "auto", person) as client:
        await client.call_tool("update_customer", arguments)
    [question] = person.prompts
    assert "No customer has the email address “robert@example.org”" in question.message
    assert f"“robert@example.org” (cio_{bob.cio_id}), “bob@example.com”" in question.message
    apply_writes(sandbox)
    assert (bob.attributes["plan"], len(sandbox.workspace.people)) == ("X1", people)


async def test_an_email_must_be_an_address(era: Era, settings: Settings, sandbox: Sandbox) -> None:
    person = Person(APPROVE)
    for create in (False, True):
        arguments = {"customer": "bob", "id_type": "email", "create": create, "attributes": {"plan": "X1"}}
        async with connect(settings, sandbox, era, person) as client:
            result = await client.call_tool("update_customer", arguments)
        assert result.is_error
        assert text(result).startswith("customer: expected an email address")
    assert not person.prompts
    assert not writes(sandbox)


@pytest.mark.parametrize(
    ("customer", "id_type", "expected"),
    [
        ("new@example.org", "id", "the id “new@example.org”"),
        ("cio_nobody", "id", "the id “cio_nobody”"),
        ("+14155550100", "id", "the id “+14155550100”"),
        ("new-one", None, "the id “new-one”"),
        ("new@example.org", None, "the email address “new@example.org”"),
    ],
)
async def test_a_customer_is_created_by_exactly_the_identifier_that_the_question_names(
    customer: str, id_type: str | None, expected: str, settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(APPROVE)
    people = len(sandbox.workspace.people)
    arguments = {"customer": customer, "create": True, "attributes": {"plan": "X1"}}
    async with connect(settings, sandbox, "auto", person) as client:
        await client.call_tool("update_customer", arguments | ({"id_type": id_type} if id_type else {}))
    apply_writes(sandbox)
    [question] = person.prompts
    assert expected in question.message
    kind = "email" if "email" in expected else "id"
    created = sandbox.workspace.people.get(kind, customer)
    assert created is not None
    assert created.attributes["plan"] == "X1"
    assert (created.id, created.email) == ((customer, None) if kind == "id" else (None, customer))
    assert len(sandbox.workspace.people) == people + 1


async def test_creating_with_an_address_that_somebody_has_says_so(settings: Settings, sandbox: Sandbox) -> None:
    person = Person(REJECT)
    arguments = {"customer": "new-one", "create": True, "attributes": {"email": "Ada@example.com"}}
    async with connect(settings, sandbox, "auto", person) as client:
        await client.call_tool("update_customer", arguments)
    [question] = person.prompts
    assert "cio_a3000001 already has this email address" in question.message


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("send_event", {"name": "probe"}), ("update_customer", {"attributes": {"plan": "X1"}, "create": True})],
)
@pytest.mark.parametrize("customer", ["ada@example.com", "cio_a3000001", "+14155552671"])
async def test_with_the_track_keys_alone_an_id_of_any_shape_reaches_that_id(
    customer: str, tool: str, arguments: dict[str, Any], settings: Settings, sandbox: Sandbox
) -> None:
    before = profile_of(sandbox, "a3000001")
    person = Person(APPROVE)
    async with connect(settings.model_copy(update=TRACK_ONLY), sandbox, "auto", person) as client:
        await client.call_tool(tool, {"customer": customer, "id_type": "id", **arguments})
    apply_writes(sandbox)
    assert f"“{customer}” (an id)" in person.prompts[0].message
    assert sandbox.workspace.people.get("id", customer) is not None
    assert profile_of(sandbox, "a3000001") == before


@pytest.mark.parametrize("tool", ["send_event", "update_customer"])
@pytest.mark.parametrize("id_type", ["phone", None])
async def test_with_the_track_keys_alone_a_phone_number_is_not_an_id(
    tool: str, id_type: str | None, settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(APPROVE)
    arguments = {"customer": "+14155552671", **CUSTOMER_TOOLS[tool]} | ({"id_type": id_type} if id_type else {})
    async with connect(settings.model_copy(update=TRACK_ONLY), sandbox, "auto", person) as client:
        result = await client.call_tool(tool, arguments)
    [request] = writes(sandbox)
    assert (request["path"], request["status"]) == ("/api/v2/entity", 400)  # the sandbox knows no phone identifiers
    assert "“+14155552671” (a phone number)" in person.prompts[0].message
    assert result.is_error
    apply_writes(sandbox)
    assert sandbox.workspace.people.get("id", "+14155552671") is None


@pytest.mark.parametrize("keys", [{}, TRACK_ONLY])
@pytest.mark.parametrize("customer", ["cio_a3ffffff", "+14155550100"])
async def test_nobody_is_created_by_a_cio_id_or_a_phone_number(
    customer: str, keys: dict[str, Any], settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(APPROVE)
    arguments = {"customer": customer, "attributes": {"plan": "X1"}, "create": True}
    async with connect(settings.model_copy(update=keys), sandbox, "auto", person) as client:
        result = await client.call_tool("update_customer", arguments)
    assert result.is_error
    assert text(result).startswith("customer: ")
    assert not person.prompts


@pytest.mark.parametrize("tool", ["send_event", "update_customer"])
@pytest.mark.parametrize("customer", ["ada", "ada@example.com", "cio_a3000001"])
@pytest.mark.sampled(3)
async def test_with_the_track_keys_alone_an_identifier_of_the_kind_of_its_shape_stands_in_the_path(
    tool: str, customer: str, settings: Settings, sandbox: Sandbox
) -> None:
    async with connect(settings.model_copy(update=TRACK_ONLY), sandbox, "auto", Person(APPROVE)) as client:
        await client.call_tool(tool, {"customer": customer, **CUSTOMER_TOOLS[tool]})
    [request] = writes(sandbox)
    assert request["path"].startswith("/api/v1/customers/")


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        (
            "update_customer",
            {"create": True, "attributes": {"a": "b"}},
            "can't check whether the customer exists. If not",
        ),
        ("send_event", {"name": "probe"}, "can't check whether the customer exists. If not"),
        ("update_customer", {"attributes": {"a": "b"}}, "current values are unknown"),
    ],
)
async def test_with_the_track_keys_alone_the_question_says_that_it_is_not_known_whether_the_customer_exists(
    tool: str, arguments: dict[str, Any], expected: str, settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(REJECT)
    async with connect(settings.model_copy(update=TRACK_ONLY), sandbox, "auto", person) as client:
        await client.call_tool(tool, {"customer": "new-one", **arguments})
    [question] = person.prompts
    assert expected in question.message


async def test_the_hint_after_a_miss_does_not_lead_to_somebody_else(settings: Settings, sandbox: Sandbox) -> None:
    person = Person(APPROVE)
    async with connect(settings, sandbox, "auto", person) as client:
        missed = await client.call_tool("update_customer", {"customer": "nobody@example.com", "attributes": {"a": "b"}})
        read = await client.call_tool("get_customer", {"customer": "nobody@example.com", "id_type": "id"})
    assert "no customer has this email address" in text(missed)
    assert read.is_error
    assert not person.prompts


async def test_a_change_of_a_customer_whose_id_is_an_address_is_undone_on_that_customer(
    settings: Settings, sandbox: Sandbox
) -> None:
    sandbox.workspace.people.rename(sandbox.workspace.people.get("id", "bob"), id="ada@example.com")  # type: ignore[arg-type]
    before, ada = profile_of(sandbox, "a3000002"), profile_of(sandbox, "a3000001")
    arguments = {"customer": "ada@example.com", "id_type": "id", "attributes": {"plan": "X1"}}
    async with connect(settings, sandbox, "auto", Person(APPROVE)) as client:
        done = structured(await client.call_tool("update_customer", arguments))
        apply_writes(sandbox)
        assert profile_of(sandbox, "a3000002")["plan"] == "X1"
        undone = structured(await client.call_tool("undo_change", {"change": done["change"]}))
    apply_writes(sandbox)
    assert undone["status"] == "done"
    assert profile_of(sandbox, "a3000002") == before
    assert profile_of(sandbox, "a3000001") == ada


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        (
            "update_customer",
            {"attributes": {"created_at": 1764100000000}},
            "attributes.created_at: expected a Unix time in seconds (this looks like milliseconds)",
        ),
        ("update_customer", {"attributes": {"Created_At ": "1764100000000000"}}, "this looks like milliseconds"),
        ("update_customer", {"attributes": {"created_at": "\u00b2"}}, "attributes.created_at: expected a Unix time"),
        (
            "update_customer",
            {"attributes": {"created_at": "\uff11\uff12"}},
            "attributes.created_at: expected a Unix time",
        ),
        ("update_customer", {"attributes": {"created_at": True}}, "attributes.created_at: expected a Unix time"),
        (
            "update_customer",
            {"customer": "new-one", "create": True, "attributes": {"id": "x" * 151}},
            "attributes.id: is 151 bytes long",
        ),
        ("update_customer", {"attributes": {"pl\u200ban": "vip"}}, "invisible characters (U+200B)"),
        ("update_customer", {"attributes": {"pl\x00an": "vip"}}, "invisible characters (U+0000)"),
        ("send_event", {"name": "order_placed\u200b"}, "name: contains invisible characters (U+200B)"),
        ("send_event", {"name": "x", "data": {"order\u200b": 1}}, "invisible characters (U+200B)"),
        ("send_event", {"name": "x", "data": {"recipient\u00ad": "eve@example.com"}}, "invisible characters"),
        (
            "send_event",
            {"name": "x", "data": {"\uff52ecipient": "eve@example.com"}},
            "recipient: not allowed, because it would redirect",
        ),
        (
            "send_event",
            {"name": "x", "data": {"data.recipient": "eve@example.com"}},
            "recipient: not allowed, because it would redirect",
        ),
        ("update_customer", {"attributes": {"_update\u200b": False}}, "cannot be set"),
        ("update_customer", {"attributes": {"email": "{{x}}@example.com"}}, "attributes.email: expected one email"),
        ("send_transactional", {"message": "2", "to": "{{customer.email}}@example.com"}, "to: expected one email"),
        ("send_transactional", {"message": "2", "to": "a|b@example.com"}, "to: expected one email"),
        ("send_transactional", {"message": "2", "to": "a%b@example.com"}, "to: expected one email"),
    ],
)
@pytest.mark.sampled(8)
async def test_an_identifier_that_reads_as_another_kind_is_refused_before_any_question(
    tool: str, arguments: dict[str, Any], expected: str, settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(APPROVE)
    async with connect(settings, sandbox, "auto", person) as client:
        result = await client.call_tool(tool, {"customer": "ada", **arguments})
    assert result.is_error
    assert expected in text(result)
    assert not person.prompts
    assert not effects(sandbox)
