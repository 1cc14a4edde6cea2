import json
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cio_mcp.events.models import MAX_TEXT_CHARACTERS, PARENTS, Envelope, Event
from tests.events.payloads import payloads
from tests.published import MISSING

WHOLE = {"event_id": "1", "object_type": "email", "metric": "sent", "timestamp": 1_700_000_000, "data": {}}
PARTS = ("action_id", "journey_id", "trigger_event_id", "parent_action_id", "trigger_id", "content_id")
"""Ids beside the one that names the parent."""
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def read(body: Any) -> Envelope:
    return Envelope.read(json.dumps(body).encode(), received_at=1.8e9)


@pytest.mark.parametrize("payload", payloads(), ids=lambda payload: f"{payload.name}-{payload.shape}")
def test_every_published_payload_is_known(payload: Any) -> None:
    body = payload.body
    envelope = read(body)
    assert (envelope.event_id, envelope.metric) == (body["event_id"], body["metric"])
    assert envelope.object_type == body.get("object_type", "customer")
    assert envelope.timestamp == body["timestamp"]
    assert envelope.data == body["data"]
    assert envelope.person.cio_id == body["data"].get("identifiers", {}).get("cio_id")
    kinds = {"API triggered broadcast": "broadcast", "Transactional message": "transactional"}
    assert (envelope.parent.kind if envelope.parent else "") == kinds.get(payload.shape, payload.shape.lower())


@pytest.mark.skipif(not payloads(), reason=MISSING)
def test_there_are_69_published_payloads() -> None:
    assert len({payload.name for payload in payloads()}) == 69


@pytest.mark.parametrize(
    ("data", "kind", "found"),
    [
        ({"broadcast_id": 9, "trigger_id": 1}, "broadcast", "9"),
        ({"campaign_id": "7", "trigger_event_id": "01H"}, "campaign", "7"),
        ({"newsletter_id": 20, "campaign_id": None}, "newsletter", "20"),
        ({"transactional_message_id": 2}, "transactional", "2"),
    ],
)
def test_a_parent_is_known_by_its_key_whether_number_or_text(data: dict[str, Any], kind: str, found: str) -> None:
    envelope = read(WHOLE | {"data": data})
    assert envelope.parent is not None
    assert (envelope.parent.kind, envelope.parent.id) == (kind, found)
    row = envelope.row(0.0)
    assert (row.kind, row.parent_id) == (kind, found)


@pytest.mark.parametrize("absent", [None, "", 0])
@pytest.mark.parametrize("kind", ["campaign", "broadcast", "newsletter", "transactional_message"])
def test_a_parent_is_known_where_other_ids_are_not_there(kind: str, absent: Any) -> None:
    others = dict.fromkeys(PARTS, absent) | {f"{kind}_id": 7}
    event = Event.of(read(WHOLE | {"data": others}).row(0.0))
    assert event.parent is not None
    assert event.parent.id == "7"
    assert set(event.parent.model_dump(exclude_none=True)) == {"kind", "id"}


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        [WHOLE],
        WHOLE | {"event_id": None},
        WHOLE | {"event_id": ""},
        WHOLE | {"object_type": ["email"]},
        WHOLE | {"timestamp": "yesterday"},
        WHOLE | {"timestamp": -1},
        WHOLE | {"timestamp": 1_700_000_000_000},
        WHOLE | {"data": "text"},
        {key: value for key, value in WHOLE.items() if key != "metric"},
    ],
)
def test_another_shape_is_kept_as_unknown(body: Any) -> None:
    envelope = read(body)
    assert (envelope.object_type, envelope.metric, envelope.timestamp) == ("unknown", "unknown", 1_800_000_000)
    assert json.loads(str(envelope.data["body"])) == body
    assert read(body).event_id == envelope.event_id


def test_unknown_types_and_metrics_keep_their_names() -> None:
    envelope = read(WHOLE | {"object_type": "carrier_pigeon", "metric": "returned"})
    assert (envelope.object_type, envelope.metric) == ("carrier_pigeon", "returned")


def test_the_customer_is_read_from_the_older_fields_too() -> None:
    row = read(WHOLE | {"data": {"customer_id": "42", "email_address": "Ada@Example.com", "identifiers": None}}).row(
        0.0
    )
    assert (row.person_id, row.email, row.cio_id) == ("42", "ada@example.com", None)


