"""Whom requests name: read from the columns of their operations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from cio_mcp.customerio import batches
from cio_mcp.customerio.api import sends, tracking
from cio_mcp.customerio.api.base import IDENTIFIER_KINDS, Reference
from cio_mcp.customerio.call import Call
from cio_mcp.customerio.mentions import created_people, people_in, person_of

ULID = "01HZZZZZZZZZZZZZZZZZZZZZZZ"
identifiers = st.builds(
    Reference,
    st.sampled_from(["ada", "ada@example.com", "cio_a3000001", "+14155552671", "cio_@", "@cio_", "CIO_1"]),
    st.sampled_from([*IDENTIFIER_KINDS, None]),
)
ADA: dict[str, JsonValue] = {"type": "person", "identifiers": {"email": "ada@example.com"}}
ACME: dict[str, JsonValue] = {"type": "object", "identifiers": {"object_type_id": "1", "object_id": "acme"}}


@given(identifiers)
def test_a_write_is_about_the_person_it_was_built_for_with_the_kind_of_identifier(person: Reference) -> None:
    for call in (
        tracking.identify(person, {"id": "other"}, at=1, create=True),
        tracking.event(person, "x", {"id": "other"}, ulid=ULID, at=None),
    ):
        [effect] = call.effects
        found = person_of(call, effect)
        assert found is not None
        assert (found.kind, found.value) == (person.kind, person.value)


@given(identifiers)
def test_whether_a_call_may_create_a_person_is_read_from_it(person: Reference) -> None:
    creating = tracking.identify(person, {}, at=1, create=True)
    updating = tracking.identify(person, {}, at=1, create=False)
    event = tracking.event(person, "x", {"_update": True}, ulid=ULID, at=None)
    expected = () if person.kind == "cio_id" else (person.value,)
    assert [created_people(call) for call in (creating, updating, event)] == [expected, (), expected]


@pytest.mark.parametrize(
    ("action", "created"),
    [
        ({**ADA, "action": "identify", "attributes": {"plan": "pro"}}, ("ada@example.com",)),
        ({**ADA, "action": "identify", "attributes": {"_update": True}}, ()),
        ({**ADA, "action": "identify", "attributes": {"_update": "true"}}, ("ada@example.com",)),
        ({**ADA, "action": "Identify ", "_update": True}, ("ada@example.com",)),
        ({**ADA, "action": "add_device", "device": {}}, ("ada@example.com",)),
        ({**ADA, "action": "delete"}, ()),
        ({**ADA, "action": "suppress"}, ()),
        ({**ADA, "action": "an unknown one"}, ("ada@example.com",)),
        ({**ACME, "action": "identify", "cio_relationships": []}, ("",)),
        ("garbled", ("",)),
    ],
)
def test_each_action_of_a_batch_lists_the_people_it_may_create(action: JsonValue, created: tuple[str, ...]) -> None:
    assert created_people(batches.batch([action])) == created  # type: ignore[list-item]  # garbled on purpose


def test_an_event_of_nobody_in_particular_may_create_somebody_who_is_not_named() -> None:
    call = Call(operation="track_anonymous_event", body={"name": "x", "anonymous_id": "qa@example.com"})
    assert created_people(call) == ("",)


@pytest.mark.parametrize(
    ("call", "people"),
    [
        (tracking.identify(Reference("ada"), {"email": "a@x.y", "plan": "1"}, at=1, create=False), {"ada", "a@x.y"}),
        (tracking.event(Reference("ada"), "x", {"friend": "bob"}, ulid=ULID, at=None), {"ada"}),
        (tracking.event(Reference("a@x.y", "id"), "x", {"friend": "bob"}, ulid=ULID, at=None), {"a@x.y"}),
        (sends.email(2, {"id": "7"}, "a@x.y", {"friend": "1"}, send_at=None, options={}), {"7", "a@x.y"}),
        (Call(operation="trigger_broadcast", path={"broadcast_id": "1"}, body={"ids": ["7", 8]}), {"7", "8"}),
        (Call(operation="add_to_segment", path={"segment_id": "1"}, body={"ids": ["7"]}), {"7"}),
        (batches.batch([{**ADA, "action": "delete"}]), {"ada@example.com"}),
        (batches.batch([{**ACME, "action": "identify", "cio_relationships": [{"identifiers": {"id": "7"}}]}]), {"7"}),
        (batches.batch([{**ADA, "action": "identify", "attributes": {"id": "7", "plan": "1"}}]),
         {"ada@example.com", "7"}),
        (Call(operation="apply_batch", body={"batch": "7"}), {"7"}),
        (Call(operation="start_live_notification", body={"recipient": {"id": "7"}}), {"7"}),
    ],
)  # fmt: skip
def test_a_request_names_people_where_its_operation_says(call: Call, people: set[str]) -> None:
    assert people_in(call) == people
