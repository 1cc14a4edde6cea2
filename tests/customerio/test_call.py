"""A request as data: what its path and query may hold."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from cio_mcp.customerio import batches
from cio_mcp.customerio.api import sends, tracking, triggers, webhooks
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.call import Call, digest, read
from cio_mcp.customerio.url_values import MAX_PATH_VALUE_BYTES, MAX_QUERY_VALUE_BYTES
from cio_mcp.errors import InvalidArgument

OPERATIONS = {
    "customer_id": "list_customer_messages",
    "identifier": "track_event",
    "campaign_id": "list_campaign_actions",
    "message_id": "get_message",
}
ARGUMENTS = {"customer_id": "customer", "identifier": "customer", "campaign_id": "id", "message_id": "id"}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(
    "value",
    [
        ".",
        "..",
        "",
        " ",
        "../events",
        "..\\events",
        "ada/../../segments",
        "x" * 151,
        "ä" * 76,
        "ada\n",
        "a\x00da",
        "\x7f",
        "\x85",
        "\ud800",
    ],
)
def test_a_path_value_that_could_leave_its_segment_is_refused_by_the_name_of_its_argument(
    name: str, value: str
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        Call(operation=OPERATIONS[name], path={name: value})
    assert refused.value.field == ARGUMENTS[name]


def test_a_stored_call_is_held_to_the_same_rule() -> None:
    kept = tracking.event(Reference("ada"), "x", {}, ulid="01HZZZZZZZZZZZZZZZZZZZZZZZ", at=None).model_dump_json()
    with pytest.raises(InvalidArgument, match="customer"):
        Call.model_validate_json(kept.replace('"ada"', '".."'))


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40))
def test_any_other_value_stays_one_segment(value: str) -> None:
    try:
        call = read("list_customer_messages", customer_id=value)
    except InvalidArgument:
        return
    _, v1, customers, one, messages = call.target.split("/")
    assert (v1, customers, messages) == ("v1", "customers", "messages")
    assert one not in {"", ".", ".."}


@pytest.mark.parametrize("value", ["a.b", "...", ".ada", "a/b", "%2e%2e", "x" * MAX_PATH_VALUE_BYTES, "ä" * 75])
def test_an_odd_value_that_stays_in_its_segment_is_accepted(value: str) -> None:
    assert read("list_customer_messages", customer_id=value).path["customer_id"] == value


@pytest.mark.parametrize(("key", "argument"), [("email", "email"), ("start", "cursor"), ("id_type", "id_type")])
def test_a_query_value_has_a_bound_that_is_named_with_its_argument(key: str, argument: str) -> None:
    assert read("find_customers_by_email", query={key: "x" * MAX_QUERY_VALUE_BYTES}).query[key]
    for value in ("x" * (MAX_QUERY_VALUE_BYTES + 1), "\ud800"):
        with pytest.raises(InvalidArgument) as refused:
            read("find_customers_by_email", query={key: value})
        assert refused.value.field == argument
    assert "2,000" in str(refused.value) or "character" in str(refused.value)


def test_the_nature_of_a_call_is_in_the_table_of_operations() -> None:
    call = Call(operation="trigger_broadcast", path={"broadcast_id": "a/b"}, body={})
    assert (call.api, call.method, call.route) == ("app", "POST", "/v1/campaigns/{broadcast_id}/triggers")
    assert call.endpoint == "POST /v1/campaigns/{broadcast_id}/triggers"
    assert (call.lane, call.retry, call.target) == ("broadcast", "once", "/v1/campaigns/a%2Fb/triggers")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"operation": "send_fax"}, "no operation with this name"),
        ({"operation": "delete_segment"}, "path values: segment_id"),
        ({"operation": "delete_segment", "path": {"id": "7"}}, "path values: segment_id"),
        ({"operation": "list_segments", "path": {"segment_id": "7"}}, "path values: none"),
        ({"operation": "person_identify", "body": {"type": "person", "action": "delete"}}, "an operation other than"),
        ({"operation": "person_identify"}, "an operation other than"),
        ({"operation": "list_segments", "route": "/v1/segments"}, "Extra inputs"),
    ],
)
def test_a_call_that_does_not_fit_its_operation_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Call(**fields)


def test_generated_fields_are_known_apart_from_given_ones() -> None:
    event = tracking.event(Reference("ada"), "x", {"id": "given"}, ulid="01A", at=datetime(2026, 1, 1, tzinfo=UTC))
    assert event.generated == {"id"}
    assert tracking.identify(Reference("ada"), {"id": "x"}, at=1, create=False).generated == {"_timestamp"}
    assert tracking.identify(Reference("a@x.y"), {}, at=1, create=False).generated == {"timestamp"}
    assert sends.email(2, {"id": "ada"}, "a@x.y", {}, send_at=None, options={}).generated == set()
    assert batches.batch([{"type": "person", "action": "event", "id": "01A"}]).generated == set()


def test_the_rules_for_a_batch_are_those_for_what_is_in_it() -> None:
    deletion: dict[str, JsonValue] = {"type": "person", "action": "delete", "identifiers": {"id": "1"}}
    event: dict[str, JsonValue] = {**deletion, "action": "event", "name": "x", "id": "01A"}
    assert batches.batch([deletion]).guardrails == set()
    assert batches.batch([deletion, event]).guardrails == {"creation", "reserved_event_keys"}
    assert "*" not in batches.batch([deletion, event]).families
    assert "segments" in batches.batch([deletion]).families
    for unknown in ([], [deletion, {**deletion, "action": "unknown"}]):
        assert "segment_membership" in batches.batch(unknown).guardrails
        assert "*" in batches.batch(unknown).families


def test_a_read_is_never_a_write() -> None:
    with pytest.raises(ValueError, match="writes"):
        read("delete_segment", segment_id="7")


def test_whether_a_call_may_be_repeated_depends_on_its_body() -> None:
    event: dict[str, JsonValue] = {"type": "person", "action": "event", "name": "x", "identifiers": {"id": "1"}}
    assert batches.batch([{**event, "id": "01A"}]).retry == "repeatable"
    assert batches.batch([{**event, "id": "01A"}, event]).retry == "once"
    assert Call(operation="track_event", path={"identifier": "1"}, body={"name": "x"}).retry == "once"


@pytest.mark.parametrize(
    ("call", "subject"),
    [
        (Call(operation="trigger_broadcast", path={"broadcast_id": "10"}), "10"),
        (sends.email(2, {"id": "ada"}, "ada@example.com", {}, send_at=None, options={}), "2"),
        (tracking.identify(Reference("ada@example.com"), {}, at=1, create=False), "ada@example.com"),
        (Call(operation="delete_newsletter_language", path={"newsletter_id": "7", "language": "de"}), "7"),
        (Call(operation="merge_customers", body={"primary": {"id": "1"}, "secondary": {"id": "2"}}), "2"),
        (batches.batch([{"type": "person", "action": "delete", "identifiers": {"cio_id": "a1"}}]), "a1"),
        (Call(operation="create_snippet", body=[]), ""),
        (read("list_segments"), ""),
    ],
)
def test_the_subject_of_a_call_is_named_by_its_operation(call: Call, subject: str) -> None:
    assert call.subject == subject


def test_a_digest_is_over_what_leaves() -> None:
    entity: dict[str, JsonValue] = {"type": "person", "action": "delete", "identifiers": {"id": "1"}}
    calls = [
        (),
        (read("list_segments"),),
        (read("list_segments", query={"start": "1"}),),
        (read("get_segment", segment_id="1"),),
        (read("get_segment", segment_id="2"),),
        (Call(operation="delete_segment", path={"segment_id": "1"}),),
        (Call(operation="apply_entity", body=entity),),
        (Call(operation="apply_entity", body={**entity, "identifiers": {"id": 1}}),),
        (Call(operation="apply_entity", body=entity),) * 2,
    ]
    assert len({digest(each) for each in calls}) == len(calls)
    assert digest((Call(operation="person_delete", body=entity),)) == digest(
        (Call(operation="apply_entity", body=entity),)
    )


EARLIER: dict[str, tuple[dict[str, Any], Call]] = {
    "profile": (
        {
            "api": "track", "method": "PUT", "route": "/api/v1/customers/{identifier}", "path": {"identifier": "ada"},
            "query": {}, "body": {"plan": "gold", "_timestamp": 1, "_update": True}, "lane": "track",
            "retry": "repeatable", "minted": ["_timestamp"],
        },
        tracking.identify(Reference("ada"), {"plan": "gold"}, at=1, create=False),
    ),
    "event by kind": (
        {
            "api": "track", "method": "POST", "route": "/api/v2/entity", "lane": "track", "retry": "repeatable",
            "body": {
                "type": "person", "identifiers": {"id": "a@x.y"}, "action": "event", "name": "x", "id": "01A",
                "attributes": {},
            },
            "minted": ["id"], "answers": [],
        },
        tracking.event(Reference("a@x.y"), "x", {}, ulid="01A", at=None),
    ),
    "batch": (
        {
            "api": "track", "method": "POST", "route": "/api/v2/batch", "lane": "track", "retry": "repeatable",
            "body": {"batch": [{"type": "person", "action": "delete", "identifiers": {"id": "1"}}]},
        },
        batches.batch([{"type": "person", "action": "delete", "identifiers": {"id": "1"}}]),
    ),
    "send": (
        {
            "api": "app", "method": "POST", "route": "/v1/send/email", "lane": "transactional", "retry": "once",
            "body": {
                "transactional_message_id": 2, "identifiers": {"id": "ada"}, "to": "a@x.y",
                "send_to_unsubscribed": False,
            },
            "minted": ["send_at"], "answers": ["delivery_id"],
        },
        sends.email(2, {"id": "ada"}, "a@x.y", {}, send_at=None, options={}),
    ),
    "trigger": (
        {
            "api": "app", "method": "POST", "route": "/v1/campaigns/{broadcast_id}/triggers",
            "path": {"broadcast_id": "10"}, "body": {}, "lane": "broadcast", "retry": "once", "answers": ["id"],
        },
        triggers.trigger("10", {}),
    ),
    "webhook": (
        {
            "api": "app", "method": "PUT", "route": "/v1/reporting_webhooks/{webhook_id}",
            "path": {"webhook_id": "4"}, "lane": "app", "retry": "repeatable", "answers": ["id"],
            "body": {
                "name": "", "endpoint": "", "events": [], "disabled": False, "full_resolution": False,
                "with_content": False,
            },
        },
        webhooks.update(webhooks.Webhook(id="4")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EARLIER)
def test_a_call_of_an_earlier_journal_is_the_call_that_would_be_built_now(name: str) -> None:
    stored, call = EARLIER[name]
    assert Call.model_validate(stored) == call
    assert Call.model_validate_json(call.model_dump_json()) == call


def test_a_call_of_an_earlier_journal_that_no_operation_fits_is_an_error() -> None:
    stored, _ = EARLIER["trigger"]
    for wrong in ({"route": "/v1/faxes"}, {"method": "PATCH"}, {"api": "fax"}, {"unknown": 1}):
        with pytest.raises(ValidationError):
            Call.model_validate(stored | wrong)
    with pytest.raises(ValidationError, match="no operation has this API, method, and route"):
        Call.model_validate(stored | {"route": "/v1/faxes"})
