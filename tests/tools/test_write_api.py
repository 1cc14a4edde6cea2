"""Any write: what is checked before it, what its question shows, and what it never gets past."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import JsonValue

from cio_mcp.customerio.call import Call, read
from cio_mcp.customerio.operations import OPERATIONS
from cio_mcp.errors import Ambiguous, InvalidArgument, NotFound, Refused
from cio_mcp.gate.guardrails import check, check_plan
from cio_mcp.gate.plan import Plan
from cio_mcp.gate.policy import Entry, Policy, Recipients
from cio_mcp.gate.question import question_about
from cio_mcp.sandbox import Sandbox
from cio_mcp.settings import Settings
from cio_mcp.tools.api.write_api import write_api
from cio_mcp.tools.core.send_event import send_event
from cio_mcp.tools.core.send_transactional import send_transactional
from cio_mcp.tools.core.trigger_broadcast import trigger_broadcast
from cio_mcp.workspace import CallContext, Workspace, open_workspace
from tests.callers import caller_named

pytestmark = pytest.mark.anyio

Body = dict[str, JsonValue]
ADA: Body = {"id": "ada"}
SEND: Body = {
    "transactional_message_id": 2,
    "identifiers": ADA,
    "to": "ada@example.com",
    "send_to_unsubscribed": False,
    "message_data": {"order_id": 7, "from": "the data of a template may have any names"},
}
EVENT: Body = {"type": "person", "action": "event", "identifiers": ADA, "name": "signed_up"}
NEWSLETTER: Body = {
    "name": "Spring", "type": "email", "recipients": {"segment": {"id": 1}}, "subject": "Hello", "body": "<p>Hello</p>",
}  # fmt: skip
OPEN = Policy(
    classes=dict.fromkeys(("data", "send", "destroy"), Entry(rule="allow")),
    recipients=Recipients(addresses=frozenset({"ada@example.com", "ada"}), domains=frozenset({"example.com"})),
    large_audience=10**9,
)
"""A policy that allows as much as one can."""


async def plan_of(ws: CallContext, operation: str, body: Body | None = None, /, **arguments: JsonValue) -> Plan:
    plan = await write_api(ws, operation, arguments, body)
    check_plan(plan)
    return plan


def batch_of(*elements: Body) -> Body:
    return {"batch": list(elements)}


def text_of(plan: Plan) -> str:
    return question_about(plan, "1a2b3c4d").text


REFUSED: dict[str, tuple[str, Body | None, dict[str, JsonValue], str]] = {
    "sender of a send": ("send_email", SEND | {"from": "x@evil.example"}, {}, "from: not allowed"),
    "sender by id": ("send_email", SEND | {"from_id": 7}, {}, "from_id is not a field"),
    "bcc of a send": ("send_email", SEND | {"bcc": "x@evil.example"}, {}, "bcc: not allowed"),
    "cc of a send": ("send_email", SEND | {"cc": "x@evil.example"}, {}, "cc: not allowed"),
    "headers of a send": ("send_email", SEND | {"headers": "[]"}, {}, "headers: not allowed"),
    "bcc in capitals": ("send_in_app", SEND | {"BCC": "x@evil.example"}, {}, "bcc: not allowed"),
    "several addresses": ("send_email", SEND | {"to": "a@x.example, b@y.example"}, {}, "expected one email address"),
    "Liquid as address": ("send_email", SEND | {"to": "{{ customer.email }}"}, {}, "expected one email address"),
    "no choice": (
        "send_email",
        {name: value for name, value in SEND.items() if name != "send_to_unsubscribed"},
        {},
        "send_to_unsubscribed",
    ),
    "null as choice": ("send_email", SEND | {"send_to_unsubscribed": None}, {}, "send_to_unsubscribed"),
    "null as choice, unchecked": ("send_in_app", SEND | {"send_to_unsubscribed": None}, {}, "send_to_unsubscribed"),
    "sender of a campaign": (
        "update_campaign_action",
        {"from": "x@evil.example"},
        {"campaign_id": 1, "action_id": 101},
        "from: not allowed",
    ),
    "Liquid that does not parse": (
        "update_campaign_action",
        {"body": "Hello {{ customer.first_name"},
        {"campaign_id": 1, "action_id": 101},
        "body.body: its Liquid doesn't parse",
    ),
    "a snippet that does not parse": (
        "update_snippet",
        {"name": "footer", "value": "{% if x %}"},
        {},
        "its Liquid doesn't parse",
    ),
    "a snippet in use": ("delete_snippet", None, {"snippet_name": "footer"}, "doesn't delete a snippet that is in use"),
    "recipient of a campaign": (
        "update_campaign_action",
        {"recipient": "x@evil.example"},
        {"campaign_id": 1, "action_id": 101},
        "recipient: not allowed",
    ),
    "another campaign in the body": (
        "update_campaign_action",
        {"campaign_id": 2, "subject": "x"},
        {"campaign_id": 1, "action_id": 101},
        "body.campaign_id differs from campaign_id",
    ),
    "sender deep in an unchecked body": (
        "create_newsletter",
        NEWSLETTER | {"content": [{"fake_bcc": True}]},
        {},
        "fake_bcc: not allowed",
    ),
    "sender of a new newsletter": ("create_newsletter", NEWSLETTER | {"from": "x@evil.example"}, {}, "from_id and rep"),
    "reserved key of an event": (
        "track_event",
        {"name": "x", "data": {"recipient": "x@evil.example"}},
        {"identifier": "ada"},
        "recipient: not allowed",
    ),
    "reserved key in other letters": (
        "track_event",
        {"name": "x", "data": {"Reply_To ": "x@evil.example"}},
        {"identifier": "ada"},
        "reply_to: not allowed",
    ),
    "reserved key in a batch": (
        "apply_batch",
        batch_of({**EVENT, "attributes": {"from_address": "x@evil.example"}}),
        {},
        "from_address: not allowed",
    ),
    "reserved key in Pipelines": (
        "pipelines_batch",
        batch_of({"type": "track", "event": "x", "userId": "ada", "properties": {"recipient": "x@evil.example"}}),
        {},
        "recipient: not allowed",
    ),
    "an event that hides its name": (
        "track_event",
        {"name": "signed_up\u200b"},
        {"identifier": "ada"},
        "invisible characters",
    ),
    "action in other letters": ("apply_entity", EVENT | {"action": "Delete"}, {}, "action: write it as “delete”"),
    "action with spaces": ("apply_entity", EVENT | {"action": " event"}, {}, "action: write it as “event”"),
    "another action than named": ("person_event", EVENT | {"action": "delete"}, {}, "belongs to person_delete"),
    "unknown action": ("apply_entity", EVENT | {"action": "explode"}, {}, "no action has these"),
    "unknown action in a batch": ("apply_batch", batch_of(EVENT, {"type": "person"}), {}, "body.batch[2].type and"),
    "an action by the name of an event": (
        "pipelines_event",
        {"event": "User Deleted", "userId": "ada"},
        {},
        "belongs to pipelines_delete_person",
    ),
    "a batch in a batch": (
        "pipelines_batch",
        batch_of({"type": "batch", "batch": [{"type": "identify", "userId": "ada"}]}),
        {},
        "body.batch[1].type: expected identify",
    ),
    "a type in other letters": (
        "pipelines_batch",
        batch_of({"type": "Identify", "userId": "ada"}),
        {},
        "expected iden",
    ),
    "an empty batch": ("apply_batch", {"batch": []}, {}, "body.batch: expected a list of requests"),
    "a second action": ("apply_entity", EVENT | {"Action": "delete"}, {}, "Action is not"),
    "two identifiers": (
        "person_delete",
        {"identifiers": {"id": "ada", "email": "bob@example.com"}},
        {},
        "identifiers: expected exactly one",
    ),
    "two identifiers in a batch": (
        "apply_batch",
        batch_of(EVENT | {"identifiers": {"id": "ada", "cio_id": "cio_a3000002"}}),
        {},
        "body.batch[1].identifiers: expected exactly one",
    ),
    "a time of its own": (
        "identify_customer",
        {"_timestamp": 4_000_000_000, "plan": "x"},
        {"identifier": "ada"},
        "_timestamp is set by this server",
    ),
    "an id of its own": ("track_event", {"name": "x", "id": "01HZ"}, {"identifier": "ada"}, "id is set by this server"),
    "a time of its own in a batch": (
        "apply_batch",
        batch_of({"type": "person", "action": "identify", "identifiers": ADA, "timestamp": 1}),
        {},
        "timestamp is set by this server",
    ),
    "a path out of its segment": ("delete_segment", None, {"segment_id": "../customers/ada"}, "path segments"),
    "a path of dots": ("delete_customer", None, {"identifier": ".."}, "path segments"),
    "an empty path": ("delete_segment", None, {"segment_id": " "}, "must not be empty"),
    "a list as path": ("delete_segment", None, {"segment_id": ["3"]}, "segment_id: expected text"),
    "a query that is not published": ("delete_segment", None, {"segment_id": 3, "force": True}, "force is not an arg"),
    "a body that is not taken": ("delete_segment", {"segment_id": 4}, {"segment_id": 3}, "takes none"),
    "a field that is not published": (
        "create_segment",
        {"segment": {"name": "x"}, "sgment": 1},
        {},
        "sgment is not a field of body, did you mean segment?",
    ),
    "a field of another type": ("add_to_segment", {"ids": "ada"}, {"segment_id": 3}, "body.ids: expected a list"),
    "a missing field": ("add_to_segment", {}, {"segment_id": 3}, "body.ids is required"),
    "too many members": ("add_to_segment", {"ids": ["x"] * 1001}, {"segment_id": 3}, "at most 1,000"),
    "a large event": ("track_event", {"name": "x", "data": {"x": "y" * 100_001}}, {"identifier": "ada"}, "100,000"),
    "a large operation": ("person_event", EVENT | {"attributes": {"x": "y" * 33_000}}, {}, "32,768"),
    "a large call to Pipelines": ("pipelines_identify", {"userId": "1", "traits": {"x": "y" * 33_000}}, {}, "32,768"),
    "a large call in a batch": (
        "pipelines_batch",
        batch_of({"type": "identify", "userId": "1", "traits": {"x": "y" * 33_000}}),
        {},
        "batch[1] is",
    ),
    "a large batch": (
        "pipelines_batch",
        batch_of(*[Body(type="identify", userId=str(n), traits={"x": "y" * 30_000}) for n in range(18)]),
        {},
        "512,000",
    ),
    "a large attribute": ("identify_customer", {"x": "y" * 1001}, {"identifier": "ada"}, "at most 1,000"),
    "too far ahead": ("send_email", SEND | {"send_at": 4_000_000_000}, {}, "90 days ahead"),
    "an attribute with two addresses": (
        "identify_customer",
        {"email": "a@x.example, b@y.example"},
        {"identifier": "ada"},
        "body.email: expected one email address",
    ),
    "an attribute that names somebody else": (
        "person_identify",
        {"identifiers": ADA, "attributes": {"CIO_ID": "a3000002"}},
        {},
        "CIO_ID cannot be set",
    ),
    "two addresses in a batch of Pipelines": (
        "pipelines_batch",
        batch_of({"type": "identify", "userId": "ada", "traits": {"email": "a@x.example;b@y.example"}}),
        {},
        "body.batch[1].traits.email: expected one email address",
    ),
    "no truth": (
        "apply_batch",
        batch_of({"type": "person", "action": "identify", "identifiers": ADA, "attributes": {"unsubscribed": "no"}}),
        {},
        "body.batch[1].attributes.unsubscribed: expected true or false",
    ),
    "an empty audience": ("trigger_broadcast", {"recipients": {}}, {"broadcast_id": 10}, "body.recipients: is empty"),
    "a time that is none": ("send_in_app", SEND | {"send_at": "tomorrow"}, {}, "send_at: expected a whole number"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.sampled(6)
async def test_what_no_typed_tool_may_do_is_refused_before_anything_is_sent(
    case: str, ws: CallContext, sandbox: Sandbox
) -> None:
    operation, body, arguments, reason = REFUSED[case]
    with pytest.raises((InvalidArgument, Refused)) as caught:
        await plan_of(ws, operation, body, **arguments)
    assert reason in str(caught.value)
    assert not [request for request in sandbox.requests if request["method"] != "GET" and "send" in request["path"]]


async def test_all_faults_are_reported_at_once(ws: CallContext) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await plan_of(ws, "send_email", {"to": 1, "subjct": "x", "tracked": "yes"}, to_all=True)
    text = str(caught.value)
    for part in ("to_all is not an argument", "body.to: expected text", "subjct", "did you mean subject?", "tracked"):
        assert part in text
    assert "body.identifiers is required" in text


@pytest.mark.parametrize(
    ("operation", "hint"),
    [("track_evnt", "track_event"), ("list_segments", "use read_api"), ("explode", "search_api finds operations")],
)
async def test_an_operation_that_is_none_or_reads_is_explained(operation: str, hint: str, ws: CallContext) -> None:
    with pytest.raises(InvalidArgument, match=hint):
        await write_api(ws, operation)


RISKS: dict[str, tuple[str, Body | None, dict[str, JsonValue], str]] = {
    "attributes, which may start campaigns": ("identify_customer", {"plan": "x"}, {"identifier": "ada"}, "send"),
    "an unsubscription": ("identify_customer", {"unsubscribed": False}, {"identifier": "ada"}, "send"),
    "a webhook to a new place": (
        "create_reporting_webhook",
        {"name": "x", "endpoint": "https://x.example", "events": ["email_sent"]},
        {},
        "send",
    ),
    "an empty segment": ("create_segment", {"segment": {"name": "x"}}, {}, "data"),
    "a deletion": ("delete_customer", None, {"identifier": "ada"}, "destroy"),
    "a deletion hidden in a batch": (
        "apply_batch",
        batch_of(EVENT, {"type": "person", "action": "delete", "identifiers": {"id": "bob"}}),
        {},
        "destroy",
    ),
    "a deletion hidden in Pipelines": (
        "pipelines_batch",
        batch_of({"type": "track", "event": "User Deleted", "userId": "ada"}),
        {},
        "destroy",
    ),
    "an unchecked body": ("send_newsletter", {}, {"newsletter_id": 31}, "send"),
}


@pytest.mark.parametrize("case", RISKS)
async def test_the_risk_is_the_highest_of_all_that_a_request_does(case: str, ws: CallContext) -> None:
    operation, body, arguments, risk = RISKS[case]
    plan = await plan_of(ws, operation, body, **arguments)
    assert plan.risk == risk


@pytest.mark.parametrize("case", [case for case, (*_, risk) in RISKS.items() if risk != "data"])
async def test_no_policy_lets_a_request_that_reaches_people_or_removes_them_pass_without_a_person(
    case: str, ws: CallContext
) -> None:
    operation, body, arguments, risk = RISKS[case]
    plan = await plan_of(ws, operation, body, **arguments)
    assert risk == "destroy" or OPEN.rule_of("write_api", plan) == "confirm"
    strict = replace(OPEN, classes={"data": Entry(rule="allow"), "send": Entry(rule="allow")})
    assert strict.rule_of("write_api", plan) == "confirm"


@pytest.mark.parametrize(
    ("operation", "body", "arguments"),
    [
        ("add_to_segment", {"ids": ["ada"]}, {"segment_id": 3}),
        ("identify_customer", {"plan": "x"}, {"identifier": "brand-new"}),
        ("import_file", {"import": {"name": "x", "type": "people"}}, {}),
        ("submit_form", {"data": {"email": "new@example.com"}}, {"form_id": "f1"}),
    ],
)
async def test_no_policy_lets_it_create_people_or_change_who_is_in_a_segment(
    operation: str, body: Body, arguments: dict[str, JsonValue], ws: CallContext
) -> None:
    assert OPEN.rule_of("write_api", await plan_of(ws, operation, body, **arguments)) == "confirm"


async def test_the_question_names_the_people_the_values_and_what_is_unchecked(ws: CallContext) -> None:
    text = text_of(await plan_of(ws, "add_to_segment", {"ids": ["ada", "nobody"]}, segment_id=3))
    assert "“ada” (cio_a3000001)" in text
    assert "the id “nobody”: no customer has it" in text
    assert "1 of 2 people named are no customers" in text
    assert "Recipients: 2 people" in text
    unchecked = text_of(await plan_of(ws, "send_newsletter", {"speed": "fast"}, newsletter_id=31))
    assert "its body is unchecked" in unchecked
    assert "speed: “fast”" in unchecked
    assert "an unknown number of people" in unchecked


async def test_a_customer_of_a_path_is_looked_up_once_and_found(ws: CallContext) -> None:
    for identifier in ("ada", "ada@example.com", "cio_a3000001"):
        plan = await plan_of(ws, "add_device", {"device": {"id": "t", "platform": "ios"}}, identifier=identifier)
        assert len(plan.examples) == 1
        assert "“ada” (cio_a3000001)" in plan.examples[0]
        assert not plan.warnings


@pytest.mark.parametrize("cio_id", ["a3000001", "cio_a3000001"])
async def test_a_cio_id_in_a_body_is_sent_without_the_prefix_that_it_takes_in_a_path(
    cio_id: str, ws: CallContext
) -> None:
    ada: Body = {"cio_id": cio_id}
    merge = await plan_of(ws, "merge_customers", {"primary": {"id": "bob"}, "secondary": ada})
    event = EVENT | {"identifiers": ada, "attributes": {"cio_id": "cio_x"}}
    related: Body = {
        "type": "object",
        "action": "add_relationships",
        "identifiers": {"object_type_id": "1", "object_id": "acme"},
        "cio_relationships": [{"identifiers": ada}],
    }
    batch = await plan_of(ws, "apply_batch", batch_of(event, related))
    whole: Any = batch.calls[0].body
    bodies: Any = [merge.calls[0].body, *whole["batch"]]
    assert [bodies[0]["secondary"], bodies[1]["identifiers"]] == [{"cio_id": "a3000001"}] * 2
    assert bodies[2]["cio_relationships"] == [{"identifiers": {"cio_id": "a3000001"}}]
    assert bodies[1]["attributes"] == {"cio_id": "cio_x"}


async def test_the_question_shows_every_value_of_a_batch(ws: CallContext) -> None:
    elements = [EVENT | {"attributes": {"n": number}} for number in range(3)]
    text = text_of(await plan_of(ws, "apply_batch", batch_of(*elements)))
    assert "3 requests in one (apply_batch): 3 ×" in text  # noqa: RUF001 - as the question writes it
    for number in range(1, 4):
        assert f"batch[{number}].attributes.n: {number - 1}" in text


async def test_an_address_that_several_customers_have_is_refused(ws: CallContext) -> None:
    with pytest.raises(Ambiguous, match="customers share it"):
        await plan_of(ws, "track_event", {"name": "x"}, identifier="two@example.com")


async def test_an_edit_shows_the_values_before_and_a_removal_what_is_removed(ws: CallContext) -> None:
    webhook: Body = {"name": "Warehouse", "endpoint": "https://u:p@x.example/?k=1", "events": ["email_sent"]}
    plan = await plan_of(ws, "update_reporting_webhook", webhook, webhook_id=1)
    edits = {edit.name: (edit.before, edit.after) for edit in plan.edits}
    assert edits["name"] == ("Data warehouse", "Warehouse")
    assert all("u:p" not in str(value) and "k=1" not in str(value) for value in edits["endpoint"])
    assert "u:p" not in text_of(plan)
    removal = await plan_of(ws, "delete_reporting_webhook", webhook_id=1)
    assert "It is now: name “Data warehouse”" in text_of(removal)
    assert removal.rests_on["current"] != plan.rests_on["current"]


async def test_a_change_of_a_snippet_says_what_uses_it_and_what_is_odd(ws: CallContext) -> None:
    text = text_of(
        await plan_of(ws, "update_snippet", {"name": "footer", "value": "https://new.example {{ event.x }}"})
    )
    assert "Acme Ltd, 1 Market Street, London" in text
    assert "hosts that it did not use before" in text
    assert "broadcast" in text


async def test_nothing_is_removed_that_does_not_exist(ws: CallContext) -> None:
    with pytest.raises(NotFound, match="nothing has these path values"):
        await plan_of(ws, "delete_reporting_webhook", webhook_id=999)


async def test_a_request_that_must_not_come_twice_is_never_sent_again_and_counts_as_a_duplicate(
    ws: CallContext,
) -> None:
    plan = await plan_of(ws, "send_email", SEND)
    assert plan.calls[0].retry == "once"
    assert plan.effect
    assert plan.trace
    assert not plan.can_be_repeated
    for row in OPERATIONS.values():
        assert row.retry != "once" or row.writes


async def test_the_request_of_another_tool_is_a_duplicate(ws: CallContext) -> None:
    data: Body = {"order_id": 7}
    typed = await send_transactional(ws, "2", "ada", data=data)
    names: tuple[Body, ...] = (ADA, {"email": "Ada@example.com"}, {"cio_id": "cio_a3000001"})
    for identifiers in names:
        raw = await plan_of(ws, "send_email", SEND | {"message_data": data, "identifiers": identifiers})
        assert (raw.effect, raw.target) == (typed.effect, typed.target)
    event = await send_event(ws, "ada", "paid", data)
    for raw in (
        await plan_of(ws, "track_event", {"name": "paid", "data": data}, identifier="ada@example.com"),
        await plan_of(ws, "apply_batch", batch_of(EVENT | {"name": "paid", "attributes": data})),
        await plan_of(ws, "pipelines_track", {"userId": "ada", "event": "paid", "properties": data}),
    ):
        assert (raw.effect, raw.target) == (event.effect, event.target)
    broadcast = await trigger_broadcast(ws, "10")
    assert (await plan_of(ws, "trigger_broadcast", broadcast_id=10)).effect == broadcast.effect


async def test_whatever_may_not_be_sent_again_counts_as_a_duplicate_too(ws: CallContext) -> None:
    plan = await plan_of(ws, "create_asset", {"name": "logo.png"})
    assert plan.calls[0].retry == "once"
    assert plan.effect


def test_a_send_that_leaves_it_open_whether_unsubscribed_people_are_reached_is_refused() -> None:
    for choice in (None, "false", 0):
        with pytest.raises(Refused, match="must set send_to_unsubscribed"):
            check((Call(operation="send_in_app", body=SEND | {"send_to_unsubscribed": choice}),))


async def test_an_event_gets_an_id_so_that_it_may_be_sent_again(ws: CallContext) -> None:
    plan = await plan_of(ws, "track_event", {"name": "signed_up"}, identifier="ada")
    assert plan.can_be_repeated
    assert plan.event_id
    several = await plan_of(ws, "apply_batch", batch_of(EVENT, EVENT | {"name": "x"}))
    assert several.can_be_repeated
    assert "May trigger:\n- campaign 1 “Onboarding”" in text_of(plan)


async def test_equal_requests_have_the_same_effect_whatever_was_generated(ws: CallContext) -> None:
    one = await plan_of(ws, "track_event", {"name": "signed_up", "data": {"n": 1}}, identifier="ada")
    other = await plan_of(ws, "track_event", {"name": "signed_up", "data": {"n": 1.0}}, identifier="ada")
    assert one.effect == other.effect
    assert one.digest != other.digest


async def test_body_fields_among_the_arguments_are_understood(ws: CallContext) -> None:
    plan = await write_api(ws, "create_segment", {"segment": {"name": "x"}})
    assert plan.calls[0].body == {"segment": {"name": "x"}}


async def test_without_an_app_key_it_says_that_nobody_was_looked_up(settings: Settings, sandbox: Sandbox) -> None:
    keyless = settings.model_copy(update={"app_api_key": None, "app_url": None})
    async with open_workspace(keyless, sandbox=sandbox) as opened:
        plan = await plan_of(opened.acting(caller_named("local:tester")), "delete_customer", identifier="ada")
    text = text_of(plan)
    assert "the id “ada”, profile unknown" in text
    assert "No App API key" in text


async def test_a_pipelines_request_is_planned_with_the_person_it_is_about(opened: Workspace) -> None:
    ws = opened.acting(caller_named("local:tester"))
    plan = await plan_of(ws, "pipelines_identify", {"userId": "ada", "traits": {"plan": "gold"}})
    assert "“ada” (cio_a3000001)" in text_of(plan)
    assert plan.risk == "send"
    body: Any = plan.calls[0].body
    assert body["timestamp"].endswith("Z")


async def test_a_newsletter_may_name_a_sender_of_the_workspace(ws: CallContext) -> None:
    plan = await plan_of(ws, "create_newsletter", NEWSLETTER | {"from_id": 1, "reply_to_id": 1})
    assert plan.risk == "send"
    assert "from_id: 1" in text_of(plan)


async def test_a_send_shows_what_its_message_will_say_as_the_tool_for_it_does(ws: CallContext) -> None:
    plan = await plan_of(ws, "send_email", SEND)
    typed = await send_transactional(
        ws, "2", "ada", data={"order_id": 7, "from": "the data of a template may have any names"}
    )
    assert plan.preview == typed.preview
    assert plan.preview
    assert {*typed.warnings} <= {*plan.warnings}
    assert plan.rests_on["content"] == typed.rests_on["content"]
    assert "Message (approximate):" in text_of(plan)


async def test_a_send_that_replaces_its_text_shows_the_text_that_is_sent(ws: CallContext) -> None:
    plan = await plan_of(ws, "send_email", SEND | {"subject": "Order {{trigger.order_id}}", "body": "<p>It left.</p>"})
    assert plan.preview == ("Subject: “Order 7”", "Text begins: “It left.”")


async def test_a_message_is_previewed_by_its_id_or_trigger_name_and_never_by_its_name(ws: CallContext) -> None:
    named = (await ws.transactional.find("2")).name
    plan = await plan_of(ws, "send_email", SEND | {"transactional_message_id": named})
    assert plan.preview == ()
    assert "What the message will say could not be read." in plan.warnings


async def test_another_token_of_the_same_webhook_is_another_question_that_says_so(ws: CallContext) -> None:
    hook = await ws.reader.read(read("get_reporting_webhook", webhook_id=1))
    body = {name: hook[name] for name in ("name", "events", "disabled", "full_resolution", "with_content")}
    endpoint = hook["endpoint"]
    texts = [
        text_of(
            await plan_of(
                ws, "update_reporting_webhook", body | {"endpoint": f"{endpoint}?token={token}"}, webhook_id=1
            )
        )
        for token in ("one", "two")
    ]
    assert texts[0] != texts[1]
    assert all("Of endpoint only what is hidden changes" in text and "?token=…" in text for text in texts)
    assert not any("token=one" in text or "token=two" in text for text in texts)


async def test_a_batch_with_the_same_event_for_one_person_by_two_identifiers_says_so(ws: CallContext) -> None:
    def event(**person: JsonValue) -> JsonValue:
        return {"type": "person", "action": "event", "identifiers": person, "name": "x", "attributes": {"n": 1}}

    batch = [event(id="ada"), event(email="Ada@example.com"), event(id="bob")]
    plan = await write_api(ws, "apply_batch", body={"batch": batch})
    assert "1 of its 3 requests repeats another one in it." in plan.warnings
    assert not any(
        "repeat" in each for each in (await write_api(ws, "apply_batch", body={"batch": batch[1:]})).warnings
    )


async def test_the_question_about_sending_a_newsletter_shows_what_it_is_and_says(ws: CallContext) -> None:
    plan = await plan_of(ws, "send_newsletter", {}, newsletter_id=31)
    text = text_of(plan)
    assert "It is newsletter 31 “Monthly newsletter" in text
    assert "Subject: “" in text
    assert "It was sent already." in text
    with pytest.raises(NotFound):
        await plan_of(ws, "send_newsletter", {}, newsletter_id=999)


async def test_a_broadcast_says_that_whom_it_reaches_is_not_compared_again(ws: CallContext) -> None:
    plan = await plan_of(ws, "trigger_broadcast", {"recipients": {"segment": {"id": 1}}}, broadcast_id=10)
    assert "trigger_broadcast does both" in text_of(plan)
