"""Every write tool through a real MCP client in both protocol eras: who says what, and what leaves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from mcp.client.context import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult, ErrorData

from cio_mcp.gate.plan import FROM_NOW_ON
from cio_mcp.gate.question import TOO_LARGE
from cio_mcp.sandbox import Sandbox
from cio_mcp.settings import Settings
from tests.clients import APPROVE, REJECT, Person, connect, effects, structured, text
from tests.eras import Era
from tests.examples import WRITES

pytestmark = pytest.mark.anyio


EVENT = {"customer": "ada", "name": "signed_up", "data": {"plan": "pro"}}
MESSAGE = {"message": "Order shipped", "customer": "ada", "data": {"order": 7}}


@pytest.fixture
def hasty(settings: Settings) -> Settings:
    """Settings with which nobody waits for an approval outside the client."""
    return settings.model_copy(update={"max_wait": 5.0})


@pytest.mark.sampled(8)
@pytest.mark.parametrize("tool", WRITES)
async def test_an_approved_write_happens_once_and_again_is_answered_without_sending(
    tool: str, era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(APPROVE)
    async with connect(settings, sandbox, era, person) as client:
        first = structured(await client.call_tool(tool, WRITES[tool].arguments(7)))
        sent = effects(sandbox)
        again = structured(await client.call_tool(tool, WRITES[tool].arguments(7)))
    assert first["status"] == "done"
    assert again["status"] == "already_done"
    assert sent == effects(sandbox) == 1
    assert len(person.prompts) == 1


@pytest.mark.parametrize("tool", WRITES)
@pytest.mark.parametrize(
    "answer",
    [
        REJECT,
        ElicitResult(action="decline"),
        ElicitResult(action="cancel"),
        ElicitResult(action="accept", content={}),
        ElicitResult(action="accept", content={"decision": "yes"}),
    ],
    ids=["reject", "decline", "cancel", "empty form", "another word"],
)
@pytest.mark.sampled(10)
async def test_anything_but_a_yes_sends_nothing(
    tool: str, answer: ElicitResult, era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    async with connect(settings, sandbox, era, Person(answer)) as client:
        result = await client.call_tool(tool, WRITES[tool].arguments(7))
    assert effects(sandbox) == 0
    assert result.is_error or structured(result)["status"] == "declined"


async def test_data_with_the_words_of_a_question_that_is_too_large_is_shown_in_the_client(
    era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(APPROVE)
    async with connect(settings, sandbox, era, person) as client:
        await client.call_tool("send_event", {**EVENT, "data": {"note": TOO_LARGE}})
    assert [TOO_LARGE in prompt.message for prompt in person.prompts] == [True]
    assert effects(sandbox) == 1


@pytest.mark.parametrize("content", [{}, {"decision": "yes"}], ids=["empty form", "another word"])
async def test_an_empty_form_is_not_reported_as_a_missing_argument(
    content: dict[str, str | int | float | bool | list[str] | None], era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(ElicitResult(action="accept", content=content))
    async with connect(settings, sandbox, era, person) as client:
        result = await client.call_tool("send_event", EVENT)
    assert "decision" not in str(result.content)
    assert "nothing was sent" in str(result.content).casefold()


@pytest.mark.parametrize("code", [-32601, -32603, -32000])
async def test_a_client_that_answers_the_question_with_an_error_counts_as_one_that_cannot_ask(
    code: int, hasty: Settings, sandbox: Sandbox
) -> None:
    prompts: list[ElicitRequestParams] = []

    async def fails(context: ClientRequestContext, params: ElicitRequestParams) -> ErrorData:
        await anyio.lowlevel.checkpoint()
        assert context is not None
        prompts.append(params)
        return ErrorData(code=code, message="Method not found")

    async with connect(hasty, sandbox, "legacy", fails) as client:
        result = await client.call_tool("send_event", EVENT)
    assert structured(result)["status"] == "approval_required"
    assert "Method not found" not in str(result.content)
    assert len(prompts) == 1
    assert effects(sandbox) == 0


@pytest.mark.sampled(6)
@pytest.mark.parametrize("tool", WRITES)
async def test_a_client_without_forms_learns_that_a_person_must_decide(
    tool: str, era: Era, hasty: Settings, sandbox: Sandbox
) -> None:
    async with connect(hasty, sandbox, era, None) as client:
        receipt = structured(await client.call_tool(tool, WRITES[tool].arguments(7)))
    assert receipt["status"] == "approval_required"
    assert "approve it in cio-mcp on their computer" in receipt["message"]
    assert receipt["next_step"] == "It waits for 60 minutes."
    assert "cio-mcp approvals" not in receipt["message"]
    assert "http" not in receipt["message"]
    assert effects(sandbox) == 0


async def test_the_question_states_the_facts_in_order_and_closes_with_the_change(
    era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(REJECT)
    async with connect(settings, sandbox, era, person) as client:
        await client.call_tool("send_event", EVENT)
    text = person.prompts[0].message
    places = [text.index(part) for part in ("signed_up", "Recipients", "Onboarding", "Values:", "Change ")]
    assert places == sorted(places)
    schema = person.prompts[0].requested_schema
    assert schema["properties"]["decision"]["oneOf"] == [
        {"const": "reject", "title": "Reject"},
        {"const": "approve", "title": "Approve: send 1 event; this may send messages"},
    ]
    assert "default" not in schema["properties"]["decision"]
    assert schema["required"] == ["decision"]


@pytest.mark.parametrize(
    ("arguments", "people"), [({"customer": "ada"}, "1 person"), ({"customers": ["ada", "bob"]}, "2 people")]
)
async def test_the_choice_says_that_an_edit_is_an_edit_even_if_it_may_send_messages(
    arguments: dict[str, Any], people: str, settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(REJECT)
    async with connect(settings, sandbox, "auto", person) as client:
        await client.call_tool("update_customer", {**arguments, "attributes": {"tier": "gold"}})
    title = person.prompts[0].requested_schema["properties"]["decision"]["oneOf"][1]["title"]
    assert title == f"Approve: update {people}; this may send messages"


@pytest.mark.parametrize(
    ("tool", "arguments", "choice"),
    [
        ("update_content", {"kind": "transactional", "id": "2", "subject": "Hi"}, f"edit 1 message; {FROM_NOW_ON}"),
        ("update_content", {"kind": "newsletter", "id": "31", "subject": "Hi"}, "edit 1 message"),
        ("update_snippet", {"name": "footer", "text": "Hi"}, f"change 1 snippet; {FROM_NOW_ON}"),
        ("update_snippet", {"name": "header", "text": "Hi", "action": "create"}, "create 1 snippet"),
        (
            "update_collection",
            {"action": "replace_rows", "collection": "offers", "rows": [{"id": "a"}]},
            f"change 1 collection; {FROM_NOW_ON}",
        ),
        ("update_collection", {"action": "delete", "collection": "offers"}, "delete 1 collection"),
        (
            "update_segment",
            {"action": "add", "segment": "3", "customers": ["bob"]},
            "add 1 customer; this may send messages",
        ),
        ("update_segment", {"action": "create", "name": "New"}, "create 1 segment"),
        ("update_segment", {"action": "delete", "segment": "3"}, "delete 1 segment"),
        ("manage_suppression", {"email": "ada@example.com", "action": "add"}, "suppress 1 address"),
        ("manage_suppression", {"email": "eve@example.com", "action": "remove"}, "stop suppressing 1 address"),
        ("update_webhook", {"webhook": "1", "action": "disable"}, "disable 1 webhook"),
        ("update_webhook", {"webhook": "1", "action": "delete"}, "delete 1 webhook"),
        (
            "write_api",
            {"operation": "delete_customer", "arguments": {"identifier": "eve"}},
            "make 1 request; it may delete or block data",
        ),
        ("write_api", {"operation": "export_customers", "body": {"filters": {}}}, "export personal data"),
    ],
)
@pytest.mark.sampled(8)
async def test_the_choice_names_what_is_changed_and_never_says_that_people_are_deleted_or_written_to_who_are_not(
    tool: str, arguments: dict[str, Any], choice: str, settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(REJECT)
    async with connect(settings, sandbox, "auto", person) as client:
        result = await client.call_tool(tool, arguments)
    assert person.prompts, text(result)
    title = person.prompts[0].requested_schema["properties"]["decision"]["oneOf"][1]["title"]
    assert title == f"Approve: {choice}"


@pytest.mark.parametrize(
    ("ago", "warning"), [(1, None), (100, "older than 72 hours"), (-30, "future")], ids=["recent", "old", "future"]
)
async def test_the_question_shows_when_an_event_happened(
    ago: int, warning: str | None, settings: Settings, sandbox: Sandbox
) -> None:
    person, at = Person(REJECT), (datetime.now(UTC) - timedelta(hours=ago)).isoformat(timespec="seconds")
    async with connect(settings, sandbox, "auto", person) as client:
        await client.call_tool("send_event", EVENT | {"timestamp": at})
    question = person.prompts[0].message
    assert at.removesuffix("+00:00") in question
    assert warning in question if warning else "Warnings" not in question


async def test_a_message_may_be_named_by_its_number(settings: Settings, sandbox: Sandbox) -> None:
    person = Person(REJECT)
    async with connect(settings, sandbox, "auto", person) as client:
        await client.call_tool("send_transactional", MESSAGE | {"message": 2})
    assert "Order shipped" in person.prompts[0].message


async def test_a_client_that_disconnects_during_its_question_sends_nothing(
    era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    prompted = anyio.Event()

    async def absent(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:  # noqa: ARG001
        prompted.set()
        await anyio.sleep_forever()
        raise AssertionError

    async with anyio.create_task_group() as group:

        async def call() -> None:
            async with connect(settings, sandbox, era, absent) as client:
                await client.call_tool("send_event", EVENT)

        group.start_soon(call)
        await prompted.wait()
        group.cancel_scope.cancel()
    assert effects(sandbox) == 0


async def test_another_client_and_another_tool_do_not_send_the_same_again(
    era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    arguments = MESSAGE
    async with connect(settings, sandbox, era, Person(APPROVE)) as client:
        first = structured(await client.call_tool("send_transactional", arguments))
    async with connect(settings, sandbox, era, Person(APPROVE)) as other:
        by_address = arguments | {"customer": "ada@example.com", "message": "2", "to": "ADA@example.com"}
        again = structured(await other.call_tool("send_transactional", by_address))
        meant = structured(await other.call_tool("send_transactional", by_address | {"repeat": True}))
    assert again["status"] == "already_done"
    assert again["change"] == first["change"]
    assert meant["status"] == "done"
    assert effects(sandbox) == 2


async def test_undeclared_arguments_are_refused_by_name(era: Era, settings: Settings, sandbox: Sandbox) -> None:
    async with connect(settings, sandbox, era, Person(APPROVE)) as client:
        result = await client.call_tool("send_event", EVENT | {"send_att": 5})
    assert result.is_error
    assert "send_att" in str(result.content)
    assert effects(sandbox) == 0


@pytest.mark.sampled(8)
@pytest.mark.parametrize(
    ("tool", "arguments", "named"),
    [
        ("send_event", {"customer": "nobody-at-all", "name": "x"}, "customer"),
        ("send_event", {"customer": "two@example.com", "name": "x"}, "customer"),
        ("send_event", {"customer": "ada", "name": " "}, "name"),
        ("send_event", {"customer": "ada", "name": "x" * 101}, "name"),
        ("send_event", {"customer": "ada", "name": "x", "timestamp": "yesterday"}, "timestamp"),
        ("send_event", {"customer": "ada", "name": "x", "timestamp": "0001-01-01T00:00:00+14:00"}, "timestamp"),
        ("send_event", {"customer": "ada", "name": "x", "data": {"recipient": "eve@example.com"}}, "recipient"),
        ("update_customer", {"customer": "ada", "attributes": {}}, "attributes"),
        ("update_customer", {"customer": "ada", "attributes": {"_update": False}}, "attributes"),
        ("update_customer", {"customer": "ada", "attributes": {"x": "y" * 1001}}, "attributes"),
        ("update_customer", {"customer": "nobody-at-all", "attributes": {"x": 1}}, "customer"),
        ("send_transactional", {"message": "No such", "customer": "ada"}, "message"),
        ("send_transactional", {"message": "2", "customer": "ada", "send_at": "tomorrow"}, "send_at"),
        ("send_transactional", {"message": "2", "customer": "ada", "options": {"bcc": "x@y.z"}}, "bcc"),
        ("send_transactional", {"message": "2", "customer": "ada", "to": "nobody"}, "to"),
        (
            "send_transactional",
            {"message": "Login code", "customer": "ada", "channel": "email"},
            "channel: “Login code” is an SMS, not an email. Omit channel, or pass sms",
        ),
        ("update_customer", {"customer": "ada", "attributes": {"email": "not-an-email"}}, "attributes.email"),
        ("update_customer", {"customer": "ada", "attributes": {"unsubscribed": "maybe"}}, "attributes.unsubscribed"),
        ("update_customer", {"customer": "ada", "attributes": {"created_at": "yesterday"}}, "attributes.created_at"),
    ],
)
async def test_an_unacceptable_value_is_refused_in_one_sentence_that_names_the_field(
    tool: str, arguments: dict[str, Any], named: str, settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(APPROVE)
    async with connect(settings, sandbox, "auto", person) as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    (content,) = result.content
    assert content.type == "text"
    assert named in content.text
    assert "\n" not in content.text
    assert not person.prompts
    assert effects(sandbox) == 0


async def test_a_receipt_has_the_warnings_that_the_person_was_shown_in_both_channels(
    settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(APPROVE)
    async with connect(settings, sandbox, "auto", person) as client:
        result = await client.call_tool("send_transactional", {"message": "Order shipped", "customer": "bob"})
    warning = next(line for line in person.prompts[0].message.splitlines() if "unsubscribed, so" in line)
    sentence = warning.removeprefix("- ")
    assert f"Warning: {sentence}" in text(result)
    assert any(sentence in str(each) for each in structured(result)["warnings"])


async def test_the_receipt_of_an_edit_has_the_old_and_the_new_value_in_both_channels(
    settings: Settings, sandbox: Sandbox
) -> None:
    call = {"customer": "ada", "attributes": {"plan": "gold"}}
    async with connect(settings, sandbox, "auto", Person(APPROVE)) as client:
        result = await client.call_tool("update_customer", call)
    assert "“plan”: “vip” → “gold”" in text(result)
    (edit,) = structured(result)["edits"]
    assert (edit["name"], edit["before"]["untrusted"], edit["after"]["untrusted"]) == ("plan", "vip", "gold")