def test_one_odd_identifier_takes_none_of_the_others_along() -> None:
    who = {"id": 42, "email": "ada@example.com", "phone": {"country": 1}, "cio_id": ["a1"]}
    person = read(WHOLE | {"data": {"identifiers": who}}).person
    assert (person.id, person.email, person.phone, person.cio_id) == ("42", "ada@example.com", None, None)


def test_the_beginning_of_an_unreadable_body_is_kept() -> None:
    envelope = Envelope.read(b"\xff" * 1_000_000, received_at=1.8e9)
    assert len(envelope.data["body"]) == MAX_TEXT_CHARACTERS + 1


def test_the_beginning_of_a_long_text_is_kept() -> None:
    envelope = read(WHOLE | {"data": {"content": "x" * 100_000, "recipients": [{"device_id": "y" * 100_000}]}})
    assert envelope.data["content"] == "x" * MAX_TEXT_CHARACTERS + "…"
    assert len(json.dumps(envelope.data)) < 3 * MAX_TEXT_CHARACTERS


@given(st.binary(max_size=300) | anything.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 100_000)
@example(b'{"event_id":"a\\ud800","object_type":"email","metric":"sent","timestamp":1}')
@example(
    b'{"event_id":"a\\u0000b","object_type":"email","metric":"sent","timestamp":1,"data":{"delivery_id":"\\u0000"}}'
)
@example(b'{"event_id":"a","object_type":"email","metric":"sent","timestamp":1e999,"data":{}}')
@example(b'{"event_id":"a","object_type":"email","metric":"sent","timestamp":1,"data":{"x":1e999}}')
@example(b'{"event_id":"a","object_type":"email","metric":"sent","timestamp":NaN,"data":{}}')
@example(
    b'{"event_id":"a","object_type":"email","metric":"sent","timestamp":1,"data":{"campaign_id":{},"x":%s}}'
    % (b"9" * 4000)
)
def test_any_payload_is_an_event_that_can_be_stored_and_read(body: bytes) -> None:
    row = Envelope.read(body, received_at=1.8e9).row(1.8e9)
    for text in (row.event_id, row.object_type, row.metric, row.data, row.delivery_id or "", row.person_id or ""):
        assert "\0" not in text.encode().decode()
    assert 0 < row.at < sys.maxsize
    event = Event.of(row)
    assert event.at.tzinfo is not None
    assert event.id == row.event_id
    assert isinstance(event.parent, object)
    assert json.loads(json.dumps(event.data, allow_nan=False)) == event.data


@given(st.dictionaries(st.sampled_from((*PARENTS, *PARTS, "identifiers", "delivery_id")), anything))
def test_an_event_keeps_its_name_with_any_data(data: Any) -> None:
    envelope = read(WHOLE | {"data": data})
    row = envelope.row(0.0)
    assert (row.event_id, row.object_type) in {("1", "email"), (envelope.event_id, "unknown")}
    event = Event.of(row)
    assert event.person is not None
    assert event.parent is None or event.parent.kind == row.kind


DAY = 86_400


@pytest.mark.parametrize(
    "timestamp",
    [
        True,
        False,
        None,
        0,
        1,
        -1,
        "soon",
        [],
        1_262_303_999,  # the last second of 2009
        1_700_000_000_000,  # milliseconds
        1_700_000_000_000_000,
        1_800_000_000 + 8 * DAY + 1,
        1e300,
        float("nan"),
    ],
)
def test_an_event_at_an_impossible_time_is_kept_as_unknown_at_the_time_it_came(timestamp: object) -> None:
    envelope = read(WHOLE | {"timestamp": timestamp})
    assert (envelope.object_type, envelope.metric, envelope.timestamp) == ("unknown", "unknown", 1_800_000_000)
    assert '"event_id": "1"' in envelope.data["body"]


@pytest.mark.parametrize(
    "timestamp", [1_262_304_000, 1_700_000_000, 1_700_000_000.9, "1700000001", 1_800_000_000 + 8 * DAY]
)
def test_an_event_at_a_possible_time_keeps_it(timestamp: float | str) -> None:
    assert read(WHOLE | {"timestamp": timestamp}).timestamp == int(float(timestamp))
