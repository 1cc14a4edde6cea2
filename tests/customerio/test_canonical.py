"""Two requests with the same effect are equal in their comparable form, and no others."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from cio_mcp.customerio.api import sends, tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.call import Call

SEND: dict[str, JsonValue] = {
    "transactional_message_id": 2,
    "identifiers": {"email": "ada@example.com"},
    "to": "ada@example.com",
    "send_to_unsubscribed": False,
    "message_data": {"total": 1, "name": "Zoë"},
}
EVENT: dict[str, JsonValue] = {"name": "paid", "id": "01A", "data": {"total": 1, "email": "Ada@example.com"}}


def send(**fields: JsonValue) -> Call:
    return Call(operation="send_email", body={**SEND, **fields})


def event(**fields: JsonValue) -> Call:
    return Call(operation="track_event", path={"identifier": "ada@example.com"}, body={**EVENT, **fields})


@pytest.mark.parametrize(
    "same",
    [
        send(send_at=1_800_000_000),
        send(tracked=True),
        send(queue_draft=False, disable_message_retention=False, language=None),
        send(to="Ada@Example.com"),
        send(identifiers={"email": "ADA@example.com"}),
        send(transactional_message_id="2"),
        send(transactional_message_id=2.0),
        send(message_data={"name": "Zoe\u0308", "total": 1.0}),
    ],
)
def test_a_send_that_differs_in_nothing_that_counts_is_the_same(same: Call) -> None:
    assert same.comparable() == send().comparable()
    assert json.dumps(same.comparable(), sort_keys=True) == json.dumps(send().comparable(), sort_keys=True)


@pytest.mark.parametrize(
    "other",
    [
        send(tracked=False),
        send(queue_draft=True),
        send(queue_draft=0),
        send(send_to_unsubscribed=True),
        send(language="de"),
        send(to="ada@example.com, bob@example.com"),
        send(identifiers={"id": "ada@example.com"}),
        send(transactional_message_id=3),
        send(message_data={"total": True, "name": "Zoë"}),
        send(message_data={"total": "1", "name": "Zoë"}),
        send(message_data={"total": 1, "name": "zoë"}),
        send(message_data={"total": 1, "name": "Zoë", "language": None}),
        Call(operation="send_push", body=SEND),
    ],
)
def test_a_send_that_differs_in_what_counts_is_another_one(other: Call) -> None:
    assert json.dumps(other.comparable(), sort_keys=True) != json.dumps(send().comparable(), sort_keys=True)


def test_an_id_that_looks_like_an_address_keeps_its_case() -> None:
    one, other = (send(identifiers={"id": value}) for value in ("ada@x", "Ada@x"))
    assert one.comparable() != other.comparable()


def test_data_that_are_empty_count_as_none() -> None:
    without = Call(operation="send_email", body={k: v for k, v in SEND.items() if k != "message_data"})
    assert send(message_data={}).comparable() == without.comparable()
    assert (
        event(data={}).comparable()
        == Call(operation="track_event", path={"identifier": "ada@example.com"}, body={"name": "paid"}).comparable()
    )


def test_an_event_counts_by_everything_but_its_id_and_its_time() -> None:
    assert event(id="01B").comparable() == event().comparable()
    same = Call(operation="track_event", path={"identifier": "ADA@example.com"}, body=EVENT)
    assert same.comparable() == event().comparable()
    assert event(timestamp=1).comparable() == event(timestamp=2).comparable() == event().comparable()
    assert event(name="Paid").comparable() != event().comparable()
    assert event(data={"total": 1, "email": "ada@example.com"}).comparable() != event().comparable()
    other = Call(operation="track_event", path={"identifier": "Ada"}, body=EVENT)
    assert other.comparable() != Call(operation="track_event", path={"identifier": "ada"}, body=EVENT).comparable()


def test_the_actions_of_a_batch_are_compared_each_by_its_own_row() -> None:
    def batch(at: int, ulid: str, **more: JsonValue) -> Call:
        ada: JsonValue = {"email": "ada@example.com"}
        identify: JsonValue = {"type": "person", "action": "identify", "identifiers": ada, "timestamp": at, **more}
        event: JsonValue = {"type": "person", "action": "event", "identifiers": ada, "name": "x", "id": ulid}
        return Call(operation="apply_batch", body={"batch": [identify, event]})

    assert batch(1, "01A").comparable() == batch(2, "01B").comparable()
    assert batch(1, "01A").comparable() != batch(1, "01A", attributes={"id": "7"}).comparable()
    named = Call(operation="person_event", body={"type": "person", "action": "event", "name": "x", "id": "1"})
    shared = Call(operation="apply_entity", body={"type": "person", "action": "event", "name": "x", "id": "2"})
    effects = [call.comparable() for call in (named, shared)]
    assert effects[0] == effects[1]


def test_a_query_and_what_stands_beside_a_batch_count() -> None:
    def optouts(kind: str) -> Call:
        path, body = {"customer_id": "a@x.y"}, {"optouts": list[JsonValue]()}
        return Call(operation="update_customer_optouts", path=path, query={"id_type": kind}, body=dict(body))

    def batch(**beside: JsonValue) -> Call:
        return Call(operation="apply_batch", body={"batch": [{"type": "person", "action": "delete"}], **beside})

    assert optouts("id").comparable() != optouts("email").comparable()
    assert batch(dry_run=True).comparable() != batch().comparable()


def test_sends_and_events_are_equal_however_they_were_built() -> None:
    at = datetime(2027, 1, 1, tzinfo=UTC)
    now = sends.email(2, {"id": "ada"}, "a@x.y", {"a": 1}, send_at=None, options={})
    later = sends.email(2, {"id": "ada"}, "A@x.y", {"a": 1.0}, send_at=at, options={"tracked": True})
    assert now.comparable() == later.comparable()
    one, other = (tracking.event(Reference("ada"), "x", {"a": 1}, ulid=ulid, at=None) for ulid in ("1", "2"))
    assert one.comparable() == other.comparable()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), _JSON, max_size=4))
def test_a_comparable_form_of_a_comparable_body_is_itself(data: dict[str, JsonValue]) -> None:
    def body_of(call: Call) -> JsonValue:
        form = call.comparable()
        assert isinstance(form, dict)
        effects = form["effects"]
        assert isinstance(effects, list)
        assert isinstance(effects[0], dict)
        return effects[0]["body"]

    once = body_of(event(data=data))
    assert isinstance(once, dict)
    assert body_of(Call(operation="track_event", path={"identifier": "ada"}, body=once)) == once


@pytest.mark.parametrize("name", ["PAID", " paid", "\uff50aid"])
def test_another_spelling_of_an_event_is_another_event_of_the_same_target(name: str) -> None:
    assert event(name=name).comparable() != event(name="paid").comparable()
    assert event(name=name).comparable_target() == event(name="paid").comparable_target()
    assert event(name="unpaid").comparable_target() != event(name="paid").comparable_target()


TWO = {"email ada@example.com": "a1", "id ada": "a1", "email bob@example.com": "b1", "id bob": "b1"}


def triggered(**body: JsonValue) -> JsonValue:
    return Call(operation="trigger_broadcast", path={"broadcast_id": "5"}, body=body).comparable(TWO)


def test_the_same_listed_people_are_the_same_audience_by_whatever_identifiers() -> None:
    same = triggered(emails=["ada@example.com", "Bob@example.com"])
    assert triggered(ids=["bob", "ada"]) == same
    assert triggered(per_user_data=[{"id": "ada"}, {"email": "bob@example.com", "data": {}}]) == same
    assert triggered(ids=["ada"]) != same
    assert triggered(per_user_data=[{"id": "ada"}, {"id": "bob", "data": {"x": 1}}]) != same
    assert triggered(ids=["ada", "bob"], data={"x": 1}) != same


def test_an_audience_with_anyone_who_was_not_looked_up_is_compared_as_it_is_listed() -> None:
    assert triggered(ids=["ada", "eve"]) != triggered(emails=["ada@example.com", "eve@example.com"])
    assert triggered(ids=["eve", "ada"]) == triggered(ids=["ada", "eve"])
    assert triggered(per_user_data=[{"id": "ada", "email": "ada@example.com"}]) != triggered(ids=["ada"])
    assert triggered(ids=[]) != triggered()


def test_the_audience_of_a_broadcast_is_data_and_its_id_is_its_target() -> None:
    def broadcast(id_: str, *emails: str) -> Call:
        return Call(operation="trigger_broadcast", path={"broadcast_id": id_}, body={"emails": [*emails]})

    one = broadcast("5", "ada@example.com")
    assert one.comparable_target() == broadcast("5", "bob@example.com", "eve@example.com").comparable_target()
    assert one.comparable_target() != broadcast("6", "ada@example.com").comparable_target()
    assert one.comparable() != broadcast("5", "bob@example.com").comparable()


def event_by(operation: str, **path_and_body: JsonValue) -> Call:
    path = {"identifier": str(path_and_body.pop("identifier"))} if "identifier" in path_and_body else {}
    return Call(operation=operation, path=path, body=path_and_body)


PAID = event_by("track_event", identifier="ada", name="paid", id="1", data={"total": 1})
ENTITY: dict[str, JsonValue] = {"type": "person", "action": "event", "name": "paid", "attributes": {"total": 1}}
KNOWN = {"id ada": "a3000001", "email ada@example.com": "a3000001"}


@pytest.mark.parametrize(
    "same",
    [
        event_by("track_event", identifier="cio_a3000001", name="paid", id="2", timestamp=7, data={"total": 1.0}),
        event_by("track_event", identifier="ADA@example.com", name="paid", data={"total": 1}),
        event_by("person_event", **ENTITY, identifiers={"id": "ada"}),
        event_by("person_event", **ENTITY, identifiers={"cio_id": "cio_a3000001"}),
        event_by("apply_batch", batch=[{**ENTITY, "identifiers": {"email": "ada@example.com"}}]),
        event_by("pipelines_event", event="paid", userId="ada", properties={"total": 1}, timestamp="2026-11-26"),
        event_by(
            "pipelines_batch", batch=[{"type": "track", "event": "paid", "userId": "ada", "properties": {"total": 1}}]
        ),
    ],
)
def test_an_event_is_the_same_by_any_operation_and_identifier(same: Call) -> None:
    assert same.comparable(KNOWN) == PAID.comparable(KNOWN)
    assert same.comparable_target(KNOWN) == PAID.comparable_target(KNOWN)


@pytest.mark.parametrize(
    "other",
    [
        event_by("track_event", identifier="bob", name="paid", data={"total": 1}),
        event_by("track_event", identifier="ada", name="paid", data={"total": 2}),
        event_by("track_event", identifier="ada", name="paid", data={"total": 1}, type="page"),
        event_by("track_event", identifier="ada", name="paid", data={"total": 1}, anonymous_id="x"),
        event_by("person_event", **ENTITY | {"name": "unpaid"}, identifiers={"id": "ada"}),
        event_by("person_page", **ENTITY | {"action": "page"}, identifiers={"id": "ada"}),
        event_by("pipelines_event", event="paid", userId="ada", properties={"total": 1}, groupId="acme"),
        event_by("apply_batch", batch=[{**ENTITY, "identifiers": {"id": "ada"}}] * 2),
    ],
)
def test_an_event_of_another_person_name_type_or_data_is_another(other: Call) -> None:
    assert other.comparable(KNOWN) != PAID.comparable(KNOWN)


def test_a_send_is_the_same_by_any_identifier_of_a_customer_who_was_looked_up() -> None:
    by_id, by_email = send(identifiers={"id": "ada"}), send(identifiers={"email": "Ada@example.com"})
    by_cio_id = send(identifiers={"cio_id": "a3000001"})
    assert by_id.comparable(KNOWN) == by_email.comparable(KNOWN) == by_cio_id.comparable()
    assert by_id.comparable() != by_email.comparable()


def test_a_trigger_is_the_same_without_a_body_and_with_its_audience_in_another_order() -> None:
    path = {"broadcast_id": "10"}
    bare = Call(operation="trigger_broadcast", path=path)
    empty = Call(operation="trigger_broadcast", path=path, body={})
    assert bare.comparable() == empty.comparable()
    one, other = (
        Call(operation="trigger_broadcast", path=path, body={"emails": emails})
        for emails in (["a@x.example", "b@x.example"], ["b@x.example", "A@x.example"])
    )
    assert one.comparable() == other.comparable()
